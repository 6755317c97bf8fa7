/* services/progress/recount.h -- hours that are over are counted from the activities themselves,
 * and days put together from hours. */
#pragma once

#include "services/progress/store.h"

/* A thread; any number of pods may have one, one at a time counts. */
struct recount;

/* How long after its end an hour is counted: what was logged in it is stored by then. */
#define RECOUNT_DELAY_MS (5 * 60000LL)
/* A round reads so many activities, and then those of the hour that it is in; an hour is read
 * whole.
 */
#define RECOUNT_ROUND 10000
#define RECOUNT_MARKED 50 /* hours that are counted again in one round */
#define RECOUNT_DAYS 31   /* days that are put together in one round */

/* Counts all hours since the first activity that were not counted yet, then each one when it is
 * over, and again those that an erasure marked; then puts together the days whose hours changed,
 * looked for when this process counted some, when it starts, and every hour, as other pods count
 * too, those of a version that knows of no days among them. `store` is borrowed until _free.
 * LP_E_UNAVAILABLE without a thread. */
LP_MUST_USE int recount_new(struct store *store, struct recount **ret_recount,
                            struct lp_error *err);
void recount_free(struct recount *r);

/* Looks at once: an erasure marked hours. Any thread. */
void recount_wake(struct recount *r);
