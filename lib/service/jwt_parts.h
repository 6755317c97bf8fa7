/* lib/service/jwt_parts.h -- what jwt.c, jwt_keys.c and jwt_issuer.c share: the keys. */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

#include "service/jwt.h"

#define LP_JWT_KEYS 16       /* of each kind */
#define LP_JWT_KID 129       /* bytes of a kid with its NUL */
#define LP_JWT_SIGNATURE 64  /* bytes of the longest that we make: HS512, EdDSA */
#define LP_JWT_RSA_BITS 4096 /* of the longest RSA key, whose signatures are the longest of all */

/* An index into the names of jwt.c; the first ones are the digests of an HMAC key. */
enum lp_jwt_algorithm {
    LP_JWT_HS256,
    LP_JWT_HS384,
    LP_JWT_HS512,
    LP_JWT_EDDSA,
    LP_JWT_ES256, /* this and the next: of other issuers' keys only */
    LP_JWT_RS256,
};
#define LP_JWT_DIGESTS 3

struct lp_jwt_hmac {
    EVP_MAC_CTX *states[LP_JWT_DIGESTS]; /* keyed; duplicated for each use */
    char kid[9];
};

/* A public key, or both halves. */
struct lp_jwt_pair {
    EVP_PKEY *key;
    enum lp_jwt_algorithm algorithm;
    bool private; /* it can sign */
    char kid[LP_JWT_KID];
};

struct lp_jwt_keys {
    struct lp_jwt_hmac hmac[LP_JWT_KEYS];
    struct lp_jwt_pair pairs[LP_JWT_KEYS];
    size_t n_hmac, n_pairs;
    bool foreign; /* keys of another issuer: ES256 and RS256 are looked at */
};

/* A part of a token, not terminated; borrowed from its text. */
struct lp_jwt_part {
    const char *text;
    size_t len;
};

/* A token whose header was read; nothing of it is believed yet. */
struct lp_jwt_token {
    struct lp_jwt_part input, payload, signature; /* `input`: what is signed */
    enum lp_jwt_algorithm algorithm;
    json_t *header; /* the caller's */
};

/* The parts and the header, one that these keys may be asked for. LP_E_DENIED as lp_jwt_verify. */
LP_MUST_USE int lp_jwt_read(const struct lp_jwt_keys *k, const char *token, size_t len,
                            struct lp_jwt_token *ret_token, struct lp_error *err);

/* The claims, where they are what is wanted. The signature must be good: it is not looked at. */
LP_MUST_USE int lp_jwt_read_claims(const struct lp_jwt_token *token, const struct lp_jwt_want *want,
                                   int64_t now_s, json_t **ret_claims, struct lp_error *err);

/* Whether `n` bytes of `signature` are `key`'s over `len` bytes at `input`. */
bool lp_jwt_is_signed_by(const struct lp_jwt_pair *key, const char *input, size_t len,
                         const void *signature, size_t n);
