/*
 * lib/service/jwt_keys.c -- the keys of tokens. An HMAC key is one EVP_MAC context per digest,
 * keyed once at start; a verification duplicates it, which saves the key schedule (two SHA blocks)
 * of each token.
 */
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/base64url.h"
#include "base/buf.h"
#include "json/json.h"
#include "service/jwt_parts.h"

#define RAW 32 /* bytes of an Ed25519 key, public or private (RFC 8032, 5.1), and of a caller's */

/* ---- HMAC ---- */

static EVP_MAC_CTX *keyed_state(EVP_MAC *mac, const char *digest, const char *secret, size_t len)
{
    char name[16];
    OSSL_PARAM params[2];

    snprintf(name, sizeof name, "%s", digest);
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0);
    params[1] = OSSL_PARAM_construct_end();
    EVP_MAC_CTX *state = EVP_MAC_CTX_new(mac);
    if (state && EVP_MAC_init(state, (const unsigned char *)secret, len, params) != 1) {
        EVP_MAC_CTX_free(state);
        return NULL;
    }
    return state;
}

static bool make_hmac(EVP_MAC *mac, const char *secret, size_t len, struct lp_jwt_hmac *key)
{
    static const char *const digests[LP_JWT_DIGESTS] = { "SHA256", "SHA384", "SHA512" };
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (EVP_Digest(secret, len, hash, &n, EVP_sha256(), NULL) != 1 || n < 4)
        return false;
    snprintf(key->kid, sizeof key->kid, "%02x%02x%02x%02x", hash[0], hash[1], hash[2], hash[3]);
    for (size_t i = 0; i < LP_JWT_DIGESTS; i++) {
        key->states[i] = keyed_state(mac, digests[i], secret, len);
        if (!key->states[i])
            return false;
    }
    return true;
}

static int add_secrets(struct lp_jwt_keys *k, EVP_MAC *mac, const char *secrets,
                       struct lp_error *err)
{
    for (const char *at = secrets;;) {
        size_t len = strcspn(at, ",");
        if (k->n_hmac == LP_JWT_KEYS)
            return lp_error_set(err, LP_E_INVALID, "more than %d JWT secrets", LP_JWT_KEYS);
        if (len == 0)
            return lp_error_set(err, LP_E_INVALID, "JWT secret %zu of the list is empty",
                                k->n_hmac + 1);
        if (!make_hmac(mac, at, len, &k->hmac[k->n_hmac++]))
            return lp_error_set(err, LP_E_INTERNAL, "OpenSSL cannot make an HMAC key");
        if (at[len] == '\0')
            return 0;
        at += len + 1;
    }
}

int lp_jwt_keys_new(const char *secrets, struct lp_jwt_keys **ret_keys, struct lp_error *err)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (!mac)
        return lp_error_set(err, LP_E_INTERNAL, "this OpenSSL has no HMAC");

    struct lp_jwt_keys *k = lp_alloc(sizeof *k);
    int r = secrets ? add_secrets(k, mac, secrets, err) : 0;
    EVP_MAC_free(mac); /* the states hold references of their own */
    if (r < 0) {
        lp_jwt_keys_free(k);
        return r;
    }
    *ret_keys = k;
    return 0;
}

int lp_jwt_keys_new_caller(const char *key, struct lp_jwt_keys **ret_keys, struct lp_error *err)
{
    lp_auto_buf struct lp_buf raw = LP_BUF_INIT(RAW);
    struct lp_jwt_keys *k = NULL;

    if (!lp_base64url_decode(key, strlen(key), &raw) || raw.len != RAW)
        return lp_error_set(err, LP_E_INVALID, "it must be base64url of %d bytes, without padding",
                            RAW);
    int r = lp_jwt_keys_new(NULL, &k, err);
    if (r < 0)
        return r;
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    bool made = mac && make_hmac(mac, raw.ptr, raw.len, &k->hmac[k->n_hmac++]);
    EVP_MAC_free(mac);
    OPENSSL_cleanse(raw.ptr, raw.len);
    if (!made) {
        lp_jwt_keys_free(k);
        return lp_error_set(err, LP_E_INTERNAL, "OpenSSL cannot make an HMAC key");
    }
    *ret_keys = k;
    return 0;
}

