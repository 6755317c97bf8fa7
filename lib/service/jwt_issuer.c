/*
 * lib/service/jwt_issuer.c -- public keys of other issuers, RSA and P-256 beside Ed25519, out of
 * their JWK set, and what such a key signed. An issuer may publish keys that we have no use for, so
 * what cannot be read is passed over.
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/param_build.h>
#include <string.h>

#include "base/base64url.h"
#include "base/buf.h"
#include "json/json.h"
#include "service/jwt_parts.h"

#define RSA_BITS_MIN 2048 /* RFC 7518, 3.3 */
#define COORDINATE \
    ((size_t)32) /* bytes of a P-256 coordinate, of r and of s (RFC 7518, 3.4, 6.2.1) */

/* ---- reading keys ---- */

static bool is_or_absent(const json_t *o, const char *member, const char *want)
{
    const json_t *v = json_object_get(o, member);
    return !v || (json_is_string(v) && strcmp(json_string_value(v), want) == 0);
}

static bool is(const json_t *o, const char *member, const char *want)
{
    const char *v = lp_json_str(o, member, NULL);
    return v && strcmp(v, want) == 0;
}

static bool bytes_of(const json_t *jwk, const char *member, struct lp_buf *out)
{
    const char *text = lp_json_str(jwk, member, NULL);
    return text && lp_base64url_decode(text, strlen(text), out) && out->len > 0;
}

/* Takes over `build`. */
static EVP_PKEY *key_of_params(const char *kind, OSSL_PARAM_BLD *build, bool complete)
{
    OSSL_PARAM *params = complete ? OSSL_PARAM_BLD_to_param(build) : NULL;
    EVP_PKEY_CTX *context = params ? EVP_PKEY_CTX_new_from_name(NULL, kind, NULL) : NULL;
    EVP_PKEY *key = NULL;

    if (!context || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    return key;
}

static EVP_PKEY *rsa_of(const json_t *jwk)
{
    lp_auto_buf struct lp_buf n = LP_BUF_INIT(LP_JWT_RSA_BITS / 8), e = LP_BUF_INIT(8);
    if (!bytes_of(jwk, "n", &n) || !bytes_of(jwk, "e", &e))
        return NULL;
    BIGNUM *modulus = BN_bin2bn((unsigned char *)n.ptr, (int)n.len, NULL);
    BIGNUM *exponent = BN_bin2bn((unsigned char *)e.ptr, (int)e.len, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    bool good = modulus && exponent && build && BN_num_bits(modulus) >= RSA_BITS_MIN &&
                BN_is_odd(exponent) && !BN_is_one(exponent) &&
                OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
                OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) == 1;
    EVP_PKEY *key = key_of_params("RSA", build, good);
    BN_free(modulus);
    BN_free(exponent);
    return key;
}

/* OpenSSL looks whether the point is on the curve. */
static EVP_PKEY *p256_of(const json_t *jwk)
{
    lp_auto_buf struct lp_buf x = LP_BUF_INIT(COORDINATE), y = LP_BUF_INIT(COORDINATE);
    unsigned char point[1 + 2 * COORDINATE] = { POINT_CONVERSION_UNCOMPRESSED };
    if (!bytes_of(jwk, "x", &x) || !bytes_of(jwk, "y", &y) || x.len != COORDINATE ||
        y.len != COORDINATE)
        return NULL;
    memcpy(point + 1, x.ptr, COORDINATE);
    memcpy(point + 1 + COORDINATE, y.ptr, COORDINATE);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    bool good =
        build &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) == 1;
    return key_of_params("EC", build, good);
}

static EVP_PKEY *ed25519_of(const json_t *jwk)
{
    lp_auto_buf struct lp_buf x = LP_BUF_INIT(COORDINATE);
    if (!bytes_of(jwk, "x", &x) || x.len != COORDINATE)
        return NULL;
    return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (unsigned char *)x.ptr, x.len);
}

