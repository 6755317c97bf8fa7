/* services/progress/tally.h -- what this process logged, on its way into the hours' sums. */
#pragma once

#include "services/progress/rollup.h"
#include "services/progress/store.h"

/* Sums of at most TALLY_HOURS hours in memory, and a thread that adds them to the database at most
 * TALLY_PAUSE_MS after the first activity, those of many together. Any thread. */
struct tally;
#define TALLY_HOURS 3
#define TALLY_PAUSE_MS 250

/* `store` is borrowed until _free. LP_E_UNAVAILABLE without a thread. */
LP_MUST_USE int tally_new(struct store *store, struct tally **ret_tally, struct lp_error *err);

/* What is there goes to the database first. */
void tally_free(struct tally *t);

/* Counts one that was stored; waits for nothing but a lock. Where the hours have no room for
 * another (the database is slow, clocks jump) it is left to the recount. */
void tally_add(struct tally *t, const struct rollup_activity *a);
