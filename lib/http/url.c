/* lib/http/url.c -- percent-encoding (RFC 3986, section 2). No state, any thread. */
#include "http/url.h"

#include <string.h>

static bool is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void put_encoded(struct lp_buf *b, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";

    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (is_unreserved(c)) {
            lp_buf_char(b, *text);
        } else {
            lp_buf_char(b, '%');
            lp_buf_char(b, digits[c >> 4]);
            lp_buf_char(b, digits[c & 15]);
        }
    }
}

void lp_url_segment(struct lp_buf *b, const char *segment)
{
    lp_buf_char(b, '/');
    put_encoded(b, segment);
}

void lp_url_query(struct lp_buf *b, const char *key, const char *value)
{
    if (!value)
        return;
    lp_buf_char(b, memchr(b->ptr, '?', b->len) ? '&' : '?');
    put_encoded(b, key);
    lp_buf_char(b, '=');
    put_encoded(b, value);
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool lp_url_decode(const char *text, size_t n, bool plus, struct lp_buf *out)
{
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (c == '%') {
            int high = n - i > 2 ? hex(text[i + 1]) : -1;
            int low = high >= 0 ? hex(text[i + 2]) : -1;
            if (low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (c == '\0')
            return false;
        lp_buf_char(out, c);
    }
    return true;
}
