/* test/unit/test_autoscaler_targets.c -- where a Prometheus finds the metrics of pods. */
#include <string.h>

#include "base/alloc.h"
#include "unit/samples_fixture.h"

/* The list as Prometheus reads it; the caller's. */
static json_t *targets(void)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(65536);
    json_t *list = NULL;
    struct lp_error err;

    assert_true(samples_targets(s, 9090, &text));
    if (lp_json_parse(text.ptr, text.len, 65536, "targets", &list, &err) < 0)
        fail_msg("%s: %s", err.msg, text.ptr);
    return list;
}

static void expect(const char *want)
{
    json_auto_t *is = targets();
    json_auto_t *wanted = NULL;
    struct lp_error err;

    assert_int_equal(lp_json_parse(want, strlen(want), 65536, "wanted", &wanted, &err), 0);
    if (!json_equal(is, wanted)) {
        lp_auto_buf struct lp_buf text = LP_BUF_INIT(65536);
        lp_json_write(is, &text);
        fail_msg("%s", text.ptr);
    }
}

#define TARGET(address, pod)                                                \
    "{\"targets\": [\"" address "\"], \"labels\": {\"namespace\": \"lp\", " \
    "\"platform\": \"english\", \"app\": \"auth\", \"pod\": \"" pod "\"}}"

static void running_pods_are_told_of_ready_or_not(void **state)
{
    (void)state;
    samples_synced(s, NOW);
    expect("[]");
    pod("auth-1", "10.0.0.1", true);
    pod("auth-2", "10.0.0.2", false);
    expect("[" TARGET("10.0.0.1:9090", "auth-1") "," TARGET("10.0.0.2:9090", "auth-2") "]");
    pod("auth-1", "10.0.0.1", false); /* its database is away: that is what it has to tell */
    expect("[" TARGET("10.0.0.1:9090", "auth-1") "," TARGET("10.0.0.2:9090", "auth-2") "]");
    pod("auth-2", "fd00::7", true);
    pod_gone("auth-1");
    expect("[" TARGET("[fd00::7]:9090", "auth-2") "]");
}

static void one_without_an_address_that_waits_or_that_ends_is_not(void **state)
{
    (void)state;
    samples_synced(s, NOW);
    pod("auth-1", "", false);
    pod("auth-2", "no-address", false);
    json_auto_t *waits = pod_object("auth-3", "10.0.0.3", false);
    lp_json_set_str(json_object_get(waits, "status"), "phase", "Pending");
    tell(waits, NOW);
    json_auto_t *ends = pod_object("auth-4", "10.0.0.4", true);
    tell(ends, NOW);
    expect("[" TARGET("10.0.0.4:9090", "auth-4") "]");
    lp_json_set_str(json_object_get(ends, "metadata"), "deletionTimestamp", "2026-01-01T00:00:00Z");
    tell(ends, NOW);
    expect("[]");
}

/* As of an extra service without queueMetrics: nothing listens there. */
static void a_pod_without_a_metrics_port_is_not(void **state)
{
    (void)state;
    deployment(1);
    samples_synced(s, NOW);
    json_auto_t *o = pod_object("auth-1", "10.0.0.1", true);
    json_object_del(o, "spec");
    tell(o, NOW);
    expect("[]");
    pod("auth-2", "10.0.0.2", true);
    expect("[" TARGET("10.0.0.2:9090", "auth-2") "]");
}

/* A label alone, which anybody may write, makes no pod a target. */
static void a_pod_that_is_of_no_platform_is_not(void **state)
{
    (void)state;
    samples_synced(s, NOW);
    pod_of("auth-1", "10.0.0.1", "set-of-somebody", NOW);
    expect("[]");
    deployment(1);
    pod_of("auth-2", "10.0.0.2", "set-1", NOW);
    expect("[" TARGET("10.0.0.2:9090", "auth-2") "]");
}

static void before_all_are_known_nothing_is_told(void **state)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(65536);
    (void)state;
    pod("auth-1", "10.0.0.1", true);
    assert_false(samples_targets(s, 9090, &text));
}

#define test(f) with_table(f)
int main(void)
{
    const struct CMUnitTest tests[] = {
        test(running_pods_are_told_of_ready_or_not),
        test(one_without_an_address_that_waits_or_that_ends_is_not),
        test(a_pod_without_a_metrics_port_is_not),
        test(a_pod_that_is_of_no_platform_is_not),
        test(before_all_are_known_nothing_is_told),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("autoscaler_targets", tests, NULL, NULL);
}
