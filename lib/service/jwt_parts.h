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

/* Whether `n` bytes of `signature` are `key`'s over `len` bytes at `input`. */
bool lp_jwt_is_signed_by(const struct lp_jwt_pair *key, const char *input, size_t len,
                         const void *signature, size_t n);
