/* services/progress/range.c -- see the header. No state. */
#include "services/progress/range.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "services/progress/day.h"

#define MOST_MS 253402300800000LL /* the year 10000 */

/* "2026-12-01": when it begins by the clock of `zone`; -1 where it is no date. */
static int64_t date_of(const char *text, const struct zone *zone)
{
    char time[sizeof "2026-12-01T00:00:00Z"], shown[LP_CLOCK_TEXT];

    if (strlen(text) != strlen("2026-12-01") || strspn(text, "0123456789-") != strlen(text))
        return -1;
    snprintf(time, sizeof time, "%.10sT00:00:00Z", text);
    int64_t ms = lp_clock_parse(time);
    if (ms < 0)
        return -1;
    lp_clock_format(ms, 0, shown);
    return strcmp(time, shown) == 0 ? zone_first(zone, ms / 1000) * 1000 : -1; /* no 30 February */
}

static int time_of(const char *name, const char *text, const struct zone *zone, int64_t *ret_ms,
                   struct lp_error *err)
{
    int64_t ms = date_of(text, zone);

    if (ms < 0)
        ms = lp_clock_parse(text);
    if (ms < 0 || ms >= MOST_MS)
        return lp_error_set(err, LP_E_INVALID,
                            "%s must be a date such as 2026-12-01 or a time such as "
                            "2026-12-01T09:00:00Z, after 1970, not \"%.40s\"",
                            name, text);
    *ret_ms = ms;
    return 0;
}

static int check(const struct range *r, const char *from, const char *to, struct lp_error *err)
{
    if (r->from_ms >= r->to_ms)
        return lp_error_set(err, LP_E_INVALID, "from must be before to%s, not \"%.40s\"",
                            to ? "" : ", which is now", from ? from : "");
    /* A day more of the zone's clock may have an hour more. */
    if (r->to_ms - r->from_ms > RANGE_DAYS * DAY_MS + ROLLUP_HOUR_MS)
        return lp_error_set(
            err, LP_E_INVALID,
            "from and to must be at most %d days apart, from \"%.40s\" to \"%.40s\"", RANGE_DAYS,
            from ? from : "", to ? to : "now");
    return 0;
}

int range_read(const char *from, const char *to, const char *zone, int64_t now_ms,
               struct range *ret_range, struct lp_error *err)
{
    struct range r = { .to_ms = now_ms, .zone_name = zone ? zone : "UTC" };

    if (zone_find(r.zone_name, &r.zone, err) < 0)
        return lp_error_wrap(err, "zone");
    int code = to ? time_of("to", to, r.zone, &r.to_ms, err) : 0;
    r.from_ms = r.to_ms > RANGE_DEFAULT_DAYS * DAY_MS ? r.to_ms - RANGE_DEFAULT_DAYS * DAY_MS : 0;
    if (code == 0 && from)
        code = time_of("from", from, r.zone, &r.from_ms, err);
    if (code == 0)
        code = check(&r, from, to, err);
    if (code < 0)
        return code;
    r.from_ms = rollup_hour(r.from_ms);
    r.to_ms = rollup_hour(r.to_ms + ROLLUP_HOUR_MS - 1);
    *ret_range = r;
    return 0;
}
