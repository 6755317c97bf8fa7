/* test/unit/test_cli_history.c -- kubectl lp why with --at and --since. */
#include "cli/history.h"

#include <string.h>

#include "base/clock.h"
#include "cli/find.h"
#include "cli/options.h"
#include "json/json.h"
#include "unit/check.h"

#define NOON INT64_C(1764590400000) /* 2025-12-01T12:00:00Z */

static json_t *decision(int64_t at_ms, const char *service, const char *why)
{
    char time[LP_CLOCK_TEXT];
    lp_clock_format(at_ms, 3, time);
    return lp_json_make("{s:s, s:s, s:s}", "time", time, "service", service, "why", why);
}

static void assert_whys(json_t *list, const char *want)
{
    lp_auto_buf struct lp_buf all = LP_BUF_INIT(1000);
    const json_t *d;
    size_t i;
    json_array_foreach(list, i, d) lp_buf_printf(&all, "%s ", lp_json_str(d, "why", NULL));
    assert_string_equal(all.ptr, want);
    json_decref(list);
}

static void what_held_before_comes_first_and_the_rest_in_the_order_of_time(void **state)
{
    json_auto_t *all = lp_json_make(
        "[o, o, o, o, o, o]", decision(NOON - 9, "auth", "a1"), decision(NOON - 8, "gateway", "g1"),
        decision(NOON - 7, "auth", "a2"), decision(NOON, "auth", "a3"),
        decision(NOON + 5, "gateway", "g2"), lp_json_make("{s:s}", "why", "of no time"));
    (void)state;
    assert_whys(history_between(all, NULL, NOON, NOON + 9), "g1 a2 a3 g2 ");
    assert_whys(history_between(all, "auth", NOON, NOON + 9), "a2 a3 ");
    assert_whys(history_between(all, NULL, NOON, NOON), "g1 a2 a3 ");
    assert_whys(history_between(all, "auth", NOON + 1, 0), "a3 "); /* --at NOON */
    assert_whys(history_between(all, "auth", NOON, 0), "a2 ");     /* a millisecond before */
    assert_whys(history_between(all, "progress", NOON, NOON + 9), "");
}

static void a_decision_is_told_with_what_asked_for_the_most(void **state)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(4096);
    json_auto_t *d = decision(NOON + 123, "auth", "2 to 4: cpu");
    (void)state;
    json_auto_t *more =
        lp_json_make("{s:I, s:I, s:I, s:I, s:I, s:[{s:s, s:s, s:s, s:s, s:I}, {s:s, s:s, s:s}], "
                     "s:[s], s:{s:s, s:s}}",
                     "from", (json_int_t)2, "to", (json_int_t)4, "ready", (json_int_t)1, "min",
                     (json_int_t)1, "max", (json_int_t)4, "candidates", "kind", "metric", "name",
                     "cpu", "value", "85%", "target", "70%", "asks", (json_int_t)5, "kind", "pause",
                     "name", "down", "until", "2025-12-01T13:00:00Z", "limits", "maxReplicas 4",
                     "winner", "kind", "metric", "name", "cpu");
    json_object_update(d, more);
    history_text(d, true, &out);
    assert_string_equal(out.ptr, "    2025-12-01T12:00:00Z  auth  2 to 4: cpu\n"
                                 "      2 to 4 pods, 1 ready, of 1 to 4\n"
                                 "      metric cpu 85%, target 70%: asks for 5, the most\n"
                                 "      pause down, until 2025-12-01T13:00:00Z\n"
                                 "      limited by: maxReplicas 4\n");
    lp_buf_reset(&out);
    history_text(d, false, &out);
    assert_string_equal(out.ptr, "    2025-12-01T12:00:00Z  auth  2 to 4: cpu\n");
}

static int parse(struct cli_options *o, struct lp_error *err, const char *first, const char *second,
                 const char *third)
{
    char *argv[] = { (char *)"kubectl-lp", (char *)"why", (char *)first, (char *)second,
                     (char *)third };
    return cli_options_parse(2 + (first != NULL) + (second != NULL) + (third != NULL), argv, o,
                             err);
}

