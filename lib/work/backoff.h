/* lib/work/backoff.h -- growing waits with jitter. */
#pragma once

#include <stdint.h>

/* Waits of base_ms, doubled each time, at most max_ms, each moved by up to +-10 % at random; back
 * to base_ms after reset_after_ms without a failure (0: only by _reset). One thread. */
struct lp_backoff {
    int64_t base_ms, max_ms, reset_after_ms;
    int64_t last_ms; /* lp_clock_ms() of the last failure */
    unsigned failures;
};

/* The wait after one more failure, in ms. */
int64_t lp_backoff_next(struct lp_backoff *b);
void lp_backoff_reset(struct lp_backoff *b);

/* `ms` moved by up to +-`percent` at random; any thread. */
int64_t lp_jitter(int64_t ms, int percent);
