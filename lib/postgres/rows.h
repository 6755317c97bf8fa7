/* lib/postgres/rows.h -- what the store_*.c share: running a statement, reading a row. */
#pragma once

#include <libpq-fe.h>

#include "base/error.h"
#include "postgres/db.h"

#define LP_ROWS_UUID 37 /* bytes of a uuid's text, with the NUL */

/* A time as JavaScript's toISOString() writes it. */
#define LP_ROWS_TIME(column) \
    "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
/* A parameter in milliseconds from now. */
#define LP_ROWS_LATER(parameter) "now() + " parameter "::bigint * interval '1 millisecond'"

/* Runs a statement whose rows nobody wants; how many it touched or gave. Errors of lp_db_run. */
LP_MUST_USE int lp_rows_run(struct lp_db *db, const struct lp_db_statement *s,
                            const char *const *params, unsigned long *ret_n, struct lp_error *err);

/* The first row, the caller's (PQclear); `missing` where there is none. Errors of lp_db_run. */
LP_MUST_USE int lp_rows_first(struct lp_db *db, const struct lp_db_statement *s,
                              const char *const *params, int missing, PGresult **ret_row,
                              struct lp_error *err);

/* The first value of the first row, "" where no row came, cut to `size`. Errors of lp_db_run. */
LP_MUST_USE int lp_rows_value(struct lp_db *db, const struct lp_db_statement *s,
                              const char *const *params, char *ret_value, size_t size,
                              struct lp_error *err);

/* A value of a row; NULL for SQL's NULL and for a column that was not asked for. */
const char *lp_rows_text(const PGresult *result, int row, int column);
/* The same as a number; 0 for NULL. Columns that came in binary are int2, int4 and int8. */
long long lp_rows_number(const PGresult *result, int row, int column);
/* The same of float8. */
double lp_rows_real(const PGresult *result, int row, int column);
