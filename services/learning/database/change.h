/* services/learning/database/change.h -- changes of content that first look at what there is. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "postgres/db.h"

#define CHANGE_TRIES 4 /* beside others who write */

/* Looks, and writes where nobody wrote since (items_sql.h); *ret_moved: false where another did,
 * and nothing is written. Carried out again from the start, so what it returned before is void. */
typedef int change_try(struct lp_db *db, void *user, bool *ret_moved, struct lp_error *err);

/*
 * Tries CHANGE_TRIES times beside others; who was overtaken each time, as a large import by small
 * edits, then takes its turn: in one transaction that others who write content wait for, in the
 * order in which they came. Errors of the try, and as lp_db_begin; LP_E_UNAVAILABLE where even that
 * wrote nothing.
 */
LP_MUST_USE int change_content(struct lp_db *db, change_try *try, void *user, struct lp_error *err);
