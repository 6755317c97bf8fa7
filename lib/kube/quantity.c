/* lib/kube/quantity.c -- apimachinery's resource.Quantity grammar: a decimal number and one suffix,
 * in 128-bit arithmetic so that nothing is lost before the rounding. No state, any thread. */
#include "kube/quantity.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

__extension__ typedef unsigned __int128 wide;

/* Digits that can matter: 18 before the point fill INT64_MAX / 1000, the rest only rounds. */
#define MAX_DIGITS 27

/* Value = digits / 10^scale; `rest` where non-zero digits were left out. */
struct number {
    wide digits;
    int scale;
    bool rest;
};

/* Moves past the number; false where there is no digit or too many before the point. */
static bool read_number(const char **at, struct number *n)
{
    bool point = false, any = false;
    int kept = 0;

    for (;; (*at)++) {
        char c = **at;
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9')
            return any;
        any = true;
        if (kept == MAX_DIGITS && !point)
            return false;
        if (kept == MAX_DIGITS) {
            n->rest |= c != '0';
            continue;
        }
        n->digits = n->digits * 10 + (unsigned)(c - '0');
        n->scale += point;
        kept += n->digits > 0;
    }
}

/* "e3", "E-2": a decimal exponent of at most two digits. */
static bool read_exponent(const char *s, int *ret_power)
{
    int sign = 1, n = 0;

    s++;
    if (*s == '+' || *s == '-')
        sign = *s++ == '-' ? -1 : 1;
    for (; *s >= '0' && *s <= '9' && n < 100; s++)
        n = n * 10 + (*s - '0');
    if (*s || s[-1] < '0' || s[-1] > '9' || n >= 100)
        return false;
    *ret_power = sign * n;
    return true;
}

/* A suffix to a power of ten or of two. */
static bool read_suffix(const char *s, int *ret_ten, int *ret_two)
{
    static const struct {
        const char *text;
        int ten, two;
    } table[] = {
        { "", 0, 0 },    { "n", -9, 0 },  { "u", -6, 0 },  { "m", -3, 0 },
        { "k", 3, 0 },   { "M", 6, 0 },   { "G", 9, 0 },   { "T", 12, 0 },
        { "P", 15, 0 },  { "E", 18, 0 },  { "Ki", 0, 10 }, { "Mi", 0, 20 },
        { "Gi", 0, 30 }, { "Ti", 0, 40 }, { "Pi", 0, 50 }, { "Ei", 0, 60 },
    };
    for (size_t i = 0; i < LP_COUNT(table); i++) {
        if (strcmp(s, table[i].text) == 0) {
            *ret_ten = table[i].ten;
            *ret_two = table[i].two;
            return true;
        }
    }
    *ret_two = 0;
    return (*s == 'e' || *s == 'E') && read_exponent(s, ret_ten);
}

/* n * 10^ten * 2^two in milli units, rounded up; false over INT64_MAX. */
static bool to_milli(struct number n, int ten, int two, int64_t *ret_milli)
{
    int power = ten + 3 - n.scale;
    bool up = n.rest;

    for (; two > 0 && n.digits; two--) {
        if (n.digits >> 126)
            return false;
        n.digits *= 2;
    }
    for (; power > 0 && n.digits; power--) {
        if (n.digits > (wide)INT64_MAX)
            return false;
        n.digits *= 10;
    }
    for (; power < 0 && n.digits; power++) {
        up |= n.digits % 10 != 0;
        n.digits /= 10;
    }
    if (n.digits >= (wide)INT64_MAX)
        return false;
    *ret_milli = (int64_t)n.digits + up;
    return true;
}

int lp_quantity_parse(const char *text, int64_t *ret_milli, struct lp_error *err)
{
    struct number n = { 0, 0, false };
    const char *at = text + (*text == '+');
    int ten = 0, two = 0;

    if (*text == '-')
        return lp_error_set(err, LP_E_INVALID, "quantity \"%.40s\": must not be negative", text);
    if (!read_number(&at, &n) || !read_suffix(at, &ten, &two))
        return lp_error_set(err, LP_E_INVALID,
                            "quantity \"%.40s\": must be a number such as 2, 0.5, 250m or 128Mi",
                            text);
    if (!to_milli(n, ten, two, ret_milli))
        return lp_error_set(err, LP_E_INVALID, "quantity \"%.40s\": must be at most %" PRId64, text,
                            INT64_MAX / 1000);
    return 0;
}

/* Without printf: an adapter's answer has a thousand of them. */
void lp_quantity_format(int64_t milli, char ret_text[LP_QUANTITY_TEXT])
{
    char digits[LP_QUANTITY_TEXT];
    bool whole = milli % 1000 == 0;
    int64_t number = whole ? milli / 1000 : milli;
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    size_t i = sizeof digits;

    digits[--i] = '\0';
    if (!whole)
        digits[--i] = 'm';
    do
        digits[--i] = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (number < 0)
        digits[--i] = '-';
    memcpy(ret_text, digits + i, sizeof digits - i);
}
