/* services/auth/oidc/calls.h -- the calls of an issuer, each with its bounds. */
#pragma once

#include <jansson.h>

#include "base/error.h"
#include "http/client/client.h"
#include "services/auth/oidc/settings.h"

#define CALLS_MAX_ANSWER ((size_t)262144) /* bytes; key sets with certificates are the longest */

/* The client of one slot; the caller's. */
LP_MUST_USE int calls_client(const struct oidc_settings *s, struct lp_http_client **ret_client,
                             struct lp_error *err);

/* One thread's way to the issuer, until lp_clock_ms() is `until_ms`. */
struct calls {
    const struct oidc_settings *settings;
    struct lp_http_client *client;
    int64_t until_ms;
};

/*
 * All: LP_E_UNAVAILABLE, LP_E_TIMEOUT: the issuer is away, or says so (429, 5xx). LP_E_INVALID,
 * LP_E_TOO_LARGE: its answer is none that we can work with. Documents are the caller's.
 */

/* What the issuer publishes (OpenID Connect Discovery 1.0, 4), with an issuer that is ours and
 * endpoints that are safe. */
LP_MUST_USE int calls_discover(const struct calls *c, json_t **ret_document, struct lp_error *err);

LP_MUST_USE int calls_key_set(const struct calls *c, const json_t *document, json_t **ret_set,
                              struct lp_error *err);

/* The answer for a code (RFC 6749, 4.1.3; RFC 7636, 4.5), with id_token. LP_E_DENIED: the issuer
 * does not take the code. */
LP_MUST_USE int calls_redeem(const struct calls *c, const json_t *document, const char *code,
                             const char *verifier, const char *redirect_url, json_t **ret_tokens,
                             struct lp_error *err);

/* Claims about whose `access_token` this is (Core 1.0, 5.3). */
LP_MUST_USE int calls_userinfo(const struct calls *c, const json_t *document,
                               const char *access_token, json_t **ret_claims, struct lp_error *err);
