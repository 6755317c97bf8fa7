/* lib/base/log.h -- one JSON object a line on stderr. Libraries log at debug only. */
#pragma once

#include <stdbool.h>

enum lp_log_level { LP_LOG_DEBUG, LP_LOG_INFO, LP_LOG_WARN, LP_LOG_ERROR };

/* Process-wide, default info. */
void lp_log_set_level(enum lp_log_level level);

/* "debug", "info", "warn", "error" (any case) to a level; false for anything else. */
bool lp_log_parse_level(const char *text, enum lp_log_level *ret_level);

/*
 * What every line of this thread carries from now on as "key":"value" (the object key of a
 * reconcile, a request id); NULL takes it away. Both are borrowed until changed. One
 * such pair per thread.
 */
void lp_log_context(const char *key, const char *value);
/* A second pair, after the first one: which of the many works on that object it was. */
void lp_log_context_id(const char *key, const char *value);

/*
 * Writes {"ts":…,"level":…,"msg":…,…} in one write(). Pairs of (const char *key, const char *value)
 * follow `msg` and end with NULL; a NULL value is written as null. A line over 8 KiB is cut to
 * valid JSON.
 */
__attribute__((sentinel)) void lp_log(enum lp_log_level level, const char *msg, ...);

#define lp_log_debug(...) lp_log(LP_LOG_DEBUG, __VA_ARGS__, NULL)
#define lp_log_info(...) lp_log(LP_LOG_INFO, __VA_ARGS__, NULL)
#define lp_log_warn(...) lp_log(LP_LOG_WARN, __VA_ARGS__, NULL)
#define lp_log_error(...) lp_log(LP_LOG_ERROR, __VA_ARGS__, NULL)
