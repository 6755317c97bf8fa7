/* lib/base/utf8.c -- the table of RFC 3629, section 4, as ranges of the second byte. No state. */
#include "base/utf8.h"

#include <stddef.h>

/* Bytes of the valid sequence at `s`, 0 where there is none. Reads no further than a NUL. */
static size_t sequence(const unsigned char *s)
{
    unsigned char low = 0x80, high = 0xbf;
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

    if (n <= 1 || s[0] > 0xf4)
        return n == 1;
    if (s[0] == 0xe0)
        low = 0xa0;
    else if (s[0] == 0xed)
        high = 0x9f;
    else if (s[0] == 0xf0)
        low = 0x90;
    else if (s[0] == 0xf4)
        high = 0x8f;
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

void lp_utf8_repair(char *text)
{
    while (*text) {
        size_t n = sequence((const unsigned char *)text);
        if (n == 0)
            *text = '?';
        text += n ? n : 1;
    }
}
