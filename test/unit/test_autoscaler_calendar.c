/* test/unit/test_autoscaler_calendar.c -- which floors schedules ask for at a moment, and which
 * windows come. */
#include "autoscaler/policy/calendar.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "json/json.h"
#include "json/yaml.h"
#include "platform/spec_decode.h"
#include "unit/check.h"

/* 2026-11-30 is a Monday; Berlin is at UTC+1 from 2026-10-25 to 2027-03-28. */
#define LESSONS                                                                                  \
    "{name: lessons, timeZone: Europe/Berlin, leadMinutes: 10, replicas: {auth: 2, gateway: 3}," \
    " weekly: [{days: [Mon, Wed], start: '08:00', end: '13:00'}], exclude: ['2026-12-02']}"
#define EXAM                                             \
    "{name: exam, leadMinutes: 30, replicas: {auth: 8}," \
    " dated: [{start: '2026-11-30T09:00:00Z', end: '2026-11-30T11:00:00Z'}]}"

static json_t *documents;

static struct platform platform_of(const char *schedules)
{
    struct platform p = { .ns = "n", .name = "a", .uid = "u" };
    lp_auto_free char *text =
        lp_sprintf("{metadata: {name: a}, spec: {schedules: [%s]}}", schedules);

    json_decref(lp_take(documents));
    ok(lp_yaml_parse(text, strlen(text), LP_LIMIT_CONFIG_BYTES, "test", &documents, &err));
    ok(spec_decode(json_array_get(documents, 0), &p.spec, &err));
    return p;
}

static void check_auth(struct platform *p, const char *now, int64_t replicas, const char *schedule,
                       const char *change)
{
    struct calendar c;

    print_message("at %s\n", now);
    calendar_plan(p, NULL, lp_clock_parse(now), &c);
    assert_int_equal(c.floors[SERVICE_AUTH].replicas, replicas);
    assert_int_equal(p->floors[SERVICE_AUTH], replicas);
    if (schedule)
        assert_string_equal(c.floors[SERVICE_AUTH].schedule, schedule);
    assert_int_equal(c.change_ms, *change ? lp_clock_parse(change) : 0);
}

static void a_floor_holds_from_its_lead_to_its_end(void **state)
{
    struct platform p = platform_of(LESSONS);
    (void)state;
    check_auth(&p, "2026-11-30T06:49:59Z", 0, NULL, "2026-11-30T06:50:00Z");
    check_auth(&p, "2026-11-30T06:50:00Z", 2, "lessons", "2026-11-30T12:00:00Z");
    check_auth(&p, "2026-11-30T11:59:59Z", 2, "lessons", "2026-11-30T12:00:00Z");
    check_auth(&p, "2026-11-30T12:00:00Z", 0, NULL, "2026-12-07T06:50:00Z");
    assert_int_equal(p.floors[SERVICE_PROGRESS], 0);
    check_auth(&p, "2026-12-02T08:00:00Z", 0, NULL, "2026-12-07T06:50:00Z"); /* excluded */
}

/* Ten steps of three minutes, of which the last is half an hour before the start. */
static void a_floor_rises_in_ten_steps_before_its_lead(void **state)
{
    struct platform p = platform_of(
        "{name: exam, leadMinutes: 30, rampMinutes: 30, replicas: {auth: 12, gateway: 1}, dated: "
        "[{start: '2026-11-30T09:00:00Z', end: '2026-11-30T11:00:00Z'}]}");
    (void)state;
    check_auth(&p, "2026-11-30T08:02:59Z", 0, NULL, "2026-11-30T08:03:00Z");
    check_auth(&p, "2026-11-30T08:03:00Z", 2, "exam", "2026-11-30T08:06:00Z");
    assert_int_equal(p.floors[SERVICE_GATEWAY], 1);
    check_auth(&p, "2026-11-30T08:06:00Z", 3, "exam", "2026-11-30T08:09:00Z");
    check_auth(&p, "2026-11-30T08:29:59Z", 11, "exam", "2026-11-30T08:30:00Z");
    check_auth(&p, "2026-11-30T08:30:00Z", 12, "exam", "2026-11-30T11:00:00Z");
    check_auth(&p, "2026-11-30T11:00:00Z", 0, NULL, "");
}

