/*
 * lib/service/jwt.c -- one EVP_MAC context per key and digest, keyed once at start; a verification
 * duplicates it, which saves the key schedule (two SHA blocks) of each token. Nothing changes after
 * _new, so any number of threads share one set of keys.
 */
#include "service/jwt.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "json/json.h"

#define MAX_KEYS 16
#define MAX_TOKEN 8192
#define MAX_DIGEST 64

static const struct algorithm {
    const char *name, *digest;
} algorithms[] = { { "HS256", "SHA256" }, { "HS384", "SHA384" }, { "HS512", "SHA512" } };

struct key {
    EVP_MAC_CTX *states[LP_COUNT(algorithms)];
    char kid[9];
};

struct lp_jwt_keys {
    struct key keys[MAX_KEYS];
    size_t n;
};

/* A part of a token, not terminated. */
struct part {
    const char *text;
    size_t len;
};

static int base64url_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* RFC 4648, section 5, without padding. A length or unused bits that no encoder makes are refused,
 * so that one token has one spelling. */
static bool base64url_decode(const struct part *p, struct lp_buf *out)
{
    unsigned bits = 0;
    int n_bits = 0;

    if (p->len % 4 == 1)
        return false;
    for (size_t i = 0; i < p->len; i++) {
        int v = base64url_value(p->text[i]);
        if (v < 0)
            return false;
        bits = (bits << 6 | (unsigned)v) & 0xffff;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            lp_buf_char(out, (char)(bits >> n_bits & 0xff));
        }
    }
    return (bits & ((1u << n_bits) - 1)) == 0 && !out->overflowed;
}

static void base64url_encode(const void *bytes, size_t n, struct lp_buf *out)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *b = bytes;
    unsigned bits = 0;
    int n_bits = 0;

    for (size_t i = 0; i < n; i++) {
        bits = (bits << 8 | b[i]) & 0xffff;
        for (n_bits += 8; n_bits >= 6; n_bits -= 6)
            lp_buf_char(out, alphabet[bits >> (n_bits - 6) & 63]);
    }
    if (n_bits > 0)
        lp_buf_char(out, alphabet[bits << (6 - n_bits) & 63]);
}

static EVP_MAC_CTX *keyed_state(EVP_MAC *mac, const char *digest, const struct part *secret)
{
    char name[16];
    OSSL_PARAM params[2];

    snprintf(name, sizeof name, "%s", digest);
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0);
    params[1] = OSSL_PARAM_construct_end();
    EVP_MAC_CTX *state = EVP_MAC_CTX_new(mac);
    if (state &&
        EVP_MAC_init(state, (const unsigned char *)secret->text, secret->len, params) != 1) {
        EVP_MAC_CTX_free(state);
        return NULL;
    }
    return state;
}

static bool make_key(EVP_MAC *mac, const struct part *secret, struct key *key)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (EVP_Digest(secret->text, secret->len, hash, &n, EVP_sha256(), NULL) != 1 || n < 4)
        return false;
    snprintf(key->kid, sizeof key->kid, "%02x%02x%02x%02x", hash[0], hash[1], hash[2], hash[3]);
    for (size_t i = 0; i < LP_COUNT(algorithms); i++) {
        key->states[i] = keyed_state(mac, algorithms[i].digest, secret);
        if (!key->states[i])
            return false;
    }
    return true;
}

static int fill_keys(struct lp_jwt_keys *k, EVP_MAC *mac, const char *secrets, struct lp_error *err)
{
    for (const char *at = secrets;;) {
        struct part secret = { at, strcspn(at, ",") };
        if (k->n == MAX_KEYS)
            return lp_error_set(err, LP_E_INVALID, "more than %d JWT secrets", MAX_KEYS);
        if (secret.len == 0)
            return lp_error_set(err, LP_E_INVALID, "JWT secret %zu of the list is empty", k->n + 1);
        if (!make_key(mac, &secret, &k->keys[k->n++]))
            return lp_error_set(err, LP_E_INTERNAL, "OpenSSL cannot make an HMAC key");
        if (at[secret.len] == '\0')
            return 0;
        at += secret.len + 1;
    }
}

