/* No state; any thread. */
#include "postgres/rows.h"

#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int lp_rows_run(struct lp_db *db, const struct lp_db_statement *s, const char *const *params,
                unsigned long *ret_n, struct lp_error *err)
{
    PGresult *result = NULL;
    int r = lp_db_run(db, s, params, &result, err);
    if (r < 0)
        return r;
    if (ret_n)
        *ret_n = strtoul(PQcmdTuples(result), NULL, 10);
    PQclear(result);
    return 0;
}

int lp_rows_first(struct lp_db *db, const struct lp_db_statement *s, const char *const *params,
                  int missing, PGresult **ret_row, struct lp_error *err)
{
    PGresult *row = NULL;
    int r = lp_db_run(db, s, params, &row, err);
    if (r < 0)
        return r;
    if (PQntuples(row) == 0) {
        PQclear(row);
        return lp_error_set(err, missing, "%s: no such row", s->name);
    }
    *ret_row = row;
    return 0;
}

int lp_rows_value(struct lp_db *db, const struct lp_db_statement *s, const char *const *params,
                  char *ret_value, size_t size, struct lp_error *err)
{
    PGresult *row = NULL;
    int r = lp_db_run(db, s, params, &row, err);
    if (r < 0)
        return r;
    snprintf(ret_value, size, "%s", PQntuples(row) > 0 ? PQgetvalue(row, 0, 0) : "");
    PQclear(row);
    return 0;
}

const char *lp_rows_text(const PGresult *result, int row, int column)
{
    bool there = column < PQnfields(result) && !PQgetisnull(result, row, column);
    return there ? PQgetvalue(result, row, column) : NULL;
}

/* Big-endian, as PostgreSQL sends them (54.1, binary representations). */
static uint64_t bits_of(const char *bytes, int n)
{
    uint64_t bits = 0;
    for (int i = 0; i < n && i < 8; i++)
        bits = bits << 8 | (unsigned char)bytes[i];
    return bits;
}

long long lp_rows_number(const PGresult *result, int row, int column)
{
    const char *text = lp_rows_text(result, row, column);
    if (!text)
        return 0;
    if (PQfformat(result, column) == 0)
        return strtoll(text, NULL, 10);
    int n = PQgetlength(result, row, column);
    uint64_t bits = bits_of(text, n);
    return n == 8 ? (int64_t)bits : n == 4 ? (int32_t)bits : n == 2 ? (int16_t)bits : 0;
}

double lp_rows_real(const PGresult *result, int row, int column)
{
    const char *text = lp_rows_text(result, row, column);
    double value = 0;
    if (!text)
        return 0;
    if (PQfformat(result, column) == 0)
        return strtod(text, NULL);
    uint64_t bits = bits_of(text, PQgetlength(result, row, column));
    if (PQgetlength(result, row, column) == sizeof value)
        memcpy(&value, &bits, sizeof value);
    return value;
}
