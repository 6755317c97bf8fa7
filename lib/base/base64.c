/* lib/base/base64.c -- base64 by way of base64url: two characters differ, and the padding. No
 * state. */
#include "base/base64.h"

#include <string.h>

#include "base/alloc.h"
#include "base/base64url.h"

/* The characters that count, as base64url has them; how many '=' follow. */
static bool normalize(const char *text, size_t n, struct lp_buf *plain, size_t *ret_padding)
{
    *ret_padding = 0;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (c == '+')
            c = '-';
        else if (c == '/')
            c = '_';
        else if (c == '-' || c == '_')
            return false; /* of the other alphabet */
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            continue;
        if (c == '=')
            ++*ret_padding;
        else if (*ret_padding > 0)
            return false;
        else
            lp_buf_char(plain, c);
    }
    return true;
}

bool lp_base64_decode(const char *text, size_t n, struct lp_buf *out)
{
    lp_auto_buf struct lp_buf plain = LP_BUF_INIT(n);
    size_t padding;

    return normalize(text, n, &plain, &padding) && padding <= 2 && (plain.len + padding) % 4 == 0 &&
           lp_base64url_decode(plain.ptr, plain.len, out);
}

char *lp_base64_text(const char *text)
{
    size_t n = strlen(text);
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(n);

    if (!lp_base64_decode(text, n, &out) || out.overflowed || strlen(out.ptr) != out.len)
        return NULL;
    return lp_buf_take(&out);
}

void lp_base64_encode(const void *bytes, size_t n, struct lp_buf *out)
{
    size_t start = out->len;

    lp_base64url_encode(bytes, n, out);
    for (char *c = out->ptr + start; *c; c++)
        if (*c == '-' || *c == '_')
            *c = *c == '-' ? '+' : '/';
    lp_buf_str(out, n % 3 == 1 ? "==" : n % 3 == 2 ? "=" : "");
}

char *lp_base64_of(const char *text)
{
    size_t n = strlen(text);
    lp_auto_buf struct lp_buf out = LP_BUF_INIT((n + 2) / 3 * 4);

    lp_base64_encode(text, n, &out);
    return lp_buf_take(&out);
}
