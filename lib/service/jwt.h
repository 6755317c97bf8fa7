/* lib/service/jwt.h -- JSON Web Tokens with HMAC keys (RFC 7519, RFC 7515). */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* HS256, HS384 and HS512 keys; the first signs (HS256), all verify. Never changes after _new; any
 * thread. */
struct lp_jwt_keys;

/* `secrets`: 1 to 16, separated by commas, newest first, each at least 1 byte, taken byte for byte.
 * kid: first 8 hex digits of SHA-256 of the key's bytes. LP_E_INVALID for an empty secret or too
 * many. */
LP_MUST_USE int lp_jwt_keys_new(const char *secrets, struct lp_jwt_keys **ret_keys,
                                struct lp_error *err);
void lp_jwt_keys_free(struct lp_jwt_keys *k);

/* `token` of `len` bytes, at most 8 KiB. exp, if present, must be a number in the future of now_s,
 * nbf a number not in it; alg none and others are refused, crit too. A kid of ours picks the key,
 * else all are tried. The claims are the caller's. LP_E_DENIED with the reason, which never holds
 * the token. */
LP_MUST_USE int lp_jwt_verify(const struct lp_jwt_keys *k, const char *token, size_t len,
                              int64_t now_s, json_t **ret_claims, struct lp_error *err);

/* Compact serialisation, HS256, owned by the caller. LP_E_INVALID for claims that are no object,
 * LP_E_TOO_LARGE for a token over 8 KiB. */
LP_MUST_USE int lp_jwt_sign(const struct lp_jwt_keys *k, const json_t *claims, char **ret_token,
                            struct lp_error *err);
