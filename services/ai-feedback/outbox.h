/* services/ai-feedback/outbox.h -- results on their way to the progress service. */
#pragma once

#include <jansson.h>

#include "base/error.h"
#include "base/stop.h"
#include "service/identity.h"
#include "service/service.h"
#include "services/ai-feedback/text/sentence.h"

#define OUTBOX_ENTRIES 1000 /* waiting results; one more is refused and counted */

/* A bounded queue in memory and a thread that posts it with back-off (0.5 s to 30 s). Opaque: hides
 * a lock; any thread. */
struct outbox;

/* `url`: of the progress service, "" for none (everything is refused). `caller`: the identity under
 * which we ask it, borrowed until _free; NULL: without a token. */
LP_MUST_USE int outbox_new(const char *url, const struct lp_caller *caller,
                           struct outbox **ret_outbox, struct lp_error *err);

/* Queues one activity for `user_id` (a string or a number) with `score` 0..100 and as `feedback`
 * how many edits of each category there were, to be sent with the headers of `pass` (copied).
 * False: full, or no progress service. */
bool outbox_add(struct outbox *o, const json_t *user_id, int score,
                const size_t by_category[CATEGORIES], const struct lp_service_pass *pass);

/* Whether there is a progress service. */
bool outbox_delivers(const struct outbox *o);

/* Sends an activity, JSON, at once and beside the queue, under `key` of at most 39 bytes. True
 * where it is done with: it arrived, or was refused for good. False: it may be tried again.
 * One thread at a time. */
bool outbox_deliver(struct outbox *o, const char *key, const char *body);

/* What waits for `user_id`: the activities as objects, in order; the caller's array. */
json_t *outbox_of(struct outbox *o, const char *user_id);

/* Takes what waits for `user_id` away, and returns how much that was. One that is on its way at
 * this moment may still arrive. */
size_t outbox_erase(struct outbox *o, const char *user_id);

/* Takes no more, goes on sending for up to `wait_ms`, and counts what is left. Others may still
 * call outbox_add(), which refuses. */
void outbox_finish(struct outbox *o, int64_t wait_ms);

/* Gives up what is left. No other thread may use it any more. */
void outbox_free(struct outbox *o);