static void drop_pairs(struct lp_jwt_keys *k, size_t down_to)
{
    while (k->n_pairs > down_to) {
        struct lp_jwt_pair *last = &k->pairs[--k->n_pairs];
        EVP_PKEY_free(last->key);
        *last = (struct lp_jwt_pair){ 0 };
    }
}

void lp_jwt_keys_free(struct lp_jwt_keys *k)
{
    if (!k)
        return;
    for (size_t i = 0; i < k->n_hmac; i++) {
        for (size_t j = 0; j < LP_JWT_DIGESTS; j++)
            EVP_MAC_CTX_free(k->hmac[i].states[j]);
    }
    drop_pairs(k, 0);
    free(k);
}

/* ---- Ed25519 ---- */

static bool x_of(EVP_PKEY *key, struct lp_buf *out)
{
    unsigned char raw[RAW];
    size_t n = sizeof raw;

    if (EVP_PKEY_get_raw_public_key(key, raw, &n) != 1)
        return false;
    lp_base64url_encode(raw, n, out);
    return !out->overflowed;
}

/* RFC 7638, 3 with the members of RFC 8037, 2. */
static bool thumbprint(EVP_PKEY *key, char ret_kid[LP_JWT_KID])
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(256), kid = LP_BUF_INIT(LP_JWT_KID - 1);
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    lp_buf_str(&text, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"");
    if (!x_of(key, &text))
        return false;
    lp_buf_str(&text, "\"}");
    if (EVP_Digest(text.ptr, text.len, hash, &n, EVP_sha256(), NULL) != 1)
        return false;
    lp_base64url_encode(hash, n, &kid);
    memcpy(ret_kid, kid.ptr, kid.len + 1);
    return true;
}

/* Takes over `key`. `kid` NULL: the thumbprint. */
static int add_ed25519(struct lp_jwt_keys *k, EVP_PKEY *key, const char *kid, bool private,
                       struct lp_error *err)
{
    struct lp_jwt_pair *e = &k->pairs[k->n_pairs];

    if (k->n_pairs == LP_JWT_KEYS) {
        EVP_PKEY_free(key);
        return lp_error_set(err, LP_E_INVALID, "more than %d Ed25519 keys", LP_JWT_KEYS);
    }
    if (kid)
        snprintf(e->kid, sizeof e->kid, "%s", kid);
    else if (!thumbprint(key, e->kid)) {
        EVP_PKEY_free(key);
        return lp_error_set(err, LP_E_INTERNAL, "OpenSSL gives no public key");
    }
    e->key = key;
    e->algorithm = LP_JWT_EDDSA;
    e->private = private;
    k->n_pairs++;
    return 0;
}

/* There is nobody to ask for a pass phrase: a key under one is refused. */
static int no_pass_phrase(char *text, int size, int writing, void *user)
{
    (void)text, (void)size, (void)writing, (void)user;
    return -1;
}

static EVP_PKEY *key_of_pem(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL) : NULL;

    BIO_free(bio);
    if (key && EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) {
        EVP_PKEY_free(key);
        return NULL;
    }
    return key;
}

static EVP_PKEY *key_of_seed(const char *text)
{
    lp_auto_buf struct lp_buf raw = LP_BUF_INIT(RAW);
    size_t n = strcspn(text, "\r\n");
    EVP_PKEY *key = NULL;

    if (text[n + strspn(text + n, "\r\n")] == '\0' && lp_base64url_decode(text, n, &raw) &&
        raw.len == RAW)
        key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, (unsigned char *)raw.ptr, RAW);
    OPENSSL_cleanse(raw.ptr, raw.len);
    return key;
}

