/* services/progress/quota.h -- how many activities are stored of one learner at most. */
#pragma once

#include <stdint.h>

#include "services/progress/store.h"

#define QUOTA_EVERY 100     /* of a learner's writes one is counted in the database */
#define QUOTA_FULL_MS 60000 /* who has them all is refused for so long before the next count */

/* Opaque: hides a lock. Any thread. */
struct quota;

/* `limit` 0: none. */
struct quota *quota_new(struct store *store, int64_t limit);
void quota_free(struct quota *q);

/*
 * Before an activity of `user_id` is stored. LP_E_CONFLICT: so many are stored as one may have; the
 * message names field, value and limit. Others as store_count, of the one write that was to be
 * counted: the next count is QUOTA_EVERY writes later, or QUOTA_FULL_MS where one had them all.
 * What is counted once in QUOTA_EVERY writes of this process may be exceeded by as many, from each.
 */
LP_MUST_USE int quota_check(struct quota *q, const char *user_id, int64_t now_ms,
                            struct lp_error *err);

/* Activities were deleted: who was refused is counted at the next write, in this process. */
void quota_recount(struct quota *q, const char *user_id);
