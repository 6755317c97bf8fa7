/* test/unit/test_platform_window.c -- when a maintenance window is open, and when the next one
 * opens. */
#include "platform/window.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "json/json.h"
#include "json/yaml.h"
#include "unit/check.h"
#include "platform/spec_decode.h"

struct moment {
    const char *now;
    bool open;
    const char *next; /* NULL: not looked at, "": none */
};

static void check_moments(const char *yaml, const struct moment *moments, size_t n)
{
    json_auto_t *documents = NULL;
    struct platform_spec spec;
    lp_auto_free char *text =
        lp_sprintf("{metadata: {name: a}, spec: {maintenanceWindow: %s}}", yaml);
    ok(lp_yaml_parse(text, strlen(text), LP_LIMIT_CONFIG_BYTES, "test", &documents, &err));
    ok(spec_decode(json_array_get(documents, 0), &spec, &err));
    for (size_t i = 0; i < n; i++) {
        int64_t next = -1;
        bool open = window_is_open(&spec.maintenance, lp_clock_parse(moments[i].now), &next);
        print_message("at %s\n", moments[i].now);
        assert_int_equal(open, moments[i].open);
        if (moments[i].next)
            assert_int_equal(next, *moments[i].next ? lp_clock_parse(moments[i].next) : 0);
    }
}

/* 2026-11-21 is a Saturday. */
static void a_weekly_window_has_its_start_and_not_its_end(void **state)
{
    static const struct moment moments[] = {
        { "2026-11-21T01:59:59Z", false, "2026-11-21T02:00:00Z" },
        { "2026-11-21T02:00:00Z", true, NULL },
        { "2026-11-21T03:59:59Z", true, NULL },
        { "2026-11-21T04:00:00Z", false, "2026-11-22T02:00:00Z" },
        { "2026-11-22T04:00:00Z", false, "2026-11-28T02:00:00Z" },
    };
    (void)state;
    check_moments("{weekly: [{days: [Sat, Sun], start: '02:00', end: '04:00'}]}", moments,
                  LP_COUNT(moments));
}

static void a_weekly_window_may_end_on_the_next_day(void **state)
{
    static const struct moment moments[] = {
        { "2026-11-21T22:59:00Z", false, "2026-11-21T23:00:00Z" },
        { "2026-11-21T23:30:00Z", true, NULL },
        { "2026-11-22T00:59:59Z", true, NULL },
        { "2026-11-22T01:00:00Z", false, "2026-11-28T23:00:00Z" },
    };
    (void)state;
    check_moments("{weekly: [{days: [Sat], start: '23:00', end: '01:00'}]}", moments,
                  LP_COUNT(moments));
}

static void the_days_are_those_of_the_offset(void **state)
{
    static const struct moment east[] = {
        { "2026-11-20T18:59:59Z", false, "2026-11-20T19:00:00Z" }, /* Saturday 02:00 in Jakarta */
        { "2026-11-20T19:00:00Z", true, NULL },
        { "2026-11-21T02:30:00Z", false, NULL },
    };
    static const struct moment west[] = {
        { "2026-11-22T06:59:59Z", false, "2026-11-22T07:00:00Z" }, /* Saturday 23:00 at -08:00 */
        { "2026-11-22T07:30:00Z", true, NULL },
    };
    (void)state;
    check_moments("{utcOffset: '+07:00', weekly: [{days: [Sat], start: '02:00', end: '04:00'}]}",
                  east, LP_COUNT(east));
    check_moments("{utcOffset: '-08:00', weekly: [{days: [Sat], start: '23:00', end: '23:59'}]}",
                  west, LP_COUNT(west));
}

/* Europe/Berlin: 2026-03-29 02:00 becomes 03:00, 2026-10-25 03:00 becomes 02:00; both are Sundays.
 */
static void a_zone_is_followed_through_the_year(void **state)
{
    static const struct moment moments[] = {
        { "2026-07-05T00:59:59Z", false, "2026-07-05T01:00:00Z" }, /* summer: UTC+2 */
        { "2026-07-05T01:00:00Z", true, NULL },
        { "2026-07-05T03:00:00Z", false, "2026-07-12T01:00:00Z" },
        { "2026-11-22T01:59:59Z", false, "2026-11-22T02:00:00Z" }, /* winter: UTC+1 */
        { "2026-10-24T12:00:00Z", false, "2026-10-25T02:00:00Z" }, /* told across the change */
        { "2026-03-28T12:00:00Z", false, "2026-03-29T01:00:00Z" },
    };
    (void)state;
    check_moments(
        "{timeZone: Europe/Berlin, weekly: [{days: [Sun], start: '03:00', end: '05:00'}]}", moments,
        LP_COUNT(moments));
}

