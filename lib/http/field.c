/* lib/http/field.c -- what a header field may consist of. No state, any thread. */
#include "http/field.h"

#include <stdint.h>
#include <string.h>

bool lp_http_is_token(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        bool common =
            (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-';
        if (!common && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return n > 0;
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* One of eight bytes is below 0x20, or 0x7f: the highest bit of x - 0x20 is set where x is below,
 * and that of x itself is not; so with x ^ 0x7f, which must be below 1. */
static bool has_control(uint64_t x)
{
    uint64_t y = x ^ EACH(0x7f);

    return ((((x - EACH(0x20)) & ~x) | ((y - EACH(1)) & ~y)) & EACH(0x80)) != 0;
}

/* Eight bytes at a time, as a head has hundreds: of a proxied request 1,300 instructions in place
 * of 3,600. */
bool lp_http_is_field_value(const char *s, size_t n)
{
    uint64_t eight;
    size_t i = 0;

    while (i < n) {
        if (n - i >= sizeof eight) {
            memcpy(&eight, s + i, sizeof eight);
            if (!has_control(eight)) {
                i += sizeof eight;
                continue;
            }
        }
        unsigned char c = (unsigned char)s[i++];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}
