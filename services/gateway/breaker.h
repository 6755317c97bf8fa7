/* services/gateway/breaker.h -- a circuit breaker: an upstream that fails is left alone for a
 * while. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

/*
 * Opens after 5 failures in a row, or when at least half of 20 or more results of the last 10 s are
 * failures. Open for 2 s, doubled with each failed probe up to 30 s; then one probe at a time, and
 * 2 good ones in a row close it. A failure is a transport failure or time-out; any answer of the
 * upstream is a success. Zeroed is closed. One thread; times are lp_clock_ms().
 */
struct breaker {
    enum breaker_state state;
    unsigned in_a_row;  /* failures while closed, successes while half open */
    unsigned opened;    /* times in a row without closing */
    unsigned good, bad; /* of the window */
    int64_t window_start, open_until;
    bool probing; /* half open: the one probe is under way */
};

/* May a request go out now? True while half open makes it the probe: _result or _forget must
 * follow. */
bool breaker_admits(struct breaker *b, int64_t now);
void breaker_result(struct breaker *b, bool ok, int64_t now);
void breaker_forget(struct breaker *b); /* it ended without telling anything of the upstream */

/* ms until the next try, at least 0; for Retry-After. */
int64_t breaker_wait(const struct breaker *b, int64_t now);
