/*
 * lib/service/jwt.c -- signs tokens and verifies them. Which keys are tried goes by the token's
 * alg: an HMAC over a public key's text finds no key to be compared with.
 */
#include "service/jwt.h"

#include <openssl/crypto.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/base64url.h"
#include "base/buf.h"
#include "json/json.h"
#include "service/jwt_parts.h"

#define MAX_TOKEN 8192

const struct lp_jwt_want lp_jwt_access = { .type = LP_JWT_ACCESS, .audience = LP_JWT_AUDIENCE };
const struct lp_jwt_want lp_jwt_refresh = { .type = LP_JWT_REFRESH, .strict = true };

static const char *const algorithms[] = {
    [LP_JWT_HS256] = "HS256", [LP_JWT_HS384] = "HS384", [LP_JWT_HS512] = "HS512",
    [LP_JWT_EDDSA] = "EdDSA", [LP_JWT_ES256] = "ES256", [LP_JWT_RS256] = "RS256",
};

/* HMAC of `input`; 0 where OpenSSL fails. */
static size_t digest_of(const struct lp_jwt_hmac *key, enum lp_jwt_algorithm algorithm,
                        const struct lp_jwt_part *input, unsigned char ret_digest[LP_JWT_SIGNATURE])
{
    EVP_MAC_CTX *state = EVP_MAC_CTX_dup(key->states[algorithm]);
    size_t n = 0;

    if (!state || EVP_MAC_update(state, (const unsigned char *)input->text, input->len) != 1 ||
        EVP_MAC_final(state, ret_digest, &n, LP_JWT_SIGNATURE) != 1)
        n = 0;
    EVP_MAC_CTX_free(state);
    return n;
}

static bool hmac_is_by(const struct lp_jwt_hmac *key, enum lp_jwt_algorithm algorithm,
                       const struct lp_jwt_part *input, const struct lp_buf *signature)
{
    unsigned char want[LP_JWT_SIGNATURE];
    size_t n = digest_of(key, algorithm, input, want);
    return n > 0 && n == signature->len && CRYPTO_memcmp(want, signature->ptr, n) == 0;
}

static bool hmac_is_ours(const struct lp_jwt_keys *k, const char *kid,
                         enum lp_jwt_algorithm algorithm, const struct lp_jwt_part *input,
                         const struct lp_buf *signature)
{
    for (size_t i = 0; kid && i < k->n_hmac; i++) {
        if (strcmp(k->hmac[i].kid, kid) == 0)
            return hmac_is_by(&k->hmac[i], algorithm, input, signature);
    }
    for (size_t i = 0; i < k->n_hmac; i++) {
        if (hmac_is_by(&k->hmac[i], algorithm, input, signature))
            return true;
    }
    return false;
}

static int bad_signature(struct lp_error *err)
{
    return lp_error_set(err, LP_E_DENIED, "token signature is not of one of our keys");
}

/* A kid may stand twice, as two issuers may choose the same. */
static int check_pairs(const struct lp_jwt_keys *k, const char *kid,
                       enum lp_jwt_algorithm algorithm, const struct lp_jwt_part *input,
                       const struct lp_buf *signature, struct lp_error *err)
{
    bool known = false;

    for (size_t i = 0; i < k->n_pairs; i++) {
        const struct lp_jwt_pair *key = &k->pairs[i];
        if (key->algorithm != algorithm || (kid && key->kid[0] && strcmp(key->kid, kid) != 0))
            continue;
        known = true;
        if (lp_jwt_is_signed_by(key, input->text, input->len, signature->ptr, signature->len))
            return 0;
    }
    if (!known)
        return lp_error_set(err, LP_E_NOT_FOUND, "token is signed by a key that we have not");
    return bad_signature(err);
}

static int check_signature(const struct lp_jwt_keys *k, const json_t *header,
                           enum lp_jwt_algorithm algorithm, const struct lp_jwt_part *input,
                           const struct lp_jwt_part *text, struct lp_error *err)
{
    lp_auto_buf struct lp_buf signature = LP_BUF_INIT(LP_JWT_RSA_BITS / 8);
    const char *kid = lp_json_str(header, "kid", NULL);

    if (!lp_base64url_decode(text->text, text->len, &signature))
        return bad_signature(err);
    if (algorithm >= LP_JWT_EDDSA)
        return check_pairs(k, kid, algorithm, input, &signature, err);
    return hmac_is_ours(k, kid, algorithm, input, &signature) ? 0 : bad_signature(err);
}

static int decode_json(const struct lp_jwt_part *p, const char *what, json_t **ret_json,
                       struct lp_error *err)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(MAX_TOKEN);
    json_t *o = NULL;

    if (!lp_base64url_decode(p->text, p->len, &text) ||
        lp_json_parse(text.ptr, text.len, MAX_TOKEN, what, &o, err) < 0)
        return lp_error_set(err, LP_E_DENIED, "%s is not base64url of JSON", what);
    if (!json_is_object(o)) {
        json_decref(o);
        return lp_error_set(err, LP_E_DENIED, "%s is not a JSON object", what);
    }
    *ret_json = o;
    return 0;
}

