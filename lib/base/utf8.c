/* lib/base/utf8.c -- the table of RFC 3629, section 4, as ranges of the second byte. No state. */
#include "base/utf8.h"

#include <string.h>

size_t lp_utf8_sequence(const char *text, size_t n)
{
    const unsigned char *s = (const unsigned char *)text;
    unsigned char low = 0x80, high = 0xbf;

    if (n == 0)
        return 0;
    size_t want = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (want <= 1)
        return want;
    if (s[0] > 0xf4 || n < want)
        return 0;
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
    for (size_t i = 2; i < want; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return want;
}

void lp_utf8_repairn(char *text, size_t n)
{
    for (size_t at = 0, step; at < n; at += step) {
        step = lp_utf8_sequence(text + at, n - at);
        if (step == 0) {
            text[at] = '?';
            step = 1;
        }
    }
}

void lp_utf8_repair(char *text)
{
    lp_utf8_repairn(text, strlen(text));
}
