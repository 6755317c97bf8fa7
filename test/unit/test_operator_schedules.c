/* test/unit/test_operator_schedules.c -- what schedules ask for, in the status. */
#include "operator/status/floors.h"

#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "unit/check.h"

#define START INT64_C(1764579600000) /* 2025-12-01T09:00:00Z */

static const struct calendar exam = {
    .floors[SERVICE_AUTH] = { .replicas = 4,
                              .schedule = "exam",
                              .start_ms = START,
                              .end_ms = START + 7200000 },
    .next = { { "exam", START, START + 7200000, 45 },
              { "lessons", START + 86400000, START + 90000000, 300 } },
    .n_next = 2,
};

static json_t *explain(int64_t floor, int64_t hpa_min, int64_t max, const json_t *before)
{
    struct platform p = { .ns = "n", .name = "a", .floors[SERVICE_AUTH] = floor };
    json_auto_t *hpa = lp_json_make("{s:{s:I, s:I}, s:{s:I, s:I}}", "spec", "minReplicas",
                                    (json_int_t)hpa_min, "maxReplicas", (json_int_t)max, "status",
                                    "currentReplicas", 4, "desiredReplicas", 4);

    p.spec.services[SERVICE_AUTH].autoscaling.min = 1;
    p.spec.services[SERVICE_AUTH].autoscaling.max = max;
    return floors_explain(&p, &exam, SERVICE_AUTH, hpa, before);
}

static void a_floor_is_told_with_schedule_and_end_once_the_hpa_has_it(void **state)
{
    (void)state;
    json_auto_t *there = explain(4, 4, 9, NULL);
    json_auto_t *want =
        lp_json_make("{s:s, s:{s:I, s:s, s:s, s:s}}", "why",
                     "no decision yet; schedule exam keeps at least 4 until 2025-12-01T11:00:00Z",
                     "floor", "replicas", (json_int_t)4, "source", "Schedule", "schedule", "exam",
                     "until", "2025-12-01T11:00:00Z");
    assert_true(json_equal(there, want));

    json_auto_t *not_yet = explain(4, 1, 9, NULL);
    assert_string_equal(lp_json_str(not_yet, "why", NULL), "no decision yet");
    assert_null(json_object_get(not_yet, "floor"));

    json_auto_t *cut = explain(4, 3, 3, NULL);
    assert_int_equal(lp_json_int(0, cut, "floor", "replicas", NULL), 3);
    assert_non_null(strstr(lp_json_str(cut, "why", NULL), "maxReplicas allows 3"));
}

static void a_floor_that_is_over_leaves_nothing(void **state)
{
    (void)state;
    json_auto_t *before = explain(4, 4, 9, NULL);
    json_auto_t *over = explain(0, 1, 9, before);
    json_auto_t *want = lp_json_make("{s:s}", "why", "no decision yet");
    assert_true(json_equal(over, want));
    json_auto_t *below = explain(1, 1, 9, NULL); /* no more than the spec has anyway */
    assert_true(json_equal(below, want));
    /* The HPA of one that may have no pods has 1, and no schedule says so. */
    const struct calendar empty = { .n_next = 0 };
    struct platform p = { .ns = "n", .name = "a" };
    json_auto_t *hpa = lp_json_make("{s:{s:I}}", "spec", "minReplicas", (json_int_t)1);
    p.spec.services[SERVICE_AUTH].autoscaling.max = 9;
    json_auto_t *least = floors_explain(&p, &empty, SERVICE_AUTH, hpa, NULL);
    assert_true(json_equal(least, want));
}

static void a_pause_is_told_once_the_hpa_has_it(void **state)
{
    const struct calendar held = { .pauses[SERVICE_AUTH] = { .down = true,
                                                             .until_ms = START + 7200000 } };
    struct platform p = { .ns = "n", .name = "a" };
    json_auto_t *plain = lp_json_make("{s:{s:I}}", "spec", "minReplicas", (json_int_t)1);
    json_auto_t *paused = lp_json_make("{s:{s:{s:{s:s}}}}", "spec", "behavior", "scaleDown",
                                       "selectPolicy", "Disabled");
    (void)state;
    p.spec.services[SERVICE_AUTH].autoscaling.min = p.spec.services[SERVICE_AUTH].autoscaling.max =
        1;
    json_auto_t *not_yet = floors_explain(&p, &held, SERVICE_AUTH, plain, NULL);
    json_auto_t *nothing = lp_json_make("{s:s}", "why", "no decision yet");
    assert_true(json_equal(not_yet, nothing));
    json_auto_t *told = floors_explain(&p, &held, SERVICE_AUTH, paused, not_yet);
    json_auto_t *want = lp_json_make(
        "{s:s, s:s}", "why", "no decision yet; scaling down is paused until 2025-12-01T11:00:00Z",
        "pausedUntil", "2025-12-01T11:00:00Z");
    assert_true(json_equal(told, want));
    json_auto_t *over = floors_explain(&p, NULL, SERVICE_AUTH, plain, told);
    assert_true(json_equal(over, nothing));
}

