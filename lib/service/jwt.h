/* lib/service/jwt.h -- JSON Web Tokens by HMAC and Ed25519 keys, and of other issuers by
 * RSA and P-256 keys too (RFC 7519, 7515, 7518, 8037). */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* ---- keys ---- */

/* HMAC keys (HS256, HS384, HS512), Ed25519 public keys (EdDSA), at most one Ed25519 private key;
 * 16 of HMAC, 16 of Ed25519. Filled by one thread; afterwards it never changes and any thread
 * reads it. */
struct lp_jwt_keys;

/* `secrets`: NULL: no HMAC key. Else 1 to 16, separated by commas, newest first, each at least 1
 * byte, taken byte for byte. kid: first 8 hex digits of SHA-256 of the key's bytes. LP_E_INVALID
 * for an empty secret or too many. */
LP_MUST_USE int lp_jwt_keys_new(const char *secrets, struct lp_jwt_keys **ret_keys,
                                struct lp_error *err);
/* One HMAC key of exactly 32 bytes, given as base64url: of a service that calls another. */
LP_MUST_USE int lp_jwt_keys_new_caller(const char *key, struct lp_jwt_keys **ret_keys,
                                       struct lp_error *err);
void lp_jwt_keys_free(struct lp_jwt_keys *k);

/* Adds an Ed25519 private key: PKCS #8 in PEM, or base64url of its 32 bytes (the seed of RFC 8032).
 * The first one signs from now on, all verify. kid: RFC 7638 thumbprint. LP_E_INVALID, without the
 * key in the message. */
LP_MUST_USE int lp_jwt_keys_add_private(struct lp_jwt_keys *k, const char *key,
                                        struct lp_error *err);

/* Adds the Ed25519 keys of a JWK set (RFC 7517, 5: kty OKP, crv Ed25519); keys of another kind or
 * use are passed over. A kid of 1 to 128 characters, else the thumbprint. LP_E_INVALID where it is
 * no JWK set, where a key has no good x, where no key is of use or too many are: nothing is added
 * then. */
LP_MUST_USE int lp_jwt_keys_add_jwks(struct lp_jwt_keys *k, const json_t *jwks,
                                     struct lp_error *err);

/* Adds the keys of another issuer's JWK set: Ed25519 (EdDSA), P-256 (ES256), RSA of 2,048 to 4,096
 * bits (RS256; RFC 7518, 6), the first 16 of them. What is none of these, is malformed, or is for
 * another use, is passed over; LP_E_INVALID where it is no JWK set or none is left. From then on
 * ES256 and RS256 verify by these keys. */
LP_MUST_USE int lp_jwt_keys_add_issuer_jwks(struct lp_jwt_keys *k, const json_t *jwks,
                                            struct lp_error *err);

/* The public halves of the Ed25519 keys as a JWK set, the signing one first; the caller's. Without
 * any: an empty set. */
json_t *lp_jwt_keys_jwks(const struct lp_jwt_keys *k);

/* ---- tokens ---- */

/* What a token must say of itself. NULL: is not looked at. `strict`: claims that are looked at must
 * be there, and exp too. Without it they may be missing in tokens of HMAC keys, never in others. */
struct lp_jwt_want {
    const char *type;     /* claim typ */
    const char *audience; /* one of the claim aud, a text or a list */
    const char *issuer;   /* claim iss, which must be there */
    int64_t leeway_s;     /* that the issuer's clock may differ from ours: of exp and nbf */
    bool strict;
};
#define LP_JWT_AUDIENCE "learning-platform" /* of learners' tokens, in every service */
#define LP_JWT_ACCESS "access"              /* claim typ of access tokens */
#define LP_JWT_REFRESH "refresh"            /* and of refresh tokens */
extern const struct lp_jwt_want lp_jwt_access, lp_jwt_refresh;

/*
 * `token` of `len` bytes, at most 8 KiB. exp, if present, must be a number in the future of now_s,
 * of any size, with or without a fraction; nbf a number not in it. alg is HS256, HS384, HS512 or
 * EdDSA (with keys of another issuer ES256 and RS256 too), and only keys of that kind are tried;
 * crit is refused, and a typ in the header other than JWT and at+jwt. A kid of ours picks the key;
 * HMAC and tokens without a kid try all. The claims are the caller's. LP_E_NOT_FOUND: EdDSA, ES256
 * or RS256 by a key that we have not; LP_E_DENIED for all else, with the reason, which never holds
 * the token.
 */
LP_MUST_USE int lp_jwt_verify(const struct lp_jwt_keys *k, const char *token, size_t len,
                              const struct lp_jwt_want *want, int64_t now_s, json_t **ret_claims,
                              struct lp_error *err);

/* Compact serialisation with kid, owned by the caller: EdDSA by the private key where there is one,
 * else HS256 by the first secret. LP_E_INVALID for claims that are no object and without such a
 * key, LP_E_TOO_LARGE for a token over 8 KiB. */
LP_MUST_USE int lp_jwt_sign(const struct lp_jwt_keys *k, const json_t *claims, char **ret_token,
                            struct lp_error *err);