/* RFC 7515, 4.1.9: a media type whose "application/" may be left away, in any case. */
static bool is_token_type(const json_t *typ)
{
    const char *type = json_string_value(typ);

    if (!type)
        return false;
    if (strncasecmp(type, "application/", 12) == 0)
        type += 12;
    return strcasecmp(type, "JWT") == 0 || strcasecmp(type, "at+jwt") == 0;
}

/* "crit" names extensions that a receiver must understand (RFC 7515, 4.1.11); we know none. */
static int check_header(const struct lp_jwt_keys *k, const json_t *header,
                        enum lp_jwt_algorithm *ret_algorithm, struct lp_error *err)
{
    size_t n = k->foreign ? LP_COUNT(algorithms) : LP_JWT_EDDSA + 1;
    const char *alg = lp_json_str(header, "alg", NULL);
    const json_t *typ = json_object_get(header, "typ");

    if (json_object_get(header, "crit"))
        return lp_error_set(err, LP_E_DENIED, "token header has crit");
    if (typ && !is_token_type(typ))
        return lp_error_set(err, LP_E_DENIED, "token header typ is not JWT or at+jwt");
    for (size_t i = 0; alg && i < n; i++) {
        if (strcmp(alg, algorithms[i]) == 0) {
            *ret_algorithm = (enum lp_jwt_algorithm)i;
            return 0;
        }
    }
    return lp_error_set(err, LP_E_DENIED, "token alg is not HS256, HS384, HS512 or EdDSA%s",
                        k->foreign ? ", ES256 or RS256" : "");
}

static int check_times(const json_t *claims, bool strict, int64_t now_s, int64_t leeway_s,
                       struct lp_error *err)
{
    const json_t *exp = json_object_get(claims, "exp"), *nbf = json_object_get(claims, "nbf");
    double now = (double)now_s, leeway = (double)leeway_s;

    if (strict && !exp)
        return lp_error_set(err, LP_E_DENIED, "token has no exp");
    if (exp && !json_is_number(exp))
        return lp_error_set(err, LP_E_DENIED, "token exp is not a number");
    if (nbf && !json_is_number(nbf))
        return lp_error_set(err, LP_E_DENIED, "token nbf is not a number");
    if (exp && json_number_value(exp) + leeway <= now)
        return lp_error_set(err, LP_E_DENIED, "token has expired");
    if (nbf && json_number_value(nbf) > now + leeway)
        return lp_error_set(err, LP_E_DENIED, "token is not valid yet");
    return 0;
}

static bool holds(const json_t *text_or_list, const char *want)
{
    const json_t *one;
    size_t i;

    if (json_is_string(text_or_list))
        return strcmp(json_string_value(text_or_list), want) == 0;
    json_array_foreach(text_or_list, i, one)
    {
        if (json_is_string(one) && strcmp(json_string_value(one), want) == 0)
            return true;
    }
    return false;
}

static int check_claims(const json_t *claims, const struct lp_jwt_want *want, bool strict,
                        struct lp_error *err)
{
    const json_t *typ = json_object_get(claims, "typ"), *aud = json_object_get(claims, "aud");
    const char *type = json_string_value(typ), *issuer = lp_json_str(claims, "iss", NULL);

    if (want->issuer && !(issuer && strcmp(issuer, want->issuer) == 0))
        return lp_error_set(err, LP_E_DENIED, "token iss is not %s", want->issuer);
    if (want->type && (typ || strict) && !(type && strcmp(type, want->type) == 0))
        return lp_error_set(err, LP_E_DENIED, "token typ is not %s", want->type);
    if (want->audience && (aud || strict) && !holds(aud, want->audience))
        return lp_error_set(err, LP_E_DENIED, "token aud is not %s", want->audience);
    return 0;
}

/* header.payload.signature, each in place; false where there are not exactly three. */
static bool split(const char *token, size_t len, struct lp_jwt_part parts[3])
{
    const char *end = token + len, *dot1 = memchr(token, '.', len);
    const char *dot2 = dot1 ? memchr(dot1 + 1, '.', (size_t)(end - dot1 - 1)) : NULL;

    if (!dot2 || memchr(dot2 + 1, '.', (size_t)(end - dot2 - 1)))
        return false;
    parts[0] = (struct lp_jwt_part){ token, (size_t)(dot1 - token) };
    parts[1] = (struct lp_jwt_part){ dot1 + 1, (size_t)(dot2 - dot1 - 1) };
    parts[2] = (struct lp_jwt_part){ dot2 + 1, (size_t)(end - dot2 - 1) };
    return true;
}

