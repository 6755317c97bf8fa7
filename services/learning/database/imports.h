/* services/learning/database/imports.h -- many items at once, and back. Errors as lp_db_run. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "postgres/db.h"

#define IMPORTS_TOLD 100     /* changes that are told one by one */
#define IMPORTS_PAGE 1000000 /* bytes of a page's documents, if it has more than one */

/* What an import is made of; JSON arrays of classes and documents, as exchange_read gives them. */
struct import {
    const char *classes, *documents, *format, *author;
};

/*
 * What an import would do, nothing is written: {"items":{"added","changed","same"},
 * "classes":{"added":[…],"differ":[…]},"changes":[{"id","change","members"}…]}, the first
 * IMPORTS_TOLD changes by id. LP_E_INVALID where a class or a class's parent is not there, where
 * there would be more than ITEMS_CLASSES, or an item would be its own prerequisite.
 */
LP_MUST_USE int imports_compare(struct lp_db *db, const struct import *i, struct lp_buf *ret_json,
                                struct lp_error *err);

/*
 * Adds classes that are not there (those that are stay as they are) and items, and makes a new
 * version of those that differ, all or none. {"import","items"}; import null where nothing differs.
 * `ret_told`: as imports_compare, of what was written. Errors too, and change_content()'s.
 */
LP_MUST_USE int imports_apply(struct lp_db *db, const struct import *i, struct lp_buf *ret_told,
                              struct lp_buf *ret_json, struct lp_error *err);

/*
 * Items of an import become again what they were before it, as a new version; those that were not
 * there are deleted. What somebody changed since stays. Classes stay. {"import","undone","kept"}.
 * LP_E_NOT_FOUND no such import, or undone already; LP_E_INVALID an item would be its own
 * prerequisite.
 */
LP_MUST_USE int imports_undo(struct lp_db *db, int64_t id, const char *author,
                             struct lp_buf *ret_json, struct lp_error *err);

/* [{"import","at","author","format","items","undoneAt"}…], the newest 50. */
LP_MUST_USE int imports_list(struct lp_db *db, struct lp_buf *ret_json, struct lp_error *err);

/*
 * A page of all items by id: {"items":[documents],"next":id or null}, as many as `limit` and
 * IMPORTS_PAGE let in, one at least; `class` NULL: of every class,
 * else of it and those below it. LP_E_NOT_FOUND no such class.
 */
LP_MUST_USE int imports_export(struct lp_db *db, const char *class, const char *after, int limit,
                               struct lp_buf *ret_json, struct lp_error *err);
