/* lib/base/log_limit.h -- which repeats of a log line are left out, and how many they were. For
 * log.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define LP_LOG_LIMIT_BURST 20 /* lines of one kind within ... */
#define LP_LOG_LIMIT_MS 10000
#define LP_LOG_LIMIT_KINDS 256 /* remembered at a time */

/* What is to be told of one kind: `lines` were left out. */
struct lp_log_left_out {
    int level;
    const char *msg;
    uint64_t lines;
};

/*
 * True: a line of this kind is written; `msg` is a literal. `ret_told` has lines > 0 where some of
 * a kind were left out and their time is over, or their place is needed: with LP_LOG_LIMIT_KINDS
 * kinds at a time the oldest makes room, so the first of a kind is always written. Any thread.
 */
bool lp_log_limit_admits(uint64_t kind, int level, const char *msg, int64_t now_ms,
                         struct lp_log_left_out *ret_told);

/* The next kind whose time is over at `now_ms` (INT64_MAX: of each) and that has something to tell;
 * false where there is none. Costs one atomic look where nothing was left out. */
bool lp_log_limit_due(int64_t now_ms, struct lp_log_left_out *ret_told);
