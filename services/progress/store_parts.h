/* services/progress/store_parts.h -- what store.c and the operations in store_*.c share. */
#pragma once

#include <mongoc/mongoc.h>

#include "services/progress/store.h"

#define STORE_OPERATION_MS 10000      /* the database's own limit of one operation */
#define STORE_EVENT_MARK "learningAt" /* store_events.h; no part of an activity for others */

/* Which sums: services/progress/rollup.h, day.h. */
enum store_rollups { STORE_HOURS, STORE_DAYS, STORE_ROLLUPS };

/* One operation: a client with its collections, and when it began. Initialise with {0}. */
struct store_seat;
struct store_operation {
    struct store *store; /* NULL: not begun */
    const char *name;
    int64_t began_ns;
    struct store_seat *seat;
    mongoc_collection_t *logs; /* borrowed, as the others; never changed */
};

/* LP_E_UNAVAILABLE at once where the last ping found nobody. */
LP_MUST_USE int store_operation_begin(struct store *s, const char *name,
                                      struct store_operation *ret, struct lp_error *err);
/* The collection of these sums, borrowed from `o`, which has begun. Its reads ask the primary
 * whatever the URI says: what is counted from them stays. */
mongoc_collection_t *store_operation_rollups(struct store_operation *o, enum store_rollups of);
void store_operation_end(struct store_operation *o);
#define auto_operation __attribute__((cleanup(store_operation_end)))
#define auto_bson __attribute__((cleanup(bson_destroy)))

/* {_id: {$in: these}}, appended to `filter`. */
void store_rollup_append_ids(bson_t *filter, const int64_t *ids, size_t n);
/* An update of sums. *ret_n (may be NULL): how many were there, or were made. LP_E_EXISTS where
 * `upsert` meant to make one whose _id is there. */
LP_MUST_USE int store_rollup_change(struct store *s, enum store_rollups of, const char *name,
                                    const bson_t *selector, const bson_t *update, bool upsert,
                                    int64_t *ret_n, struct lp_error *err);
LP_MUST_USE int store_rollup_delete(struct store *s, enum store_rollups of, const char *name,
                                    const bson_t *selector, struct lp_error *err);

/* Whether lp-learning is to hear of new activities. */
bool store_tells(const struct store *s);

/* The driver's error as ours. `reply` holds its labels; NULL: none. */
int store_failed(const char *what, const bson_t *reply, const bson_error_t *e,
                 struct lp_error *err);
/* The error of a cursor, 0 where it has none. */
int store_cursor_result(const char *what, const mongoc_cursor_t *c, struct lp_error *err);
