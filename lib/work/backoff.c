/* lib/work/backoff.c -- exponential waits; random numbers from a generator per thread
 * (xorshift64*). */
#include "work/backoff.h"

#include <sys/random.h>

#include "base/clock.h"

static uint64_t random_bits(void)
{
    static _Thread_local uint64_t state;

    if (state == 0 && getrandom(&state, sizeof state, GRND_NONBLOCK) != (ssize_t)sizeof state)
        state = (uint64_t)lp_clock_ns();
    state |= state == 0;
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(0x2545f4914f6cdd1d);
}

int64_t lp_jitter(int64_t ms, int percent)
{
    int64_t span = ms * percent / 100;

    if (span <= 0)
        return ms;
    return ms - span + (int64_t)(random_bits() % (uint64_t)(2 * span + 1));
}

int64_t lp_backoff_next(struct lp_backoff *b)
{
    int64_t now = lp_clock_ms(), ms = b->base_ms;

    if (b->failures > 0 && b->reset_after_ms > 0 && now - b->last_ms >= b->reset_after_ms)
        b->failures = 0;
    for (unsigned i = 0; i < b->failures && ms < b->max_ms; i++)
        ms *= 2;
    if (ms > b->max_ms)
        ms = b->max_ms;
    else
        b->failures++;
    b->last_ms = now;
    return lp_jitter(ms, 10);
}

void lp_backoff_reset(struct lp_backoff *b)
{
    b->failures = 0;
}
