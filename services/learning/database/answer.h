/* services/learning/database/answer.h -- JSON that the server makes, sent on as it is. */
#pragma once

#include <libpq-fe.h>

#include "base/buf.h"
#include "base/error.h"
#include "postgres/db.h"

/* Appends the first value of the first row of `row`, which stays the caller's. LP_E_TOO_LARGE where
 * it does not fit. */
LP_MUST_USE int answer_take(const struct lp_db_statement *s, const PGresult *row,
                            struct lp_buf *ret_json, struct lp_error *err);

/* Runs a statement and appends that value; LP_E_NOT_FOUND where there is no row, errors of
 * lp_db_run. */
LP_MUST_USE int answer_read(struct lp_db *db, const struct lp_db_statement *s,
                            const char *const *params, struct lp_buf *ret_json,
                            struct lp_error *err);
