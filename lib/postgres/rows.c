/* No state; any thread. */
#include "postgres/rows.h"

#include <stdio.h>
#include <stdlib.h>

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

long long lp_rows_number(const PGresult *result, int row, int column)
{
    const char *text = lp_rows_text(result, row, column);
    return text ? strtoll(text, NULL, 10) : 0;
}
