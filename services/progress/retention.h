/* services/progress/retention.h -- activities end when they are old enough. */
#pragma once

#include "services/progress/store.h"

/* Opaque: hides a thread. */
struct retention;

/* Deletes activities and hours' sums that are older than `days` (1 and more), soon after the start
 * and then every hour; any number of pods may do so. `days` 0: no thread, NULL. `store` is borrowed
 * until _free. LP_E_UNAVAILABLE without a thread. */
LP_MUST_USE int retention_new(struct store *store, int64_t days, struct retention **ret_retention,
                              struct lp_error *err);
void retention_free(struct retention *r);
