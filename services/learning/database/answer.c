/* services/learning/database/answer.c -- see answer.h. No state. */
#include "services/learning/database/answer.h"

#include "postgres/rows.h"

int answer_take(const struct lp_db_statement *s, const PGresult *row, struct lp_buf *ret_json,
                struct lp_error *err)
{
    lp_buf_str(ret_json, lp_rows_text(row, 0, 0));
    return ret_json->overflowed ? lp_error_set(err, LP_E_TOO_LARGE, "%s: more than %zu bytes",
                                               s->name, ret_json->max)
                                : 0;
}

int answer_read(struct lp_db *db, const struct lp_db_statement *s, const char *const *params,
                struct lp_buf *ret_json, struct lp_error *err)
{
    PGresult *row = NULL;
    int r = lp_rows_first(db, s, params, LP_E_NOT_FOUND, &row, err);
    if (r == 0)
        r = answer_take(s, row, ret_json, err);
    PQclear(row);
    return r;
}