static void one_name_that_is_a_services_is_the_service(void **state)
{
    struct cli_options o;
    struct lp_error err;
    (void)state;
    assert_int_equal(parse(&o, &err, "auth", NULL, NULL), 0);
    assert_null(o.name);
    assert_string_equal(o.service, "auth");
    assert_int_equal(parse(&o, &err, "auth", "ai-feedback", "--since=1h30m"), 0);
    assert_string_equal(o.name, "auth");
    assert_string_equal(o.service, "ai-feedback");
    assert_int_equal(o.since_ms, 5400000);
    assert_int_equal(parse(&o, &err, "english", "--since", "90s"), 0);
    assert_string_equal(o.name, "english");
    assert_null(o.service);
    assert_int_equal(o.since_ms, 90000);
}

static void a_time_of_which_nothing_is_kept_is_named_with_the_limit(void **state)
{
    static const struct {
        const char *first, *second, *third, *want;
    } cases[] = {
        { "--at=2025-12-01T12:00:00Z", NULL, NULL,
          "--at: must be a time of the last 24 h, of which decisions are kept, is "
          "\"2025-12-01T12:00:00Z\"" },
        { "--at=2999-12-01T12:00:00Z", NULL, NULL,
          "--at: must be a time of the last 24 h, of which decisions are kept, is "
          "\"2999-12-01T12:00:00Z\"" },
        { "--at=noon", NULL, NULL,
          "--at: must be a time as 2026-12-01T02:00:00Z (RFC 3339), is \"noon\"" },
        { "--since=25h", NULL, NULL, "--since: must be 1s..24h as 90s, 30m or 1h, is \"25h\"" },
        { "--since=0s", NULL, NULL, "--since: must be 1s..24h as 90s, 30m or 1h, is \"0s\"" },
        { "--since=", NULL, NULL, "--since: must be 1s..24h as 90s, 30m or 1h, is \"\"" },
        { "--since=1h5", NULL, NULL, "--since: must be 1s..24h as 90s, 30m or 1h, is \"1h5\"" },
        { "--since=1d", NULL, NULL, "--since: must be 1s..24h as 90s, 30m or 1h, is \"1d\"" },
    };
    struct cli_options o;
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct lp_error err = { .msg = "" };
        assert_int_equal(parse(&o, &err, cases[i].first, cases[i].second, cases[i].third),
                         LP_E_INVALID);
        assert_string_equal(err.msg, cases[i].want);
    }
}

static void a_service_that_no_platform_has_is_named_with_those_there_are(void **state)
{
    json_auto_t *platforms = lp_json_make("[{s:{s:[{s:s}, {s:s}]}}]", "status", "services", "name",
                                          "auth", "name", "essays");
    json_auto_t *none = json_array();
    struct lp_error err = { .msg = "" };
    (void)state;
    assert_int_equal(find_service(platforms, "essays", &err), 0);
    assert_int_equal(find_service(platforms, NULL, &err), 0);
    assert_int_equal(find_service(none, "aut", &err), 0); /* that there are none is told */
    assert_int_equal(find_service(platforms, "aut", &err), LP_E_NOT_FOUND);
    assert_string_equal(err.msg, "SERVICE: must be one of auth, essays, is \"aut\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_held_before_comes_first_and_the_rest_in_the_order_of_time),
        cmocka_unit_test(a_decision_is_told_with_what_asked_for_the_most),
        cmocka_unit_test(one_name_that_is_a_services_is_the_service),
        cmocka_unit_test(a_service_that_no_platform_has_is_named_with_those_there_are),
        cmocka_unit_test(a_time_of_which_nothing_is_kept_is_named_with_the_limit),
    };
    return cmocka_run_group_tests_name("cli_history", tests, NULL, NULL);
}
