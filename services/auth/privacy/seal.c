/* services/auth/privacy/seal.c -- see seal.h. OpenSSL's EVP; no state. */
#include "services/auth/privacy/seal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"

#define VERSION 1
#define TAG 16

static void auto_cipher_free(EVP_CIPHER_CTX **c)
{
    EVP_CIPHER_CTX_free(*c);
}
#define auto_cipher __attribute__((cleanup(auto_cipher_free)))

static void add_hex(struct lp_buf *out, const unsigned char *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        const char two[] = { digits[bytes[i] >> 4], digits[bytes[i] & 15], '\0' };
        lp_buf_str(out, two);
    }
}

#define PLACE_MAX 128

/* A place as bytes: no two places have the same, as neither part has a line end. How many. */
static int write_place(struct seal_place place, char out[PLACE_MAX])
{
    int n =
        snprintf(out, PLACE_MAX, "lp-auth personal %d\n%s\n%s", VERSION, place.user, place.column);
    return n < PLACE_MAX ? n : PLACE_MAX - 1;
}

static bool start(EVP_CIPHER_CTX *c, const unsigned char key[SEAL_KEY],
                  const unsigned char nonce[SEAL_NONCE], struct seal_place place, bool encrypt)
{
    char aad[PLACE_MAX];
    int n = write_place(place, aad), done;
    return c && EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce, encrypt) == 1 &&
           EVP_CipherUpdate(c, NULL, &done, (const unsigned char *)aad, n) == 1;
}

int seal_with(const unsigned char key[SEAL_KEY], const unsigned char nonce[SEAL_NONCE],
              struct seal_place place, const void *text, size_t n, struct lp_buf *out,
              struct lp_error *err)
{
    unsigned char sealed[SEAL_MAX], tag[TAG];
    const unsigned char version = VERSION;
    int done = 0, rest = 0;
    if (n > SEAL_MAX)
        return lp_error_set(err, LP_E_TOO_LARGE, "%s: %zu bytes, at most %d are sealed",
                            place.column, n, SEAL_MAX);
    auto_cipher EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    if (!start(c, key, nonce, place, true) ||
        EVP_CipherUpdate(c, sealed, &done, text, (int)n) != 1 ||
        EVP_CipherFinal_ex(c, sealed + done, &rest) != 1 ||
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG, tag) != 1)
        return lp_error_set(err, LP_E_INTERNAL, "%s: not sealed", place.column);
    add_hex(out, &version, 1);
    add_hex(out, nonce, SEAL_NONCE);
    add_hex(out, sealed, n);
    add_hex(out, tag, TAG);
    return 0;
}

int seal_text(const unsigned char key[SEAL_KEY], struct seal_place place, const void *text,
              size_t n, struct lp_buf *out, struct lp_error *err)
{
    unsigned char nonce[SEAL_NONCE];
    if (RAND_bytes(nonce, sizeof nonce) != 1)
        return lp_error_set(err, LP_E_INTERNAL, "%s: no random bytes", place.column);
    return seal_with(key, nonce, place, text, n, out, err);
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False for anything but whole bytes of lower case digits. */
static bool read_hex(const char *hex, size_t n, unsigned char *out)
{
    for (size_t i = 0; i < n; i++) {
        int high = digit(hex[2 * i]), low = high < 0 ? -1 : digit(hex[2 * i + 1]);
        if (low < 0)
            return false;
        out[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

int seal_open(const unsigned char key[SEAL_KEY], struct seal_place place, const char *hex,
              struct lp_buf *out, struct lp_error *err)
{
    unsigned char bytes[SEAL_MAX + SEAL_EXTRA], text[SEAL_MAX + 1];
    size_t n = strlen(hex) / 2;
    int done = 0, rest = 0;
    if (strlen(hex) % 2 != 0 || n < SEAL_EXTRA || n > sizeof bytes || !read_hex(hex, n, bytes) ||
        bytes[0] != VERSION)
        return lp_error_set(err, LP_E_INVALID, "%s: no sealed text", place.column);
    unsigned char *sealed = bytes + 1 + SEAL_NONCE, *tag = bytes + n - TAG;
    auto_cipher EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    if (!start(c, key, bytes + 1, place, false) ||
        EVP_CipherUpdate(c, text, &done, sealed, (int)(n - SEAL_EXTRA)) != 1 ||
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG, tag) != 1 ||
        EVP_CipherFinal_ex(c, text + done, &rest) != 1) {
        OPENSSL_cleanse(text, sizeof text);
        return lp_error_set(err, LP_E_DENIED, "%s: does not open", place.column);
    }
    lp_buf_add(out, text, (size_t)done);
    OPENSSL_cleanse(text, sizeof text);
    return 0;
}

static void mac_hex(const unsigned char key[SEAL_KEY], const char *text, size_t bytes, char *ret)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    struct lp_buf out = LP_BUF_INIT(2 * EVP_MAX_MD_SIZE + 1);
    unsigned n = 0;
    HMAC(EVP_sha256(), key, SEAL_KEY, (const unsigned char *)text, strlen(text), mac, &n);
    add_hex(&out, mac, bytes);
    memcpy(ret, out.ptr, out.len + 1);
    lp_buf_done(&out);
}

void seal_lookup(const unsigned char key[SEAL_KEY], const char *email, char ret_hex[SEAL_LOOKUP])
{
    lp_auto_free char *lower = lp_strdup(email);
    for (char *c = lower; *c; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
    mac_hex(key, lower, 32, ret_hex);
}

void seal_name_key(const unsigned char key[SEAL_KEY], char ret_id[SEAL_ID])
{
    mac_hex(key, "lp-auth master key", 8, ret_id);
}

void seal_make_uuid(char ret_id[SEAL_UUID])
{
    unsigned char r[16];
    if (getrandom(r, sizeof r, 0) != (ssize_t)sizeof r)
        abort(); /* cannot fail for 16 bytes once the system is up */
    r[6] = (unsigned char)((r[6] & 0x0f) | 0x40);
    r[8] = (unsigned char)((r[8] & 0x3f) | 0x80);
    snprintf(ret_id, SEAL_UUID,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", r[0], r[1],
             r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14],
             r[15]);
}
