/* services/auth/database/rows.h -- what the store_*.c share: running a statement, reading a row. */
#pragma once

#include <libpq-fe.h>

#include "base/error.h"
#include "services/auth/database/db.h"

#define ROWS_UUID 37 /* bytes of a uuid's text, with the NUL */

/* A time as JavaScript's toISOString() writes it. */
#define ROWS_TIME(column) \
    "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
/* A parameter in milliseconds from now. */
#define ROWS_LATER(parameter) "now() + " parameter "::bigint * interval '1 millisecond'"

/* Runs a statement whose rows nobody wants; how many it touched or gave. Errors of db_run. */
LP_MUST_USE int rows_run(struct db *db, const struct db_statement *s, const char *const *params,
                         unsigned long *ret_n, struct lp_error *err);

/* The first row, the caller's (PQclear); `missing` where there is none. Errors of db_run. */
LP_MUST_USE int rows_first(struct db *db, const struct db_statement *s, const char *const *params,
                           int missing, PGresult **ret_row, struct lp_error *err);

/* The first value of the first row, "" where no row came, cut to `size`. Errors of db_run. */
LP_MUST_USE int rows_value(struct db *db, const struct db_statement *s, const char *const *params,
                           char *ret_value, size_t size, struct lp_error *err);

/* A value of a row; NULL for SQL's NULL and for a column that was not asked for. */
const char *rows_text(const PGresult *result, int row, int column);
/* The same as a number; 0 for NULL. */
long long rows_number(const PGresult *result, int row, int column);
