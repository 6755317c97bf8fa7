/* services/learning/database/numbers.c -- see numbers.h. No state. */
#include "services/learning/database/numbers.h"

#include <math.h>
#include <stdlib.h>

/* Most features are. */
static bool is_digit(double v)
{
    return v >= 0 && v < 10 && v == (int)v && !signbit(v);
}

void numbers_write(const double *values, int n, struct lp_buf *b)
{
    for (int i = 0; i < n; i++) {
        if (i > 0)
            lp_buf_char(b, ' ');
        if (is_digit(values[i]))
            lp_buf_char(b, (char)('0' + (int)values[i]));
        else
            lp_buf_printf(b, "%.9g", values[i]);
    }
}

bool numbers_read(const char *text, int n, double *ret_values)
{
    for (int i = 0; text && i < n; i++) {
        char *end = NULL;
        ret_values[i] = strtod(text, &end);
        if (end == text)
            return false;
        text = end;
    }
    return text && *text == '\0';
}
