/* lib/base/log.h -- one JSON object a line on stderr. Libraries log at debug only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum lp_log_level { LP_LOG_DEBUG, LP_LOG_INFO, LP_LOG_WARN, LP_LOG_ERROR };

/* Bytes of the longest line, with its newline: PIPE_BUF, so that a pipe takes it whole or not at
 * all, whatever other threads write (pipe(7)). */
#define LP_LOG_LINE 4096

/* Process-wide, default info. */
void lp_log_set_level(enum lp_log_level level);

/* Whether a line of this level is written: who asks first need not put together what is not. */
bool lp_log_is_on(enum lp_log_level level);

/* "debug", "info", "warn", "error" (any case) to a level; false for anything else. */
bool lp_log_parse_level(const char *text, enum lp_log_level *ret_level);

/*
 * Once in main, before other threads: what each line ends with. `pod` NULL or "": the host name,
 * which is the name of the pod in a pod without hostNetwork. Each is cut at 128 bytes. Draws the
 * random id `run`, so that the numbers of a restarted container are not taken for those of the one
 * before. At exit() the counts of lines left out are written.
 */
void lp_log_identity(const char *program, const char *version, const char *pod);

/*
 * What every line of this thread carries from now on as "key":"value": the object that it is about
 * (the key of a reconcile). NULL takes it away. Borrowed until changed.
 */
void lp_log_context(const char *key, const char *value);
/* Two more pairs, after the first one: which of the many works on that object it was (the id of a
 * reconcile; of a request, and its trace). Lines that differ in these alone are repeats. */
void lp_log_context_id(const char *key, const char *value);
void lp_log_context_trace(const char *key, const char *value);

/*
 * `msg` is a literal. Writes
 * {"ts":…,"level":…,"msg":…,…,"program":…,"version":…,"pod":…,"run":…,"seq":N} in one write().
 * Pairs of (const char *key, const char *value) follow `msg` and end with NULL; a NULL value is
 * written as null. A line over LP_LOG_LINE is cut to valid JSON. `seq` counts the lines of this
 * process from 1 without a gap: a number that does not arrive is a line that was lost.
 *
 * Repeats are left out above debug: lines of the same level, msg, context and pairs (without ids
 * and learners, and without the words of "error" and "why" that have digits), once there were
 * LP_LOG_LIMIT_BURST of them within LP_LOG_LIMIT_MS. The first of a kind is always written. How
 * many were left out is told by a line of the same level and msg with "left_out":N and no pairs,
 * when the time is over and anybody logs or calls lp_log_sweep(), or at exit().
 */
__attribute__((sentinel)) void lp_log(enum lp_log_level level, const char *msg, ...);
/* A line of which each one counts, such as one per request: never left out. */
__attribute__((sentinel)) void lp_log_each(enum lp_log_level level, const char *msg, ...);

/* Tells of repeats left out whose time is over: main threads call it every second or so. */
void lp_log_sweep(void);
/* Tells of all that were left out: before _exit(), which runs no handlers. */
void lp_log_end(void);

/* Since the start of the process. Those lost had no reader: write(2) failed. */
struct lp_log_counts {
    uint64_t written[LP_LOG_ERROR + 1], left_out[LP_LOG_ERROR + 1], lost;
};
struct lp_log_counts lp_log_counts(void);

#define lp_log_debug(...) lp_log(LP_LOG_DEBUG, __VA_ARGS__, NULL)
#define lp_log_info(...) lp_log(LP_LOG_INFO, __VA_ARGS__, NULL)
#define lp_log_warn(...) lp_log(LP_LOG_WARN, __VA_ARGS__, NULL)
#define lp_log_error(...) lp_log(LP_LOG_ERROR, __VA_ARGS__, NULL)
