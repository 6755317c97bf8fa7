/* test/unit/test_operator_scaling.c -- the HPA's decision in words. */
#include "operator/status/scaling.h"

#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "unit/yaml.h"

static json_t *hpa(int current, int desired, int cpu, const char *queue, const char *more)
{
    lp_auto_free char *text = lp_sprintf(
        "{spec: {minReplicas: 1, maxReplicas: 5, metrics: ["
        "{type: Resource, resource: {name: cpu, target: {type: Utilization,"
        " averageUtilization: 70}}},"
        "{type: Object, object: {metric: {name: queue_depth}, target: {type: AverageValue,"
        " averageValue: '4'}}}]},"
        " status: {currentReplicas: %d, desiredReplicas: %d, currentMetrics: ["
        "{type: Resource, resource: {name: cpu, current: {averageUtilization: %d}}},"
        "{type: Object, object: {metric: {name: queue_depth}, current: {averageValue: '%s'}}}],"
        " conditions: [{type: ScalingActive, status: 'True'}%s]}}",
        current, desired, cpu, queue, more);
    return parse(text);
}

static void a_decision_names_winner_value_target_and_limit(void **state)
{
    (void)state;
    json_auto_t *up = hpa(2, 4, 35, "6500m", "");
    json_auto_t *why = scaling_explain(up, NULL, NULL);
    json_auto_t *want = parse("{winner: queueDepth, value: '6.5', target: '4',"
                              " why: '2 to 4: queue depth 6.5 a pod, target 4; HPA limits: none'}");
    assert_true(json_equal(why, want));
    assert_true(scaling_is_moving(up));

    json_auto_t *full =
        hpa(5, 5, 200, "1", ", {type: ScalingLimited, status: 'True', reason: TooManyReplicas}");
    json_auto_t *limited = scaling_explain(full, NULL, NULL);
    assert_string_equal(lp_json_str(limited, "why", NULL),
                        "stays at 5: cpu 200% of its request, target 70%; "
                        "HPA limits: maxReplicas 5");
    assert_false(scaling_is_moving(full));
}

/* Two Object metrics: each is held to its own target. */
static void a_demand_that_wins_is_named(void **state)
{
    static const char text[] =
        "{spec: {minReplicas: 1, maxReplicas: 9, metrics: ["
        "{type: Object, object: {metric: {name: queue_depth}, target: {type: AverageValue,"
        " averageValue: '4'}}},"
        "{type: Object, object: {metric: {name: demand}, target: {type: AverageValue,"
        " averageValue: '1'}}}]},"
        " status: {currentReplicas: 2, desiredReplicas: 4, currentMetrics: ["
        "{type: Object, object: {metric: {name: %s}, current: {averageValue: '3'}}},"
        "{type: Object, object: {metric: {name: %s}, current: {averageValue: '1750m'}}}],"
        " conditions: [{type: ScalingActive, status: 'True'}]}}";
    (void)state;
    lp_auto_free char *demand = lp_sprintf(text, "queue_depth", "demand");
    json_auto_t *up = parse(demand);
    json_auto_t *why = scaling_explain(up, NULL, NULL);
    json_auto_t *want = parse("{winner: demand, value: '1.75', target: '1', why: '2 to 4: demand"
                              " 1.75 of what a pod carries, target 1; HPA limits: none'}");
    assert_true(json_equal(why, want));

    /* Of one that the spec does not have, no target is known: it does not decide. */
    lp_auto_free char *foreign = lp_sprintf(text, "queue_depth", "foreign");
    json_auto_t *other = parse(foreign);
    json_auto_t *queue = scaling_explain(other, NULL, NULL);
    assert_string_equal(lp_json_str(queue, "winner", NULL), "queueDepth");
}

/* Of 240 bytes: 34 words of six and the spaces between them are 237. */
static void a_long_message_ends_with_a_whole_word(void **state)
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(4096);
    (void)state;
    for (int i = 0; i < 100; i++)
        lp_buf_str(&b, i ? " metric" : "metric");
    json_auto_t *o = lp_json_make("{s:{s:[{s:s, s:s, s:s}]}}", "status", "conditions", "type",
                                  "ScalingActive", "status", "False", "message", b.ptr);
    json_auto_t *is = scaling_explain(o, NULL, NULL);
    const char *why = lp_json_str(is, "why", NULL);
    assert_int_equal(strlen(why), strlen("not scaling: ") + 237 + strlen(" ..."));
    assert_string_equal(why + strlen(why) - strlen(" metric ..."), " metric ...");
}

static void what_keeps_an_hpa_from_scaling_is_told(void **state)
{
    (void)state;
    json_auto_t *o = parse("{status: {conditions: [{type: ScalingActive, status: 'False',"
                           " reason: FailedGetObjectMetric, message: no metrics}]}}");
    json_auto_t *why = scaling_explain(o, NULL, NULL);
    assert_string_equal(lp_json_str(why, "why", NULL), "not scaling: no metrics");
    json_auto_t *new = parse("{status: {conditions: [{type: ScalingActive, status: 'False',"
                             " message: 'the HPA was unable to compute the replica count: failed"
                             " to get memory utilization: unable to get metrics for resource"
                             " memory: no metrics returned from resource metrics API'}]}}");
    json_auto_t *soon = scaling_explain(new, NULL, NULL);
    assert_string_equal(lp_json_str(soon, "why", NULL),
                        "not scaling: no memory figures of these pods yet; metrics-server has them "
                        "within about a minute of their start");
    json_auto_t *unready =
        parse("{status: {conditions: [{type: ScalingActive, status: 'False', message: 'the HPA was"
              " unable to compute the replica count: failed to get cpu utilization: did not receive"
              " metrics for targeted pods (pods might be unready)'}]}}");
    json_auto_t *later = scaling_explain(unready, NULL, NULL);
    assert_string_equal(
        lp_json_str(later, "why", NULL),
        "not scaling: no cpu figures of these pods yet; they are not Ready, or have "
        "not been for long enough");
    json_auto_t *off = scaling_explain(NULL, NULL, NULL);
    assert_string_equal(lp_json_str(off, "why", NULL), "autoscaling is off");
    json_auto_t *fresh = parse("{status: {}}");
    json_auto_t *none = scaling_explain(fresh, NULL, NULL);
    assert_string_equal(lp_json_str(none, "why", NULL), "no decision yet");
}

static void small_moves_of_the_figures_are_no_news(void **state)
{
    (void)state;
    json_auto_t *first = hpa(2, 2, 20, "0", "");
    json_auto_t *before = scaling_explain(first, NULL, NULL);
    json_auto_t *wobble = hpa(2, 2, 33, "0", "");
    json_auto_t *kept = scaling_explain(wobble, NULL, before);
    assert_true(json_equal(kept, before));
    json_auto_t *jump = hpa(2, 2, 60, "0", "");
    json_auto_t *told = scaling_explain(jump, NULL, before);
    assert_string_equal(lp_json_str(told, "value", NULL), "60%");
    json_auto_t *other = hpa(2, 3, 33, "0", "");
    json_auto_t *moved = scaling_explain(other, NULL, before);
    assert_false(json_equal(moved, before));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_decision_names_winner_value_target_and_limit),
        cmocka_unit_test(a_demand_that_wins_is_named),
        cmocka_unit_test(what_keeps_an_hpa_from_scaling_is_told),
        cmocka_unit_test(a_long_message_ends_with_a_whole_word),
        cmocka_unit_test(small_moves_of_the_figures_are_no_news),
    };
    return cmocka_run_group_tests_name("operator_scaling", tests, NULL, NULL);
}
