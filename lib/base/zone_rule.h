/* lib/base/zone_rule.h -- the rule by which a time zone goes on for ever: the TZ string of POSIX
 * (XBD 8.3) with the hours of RFC 9636, 3.3.2. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* One day a year, and the time of that day by the clock that is in force until then. */
struct zone_day {
    char kind; /* 'M': month, week, day of the week; 'J': 1..365 without 29 February; '0':
                  0..365 with it */
    int month, week, day; /* J and 0: day alone */
    int64_t seconds;      /* -167 h to 167 h */
};

struct zone_rule {
    int64_t standard; /* seconds to add to UTC */
    bool has_summer;  /* the rest counts only where true */
    int64_t summer;
    struct zone_day begins, ends; /* of the summer time */
};

/* LP_E_INVALID where `text` is no such rule; a summer time needs its days. */
LP_MUST_USE int zone_rule_parse(const char *text, struct zone_rule *ret_rule, struct lp_error *err);

/* Seconds to add to UTC at `unix_s`; *ret_until is when that may change, INT64_MAX: never. Times
 * are within 100,000 years of 1970. */
int64_t zone_rule_offset(const struct zone_rule *rule, int64_t unix_s, int64_t *ret_until);
