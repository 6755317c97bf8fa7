/* test/unit/test_operator_history.c -- what is kept of a decision. */
#include "operator/status/history.h"

#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "unit/check.h"

#define NOON INT64_C(1764590400000) /* 2025-12-01T12:00:00Z */

/* One at 8 pods of 2 to 10, of which cpu asks for fewer and the queue depth for more. */
static json_t *busy_hpa(int64_t min)
{
    return lp_json_make(
        "{s:{s:I, s:I, s:[{s:s, s:{s:s, s:{s:I}}}, {s:s, s:{s:{s:s}, s:{s:s}}}]},"
        " s:{s:I, s:I, s:[{s:s, s:{s:s, s:{s:I, s:s}}}, {s:s, s:{s:{s:s}, s:{s:s}}}],"
        " s:[{s:s, s:s}, {s:s, s:s, s:s}]}}",
        "spec", "minReplicas", (json_int_t)min, "maxReplicas", (json_int_t)10, "metrics", "type",
        "Resource", "resource", "name", "cpu", "target", "averageUtilization", (json_int_t)70,
        "type", "Object", "object", "metric", "name", "queue_depth", "target", "averageValue", "4",
        "status", "currentReplicas", (json_int_t)8, "desiredReplicas", (json_int_t)10,
        "currentMetrics", "type", "Resource", "resource", "name", "cpu", "current",
        "averageUtilization", (json_int_t)35, "averageValue", "14m", "type", "Object", "object",
        "metric", "name", "queue_depth", "current", "averageValue", "6500m", "conditions", "type",
        "ScalingActive", "status", "True", "type", "ScalingLimited", "status", "True", "reason",
        "TooManyReplicas");
}

static json_t *decide(const struct platform *p, const json_t *hpa, json_t *scaling)
{
    json_auto_t *service =
        lp_json_make("{s:s, s:I, s:o}", "name", "auth", "ready", (json_int_t)7, "scaling", scaling);
    const struct traffic traffic = { 12500, 250000, -1 };
    return history_decision(p, SERVICE_AUTH, hpa, service, &traffic, NOON);
}

static struct platform platform_with(int64_t min, int64_t floor)
{
    struct platform p = { .ns = "n", .name = "a", .floors[SERVICE_AUTH] = floor };
    p.spec.services[SERVICE_AUTH].autoscaling.min = min;
    p.spec.services[SERVICE_AUTH].autoscaling.max = 10;
    return p;
}

static void a_decision_keeps_every_candidate_what_limits_and_who_won(void **state)
{
    struct platform p = platform_with(2, 9);
    json_auto_t *hpa = busy_hpa(9);
    (void)state;
    json_auto_t *is = decide(&p, hpa,
                             lp_json_make("{s:s, s:s, s:{s:I, s:s, s:s}}", "why", "8 to 10",
                                          "winner", "queueDepth", "floor", "replicas",
                                          (json_int_t)9, "schedule", "exam", "until", "14:00"));
    json_auto_t *want = lp_json_make(
        "{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:[{s:s, s:s, s:s, s:s, s:I},"
        " {s:s, s:s, s:s, s:s, s:I}, {s:s, s:s, s:I, s:s}], s:[s], s:{s:s, s:s},"
        " s:{s:f, s:f, s:f}}",
        "time", "2025-12-01T12:00:00.000Z", "service", "auth", "why", "8 to 10", "from",
        (json_int_t)8, "to", (json_int_t)10, "ready", (json_int_t)7, "min", (json_int_t)9, "max",
        (json_int_t)10, "candidates", "kind", "metric", "name", "cpu", "value", "35%", "target",
        "70%", "asks", (json_int_t)4, "kind", "metric", "name", "queueDepth", "value", "6.5",
        "target", "4", "asks", (json_int_t)13, "kind", "schedule", "name", "exam", "asks",
        (json_int_t)9, "until", "14:00", "limits", "maxReplicas 10", "winner", "kind", "metric",
        "name", "queueDepth", "load", "cpu", 0.112, "arrivalRate", 12.5, "serviceTime", 0.25);
    assert_true(json_equal(is, want));
}

static void a_pause_and_a_floor_of_others_are_candidates(void **state)
{
    struct platform p = platform_with(2, 0);
    json_auto_t *hpa = busy_hpa(6);
    const json_t *list;
    (void)state;
    p.pauses[SERVICE_AUTH].up = true;
    json_auto_t *is = decide(
        &p, hpa,
        lp_json_make("{s:s, s:s, s:s}", "why", "stays", "winner", "cpu", "pausedUntil", "14:00"));
    list = json_object_get(is, "candidates");
    assert_int_equal(json_array_size(list), 4);
    json_auto_t *floor = lp_json_make("{s:s, s:s, s:I}", "kind", "floor", "name", "minReplicas",
                                      "asks", (json_int_t)6);
    json_auto_t *pause =
        lp_json_make("{s:s, s:s, s:s}", "kind", "pause", "name", "up", "until", "14:00");
    assert_true(json_equal(json_array_get(list, 2), floor));
    assert_true(json_equal(json_array_get(list, 3), pause));
}

