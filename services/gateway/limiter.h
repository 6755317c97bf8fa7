/* services/gateway/limiter.h -- requests per client and window. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Fixed windows that begin with a client's first request. A client is a hash under a key of this
 * process (SipHash), so nobody can choose to collide; memory is fixed: where a bucket is full, the
 * client whose window ends first is forgotten. Shared by all workers of a pod. Opaque: hides locks;
 * any thread.
 */
struct limiter;

/* `max` requests per `window_ms`; both over 0. */
struct limiter *limiter_new(int64_t max, int64_t window_ms);
void limiter_free(struct limiter *l); /* NULL is fine */

/* What the RateLimit-* headers say (draft-ietf-httpapi-ratelimit-headers-06, as express-rate-limit
 * sends them). */
struct limiter_state {
    int64_t limit, remaining, reset_s, window_s;
};

/* Counts one request of `client`. False: over the limit. `now` is lp_clock_ms(). */
bool limiter_take(struct limiter *l, const void *client, size_t len, int64_t now,
                  struct limiter_state *ret_state);