int lp_jwt_read(const struct lp_jwt_keys *k, const char *token, size_t len,
                struct lp_jwt_token *ret_token, struct lp_error *err)
{
    json_auto_t *header = NULL;
    struct lp_jwt_part parts[3];
    struct lp_jwt_token t;

    if (len > MAX_TOKEN)
        return lp_error_set(err, LP_E_DENIED, "token is over %d bytes", MAX_TOKEN);
    if (!split(token, len, parts))
        return lp_error_set(err, LP_E_DENIED, "token has not three parts");
    int r = decode_json(&parts[0], "token header", &header, err);
    if (r == 0)
        r = check_header(k, header, &t.algorithm, err);
    if (r < 0)
        return r;
    t.input = (struct lp_jwt_part){ token, parts[0].len + 1 + parts[1].len };
    t.payload = parts[1];
    t.signature = parts[2];
    t.header = lp_take(header);
    *ret_token = t;
    return 0;
}

int lp_jwt_read_claims(const struct lp_jwt_token *token, const struct lp_jwt_want *want,
                       int64_t now_s, json_t **ret_claims, struct lp_error *err)
{
    json_auto_t *claims = NULL;
    bool strict = want->strict || token->algorithm >= LP_JWT_EDDSA;

    int r = decode_json(&token->payload, "token payload", &claims, err);
    if (r == 0)
        r = check_times(claims, strict, now_s, want->leeway_s, err);
    if (r == 0)
        r = check_claims(claims, want, strict, err);
    if (r == 0)
        *ret_claims = lp_take(claims);
    return r;
}

int lp_jwt_verify(const struct lp_jwt_keys *k, const char *token, size_t len,
                  const struct lp_jwt_want *want, int64_t now_s, json_t **ret_claims,
                  struct lp_error *err)
{
    struct lp_jwt_token t;
    int r = lp_jwt_read(k, token, len, &t, err);

    if (r < 0)
        return r;
    json_auto_t *header = t.header;
    r = check_signature(k, header, t.algorithm, &t.input, &t.signature, err);
    return r < 0 ? r : lp_jwt_read_claims(&t, want, now_s, ret_claims, err);
}

/* ---- signing ---- */

static const struct lp_jwt_pair *signing_key(const struct lp_jwt_keys *k)
{
    for (size_t i = 0; i < k->n_pairs; i++) {
        if (k->pairs[i].private)
            return &k->pairs[i];
    }
    return NULL;
}

static size_t ed25519_sign(EVP_PKEY *key, const struct lp_jwt_part *input,
                           unsigned char ret_signature[LP_JWT_SIGNATURE])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    size_t n = LP_JWT_SIGNATURE;

    if (!md || EVP_DigestSignInit(md, NULL, NULL, NULL, key) != 1 ||
        EVP_DigestSign(md, ret_signature, &n, (const unsigned char *)input->text, input->len) != 1)
        n = 0;
    EVP_MD_CTX_free(md);
    return n;
}

static void add_part(struct lp_buf *token, const json_t *o)
{
    lp_auto_buf struct lp_buf json = LP_BUF_INIT(MAX_TOKEN);

    lp_json_write(o, &json);
    lp_base64url_encode(json.ptr, json.len, token);
    token->overflowed = token->overflowed || json.overflowed;
}

int lp_jwt_sign(const struct lp_jwt_keys *k, const json_t *claims, char **ret_token,
                struct lp_error *err)
{
    lp_auto_buf struct lp_buf token = LP_BUF_INIT(MAX_TOKEN);
    const struct lp_jwt_pair *ed25519 = signing_key(k);
    unsigned char signature[LP_JWT_SIGNATURE];

    if (!json_is_object(claims))
        return lp_error_set(err, LP_E_INVALID, "token claims are not an object");
    if (!ed25519 && k->n_hmac == 0)
        return lp_error_set(err, LP_E_INVALID, "there is no key to sign a token with");
    json_auto_t *header =
        lp_json_make("{s:s, s:s, s:s}", "alg", algorithms[ed25519 ? LP_JWT_EDDSA : LP_JWT_HS256],
                     "kid", ed25519 ? ed25519->kid : k->hmac[0].kid, "typ", "JWT");
    add_part(&token, header);
    lp_buf_char(&token, '.');
    add_part(&token, claims);

    struct lp_jwt_part input = { token.ptr, token.len };
    size_t n = ed25519 ? ed25519_sign(ed25519->key, &input, signature)
                       : digest_of(&k->hmac[0], LP_JWT_HS256, &input, signature);
    if (n == 0)
        return lp_error_set(err, LP_E_INTERNAL, "OpenSSL cannot sign a token");
    lp_buf_char(&token, '.');
    lp_base64url_encode(signature, n, &token);
    if (token.overflowed)
        return lp_error_set(err, LP_E_TOO_LARGE, "token would be over %d bytes", MAX_TOKEN);
    *ret_token = lp_buf_take(&token);
    return 0;
}
