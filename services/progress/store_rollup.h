/* services/progress/store_rollup.h -- the collection activityrollups in MongoDB: a document for
 * each hour, and one that says how far they were counted from the activities. Errors as in store.h.
 */
#pragma once

#include "services/progress/rollup.h"
#include "services/progress/store.h"

/*
 * Adds `r` to its hour, if that was not counted for good yet. Not as durable as an activity is, and
 * never repeated: what fails may be added or not, and is mended when the hour is counted.
 */
LP_MUST_USE int store_rollup_add(struct store *s, const struct rollup *r, struct lp_error *err);

/* Puts `r` in the place of its hour, for good. */
LP_MUST_USE int store_rollup_put(struct store *s, const struct rollup *r, struct lp_error *err);

/* Deletes hours from `from_ms` to `to_ms` that were not counted for good and have no mark: there
 * are no activities. */
LP_MUST_USE int store_rollup_clear(struct store *s, int64_t from_ms, int64_t to_ms,
                                   struct lp_error *err);

/* Deletes hours that were over by `before_ms`. */
LP_MUST_USE int store_rollup_purge(struct store *s, int64_t before_ms, struct lp_error *err);

/* Gives these hours, those of them that there are. */
typedef int store_rollup_sink(const struct rollup *r, void *user, struct lp_error *err);
LP_MUST_USE int store_rollup_read(struct store *s, const int64_t *hours, size_t n,
                                  store_rollup_sink *sink, void *user, struct lp_error *err);

/* Gives the activities from `from_ms` to `to_ms`, oldest first, at most `most` of them (0: all); a
 * negative return of `sink` ends it and is its result. Those whose learner or name is no text are
 * left out. *ret_read (may be NULL): how many were read, these among them. */
typedef int store_activity_sink(const struct rollup_activity *a, void *user, struct lp_error *err);
LP_MUST_USE int store_rollup_activities(struct store *s, int64_t from_ms, int64_t to_ms,
                                        int64_t most, store_activity_sink *sink, void *user,
                                        int64_t *ret_read, struct lp_error *err);

/* ---- how far they were counted ---- */

/* *ret_until_ms: all hours before it were counted for good; *ret_days_ms: all days before it have a
 * document, those that had no activities have none. 0: none yet. */
LP_MUST_USE int store_rollup_until(struct store *s, int64_t *ret_until_ms, int64_t *ret_days_ms,
                                   struct lp_error *err);
LP_MUST_USE int store_rollup_set_until(struct store *s, int64_t until_ms, struct lp_error *err);
LP_MUST_USE int store_rollup_set_days(struct store *s, int64_t days_ms, struct lp_error *err);

/* True: until `until_ms` it is for the caller to count, and nobody else does. Two who count the
 * same do no harm. */
LP_MUST_USE int store_rollup_claim(struct store *s, int64_t now_ms, int64_t until_ms,
                                   bool *ret_claimed, struct lp_error *err);

/* Gives a claim back, if it is still the one until `until_ms`. */
LP_MUST_USE int store_rollup_unclaim(struct store *s, int64_t until_ms, struct lp_error *err);

/* ---- hours that are to be counted again, as a learner's activities go ---- */

/* Marks all hours in which `user_id` has activities, those too that have no sums yet: again at
 * `at_ms`. */
LP_MUST_USE int store_rollup_mark(struct store *s, const char *user_id, int64_t at_ms,
                                  struct lp_error *err);
/* Those that were marked for `at_ms`: again now. */
LP_MUST_USE int store_rollup_release(struct store *s, int64_t at_ms, int64_t now_ms,
                                     struct lp_error *err);
/* One hour before `until_ms`, up to which all were counted, whose mark is not after `now_ms`;
 * *ret_hour_ms -1: there is none. */
LP_MUST_USE int store_rollup_marked(struct store *s, int64_t now_ms, int64_t until_ms,
                                    int64_t *ret_hour_ms, int64_t *ret_mark_ms,
                                    struct lp_error *err);
/* It was counted: takes the mark away, if it is this one, and the hour too where `empty`. */
LP_MUST_USE int store_rollup_unmark(struct store *s, int64_t hour_ms, int64_t mark_ms, bool empty,
                                    struct lp_error *err);