int lp_jwt_keys_new(const char *secrets, struct lp_jwt_keys **ret_keys, struct lp_error *err)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (!mac)
        return lp_error_set(err, LP_E_INTERNAL, "this OpenSSL has no HMAC");

    struct lp_jwt_keys *k = lp_alloc(sizeof *k);
    int r = fill_keys(k, mac, secrets, err);
    EVP_MAC_free(mac); /* the states hold references of their own */
    if (r < 0) {
        lp_jwt_keys_free(k);
        return r;
    }
    *ret_keys = k;
    return 0;
}

void lp_jwt_keys_free(struct lp_jwt_keys *k)
{
    if (!k)
        return;
    for (size_t i = 0; i < k->n; i++) {
        for (size_t j = 0; j < LP_COUNT(algorithms); j++)
            EVP_MAC_CTX_free(k->keys[i].states[j]);
    }
    free(k);
}

/* HMAC of `input`; 0 where OpenSSL fails. */
static size_t digest_of(const struct key *key, size_t algorithm, const struct part *input,
                        unsigned char ret_digest[MAX_DIGEST])
{
    EVP_MAC_CTX *state = EVP_MAC_CTX_dup(key->states[algorithm]);
    size_t n = 0;

    if (!state || EVP_MAC_update(state, (const unsigned char *)input->text, input->len) != 1 ||
        EVP_MAC_final(state, ret_digest, &n, MAX_DIGEST) != 1)
        n = 0;
    EVP_MAC_CTX_free(state);
    return n;
}

static bool signed_by(const struct key *key, size_t algorithm, const struct part *input,
                      const struct lp_buf *signature)
{
    unsigned char want[MAX_DIGEST];
    size_t n = digest_of(key, algorithm, input, want);
    return n > 0 && n == signature->len && CRYPTO_memcmp(want, signature->ptr, n) == 0;
}

static bool signed_by_any(const struct lp_jwt_keys *k, const char *kid, size_t algorithm,
                          const struct part *input, const struct lp_buf *signature)
{
    for (size_t i = 0; kid && i < k->n; i++) {
        if (strcmp(k->keys[i].kid, kid) == 0)
            return signed_by(&k->keys[i], algorithm, input, signature);
    }
    for (size_t i = 0; i < k->n; i++) {
        if (signed_by(&k->keys[i], algorithm, input, signature))
            return true;
    }
    return false;
}

static int decode_json(const struct part *p, const char *what, json_t **ret_json,
                       struct lp_error *err)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(MAX_TOKEN);
    json_t *o = NULL;

    if (!base64url_decode(p, &text) ||
        lp_json_parse(text.ptr, text.len, MAX_TOKEN, what, &o, err) < 0)
        return lp_error_set(err, LP_E_DENIED, "%s is not base64url of JSON", what);
    if (!json_is_object(o)) {
        json_decref(o);
        return lp_error_set(err, LP_E_DENIED, "%s is not a JSON object", what);
    }
    *ret_json = o;
    return 0;
}

/* "crit" names extensions that a receiver must understand (RFC 7515, 4.1.11); we know none. */
static int check_header(const json_t *header, size_t *ret_algorithm, struct lp_error *err)
{
    const char *alg = json_string_value(json_object_get(header, "alg"));

    if (json_object_get(header, "crit"))
        return lp_error_set(err, LP_E_DENIED, "token header has crit");
    for (size_t i = 0; alg && i < LP_COUNT(algorithms); i++) {
        if (strcmp(alg, algorithms[i].name) == 0) {
            *ret_algorithm = i;
            return 0;
        }
    }
    return lp_error_set(err, LP_E_DENIED, "token alg is not HS256, HS384 or HS512");
}

