/* services/learning/database/change.c -- see change.h. No state. */
#include "services/learning/database/change.h"

#include "base/log.h"
#include "postgres/rows.h"

/* Who writes content updates this row first (items_sql.h), and so waits here until we commit. */
static const struct lp_db_statement lock_content = { "lock_content",
                                                     "SELECT changes FROM content_state FOR UPDATE",
                                                     0, true };

static int take_turn(struct lp_db *db, change_try *try, void *user, bool *ret_moved,
                     struct lp_error *err)
{
    struct lp_db *tx = NULL;
    int r = lp_db_begin(db, &tx, err);
    if (r < 0)
        return r;
    r = lp_rows_run(tx, &lock_content, NULL, NULL, err);
    if (r == 0)
        r = try(tx, user, ret_moved, err);
    if (r == 0 && *ret_moved)
        return lp_db_commit(tx, err);
    lp_db_rollback(tx);
    return r;
}

int change_content(struct lp_db *db, change_try *try, void *user, struct lp_error *err)
{
    bool moved = false;
    int r = 0;

    for (int i = 0; i < CHANGE_TRIES && r == 0 && !moved; i++)
        r = try(db, user, &moved, err);
    if (r < 0 || moved)
        return r;
    lp_log_debug("a change of content was overtaken each time and takes its turn");
    r = take_turn(db, try, user, &moved, err);
    return r == 0 && !moved ? lp_error_set(err, LP_E_UNAVAILABLE,
                                           "too many changes of content at the same moment")
                            : r;
}