static void where_windows_overlap_the_greatest_number_counts(void **state)
{
    struct platform p = platform_of(LESSONS ", " EXAM);
    struct calendar c;
    (void)state;
    check_auth(&p, "2026-11-30T08:29:59Z", 2, "lessons", "2026-11-30T08:30:00Z");
    check_auth(&p, "2026-11-30T08:30:00Z", 8, "exam", "2026-11-30T11:00:00Z");
    calendar_at(p.spec.schedules, NULL, lp_clock_parse("2026-11-30T10:00:00Z"), &c);
    assert_int_equal(c.floors[SERVICE_GATEWAY].replicas, 3); /* the exam names no gateway */
    check_auth(&p, "2026-11-30T11:00:00Z", 2, "lessons", "2026-11-30T12:00:00Z");
}

static void of_equal_floors_the_one_that_lasts_longest_is_told(void **state)
{
    struct platform p = platform_of(
        "{name: short, replicas: {auth: 4}, dated: [{start: '2026-11-30T09:00:00Z', end: "
        "'2026-11-30T10:00:00Z'}]}, {name: long, replicas: {auth: 4}, dated: [{start: "
        "'2026-11-30T08:00:00Z', end: '2026-11-30T11:00:00Z'}]}");
    (void)state;
    check_auth(&p, "2026-11-30T09:30:00Z", 4, "long", "2026-11-30T10:00:00Z");
}

static void the_next_five_windows_are_told_by_the_clock_of_their_zone(void **state)
{
    static const struct {
        const char *schedule, *start, *end;
    } want[] = {
        { "lessons", "2026-10-19T06:00:00Z", "2026-10-19T11:00:00Z" }, /* is open */
        { "lessons", "2026-10-21T06:00:00Z", "2026-10-21T11:00:00Z" },
        { "late", "2026-10-23T00:00:00Z", "2026-10-24T00:00:00Z" },
        { "lessons", "2026-10-26T07:00:00Z", "2026-10-26T12:00:00Z" }, /* winter time */
        { "lessons", "2026-10-28T07:00:00Z", "2026-10-28T12:00:00Z" },
    };
    struct platform p = platform_of(
        LESSONS ", {name: late, replicas: {auth: 1}, dated: [{start: '2026-10-23T00:00:00Z', end: "
                "'2026-10-24T00:00:00Z'}, {start: '2027-01-01T00:00:00Z', end: "
                "'2027-01-02T00:00:00Z'}, {start: '2026-01-01T00:00:00Z', end: "
                "'2026-01-02T00:00:00Z'}]}");
    struct calendar c;
    (void)state;
    calendar_at(p.spec.schedules, NULL, lp_clock_parse("2026-10-19T10:00:00Z"), &c);
    assert_int_equal(c.n_next, CALENDAR_NEXT);
    for (size_t i = 0; i < LP_COUNT(want); i++) {
        assert_string_equal(c.next[i].schedule, want[i].schedule);
        assert_int_equal(c.next[i].start_ms, lp_clock_parse(want[i].start));
        assert_int_equal(c.next[i].end_ms, lp_clock_parse(want[i].end));
    }
}

