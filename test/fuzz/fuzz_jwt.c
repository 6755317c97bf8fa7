/* test/fuzz/fuzz_jwt.c -- any text is refused, or is a token whose claims can be signed again; the
 * same text as header and claims under a good signature, as most of what is read comes after it. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/base64url.h"
#include "base/buf.h"
#include "service/jwt.h"

#define SECRET "secret-one"
#define HEADER "eyJhbGciOiJIUzI1NiJ9" /* {"alg":"HS256"} */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_token(const struct lp_jwt_keys *keys, const char *text, size_t len)
{
    lp_auto_free char *token = NULL;
    json_auto_t *claims = NULL;
    struct lp_error err;

    if (lp_jwt_verify(keys, text, len, &lp_jwt_access, 1, &claims, &err) < 0)
        return;
    if (!json_is_object(claims) ||
        (lp_jwt_sign(keys, claims, &token, &err) < 0 && err.code != LP_E_TOO_LARGE))
        abort();
}

/* `t` is "header.claims" and gets its signature. */
static void try_signed(const struct lp_jwt_keys *keys, struct lp_buf *t)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (!HMAC(EVP_sha256(), SECRET, (int)strlen(SECRET), (const unsigned char *)t->ptr, t->len, mac,
              &n))
        abort();
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

    if (!keys &&
        (lp_jwt_keys_new(SECRET ",secret-two", &keys, &err) < 0 ||
         lp_jwt_keys_add_private(keys, "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A", &err) < 0))
        abort();
    try_token(keys, (const char *)data, size);
    if (size > 4096)
        return 0;
    lp_buf_str(&claims, HEADER ".");
    lp_base64url_encode(data, size, &claims);
    try_signed(keys, &claims);
    lp_base64url_encode(data, size, &header);
    lp_buf_str(&header, ".e30");
    try_signed(keys, &header);
    return 0;
}
