/* test/unit/test_operator_monitors.c -- spec.monitoring where the operator has no right to its
 * kinds, against a scripted API server. */
#include "unit/reconciler_bench.h"

#define WITH_MONITORING                                                         \
    "{\"monitoring\":{},\"services\":{" ONE("gateway") "," ONE("auth") "," ONE( \
        "aiFeedback") "," ONE("progress") "}}"

#define ROUTE                                                          \
    "\"gateway\":{\"replicas\":1,\"autoscaling\":{\"enabled\":false}," \
    "\"expose\":{\"httpRoute\":{\"parentRefs\":[{\"name\":\"outer\"}]}}}"
#define PAUSED_WITH_ALL                                           \
    "{\"mode\":\"Paused\",\"monitoring\":{},\"services\":{" ROUTE \
    "," ONE("auth") "," ONE("aiFeedback") "," ONE("progress") "}}"

/* An operator whose rights were not renewed carries out all else. */
static void without_the_right_to_monitors_the_condition_says_which_right_is_missing(void **state)
{
    static const struct fake_answer answers[] = {
        WATCHES(PLATFORM(WITH_MONITORING, "")),
        { .match = "/apis/monitoring.coreos.com/",
          .status = 403,
          .body =
              "{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"no\",\"code\":403}" },
        ECHO,
        FAKE_END,
    };
    struct reconcile_result result;
    struct bench b;
    (void)state;
    begin(&b, answers);
    ok(reconcile(&b.r, KEY, &result, &err));
    assert_false(result.terminal);
    assert_int_equal(told(b.fake, "may not watch podmonitors.monitoring.coreos.com"), 1);
    assert_int_equal(told(b.fake, "\"reason\":\"NotAllowed\""), 1);
    assert_int_equal(asked(b.fake, "/deployments/english-gateway?"), 1);
    assert_int_equal(asked(b.fake, "/english-monitoring"), 0);
    assert_true(result.again_ms > 0 && result.again_ms <= 10000);
    finish(&b);
}

/* Every optional kind is looked for in each mode, and nothing but the status is written for it. */
static void while_paused_missing_definitions_are_looked_for_and_nothing_is_written(void **state)
{
    static const struct fake_answer answers[] = {
        WATCHES(PLATFORM(PAUSED_WITH_ALL, "")),
        { .match = "/apis/monitoring.coreos.com/", .status = 404 },
        { .match = "/apis/gateway.networking.k8s.io/", .status = 404 },
        ECHO,
        FAKE_END,
    };
    struct reconcile_result result;
    struct bench b;
    (void)state;
    begin(&b, answers);
    ok(reconcile(&b.r, KEY, &result, &err));
    assert_int_equal(told(b.fake, "no HTTPRoute (CustomResourceDefinition httproutes.gateway."), 1);
    assert_int_equal(told(b.fake, "take expose.httpRoute out of the spec; looked at again"), 1);
    assert_int_equal(told(b.fake, "no PodMonitor (CustomResourceDefinition podmonitors."), 1);
    assert_int_equal(told(b.fake, "no PrometheusRule (CustomResourceDefinition prometheus"), 1);
    assert_int_equal(asked(b.fake, "PATCH "), asked(b.fake, "english/status?"));
    assert_true(result.again_ms > 0 && result.again_ms <= 10000);
    finish(&b);
}

#define WITH_DASHBOARD                                                                            \
    "{\"monitoring\":{\"podMonitor\":\"None\",\"prometheusRule\":\"None\",\"dashboards\":"        \
    "\"ConfigMap\"},\"services\":{" ONE("gateway") "," ONE("auth") "," ONE("aiFeedback") "," ONE( \
        "progress") "}}"

/* Its kind is in every cluster: nothing is asked for that a cluster may lack. */
static void a_dashboard_needs_no_definition_and_the_condition_tells_of_it(void **state)
{
    static const struct fake_answer answers[] = {
        WATCHES(PLATFORM(WITH_DASHBOARD, "")),
        ECHO,
        FAKE_END,
    };
    struct reconcile_result result;
    struct bench b;
    (void)state;
    begin(&b, answers);
    ok(reconcile(&b.r, KEY, &result, &err));
    assert_int_equal(asked(b.fake, "/configmaps/english-monitoring?"), 1);
    assert_int_equal(asked(b.fake, "\"grafana_dashboard\":\"1\""), 1);
    assert_int_equal(told(b.fake, "\"reason\":\"AsAsked\""), 1);
    assert_int_equal(told(b.fake, "ConfigMap english-monitoring is there"), 1);
    assert_int_equal(asked(b.fake, "monitoring.coreos.com"), 0);
    finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_the_right_to_monitors_the_condition_says_which_right_is_missing),
        cmocka_unit_test(a_dashboard_needs_no_definition_and_the_condition_tells_of_it),
        cmocka_unit_test(while_paused_missing_definitions_are_looked_for_and_nothing_is_written),
    };
    return cmocka_run_group_tests_name("operator_monitors", tests, NULL, NULL);
}
