/* services/learning/database/numbers.h -- rows of numbers as text, for columns that nobody searches
 * by. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

/* Separated by spaces, with 9 digits. */
void numbers_write(const double *values, int n, struct lp_buf *b);
/* False where there are not exactly `n`, or `text` is NULL. */
bool numbers_read(const char *text, int n, double *ret_values);