static void a_pause_holds_until_its_time_and_one_that_is_past_is_none(void **state)
{
    static const char text[] =
        "{metadata: {name: a}, spec: {services: {auth: {autoscaling: {pause: {directions: [Down],"
        " until: '2026-11-30T10:00:00Z'}}}, gateway: {autoscaling: {pause: {directions: [Up, Down],"
        " until: '2026-11-30T09:00:00Z'}}}}}}";
    struct platform p = { .ns = "n", .name = "a", .uid = "u" };
    lp_auto_buf struct lp_buf told = LP_BUF_INIT(128);
    struct calendar c;
    (void)state;
    json_decref(lp_take(documents));
    ok(lp_yaml_parse(text, strlen(text), LP_LIMIT_CONFIG_BYTES, "test", &documents, &err));
    ok(spec_decode(json_array_get(documents, 0), &p.spec, &err));
    calendar_plan(&p, NULL, lp_clock_parse("2026-11-30T08:59:59Z"), &c);
    assert_true(p.pauses[SERVICE_AUTH].down && !p.pauses[SERVICE_AUTH].up);
    assert_true(p.pauses[SERVICE_GATEWAY].down && p.pauses[SERVICE_GATEWAY].up);
    assert_int_equal(c.change_ms, lp_clock_parse("2026-11-30T09:00:00Z"));
    calendar_pause_text(&c.pauses[SERVICE_GATEWAY], &told);
    assert_string_equal(told.ptr, "scaling up and down is paused until 2026-11-30T09:00:00Z");

    calendar_plan(&p, NULL, lp_clock_parse("2026-11-30T09:00:00Z"), &c);
    assert_false(p.pauses[SERVICE_GATEWAY].down || p.pauses[SERVICE_GATEWAY].up);
    assert_true(p.pauses[SERVICE_AUTH].down);
    assert_int_equal(c.change_ms, lp_clock_parse("2026-11-30T10:00:00Z"));
    calendar_plan(&p, NULL, lp_clock_parse("2026-12-30T10:00:00Z"), &c);
    assert_false(p.pauses[SERVICE_AUTH].down);
    assert_int_equal(c.change_ms, 0);
}

static void without_schedules_nothing_is_asked_for(void **state)
{
    struct platform p = platform_of("");
    struct calendar c;
    (void)state;
    check_auth(&p, "2026-11-30T09:30:00Z", 0, NULL, "");
    calendar_at(NULL, NULL, 0, &c);
    assert_int_equal(c.n_next, 0);
}

static void the_reason_names_schedule_number_end_and_limit(void **state)
{
    const struct calendar_floor floor = { .replicas = 12,
                                          .schedule = "exam",
                                          .end_ms = lp_clock_parse("2026-11-30T11:00:00Z") };
    lp_auto_buf struct lp_buf plain = LP_BUF_INIT(256), cut = LP_BUF_INIT(256);
    (void)state;
    calendar_text(&floor, 12, &plain);
    assert_string_equal(plain.ptr, "schedule exam keeps at least 12 until 2026-11-30T11:00:00Z");
    calendar_text(&floor, 10, &cut);
    assert_string_equal(
        cut.ptr, "schedule exam asks for 12, maxReplicas allows 10, until 2026-11-30T11:00:00Z");
}

#define CROWD                                                                      \
    "{name: exam, expectedStudents: 400, replicas: {auth: 2, gateway: 7}, dated: " \
    "[{start: '2026-11-30T09:00:00Z', end: '2026-11-30T11:00:00Z'}]}"

/* 12.5 pods of auth and 10 of the gateway for 1,000. */
static struct figures some_figures(void)
{
    const int64_t at_ms = lp_clock_parse("2026-11-02T09:12:00Z");
    return (struct figures){ .of = { [SERVICE_AUTH] = { 12500, 180, at_ms, 30 },
                                     [SERVICE_GATEWAY] = { 10000, 180, at_ms, 0 } } };
}

static void learners_become_pods_by_what_was_measured_or_replicas_where_that_is_more(void **state)
{
    const struct figures figures = some_figures();
    struct platform p = platform_of(CROWD);
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(400);
    struct calendar c;
    (void)state;
    calendar_plan(&p, &figures, lp_clock_parse("2026-11-30T09:30:00Z"), &c);
    assert_int_equal(p.floors[SERVICE_AUTH], 5);
    assert_int_equal(p.floors[SERVICE_GATEWAY], 7);
    assert_int_equal(p.floors[SERVICE_PROGRESS], 0);
    calendar_text(&c.floors[SERVICE_AUTH], 10, &text);
    assert_string_equal(
        text.ptr, "schedule exam keeps at least 5 until 2026-11-30T11:00:00Z for 400 learners "
                  "(12.5 pods for 1,000 learners, measured with 180 at 2026-11-02T09:12:00Z)");
    assert_int_equal(c.floors[SERVICE_GATEWAY].students, 0);
}