static int check_times(const json_t *claims, int64_t now_s, struct lp_error *err)
{
    const json_t *exp = json_object_get(claims, "exp"), *nbf = json_object_get(claims, "nbf");
    double now = (double)now_s;

    if (exp && !json_is_number(exp))
        return lp_error_set(err, LP_E_DENIED, "token exp is not a number");
    if (nbf && !json_is_number(nbf))
        return lp_error_set(err, LP_E_DENIED, "token nbf is not a number");
    if (exp && json_number_value(exp) <= now)
        return lp_error_set(err, LP_E_DENIED, "token has expired");
    if (nbf && json_number_value(nbf) > now)
        return lp_error_set(err, LP_E_DENIED, "token is not valid yet");
    return 0;
}

/* header.payload.signature, each in place; false where there are not exactly three. */
static bool split(const char *token, size_t len, struct part parts[3])
{
    const char *end = token + len, *dot1 = memchr(token, '.', len);
    const char *dot2 = dot1 ? memchr(dot1 + 1, '.', (size_t)(end - dot1 - 1)) : NULL;

    if (!dot2 || memchr(dot2 + 1, '.', (size_t)(end - dot2 - 1)))
        return false;
    parts[0] = (struct part){ token, (size_t)(dot1 - token) };
    parts[1] = (struct part){ dot1 + 1, (size_t)(dot2 - dot1 - 1) };
    parts[2] = (struct part){ dot2 + 1, (size_t)(end - dot2 - 1) };
    return true;
}

int lp_jwt_verify(const struct lp_jwt_keys *k, const char *token, size_t len, int64_t now_s,
                  json_t **ret_claims, struct lp_error *err)
{
    lp_auto_buf struct lp_buf signature = LP_BUF_INIT(MAX_DIGEST);
    json_auto_t *header = NULL, *claims = NULL;
    struct part parts[3];
    size_t algorithm = 0;

    if (len > MAX_TOKEN)
        return lp_error_set(err, LP_E_DENIED, "token is over %d bytes", MAX_TOKEN);
    if (!split(token, len, parts))
        return lp_error_set(err, LP_E_DENIED, "token has not three parts");
    int r = decode_json(&parts[0], "token header", &header, err);
    if (r == 0)
        r = check_header(header, &algorithm, err);
    if (r < 0)
        return r;

    struct part input = { token, parts[0].len + 1 + parts[1].len };
    const char *kid = json_string_value(json_object_get(header, "kid"));
    if (!base64url_decode(&parts[2], &signature) ||
        !signed_by_any(k, kid, algorithm, &input, &signature))
        return lp_error_set(err, LP_E_DENIED, "token signature is not of one of our keys");
    r = decode_json(&parts[1], "token payload", &claims, err);
    if (r == 0)
        r = check_times(claims, now_s, err);
    if (r < 0)
        return r;
    *ret_claims = lp_take(claims);
    return 0;
}

int lp_jwt_sign(const struct lp_jwt_keys *k, const json_t *claims, char **ret_token,
                struct lp_error *err)
{
    lp_auto_buf struct lp_buf token = LP_BUF_INIT(MAX_TOKEN), json = LP_BUF_INIT(MAX_TOKEN);
    json_auto_t *header =
        lp_json_make("{s:s, s:s, s:s}", "alg", "HS256", "kid", k->keys[0].kid, "typ", "JWT");
    unsigned char digest[MAX_DIGEST];

    if (!json_is_object(claims))
        return lp_error_set(err, LP_E_INVALID, "token claims are not an object");
    lp_json_write(header, &json);
    base64url_encode(json.ptr, json.len, &token);
    lp_buf_char(&token, '.');
    lp_buf_reset(&json);
    lp_json_write(claims, &json);
    base64url_encode(json.ptr, json.len, &token);

    struct part input = { token.ptr, token.len };
    size_t n = digest_of(&k->keys[0], 0, &input, digest);
    if (n == 0)
        return lp_error_set(err, LP_E_INTERNAL, "OpenSSL cannot compute an HMAC");
    lp_buf_char(&token, '.');
    base64url_encode(digest, n, &token);
    if (token.overflowed || json.overflowed)
        return lp_error_set(err, LP_E_TOO_LARGE, "token would be over %d bytes", MAX_TOKEN);
    *ret_token = lp_buf_take(&token);
    return 0;
}
