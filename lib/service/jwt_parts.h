/* lib/service/jwt_parts.h -- what jwt.c and jwt_keys.c share: the keys. */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

#include "service/jwt.h"

#define LP_JWT_KEYS 16      /* of each kind */
#define LP_JWT_KID 129      /* bytes of a kid with its NUL */
#define LP_JWT_SIGNATURE 64 /* bytes of the longest: HS512, EdDSA */

/* An index into the names of jwt.c; the first ones are the digests of an HMAC key. */
enum lp_jwt_algorithm { LP_JWT_HS256, LP_JWT_HS384, LP_JWT_HS512, LP_JWT_EDDSA };
#define LP_JWT_DIGESTS 3

struct lp_jwt_hmac {
    EVP_MAC_CTX *states[LP_JWT_DIGESTS]; /* keyed; duplicated for each use */
    char kid[9];
};

struct lp_jwt_ed25519 {
    EVP_PKEY *key;
    bool private; /* it can sign */
    char kid[LP_JWT_KID];
};

struct lp_jwt_keys {
    struct lp_jwt_hmac hmac[LP_JWT_KEYS];
    struct lp_jwt_ed25519 ed25519[LP_JWT_KEYS];
    size_t n_hmac, n_ed25519;
};
