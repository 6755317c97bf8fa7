/* lib/work/breaker.h -- a circuit breaker: an upstream that fails is left alone for a while. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum lp_breaker_state { LP_BREAKER_CLOSED, LP_BREAKER_OPEN, LP_BREAKER_HALF_OPEN };

/*
 * Opens after 5 failures in a row, or when at least half of 20 or more results of the last 10 s are
 * failures. Open for 2 s, doubled with each failed probe up to 30 s; then one probe at a time, and
 * 2 good ones in a row close it. A failure is a transport failure or time-out; any answer of the
 * upstream is a success. Zeroed is closed. One thread, or under the caller's lock; times are
 * lp_clock_ms().
 */
struct lp_breaker {
    enum lp_breaker_state state;
    unsigned in_a_row;  /* failures while closed, successes while half open */
    unsigned opened;    /* times in a row without closing */
    unsigned good, bad; /* of the window */
    int64_t window_start, open_until;
    bool probing; /* half open: the one probe is under way */
};

/* May a request go out now? True while half open makes it the probe: _result or _forget must
 * follow. */
bool lp_breaker_admits(struct lp_breaker *b, int64_t now);
void lp_breaker_result(struct lp_breaker *b, bool ok, int64_t now);
/* It ended without telling anything of the upstream. */
void lp_breaker_forget(struct lp_breaker *b);

/* ms until the next try, at least 0; for Retry-After. */
int64_t lp_breaker_wait(const struct lp_breaker *b, int64_t now);
