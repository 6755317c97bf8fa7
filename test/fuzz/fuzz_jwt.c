/*
 * test/fuzz/fuzz_jwt.c -- any text is refused, or is a token whose claims can be written and read
 * again. What is read after a good signature is read here without one, as no text finds one by
 * chance and its mathematics are OpenSSL's: the same text as a token, as a header, and as claims.
 * One text of 256, by its own bytes, goes the whole way: signed, verified, signed again.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/base64url.h"
#include "base/buf.h"
#include "base/hash.h"
#include "json/json.h"
#include "service/jwt_parts.h"

#define SECRET "secret-one"
#define HEADER "eyJhbGciOiJIUzI1NiJ9" /* {"alg":"HS256"} */
#define MAX_TEXT 4096
#define NOW 1 /* s */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_claims(const json_t *claims)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 20);
    const json_t *exp = json_object_get(claims, "exp"), *nbf = json_object_get(claims, "nbf");
    json_auto_t *again = NULL;
    struct lp_error err;

    require(json_is_object(claims));
    require(!exp || json_number_value(exp) > NOW);
    require(!nbf || json_number_value(nbf) <= NOW);
    lp_json_write(claims, &text);
    require(lp_json_parse(text.ptr, text.len, 1 << 20, "claims", &again, &err) == 0);
    require(json_equal(claims, again));
}

/* As lp_jwt_verify, but for the signature. */
static void try_unsigned(const struct lp_jwt_keys *keys, const char *text, size_t len)
{
    const struct lp_jwt_want *wants[] = { &lp_jwt_access, &lp_jwt_refresh };
    struct lp_jwt_token token;
    struct lp_error err;

    if (lp_jwt_read(keys, text, len, &token, &err) < 0)
        return;
    require(token.input.text == text && token.input.len < len);
    require(token.payload.text > text && token.payload.text + token.payload.len <= text + len);
    require(token.signature.text + token.signature.len == text + len);
    for (size_t i = 0; i < LP_COUNT(wants); i++) {
        json_auto_t *claims = NULL;
        if (lp_jwt_read_claims(&token, wants[i], NOW, &claims, &err) == 0)
            check_claims(claims);
    }
    json_decref(token.header);
}

static void try_token(const struct lp_jwt_keys *keys, const char *text, size_t len)
{
    lp_auto_free char *token = NULL;
    json_auto_t *claims = NULL;
    struct lp_error err;

    if (lp_jwt_verify(keys, text, len, &lp_jwt_access, NOW, &claims, &err) < 0)
        return;
    check_claims(claims);
    require(lp_jwt_sign(keys, claims, &token, &err) == 0 || err.code == LP_E_TOO_LARGE);
}

/* `t` is "header.claims" and gets its signature. */
static void try_signed(const struct lp_jwt_keys *keys, struct lp_buf *t)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    require(HMAC(EVP_sha256(), SECRET, (int)strlen(SECRET), (const unsigned char *)t->ptr, t->len,
                 mac, &n) != NULL);
    lp_buf_char(t, '.');
    lp_base64url_encode(mac, n, t);
    if (!t->overflowed)
        try_token(keys, t->ptr, t->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lp_jwt_keys *keys;
    lp_auto_buf struct lp_buf claims = LP_BUF_INIT(16384), header = LP_BUF_INIT(16384);
    struct lp_error err;

    if (!keys)
        require(lp_jwt_keys_new(SECRET ",secret-two", &keys, &err) == 0 &&
                lp_jwt_keys_add_private(keys, "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
                                        &err) == 0);
    try_unsigned(keys, (const char *)data, size);
    if (size > MAX_TEXT)
        return 0;
    lp_buf_str(&claims, HEADER ".");
    lp_base64url_encode(data, size, &claims);
    lp_base64url_encode(data, size, &header);
    lp_buf_str(&header, ".e30");
    if (lp_hash_bytes(LP_HASH_START, data, size) % 256 == 0) {
        try_token(keys, (const char *)data, size);
        try_signed(keys, &claims);
        try_signed(keys, &header);
        return 0;
    }
    lp_buf_char(&claims, '.');
    lp_buf_char(&header, '.');
    try_unsigned(keys, claims.ptr, claims.len);
    try_unsigned(keys, header.ptr, header.len);
    return 0;
}