static json_t *lifted_hpa(const char *floor, const char *lifted)
{
    return lp_json_make("{s:{s:{s:s*, s:s*}}, s:{s:I, s:I}, s:{s:I, s:I}}", "metadata",
                        "annotations", ANNOTATION_FLOOR, floor, ANNOTATION_LIFTED, lifted, "spec",
                        "minReplicas", (json_int_t)7, "maxReplicas", (json_int_t)9, "status",
                        "currentReplicas", (json_int_t)7, "desiredReplicas", (json_int_t)7);
}

/* Not where the annotation is an older one's, or nobody's. */
static void a_burst_is_told_with_its_reason(void **state)
{
    static const char told[] = "{\"source\":\"Burst\",\"replicas\":7,\"why\":\"burst: so\"}";
    static const char older[] = "{\"source\":\"Burst\",\"replicas\":8,\"why\":\"burst: so\"}";
    struct platform p = { .ns = "n", .name = "a", .floors[SERVICE_AUTH] = 4 };
    json_auto_t *burst = lifted_hpa("{}", told);
    json_auto_t *before = lifted_hpa("{}", older);
    json_auto_t *forged = lifted_hpa(NULL, told);
    json_auto_t *broken = lifted_hpa("{}", "{\"source\":");
    (void)state;
    p.spec.services[SERVICE_AUTH].autoscaling.min = 1;
    p.spec.services[SERVICE_AUTH].autoscaling.max = 9;
    json_auto_t *seen = floors_explain(&p, &exam, SERVICE_AUTH, burst, NULL);
    json_auto_t *want = lp_json_make(
        "{s:s, s:{s:I, s:s, s:s}}", "why", "no decision yet; burst: so: keeps at least 7", "floor",
        "replicas", (json_int_t)7, "source", "Burst", "why", "burst: so");
    assert_true(json_equal(seen, want));
    const json_t *others[] = { before, forged, broken };
    for (size_t i = 0; i < LP_COUNT(others); i++) {
        json_auto_t *o = floors_explain(&p, &exam, SERVICE_AUTH, others[i], seen);
        assert_string_equal(lp_json_str(o, "floor", "source", NULL), "Schedule");
    }
}

static void learners_without_a_figure_are_a_condition_while_a_window_needs_one(void **state)
{
    const struct calendar calendar = {
        .unmeasured = { .schedule = "exam",
                        .students = 400,
                        .services = { [SERVICE_AUTH] = true, [SERVICE_PROGRESS] = true } }
    };
    json_auto_t *list = json_array();
    const struct conditions c = { list, NULL, 3, START };
    (void)state;
    floors_set_unmeasured(NULL, &c);
    floors_set_unmeasured(&exam, &c);
    assert_int_equal(json_array_size(list), 0);
    floors_set_unmeasured(&calendar, &c);
    const json_t *condition = json_array_get(list, 0);
    assert_string_equal(lp_json_str(condition, "type", NULL), "LearnersUnmeasured");
    assert_string_equal(
        lp_json_str(condition, "message", NULL),
        "spec.schedules[exam].expectedStudents: 400 learners cannot be made pods of auth, "
        "progress: their demand was never measured in a minute with at least 10 active learners; "
        "what replicas asks for is done, and these too as soon as it was");
}

static void the_windows_that_come_are_in_the_status(void **state)
{
    const struct calendar empty = { .n_next = 0 };
    json_auto_t *status = json_object(), *none = json_object();
    (void)state;
    floors_set_activations(&exam, status);
    json_auto_t *want =
        lp_json_make("{s:[{s:s, s:s, s:s, s:i}, {s:s, s:s, s:s, s:i}]}", "activations", "schedule",
                     "exam", "from", "2025-12-01T09:00:00Z", "until", "2025-12-01T11:00:00Z",
                     "leadSeconds", 45, "schedule", "lessons", "from", "2025-12-02T09:00:00Z",
                     "until", "2025-12-02T10:00:00Z", "leadSeconds", 300);
    assert_true(json_equal(status, want));
    floors_set_activations(&empty, none);
    floors_set_activations(NULL, none);
    assert_int_equal(json_object_size(none), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_floor_is_told_with_schedule_and_end_once_the_hpa_has_it),
        cmocka_unit_test(a_floor_that_is_over_leaves_nothing),
        cmocka_unit_test(a_burst_is_told_with_its_reason),
        cmocka_unit_test(learners_without_a_figure_are_a_condition_while_a_window_needs_one),
        cmocka_unit_test(a_pause_is_told_once_the_hpa_has_it),
        cmocka_unit_test(the_windows_that_come_are_in_the_status),
    };
    return cmocka_run_group_tests_name("operator_schedules", tests, NULL, NULL);
}
