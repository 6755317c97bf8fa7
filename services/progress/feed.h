/* services/progress/feed.h -- tells lp-learning of activities with a score or feedback, at least
 * once each, in the order in which they are due. */
#pragma once

#include "base/error.h"
#include "service/identity.h"
#include "services/progress/store.h"

/* Opaque: hides a lock and a thread. */
struct feed;

#define FEED_CLAIM_MS 15000 /* after which one that was not told is told again, by any pod */

/* Starts a thread that posts to `url` until each is taken; while learning is away it waits 0.5 s to
 * 30 s between two tries, and nothing else waits for it. `caller` NULL: without a token. All are
 * borrowed until _free. LP_E_INTERNAL. */
LP_MUST_USE int feed_new(struct store *store, const char *url, const struct lp_caller *caller,
                         struct feed **ret_feed, struct lp_error *err);
/* An activity was marked. Any thread; NULL: does nothing. */
void feed_wake(struct feed *f);
/* What was not told is told by the next process. */
void feed_free(struct feed *f);
