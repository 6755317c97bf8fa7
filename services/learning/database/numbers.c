/* services/learning/database/numbers.c -- see numbers.h. No state. */
#include "services/learning/database/numbers.h"

#include <stdlib.h>

void numbers_write(const double *values, int n, struct lp_buf *b)
{
    for (int i = 0; i < n; i++)
        lp_buf_printf(b, i > 0 ? " %.9g" : "%.9g", values[i]);
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
