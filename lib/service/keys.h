/* lib/service/keys.h -- the keys by which a process knows learners' tokens, as their issuer changes
 * them. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* HMAC keys of the configuration or of a file, and the issuer's public keys, which a thread
 * fetches. Any thread.
 */
struct lp_keys;

struct lp_keys_options {
    const char *secrets; /* AUTH_JWT_SECRET: as for lp_jwt_keys_new; NULL, "": none */
    /* AUTH_JWT_KEYS_DIR: a mounted Secret, whose file `hmac` takes the place of `secrets`
     * (secret_keys.h): read again every 5 s, and at once for a token that no key opens; NULL, "":
     * none */
    const char *secrets_dir;
    const char *jwks_url; /* AUTH_JWKS_URL: a JWK set of at most 64 KiB; NULL, "": none */
    int64_t refresh_ms;   /* fetched again after so long; 0: 5 min */
    int64_t retry_ms; /* at least between two fetches; 0: 5 s, until the first good one 500 ms; the
                         waits after a failure grow from it to 12 times it */
    int64_t first_ms; /* how long the first keys are waited for by lp_keys_ready; 0: 10 s */
};

/* Strings are copied. LP_E_INVALID for a bad secret or URL, LP_E_UNAVAILABLE without a thread. */
LP_MUST_USE int lp_keys_new(const struct lp_keys_options *options, struct lp_keys **ret_keys,
                            struct lp_error *err);
/* Ends the thread and whoever waits. */
void lp_keys_free(struct lp_keys *k);

/*
 * The claims of an access token (lp_jwt_access), frozen, a reference of the caller's. A token by a
 * key that we have not makes the thread fetch, at most every retry_ms, and is waited for up to
 * `wait_ms` (0: not at all; event loops). While the issuer is away its last keys stay.
 * A token by an HMAC key is good from the moment that the file has its key. LP_E_DENIED with the
 * reason. LP_E_UNAVAILABLE: perhaps good, but its key is being fetched, or no
 * key could be had yet: try again, err->retry_after_ms.
 */
LP_MUST_USE int lp_keys_verify(struct lp_keys *k, const char *token, size_t len, int64_t wait_ms,
                               json_t **ret_claims, struct lp_error *err);

/* False while the issuer has given no key yet, first_ms long: for readiness. A pod that is new gets
 * no request that it could only answer 503, but an issuer that is away holds no rollout for long.
 */
bool lp_keys_ready(struct lp_keys *k, char why[128]);
