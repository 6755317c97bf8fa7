/* services/progress/range.h -- which time GET analytics is asked about. */
#pragma once

#include "base/zone.h"

#define RANGE_DAYS 92         /* at most */
#define RANGE_DEFAULT_DAYS 28 /* before `to` */
/* Whole hours that such a range touches at most: its last day may have 25. */
#define RANGE_HOURS (RANGE_DAYS * 24 + 2)

/* Whole hours of UTC; `zone` is for ever, its name borrowed. */
struct range {
    int64_t from_ms, to_ms;
    const struct zone *zone;
    const char *zone_name;
};

/*
 * `from`, `to` and `zone` as sent, NULL: not. Times are RFC 3339, or dates whose day begins by the
 * clock of `zone` (UTC); `to` is now by default, and not in the range. From the hour that `from`
 * lies in, to the end of the one that `to` lies in. LP_E_INVALID with a message that names
 * parameter, value and limit.
 */
LP_MUST_USE int range_read(const char *from, const char *to, const char *zone, int64_t now_ms,
                           struct range *ret_range, struct lp_error *err);