static void an_end_in_the_hour_that_is_skipped_is_the_jump(void **state)
{
    static const struct moment start[] = {
        { "2026-03-29T00:59:59Z", false, "2026-03-29T01:00:00Z" }, /* 03:00, and not 02:30 */
        { "2026-03-29T01:00:00Z", true, NULL },
        { "2026-03-29T01:59:59Z", true, NULL },
        { "2026-03-29T02:00:00Z", false, "2026-04-05T00:30:00Z" },
    };
    static const struct moment end[] = {
        { "2026-03-29T00:00:00Z", true, NULL },
        { "2026-03-29T00:59:59Z", true, NULL },
        { "2026-03-29T01:00:00Z", false, "2026-04-04T23:00:00Z" },
    };
    static const struct moment both[] = {
        { "2026-03-29T00:59:59Z", false, "2026-04-05T00:15:00Z" },
        { "2026-03-29T01:00:00Z", false, "2026-04-05T00:15:00Z" },
    };
    (void)state;
    check_moments(
        "{timeZone: Europe/Berlin, weekly: [{days: [Sun], start: '02:30', end: '04:00'}]}", start,
        LP_COUNT(start));
    check_moments(
        "{timeZone: Europe/Berlin, weekly: [{days: [Sun], start: '01:00', end: '02:30'}]}", end,
        LP_COUNT(end));
    check_moments(
        "{timeZone: Europe/Berlin, weekly: [{days: [Sun], start: '02:15', end: '02:45'}]}", both,
        LP_COUNT(both));
}

static void in_the_hour_that_comes_twice_the_first_counts(void **state)
{
    static const struct moment start[] = {
        { "2026-10-25T00:29:59Z", false, "2026-10-25T00:30:00Z" },
        { "2026-10-25T00:30:00Z", true, NULL },
        { "2026-10-25T01:15:00Z", true, NULL }, /* 02:15 for the second time */
        { "2026-10-25T02:59:59Z", true, NULL },
        { "2026-10-25T03:00:00Z", false, "2026-11-01T01:30:00Z" },
    };
    static const struct moment end[] = {
        { "2026-10-24T23:00:00Z", true, NULL },
        { "2026-10-25T00:29:59Z", true, NULL },
        { "2026-10-25T00:30:00Z", false, "2026-11-01T00:00:00Z" },
        { "2026-10-25T01:29:59Z", false, NULL },
    };
    static const struct moment night[] = {
        { "2026-10-24T20:00:00Z", true, NULL },
        { "2026-10-25T04:59:59Z", true, NULL }, /* 05:59:59, nine hours later */
        { "2026-10-25T05:00:00Z", false, NULL },
    };
    (void)state;
    check_moments(
        "{timeZone: Europe/Berlin, weekly: [{days: [Sun], start: '02:30', end: '04:00'}]}", start,
        LP_COUNT(start));
    check_moments(
        "{timeZone: Europe/Berlin, weekly: [{days: [Sun], start: '01:00', end: '02:30'}]}", end,
        LP_COUNT(end));
    check_moments(
        "{timeZone: Europe/Berlin, weekly: [{days: [Sat], start: '22:00', end: '06:00'}]}", night,
        LP_COUNT(night));
}

static void dated_windows_come_once(void **state)
{
    static const struct moment moments[] = {
        { "2026-11-30T00:00:00Z", false, "2026-11-30T19:00:00Z" },
        { "2026-11-30T19:00:00Z", true, NULL },
        { "2026-11-30T23:00:00Z", false, "" },
    };
    (void)state;
    check_moments("{dated: [{start: '2026-12-01T02:00:00+07:00', end: '2026-11-30T23:00:00Z'}]}",
                  moments, LP_COUNT(moments));
}

static void no_window_is_never_open(void **state)
{
    static const struct moment moments[] = { { "2026-11-30T00:00:00Z", false, "" } };
    (void)state;
    check_moments("{}", moments, LP_COUNT(moments));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_weekly_window_has_its_start_and_not_its_end),
        cmocka_unit_test(a_weekly_window_may_end_on_the_next_day),
        cmocka_unit_test(the_days_are_those_of_the_offset),
        cmocka_unit_test(a_zone_is_followed_through_the_year),
        cmocka_unit_test(an_end_in_the_hour_that_is_skipped_is_the_jump),
        cmocka_unit_test(in_the_hour_that_comes_twice_the_first_counts),
        cmocka_unit_test(dated_windows_come_once),
        cmocka_unit_test(no_window_is_never_open),
    };
    return cmocka_run_group_tests_name("platform_window", tests, NULL, NULL);
}
