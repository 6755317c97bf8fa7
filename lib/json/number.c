/* lib/json/number.c -- numbers as JavaScript writes them (ECMA-262, 6.1.6.1.20). No state. */
#include "json/number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The digits and the place of the point of v > 0: 0.DIGITS times 10 to the `ret_point`. What 15
 * digits (DBL_DIG) tell is the same as what the fewest do, and zeros; not so where v has less than
 * all its bits. */
static int shortest(double v, char digits[LP_NUMBER_TEXT], int *ret_point)
{
    char text[LP_NUMBER_TEXT];
    int n = 0;

    for (int precision = v < DBL_MIN ? 0 : DBL_DIG - 1; precision <= 16; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, v);
        if (strtod(text, NULL) == v)
            break;
    }
    const char *at = text;
    for (; *at != 'e'; at++) {
        if (*at != '.')
            digits[n++] = *at;
    }
    while (n > 1 && digits[n - 1] == '0')
        n--;
    digits[n] = '\0';
    *ret_point = (int)strtol(at + 1, NULL, 10) + 1;
    return n;
}

static void write_digits(const char *digits, int n, int point, char *out, size_t room)
{
    if (n <= point && point <= 21) {
        snprintf(out, room, "%s%.*s", digits, point - n, "000000000000000000000");
    } else if (0 < point && point <= 21) {
        snprintf(out, room, "%.*s.%s", point, digits, digits + point);
    } else if (-6 < point && point <= 0) {
        snprintf(out, room, "0.%.*s%s", -point, "000000", digits);
    } else {
        snprintf(out, room, "%c%s%se%+d", digits[0], n > 1 ? "." : "", digits + 1, point - 1);
    }
}

void lp_number_text(double v, char ret_text[LP_NUMBER_TEXT])
{
    char digits[LP_NUMBER_TEXT];
    int point;

    if (isnan(v)) {
        snprintf(ret_text, LP_NUMBER_TEXT, "NaN");
        return;
    }
    if (v == 0) { /* -0 too */
        snprintf(ret_text, LP_NUMBER_TEXT, "0");
        return;
    }
    size_t sign = v < 0;
    if (sign)
        ret_text[0] = '-';
    if (isinf(v)) {
        snprintf(ret_text + sign, LP_NUMBER_TEXT - sign, "Infinity");
        return;
    }
    int n = shortest(fabs(v), digits, &point);
    write_digits(digits, n, point, ret_text + sign, LP_NUMBER_TEXT - sign);
}

void lp_json_number_text(const json_t *number, char ret_text[LP_NUMBER_TEXT])
{
    lp_number_text(json_number_value(number), ret_text);
}