static void learners_without_a_figure_are_told_and_replicas_are_carried_out(void **state)
{
    struct platform p = platform_of(CROWD);
    struct calendar c;
    (void)state;
    calendar_plan(&p, NULL, lp_clock_parse("2026-11-30T09:30:00Z"), &c);
    assert_int_equal(p.floors[SERVICE_AUTH], 2);
    assert_string_equal(c.unmeasured.schedule, "exam");
    assert_int_equal(c.unmeasured.students, 400);
    for (unsigned i = 0; i < N_SERVICES; i++)
        assert_true(c.unmeasured.services[i]);
    /* One that does not scale needs none. */
    for (unsigned i = 0; i < N_SERVICES; i++)
        p.spec.services[i].autoscaling.enabled = i == SERVICE_AUTH;
    const struct figures figures = some_figures();
    calendar_plan(&p, &figures, lp_clock_parse("2026-11-30T09:30:00Z"), &c);
    assert_null(c.unmeasured.schedule);
    calendar_plan(&p, NULL, lp_clock_parse("2026-11-30T11:00:00Z"), &c); /* no window comes */
    assert_null(c.unmeasured.schedule);
}

/* 30 s from creation to Ready, and 30 s more; five minutes for who was never seen to start. */
static void without_lead_minutes_the_lead_is_what_pods_took_to_start(void **state)
{
    const struct figures figures = some_figures();
    struct platform p = platform_of(CROWD);
    struct calendar c;
    (void)state;
    calendar_plan(&p, &figures, lp_clock_parse("2026-11-30T08:54:59Z"), &c);
    assert_int_equal(p.floors[SERVICE_GATEWAY], 0);
    assert_int_equal(c.change_ms, lp_clock_parse("2026-11-30T08:55:00Z"));
    assert_int_equal(c.next[0].lead_s, 300);
    calendar_plan(&p, &figures, lp_clock_parse("2026-11-30T08:55:00Z"), &c);
    assert_int_equal(p.floors[SERVICE_GATEWAY], 7);
    assert_int_equal(p.floors[SERVICE_AUTH], 0);
    assert_int_equal(c.change_ms, lp_clock_parse("2026-11-30T08:59:00Z"));
    calendar_plan(&p, &figures, lp_clock_parse("2026-11-30T08:59:00Z"), &c);
    assert_int_equal(p.floors[SERVICE_AUTH], 5);
}

static int forget(void **state)
{
    (void)state;
    json_decref(lp_take(documents));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_floor_holds_from_its_lead_to_its_end),
        cmocka_unit_test(a_floor_rises_in_ten_steps_before_its_lead),
        cmocka_unit_test(where_windows_overlap_the_greatest_number_counts),
        cmocka_unit_test(of_equal_floors_the_one_that_lasts_longest_is_told),
        cmocka_unit_test(the_next_five_windows_are_told_by_the_clock_of_their_zone),
        cmocka_unit_test(a_pause_holds_until_its_time_and_one_that_is_past_is_none),
        cmocka_unit_test(without_schedules_nothing_is_asked_for),
        cmocka_unit_test(learners_become_pods_by_what_was_measured_or_replicas_where_that_is_more),
        cmocka_unit_test(learners_without_a_figure_are_told_and_replicas_are_carried_out),
        cmocka_unit_test(without_lead_minutes_the_lead_is_what_pods_took_to_start),
        cmocka_unit_test(the_reason_names_schedule_number_end_and_limit),
    };
    return cmocka_run_group_tests_name("autoscaler_calendar", tests, NULL, forget);
}
