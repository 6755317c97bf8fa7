/* services/learning/database/items.h -- classes and items. Texts that come out are JSON, made by
 * the server and sent on as they are. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "postgres/db.h"

#define ITEMS_CLASSES 1000     /* classes at most */
#define ITEMS_RELATIONS 200000 /* prerequisites of all that the items of a change build on */

/* Every function: errors as lp_db_run, and those that it names. */

/* [{"name","label","subClassOf","items"}…], appended to `ret_json`. */
LP_MUST_USE int items_classes(struct lp_db *db, struct lp_buf *ret_json, struct lp_error *err);

/* Adds a class or changes it. `parent` NULL: a top class. LP_E_NOT_FOUND no such parent;
 * LP_E_CONFLICT it would be below itself; LP_E_TOO_LARGE over ITEMS_CLASSES. */
LP_MUST_USE int items_put_class(struct lp_db *db, const char *name, const char *label,
                                const char *parent, struct lp_error *err);

/* A page of a class's items by id: {"instances":[…],"next":id or null}. `after` NULL: from the
 * start. LP_E_NOT_FOUND no such class. */
struct items_page {
    const char *class, *after;
    bool subclasses;
    int limit; /* 1..200 */
};
LP_MUST_USE int items_list(struct lp_db *db, const struct items_page *page, struct lp_buf *ret_json,
                           struct lp_error *err);

/* LP_E_NOT_FOUND where it is not there, or deleted. */
LP_MUST_USE int items_get(struct lp_db *db, const char *id, struct lp_buf *ret_json,
                          struct lp_error *err);

/*
 * Adds items or makes a new version of them, all or none. `documents`: a JSON array of what
 * content/item.h let pass, each id once. `version`: the one that the change is made on, for a
 * single item; 0: whatever is there. LP_E_NOT_FOUND a class is not there; LP_E_CONFLICT another
 * version is there; LP_E_INVALID an item would be its own prerequisite; change_content()'s.
 */
LP_MUST_USE int items_put(struct lp_db *db, const char *documents, const char *author, int version,
                          struct lp_error *err);

/* `documents`: as above, of which id and prerequisites count. LP_E_INVALID names one that would
 * have to be known before itself; LP_E_TOO_LARGE over ITEMS_RELATIONS. `ret_seen`: the number of
 * changes that this is true of; who writes names it (items_sql.h), and looks again where another
 * wrote meanwhile: two changes that each make no circle may make one together. */
#define ITEMS_SEEN 24
LP_MUST_USE int items_check_circle(struct lp_db *db, const char *documents,
                                   char ret_seen[ITEMS_SEEN], struct lp_error *err);

/* A deleted item is not offered any longer; its reviews stay. LP_E_NOT_FOUND. */
LP_MUST_USE int items_delete(struct lp_db *db, const char *id, const char *author,
                             struct lp_error *err);

/* The version before as a new version; of a deleted item, what was deleted. LP_E_NOT_FOUND where
 * there is none; LP_E_INVALID the item would be its own prerequisite. */
LP_MUST_USE int items_undo(struct lp_db *db, const char *id, const char *author,
                           struct lp_error *err);

/* [{"version","author","at","deleted","item"}…], the newest 50 first. LP_E_NOT_FOUND. */
LP_MUST_USE int items_versions(struct lp_db *db, const char *id, struct lp_buf *ret_json,
                               struct lp_error *err);

/* Puts classes and items of `starter` ({"classes":[…],"items":[…]}) into a database without
 * classes, all or none; does nothing in another. */
LP_MUST_USE int items_start(struct lp_db *db, const char *starter, struct lp_error *err);
