/* services/auth/sessions/tokens.h -- access tokens and refresh tokens. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "services/auth/database/store.h"

/* Keys and life times. Immutable; any thread. */
struct tokens;

/* `secrets`: as lp_jwt_keys_new. */
LP_MUST_USE int tokens_new(const char *access_secrets, const char *refresh_secrets,
                           int64_t access_ttl_ms, int64_t refresh_ttl_ms,
                           struct tokens **ret_tokens, struct lp_error *err);
void tokens_free(struct tokens *t);

/* A JWT {userId,email,role,typ,aud,iat,exp}, owned by the caller. */
LP_MUST_USE int tokens_access(const struct tokens *t, const struct store_user *user,
                              char **ret_token, struct lp_error *err);

/* A JWT {userId,jti,typ:"refresh",iat,exp} of its own key, owned by the caller, and the hash to
 * store. */
LP_MUST_USE int tokens_refresh(const struct tokens *t, const char *user_id, char **ret_token,
                               char ret_hash[STORE_TOKEN_HASH], struct lp_error *err);

/* The user's id out of a valid access token. LP_E_DENIED. */
LP_MUST_USE int tokens_check_access(const struct tokens *t, const char *token,
                                    char ret_user_id[STORE_UUID], struct lp_error *err);

/* User id and stored hash of a refresh token with a good signature and time. LP_E_DENIED. */
LP_MUST_USE int tokens_check_refresh(const struct tokens *t, const char *token,
                                     char ret_user_id[STORE_UUID], char ret_hash[STORE_TOKEN_HASH],
                                     struct lp_error *err);

int64_t tokens_refresh_ttl_ms(const struct tokens *t);
