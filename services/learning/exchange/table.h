/* services/learning/exchange/table.h -- rows of separated fields, as RFC 4180 has them and Anki
 * writes them: a field that begins with a quote ends with one, and a quote within is doubled. Pure.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"

#define TABLE_FIELDS 64

/* A text that is read row by row; the fields of the last row are valid until the next. */
struct table {
    const char *at, *end;
    char separator;
    unsigned line;     /* of `at` */
    unsigned row_line; /* where the last row began */
    int n;             /* its fields */
    size_t start[TABLE_FIELDS];
    struct lp_buf text;
};
void table_init(struct table *t, const char *text, size_t len, char separator);
void table_done(struct table *t);
#define auto_table __attribute__((cleanup(table_done)))

/* 1 a row, 0 the end. Empty lines are left out. LP_E_INVALID, LP_E_TOO_LARGE (TABLE_FIELDS,
 * EXCHANGE_LITERAL) with the line. */
LP_MUST_USE int table_next(struct table *t, struct lp_error *err);
/* Of the last row; "" where it has not so many. */
const char *table_field(const struct table *t, int i);

/* Appends a field, quoted where that is needed. */
void table_write(const char *field, char separator, struct lp_buf *b);
