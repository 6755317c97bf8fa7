/* lib/work/queue.h -- keys to work on, each once, with delay, back-off and two priorities. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/stop.h"

/*
 * As client-go's workqueue: a key is in the queue once however often it is added; a key under work
 * that is added again comes back when its worker is done with it; two workers never hold one key.
 * Opaque: hides a lock; any thread. Publishes workqueue_depth, _adds_total,
 * _queue_duration_seconds, _work_duration_seconds, _unfinished_work_seconds,
 * _longest_running_processor_seconds, _retries_total with labels name and controller (both the
 * queue's name), workqueue_depth also with priority: 0 for HIGH, -100 for LOW; and
 * lp_workqueue_refused_total, the keys that a full queue did not take, logged once a minute.
 */
struct lp_queue;

enum lp_queue_priority { LP_QUEUE_HIGH, LP_QUEUE_LOW }; /* a user's edit; a resync */

/* `name`: a literal. At most LP_LIMIT_QUEUE_KEYS keys; one more is refused by _add with false.
 * `stop` (NULL: none) must outlive the queue, which shuts down when it is requested. */
struct lp_queue *lp_queue_new(const char *name, struct lp_stop *stop);
void lp_queue_free(struct lp_queue *q);

/* Now, or after `delay_ms`. An earlier time or a higher priority wins over what is queued. */
bool lp_queue_add(struct lp_queue *q, const char *key, enum lp_queue_priority priority);
bool lp_queue_add_after(struct lp_queue *q, const char *key, enum lp_queue_priority priority,
                        int64_t delay_ms);

/* After this key's own back-off: 5 ms doubled with each failure up to `max_ms`, +-10 % jitter.
 * Returns the delay in ms; -1 where the key was not taken: the queue is full or shut down. */
int64_t lp_queue_add_failed(struct lp_queue *q, const char *key, int64_t max_ms);
void lp_queue_forget(struct lp_queue *q, const char *key); /* back-off starts anew */

/* Waits for a key; the caller owns it (free()) and must call _done with it. NULL: shut down and
 * nothing is left. */
char *lp_queue_take(struct lp_queue *q);
void lp_queue_done(struct lp_queue *q, const char *key);

/* No more additions; takers wake and get NULL. */
void lp_queue_shut_down(struct lp_queue *q);
size_t lp_queue_depth(struct lp_queue *q);
