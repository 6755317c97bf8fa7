/* test/unit/test_operator_monitors.c -- spec.monitoring where the operator has no right to its
 * kinds, against a scripted API server. */
#include "unit/reconciler_bench.h"

#define WITH_MONITORING                                                         \
    "{\"monitoring\":{},\"services\":{" ONE("gateway") "," ONE("auth") "," ONE( \
        "aiFeedback") "," ONE("progress") "}}"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_the_right_to_monitors_the_condition_says_which_right_is_missing),
    };
    return cmocka_run_group_tests_name("operator_monitors", tests, NULL, NULL);
}
