/* services/ai-feedback/text/distance.c -- the dynamic programme within a band around the diagonal
 * that doubles until the answer lies inside it. No state. */
#include "services/ai-feedback/text/distance.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/alloc.h"

size_t distance_length(const char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)text[i] & 0xc0) != 0x80;
    return n;
}

/* Code points of a text, owned by the caller. */
static uint32_t *decode(const char *text, size_t len, size_t *ret_n)
{
    uint32_t *out = lp_calloc(len + 1, sizeof *out);
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c & 0xc0) != 0x80)
            out[n++] = c;
        else if (n > 0)
            out[n - 1] = out[n - 1] << 6 | (c & 0x3f); /* distinct for distinct characters */
    }
    *ret_n = n;
    return out;
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* The distance, or more than `band` where it is more. `row` has room for bn + 1. */
static size_t within(const uint32_t *a, size_t an, const uint32_t *b, size_t bn, size_t band,
                     size_t *row)
{
    const size_t far = an + bn + 1;

    for (size_t j = 0; j <= bn; j++)
        row[j] = j <= band ? j : far;
    for (size_t i = 1; i <= an; i++) {
        size_t from = i > band ? i - band : 0, to = i + band < bn ? i + band : bn;
        size_t diagonal = from > 0 ? row[from - 1] : row[0];
        if (from == 0)
            row[0] = i;
        else
            row[from - 1] = far;
        for (size_t j = from > 0 ? from : 1; j <= to; j++) {
            size_t above = row[j];
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
        if (to < bn)
            row[to + 1] = far;
    }
    return row[bn];
}

size_t distance_characters(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t an, bn;
    lp_auto_free uint32_t *ac = decode(a, a_len, &an);
    lp_auto_free uint32_t *bc = decode(b, b_len, &bn);
    const uint32_t *from = ac, *other = bc;

    for (; an > 0 && bn > 0 && *from == *other; an--, bn--, from++, other++)
        ; /* what both begin and end with costs nothing */
    for (; an > 0 && bn > 0 && from[an - 1] == other[bn - 1]; an--, bn--)
        ;
    if (an == 0 || bn == 0)
        return an + bn;
    lp_auto_free size_t *row = lp_calloc(bn + 2, sizeof *row);
    size_t band = an > bn ? an - bn : bn - an;

    for (band = band < 8 ? 8 : band;; band *= 2) {
        size_t d = within(from, an, other, bn, band, row);
        if (d <= band || band >= an + bn)
            return d;
    }
}
