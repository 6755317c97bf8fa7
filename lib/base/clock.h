/* lib/base/clock.h -- time: monotonic for waits and ages, wall clock only for what people read. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* CLOCK_BOOTTIME in milliseconds / nanoseconds: as CLOCK_MONOTONIC never set by anybody, but it
 * goes on while the machine is suspended, as everybody else's does. */
int64_t lp_clock_ms(void);
int64_t lp_clock_ns(void);

/* CLOCK_REALTIME in milliseconds since 1970. */
int64_t lp_clock_wall_ms(void);

/* Room for "2026-12-01T09:00:00.123456Z" and its NUL. */
#define LP_CLOCK_TEXT 32

/* RFC 3339 in UTC with 0, 3 or 6 digits of a second, into `ret_text`. */
void lp_clock_format(int64_t wall_ms, int digits, char ret_text[LP_CLOCK_TEXT]);

/* RFC 3339 (any offset, with or without fraction) to wall milliseconds; -1 where it is not one. */
int64_t lp_clock_parse(const char *text);

/* CLOCK_MONOTONIC now plus `ms`, for pthread_cond_clockwait. */
struct timespec lp_clock_deadline(int64_t ms);