static const struct {
    const char *kty, *crv, *alg; /* crv NULL: has none */
    enum lp_jwt_algorithm algorithm;
    EVP_PKEY *(*read)(const json_t *jwk);
} kinds[] = {
    { "RSA", NULL, "RS256", LP_JWT_RS256, rsa_of },
    { "EC", "P-256", "ES256", LP_JWT_ES256, p256_of },
    { "OKP", "Ed25519", "EdDSA", LP_JWT_EDDSA, ed25519_of },
};

static void add_jwk(struct lp_jwt_keys *k, const json_t *jwk)
{
    const char *kid = lp_json_str(jwk, "kid", NULL);
    struct lp_jwt_pair *pair = &k->pairs[k->n_pairs];

    if (!is_or_absent(jwk, "use", "sig") || (kid && strlen(kid) >= LP_JWT_KID))
        return;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!is(jwk, "kty", kinds[i].kty) || (kinds[i].crv && !is(jwk, "crv", kinds[i].crv)) ||
            !is_or_absent(jwk, "alg", kinds[i].alg))
            continue;
        EVP_PKEY *key = kinds[i].read(jwk);
        if (!key)
            return;
        *pair = (struct lp_jwt_pair){ .key = key, .algorithm = kinds[i].algorithm };
        memcpy(pair->kid, kid ? kid : "", kid ? strlen(kid) : 0);
        k->n_pairs++;
        return;
    }
}

int lp_jwt_keys_add_issuer_jwks(struct lp_jwt_keys *k, const json_t *jwks, struct lp_error *err)
{
    const json_t *keys = lp_json_at(jwks, "keys", NULL), *jwk;
    size_t before = k->n_pairs, i;

    if (!json_is_array(keys))
        return lp_error_set(err, LP_E_INVALID, "JWK set: keys must be a list");
    json_array_foreach(keys, i, jwk)
    {
        if (k->n_pairs < LP_JWT_KEYS)
            add_jwk(k, jwk);
    }
    if (k->n_pairs == before)
        return lp_error_set(err, LP_E_INVALID,
                            "JWK set: none of its %zu keys is an RSA key of %d to %d bits, a P-256 "
                            "or an Ed25519 key",
                            i, RSA_BITS_MIN, LP_JWT_RSA_BITS);
    k->foreign = true;
    return 0;
}

/* ---- signatures ---- */

/* r and s, side by side (RFC 7518, 3.4), as OpenSSL takes them: DER, the caller's. */
static unsigned char *der_of(const unsigned char *signature, size_t n, int *ret_len)
{
    unsigned char *der = NULL;
    ECDSA_SIG *pair = n == 2 * COORDINATE ? ECDSA_SIG_new() : NULL;
    if (!pair)
        return NULL;
    BIGNUM *r = BN_bin2bn(signature, (int)COORDINATE, NULL);
    BIGNUM *s = BN_bin2bn(signature + COORDINATE, (int)COORDINATE, NULL);
    if (r && s && ECDSA_SIG_set0(pair, r, s) == 1) {
        *ret_len = i2d_ECDSA_SIG(pair, &der);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(pair);
    return der;
}

static bool verifies(const struct lp_jwt_pair *key, const EVP_MD *digest, const char *input,
                     size_t len, const unsigned char *signature, size_t n)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool good = md && EVP_DigestVerifyInit(md, NULL, digest, NULL, key->key) == 1 &&
                EVP_DigestVerify(md, signature, n, (const unsigned char *)input, len) == 1;
    EVP_MD_CTX_free(md);
    return good;
}

bool lp_jwt_is_signed_by(const struct lp_jwt_pair *key, const char *input, size_t len,
                         const void *signature, size_t n)
{
    if (key->algorithm == LP_JWT_EDDSA)
        return verifies(key, NULL, input, len, signature, n);
    if (key->algorithm == LP_JWT_RS256) /* PKCS #1 v1.5 is what OpenSSL does by default */
        return verifies(key, EVP_sha256(), input, len, signature, n);
    int der_len = 0;
    unsigned char *der = der_of(signature, n, &der_len);
    bool good = der && der_len > 0 && verifies(key, EVP_sha256(), input, len, der, (size_t)der_len);
    OPENSSL_free(der);
    return good;
}