int lp_jwt_keys_add_private(struct lp_jwt_keys *k, const char *key, struct lp_error *err)
{
    EVP_PKEY *pkey = strstr(key, "-----BEGIN") ? key_of_pem(key) : key_of_seed(key);

    if (!pkey)
        return lp_error_set(err, LP_E_INVALID,
                            "the signing key is neither PKCS #8 PEM of an Ed25519 key nor "
                            "base64url of 32 bytes");
    return add_ed25519(k, pkey, NULL, true, err);
}

/* ---- JWK sets ---- */

static bool is_or_absent(const json_t *o, const char *member, const char *want)
{
    const json_t *v = json_object_get(o, member);
    return !v || (json_is_string(v) && strcmp(json_string_value(v), want) == 0);
}

static bool is_of_use(const json_t *jwk)
{
    const char *kty = lp_json_str(jwk, "kty", NULL), *crv = lp_json_str(jwk, "crv", NULL);

    return kty && strcmp(kty, "OKP") == 0 && crv && strcmp(crv, "Ed25519") == 0 &&
           is_or_absent(jwk, "use", "sig") && is_or_absent(jwk, "alg", "EdDSA");
}

static int add_jwk(struct lp_jwt_keys *k, const json_t *jwk, size_t index, struct lp_error *err)
{
    lp_auto_buf struct lp_buf raw = LP_BUF_INIT(RAW);
    const char *x = lp_json_str(jwk, "x", NULL), *kid = lp_json_str(jwk, "kid", NULL);
    EVP_PKEY *key = NULL;

    if (kid && (*kid == '\0' || strlen(kid) >= LP_JWT_KID))
        return lp_error_set(err, LP_E_INVALID, "JWK set: keys[%zu].kid must be 1 to %d bytes",
                            index, LP_JWT_KID - 1);
    if (x && lp_base64url_decode(x, strlen(x), &raw) && raw.len == RAW)
        key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (unsigned char *)raw.ptr, RAW);
    if (!key)
        return lp_error_set(err, LP_E_INVALID, "JWK set: keys[%zu].x must be base64url of %d bytes",
                            index, RAW);
    return add_ed25519(k, key, kid, false, err);
}

int lp_jwt_keys_add_jwks(struct lp_jwt_keys *k, const json_t *jwks, struct lp_error *err)
{
    const json_t *keys = lp_json_at(jwks, "keys", NULL), *jwk;
    size_t before = k->n_pairs, i;
    int r = 0;

    if (!json_is_array(keys))
        return lp_error_set(err, LP_E_INVALID, "JWK set: keys must be a list");
    json_array_foreach(keys, i, jwk)
    {
        if (is_of_use(jwk))
            r = add_jwk(k, jwk, i, err);
        if (r < 0)
            break;
    }
    if (r == 0 && k->n_pairs == before)
        r = lp_error_set(err, LP_E_INVALID, "JWK set: none of its %zu keys is an Ed25519 key", i);
    if (r < 0)
        drop_pairs(k, before);
    return r;
}

static void append_jwk(const struct lp_jwt_pair *e, json_t *keys)
{
    lp_auto_buf struct lp_buf x = LP_BUF_INIT(64);

    if (e->algorithm == LP_JWT_EDDSA && x_of(e->key, &x))
        json_array_append_new(keys, lp_json_make("{s:s, s:s, s:s, s:s, s:s, s:s}", "kty", "OKP",
                                                 "crv", "Ed25519", "x", x.ptr, "kid", e->kid, "use",
                                                 "sig", "alg", "EdDSA"));
}

json_t *lp_jwt_keys_jwks(const struct lp_jwt_keys *k)
{
    json_t *keys = json_array();

    for (size_t i = 0; i < k->n_pairs; i++) {
        if (k->pairs[i].private)
            append_jwk(&k->pairs[i], keys);
    }
    for (size_t i = 0; i < k->n_pairs; i++) {
        if (!k->pairs[i].private)
            append_jwk(&k->pairs[i], keys);
    }
    return lp_json_make("{s:o}", "keys", keys);
}
