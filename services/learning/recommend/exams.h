/* services/learning/recommend/exams.h -- when the exams of a platform are. Pure. */
#pragma once

#include <stdint.h>

#include "base/error.h"

#define EXAMS_MOST 512 /* spec.schedules has up to 16 entries of 32 windows */

struct exams {
    int64_t at_ms[EXAMS_MOST];
    unsigned n;
};

/* "" (none), or RFC 3339 times separated by commas, in any order. LP_E_INVALID names the one that
 * is none, or more than EXAMS_MOST. */
LP_MUST_USE int exams_read(const char *text, struct exams *ret, struct lp_error *err);

/* The first that begins after now_ms and not after last_ms; 0: there is none. */
int64_t exams_next(const struct exams *exams, int64_t now_ms, int64_t last_ms);
