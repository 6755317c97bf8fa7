/* services/gateway/limiter.h -- a token bucket per client and route. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A client's bucket holds `burst` requests at first and gets `rate` a second back. A client is a
 * hash under a key of this process (SipHash), so nobody can choose to collide; memory is fixed:
 * where a row is full, the client that asked longest ago is forgotten. Shared by all workers of a
 * pod. Opaque: hides locks; any thread.
 */
struct limiter;

/* Both over 0. */
struct limiter *limiter_new(double rate, int64_t burst);
void limiter_free(struct limiter *l); /* NULL is fine */

/* What the RateLimit-* headers say (draft-ietf-httpapi-ratelimit-headers-06, as express-rate-limit
 * sends them): whole requests, and whole seconds until the bucket is full again. */
struct limiter_state {
    int64_t limit, remaining, reset_s, window_s;
    int64_t retry_ms; /* until the next request is taken, where this one was not */
};

/* Takes one request of `client` to `route`, which have a bucket together. False: there is none in
 * it. `now` is lp_clock_ms(). */
bool limiter_take(struct limiter *l, unsigned route, const void *client, size_t len, int64_t now,
                  struct limiter_state *ret_state);