static void a_burst_is_a_candidate_once(void **state)
{
    struct platform p = platform_with(2, 0);
    json_auto_t *hpa = busy_hpa(9);
    (void)state;
    json_auto_t *is = decide(&p, hpa,
                             lp_json_make("{s:s, s:s, s:{s:I, s:s, s:s}}", "why", "stays", "winner",
                                          "cpu", "floor", "replicas", (json_int_t)9, "source",
                                          "Burst", "why", "burst: so"));
    const json_t *list = json_object_get(is, "candidates");
    json_auto_t *burst = lp_json_make("{s:s, s:s, s:I}", "kind", "burst", "name", "minReplicas",
                                      "asks", (json_int_t)9);
    assert_int_equal(json_array_size(list), 3);
    assert_true(json_equal(json_array_get(list, 2), burst));
}

static void nothing_is_kept_before_an_hpa_decided_and_lost_metrics_are(void **state)
{
    struct platform p = platform_with(2, 0);
    json_auto_t *hpa = busy_hpa(2);
    (void)state;
    assert_null(decide(&p, hpa, lp_json_make("{s:s}", "why", "no decision yet")));
    assert_null(decide(&p, NULL, lp_json_make("{s:s, s:s}", "why", "8 to 10", "winner", "cpu")));
    json_auto_t *made = lp_json_make("{s:{s:I, s:I}, s:{s:I}}", "spec", "minReplicas",
                                     (json_int_t)6, "maxReplicas", (json_int_t)9, "status",
                                     "desiredReplicas", (json_int_t)0); /* while a window is open */
    assert_null(
        decide(&p, made,
               lp_json_make("{s:s, s:{s:I, s:s, s:s}}", "why", "no decision yet; exam", "floor",
                            "replicas", (json_int_t)6, "schedule", "exam", "until", "14:00")));
    json_auto_t *lost =
        decide(&p, hpa, lp_json_make("{s:s}", "why", "not scaling: no metrics returned"));
    assert_string_equal(lp_json_str(lost, "why", NULL), "not scaling: no metrics returned");
}

static void within_the_tolerance_of_a_tenth_a_metric_asks_for_what_is_there(void **state)
{
    struct platform p = platform_with(2, 0);
    json_auto_t *hpa = busy_hpa(2);
    (void)state;
    json_object_set_new(
        lp_json_at(json_array_get(lp_json_at(hpa, "status", "currentMetrics", NULL), 0), "resource",
                   "current", NULL),
        "averageUtilization", json_integer(76));
    json_auto_t *is = decide(&p, hpa, lp_json_make("{s:s, s:s}", "why", "w", "winner", "cpu"));
    const json_t *cpu = json_array_get(json_object_get(is, "candidates"), 0);
    assert_int_equal(lp_json_int(0, cpu, "asks", NULL), 8);
}

static void a_service_without_pods_is_a_decision_with_what_it_goes_by(void **state)
{
    struct platform p = platform_with(0, 0);
    json_auto_t *hpa =
        lp_json_make("{s:{s:I, s:I}, s:{s:I, s:I}}", "spec", "minReplicas", (json_int_t)1,
                     "maxReplicas", (json_int_t)9, "status", "currentReplicas", (json_int_t)0,
                     "desiredReplicas", (json_int_t)0);
    (void)state;
    p.spec.services[SERVICE_AUTH].autoscaling.idle_s = 300;
    json_auto_t *is =
        decide(&p, hpa, lp_json_make("{s:s, s:s}", "why", "at 0 since ..", "zeroSince", ".."));
    json_auto_t *want = lp_json_make("[{s:s, s:s, s:i}]", "kind", "idle", "name",
                                     "300 s without a request", "asks", 0);
    assert_true(json_equal(json_object_get(is, "candidates"), want));
    assert_null(json_object_get(is, "winner"));
}

/* What is kept as "to" of an HPA at 2 pods whose status says 0. */
static int64_t kept_of(const char *reason)
{
    struct platform p = platform_with(2, 0);
    json_auto_t *hpa = lp_json_make(
        "{s:{s:I, s:I}, s:{s:I, s:I, s:[{s:s, s:s, s:s}]}}", "spec", "minReplicas", (json_int_t)2,
        "maxReplicas", (json_int_t)9, "status", "currentReplicas", (json_int_t)2, "desiredReplicas",
        (json_int_t)0, "conditions", "type", "ScalingActive", "status", "False", "reason", reason);
    json_auto_t *is = decide(&p, hpa, lp_json_make("{s:s}", "why", "not scaling: .."));
    return lp_json_int(-1, is, "to", NULL);
}

static void an_hpa_that_could_not_compute_wants_what_there_is(void **state)
{
    (void)state;
    assert_int_equal(kept_of("FailedGetResourceMetric"), 2);
    assert_int_equal(kept_of("ScalingDisabled"), 0); /* somebody scaled it to 0 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_service_without_pods_is_a_decision_with_what_it_goes_by),
        cmocka_unit_test(a_decision_keeps_every_candidate_what_limits_and_who_won),
        cmocka_unit_test(a_pause_and_a_floor_of_others_are_candidates),
        cmocka_unit_test(an_hpa_that_could_not_compute_wants_what_there_is),
        cmocka_unit_test(a_burst_is_a_candidate_once),
        cmocka_unit_test(nothing_is_kept_before_an_hpa_decided_and_lost_metrics_are),
        cmocka_unit_test(within_the_tolerance_of_a_tenth_a_metric_asks_for_what_is_there),
    };
    return cmocka_run_group_tests_name("operator_history", tests, NULL, NULL);
}
