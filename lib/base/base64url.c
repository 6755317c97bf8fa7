/* lib/base/base64url.c -- base64url without padding. No state. */
#include "base/base64url.h"

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool lp_base64url_decode(const char *text, size_t n, struct lp_buf *out)
{
    unsigned bits = 0;
    int n_bits = 0;

    if (n % 4 == 1)
        return false;
    for (size_t i = 0; i < n; i++) {
        int v = value_of(text[i]);
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

void lp_base64url_encode(const void *bytes, size_t n, struct lp_buf *out)
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
