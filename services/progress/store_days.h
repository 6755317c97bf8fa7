/* services/progress/store_days.h -- the collection activityrollupdays in MongoDB: a document for
 * each day that is over, put together from the day's hours. Errors as in store.h.
 */
#pragma once

#include "services/progress/day.h"
#include "services/progress/store.h"

/*
 * Days before `before_ms` that are to be put together, oldest first, at most `most` of them: whose
 * document is not there, is open, or was made from other hours than there are. Looks at all hours.
 */
LP_MUST_USE int store_days_due(struct store *s, int64_t before_ms, size_t most, int64_t *ret_days,
                               size_t *ret_n, struct lp_error *err);

/*
 * Puts a day together from its hours, and deletes it where it has none. Whoever begins last wins,
 * and read last; a process that is killed leaves it open, so that it is due again, and so does an
 * hour that is counted anew meanwhile.
 */
LP_MUST_USE int store_days_make(struct store *s, int64_t day_ms, struct lp_error *err);

/* Gives these days, those of them that there are; `open`: take its hours instead. `day` is borrowed
 * until the sink returns. */
typedef int store_day_sink(const struct day *day, bool open, void *user, struct lp_error *err);
LP_MUST_USE int store_days_read(struct store *s, const int64_t *days, size_t n,
                                store_day_sink *sink, void *user, struct lp_error *err);

/* Deletes days that were over by `before_ms`, and opens the one that it lies in: hours of it are
 * gone. After store_rollup_purge. */
LP_MUST_USE int store_days_purge(struct store *s, int64_t before_ms, struct lp_error *err);
