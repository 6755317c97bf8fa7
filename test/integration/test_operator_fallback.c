/* test/integration/test_operator_fallback.c -- pods whose metrics are lost; minutes of waiting. */
#include "integration/pods_fixture.h"

/* With afterSeconds at its least, and 30 s in which a pod's last value counts. */
static void lost_metrics_are_a_floor_until_they_are_back(void **state)
{
    static const int64_t three = 3, two = 2;
    (void)state;
    pods_broken(false);
    pods_rate(1);
    create_platform(
        "english", autoscaling_spec("auth", "{metrics: [cpu], minReplicas: 1, fallback: {replicas: "
                                            "3, afterSeconds: 30}}"));
    pods_ready("auth", 1);
    pods_broken(true);
    json_auto_t *lifted = await(&lp_kube_hpas, "english-auth", min_is_at_least, &three, "lifted");
    assert_int_equal(lp_json_int(0, lifted, "spec", "minReplicas", NULL), 3);
    json_decref(await(&lp_kube_platforms, "english", has_source, "Fallback", "told of"));
    pods_broken(false);
    json_decref(await(&lp_kube_hpas, "english-auth", min_is_at_most, &two, "a step lower"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(lost_metrics_are_a_floor_until_they_are_back, pods_namespace),
    };
    return cmocka_run_group_tests_name("operator_fallback", tests, pods_begin, pods_end);
}
