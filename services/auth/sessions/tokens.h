/* services/auth/sessions/tokens.h -- access tokens and refresh tokens. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "services/auth/database/store_sessions.h"

/* Keys, which may be exchanged while they are in use, and life times. Opaque: hides a lock. Any
 * thread. */
struct tokens;

struct tokens_options {
    const char *signing_keys;    /* Ed25519 private keys in PEM, newest first, one after the other;
                                    "": none, then access tokens are signed with HS256 */
    const char *access_secrets;  /* as lp_jwt_keys_new; "": none, where there is a signing key */
    const char *refresh_secrets; /* as lp_jwt_keys_new */
    int64_t access_ttl_ms, refresh_ttl_ms;
};

/* Borrows nothing. LP_E_INVALID: a key that is none; the message does not hold it. */
LP_MUST_USE int tokens_new(const struct tokens_options *options, struct tokens **ret_tokens,
                           struct lp_error *err);
void tokens_free(struct tokens *t);

/* Other keys from now on; what is under way ends with those that it began with. The life times stay
 * as they are. LP_E_INVALID as from _new: the former keys stay. */
LP_MUST_USE int tokens_replace(struct tokens *t, const struct tokens_options *options,
                               struct lp_error *err);

/* Whether `text` is what `signing_keys` asks for. */
bool tokens_are_signing_keys(const char *text);

/* A key for one purpose, the same in every pod, another after JWT_REFRESH_SECRET has changed. */
void tokens_derive_key(struct tokens *t, const char *purpose, unsigned char ret_key[32]);

/* The public keys as a JWK set (RFC 7517); the caller's. Without a signing key: an empty set. */
json_t *tokens_jwks(struct tokens *t);

/* A JWT {userId,email,role,sid,typ,aud,iat,exp}, owned by the caller. `session_id` is a uuid. */
LP_MUST_USE int tokens_access(struct tokens *t, const struct store_user *user,
                              const char *session_id, char **ret_token, struct lp_error *err);

/* From now on as long as REFRESH_TOKEN_TTL says; without the hash. */
struct store_token tokens_times(const struct tokens *t);

/*
 * A JWT {userId,jti,typ,iat,exp} of a key of its own, with the times of `token`, whose hash is
 * filled. jti is random, or, with a `predecessor` (the token's text that it follows), derived from
 * that by a key: the same predecessor and times give the same token. The caller owns *ret_token.
 */
LP_MUST_USE int tokens_refresh(struct tokens *t, const char *user_id, const char *predecessor,
                               struct store_token *token, char **ret_token, struct lp_error *err);

/* Who a valid access token is of; the session is "" in tokens of older versions. LP_E_DENIED. */
struct tokens_holder {
    char user_id[STORE_UUID], session_id[STORE_UUID];
};
LP_MUST_USE int tokens_check_access(struct tokens *t, const char *token,
                                    struct tokens_holder *ret_holder, struct lp_error *err);

/* User id and stored hash of a refresh token with a good signature and time. LP_E_DENIED. */
LP_MUST_USE int tokens_check_refresh(struct tokens *t, const char *token,
                                     char ret_user_id[STORE_UUID], char ret_hash[STORE_TOKEN_HASH],
                                     struct lp_error *err);
