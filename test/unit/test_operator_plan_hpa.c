/* test/unit/test_operator_plan_hpa.c -- what an HPA is made of: metrics, floor, pauses. */
#include <string.h>

#include "json/json.h"
#include "platform/plan.h"
#include "platform/plan_parts.h"
#include "unit/check.h"
#include "unit/plan_fixture.h"

/* The leader writes minReplicas then, under a name of its own. */
static void without_a_metrics_api_an_hpa_says_what_its_floor_is_made_of(void **state)
{
    struct plan_images alone = images;
    struct fixture *f = make("{services: {auth: {autoscaling: {minReplicas: 2, queueDepth: "
                             "{target: '7'}}}}}");
    (void)state;
    alone.no_metrics_api = true;
    f->platform.images = &alone;
    json_auto_t *hpa = plan_hpa(&f->platform, SERVICE_AUTH);
    assert_string_equal(lp_json_str(hpa, "metadata", "annotations", ANNOTATION_FLOOR, NULL),
                        "{\"minReplicas\":2,\"queueDepth\":\"7\"}");
    assert_null(lp_json_at(hpa, "spec", "minReplicas", NULL));
    assert_int_equal(json_array_size(lp_json_at(hpa, "spec", "metrics", NULL)), 2);
    drop(f);
}

static void burst_and_fallback_leave_min_replicas_to_the_floor(void **state)
{
    struct plan_images other = images;
    struct fixture *f = make("{services: {auth: {autoscaling: {minReplicas: 2, burst: {factor: "
                             "'1.5', targetWait: 2s}, fallback: {replicas: 4}}}}}");
    (void)state;
    json_auto_t *hpa = plan_hpa(&f->platform, SERVICE_AUTH);
    assert_string_equal(lp_json_str(hpa, "metadata", "annotations", ANNOTATION_FLOOR, NULL),
                        "{\"burst\":{\"factor\":\"1500m\",\"holdS\":120,\"waitMs\":2000},"
                        "\"fallback\":{\"afterS\":120,\"replicas\":4},\"minReplicas\":2}");
    assert_null(lp_json_at(hpa, "spec", "minReplicas", NULL));
    assert_int_equal(json_array_size(lp_json_at(hpa, "spec", "metrics", NULL)), 3);
    json_auto_t *plain = plan_hpa(&f->platform, SERVICE_GATEWAY);
    assert_int_equal(lp_json_int(0, plain, "spec", "minReplicas", NULL), 1);
    other.no_adapter = true; /* nobody scrapes pods: nobody would write minReplicas */
    f->platform.images = &other;
    json_auto_t *blind = plan_hpa(&f->platform, SERVICE_AUTH);
    assert_int_equal(lp_json_int(0, blind, "spec", "minReplicas", NULL), 2);
    assert_null(lp_json_at(blind, "metadata", "annotations", ANNOTATION_FLOOR, NULL));
    other.no_metrics_api = true; /* but then somebody does */
    assert_true(platform_has_lift(&f->platform, SERVICE_AUTH));
    drop(f);
}

/* A schedule's floor: what an HPA begins with too, and never over maxReplicas. */
static void a_floor_lifts_min_replicas_up_to_max_replicas(void **state)
{
    static const struct {
        int64_t floor, want;
    } cases[] = { { 0, 2 }, { 1, 2 }, { 4, 4 }, { 6, 6 }, { 7, 6 } };
    struct plan_images alone = images;
    (void)state;
    alone.no_metrics_api = true;
    struct fixture *f = make("{services: {auth: {autoscaling: {minReplicas: 2, maxReplicas: 6}}}}");
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct plan plan plan_auto;
        f->platform.images = &images;
        f->platform.floors[SERVICE_AUTH] = cases[i].floor;
        json_auto_t *hpa = plan_hpa(&f->platform, SERVICE_AUTH);
        assert_int_equal(lp_json_int(0, hpa, "spec", "minReplicas", NULL), cases[i].want);
        plan_list(&plan, &f->platform);
        for (unsigned k = 0; k < plan.n; k++)
            if (plan.children[k].kind == CHILD_DEPLOYMENT &&
                plan.children[k].service == SERVICE_AUTH)
                assert_int_equal(plan.children[k].initial_replicas, cases[i].want);
        f->platform.images = &alone;
        json_auto_t *floored = plan_hpa(&f->platform, SERVICE_AUTH);
        lp_auto_free char *text =
            lp_sprintf("{\"minReplicas\":%d,\"queueDepth\":\"4\"}", (int)cases[i].want);
        assert_string_equal(lp_json_str(floored, "metadata", "annotations", ANNOTATION_FLOOR, NULL),
                            text);
    }
    drop(f);
}

/* What the spec has of the behavior stays, but for the policy of the direction. */
static void a_paused_direction_has_no_policy(void **state)
{
    struct plan_images alone = images;
    (void)state;
    alone.no_metrics_api = true;
    struct fixture *f = make("{services: {auth: {autoscaling: {behavior: {scaleDown: "
                             "{stabilizationWindowSeconds: 60, selectPolicy: Min}}}}}}");
    json_auto_t *before = plan_hpa(&f->platform, SERVICE_AUTH);
    f->platform.pauses[SERVICE_AUTH].down = true;
    json_auto_t *down = plan_hpa(&f->platform, SERVICE_AUTH);
    json_auto_t *want = parse("{scaleDown: {stabilizationWindowSeconds: 60, selectPolicy: "
                              "Disabled}}");
    assert_true(json_equal(lp_json_at(down, "spec", "behavior", NULL), want));
    f->platform.pauses[SERVICE_GATEWAY].up = true;
    json_auto_t *up = plan_hpa(&f->platform, SERVICE_GATEWAY);
    json_auto_t *want_up = parse("{scaleUp: {selectPolicy: Disabled}}");
    assert_true(json_equal(lp_json_at(up, "spec", "behavior", NULL), want_up));
    f->platform.images = &alone;
    json_auto_t *floored = plan_hpa(&f->platform, SERVICE_GATEWAY);
    assert_string_equal(lp_json_str(floored, "metadata", "annotations", ANNOTATION_FLOOR, NULL),
                        "{\"minReplicas\":1,\"paused\":true,\"queueDepth\":\"4\"}");

    f->platform.images = &images;
    f->platform.pauses[SERVICE_AUTH].down = false; /* as before, the spec's own is untouched */
    json_auto_t *after = plan_hpa(&f->platform, SERVICE_AUTH);
    assert_true(json_equal(before, after));
    drop(f);
}

static void check_metrics(const char *spec, bool no_api, const char *names, bool has_min)
{
    struct plan_images some = images;
    struct fixture *f = make(spec);
    lp_auto_buf struct lp_buf seen = LP_BUF_INIT(256);
    const json_t *m;
    size_t i;

    some.no_metrics_api = no_api;
    f->platform.images = &some;
    json_auto_t *hpa = plan_hpa(&f->platform, SERVICE_AUTH);
    json_array_foreach(lp_json_at(hpa, "spec", "metrics", NULL), i, m)
    {
        const char *name = lp_json_str(m, "containerResource", "name", NULL);
        lp_buf_str(&seen, i ? " " : "");
        lp_buf_str(&seen, name ? name : lp_json_str(m, "object", "metric", "name", NULL));
        if (!name && strcmp(lp_json_str(m, "object", "metric", "name", NULL), "demand") == 0)
            assert_string_equal(lp_json_str(m, "object", "target", "averageValue", NULL), "1");
    }
    assert_string_equal(seen.ptr, names);
    assert_int_equal(lp_json_at(hpa, "spec", "minReplicas", NULL) != NULL, has_min);
    drop(f);
}

static void an_hpa_goes_by_the_metrics_that_the_spec_lists(void **state)
{
    (void)state;
    check_metrics("{}", false, "cpu memory queue_depth", true);
    check_metrics("{services: {auth: {autoscaling: {metrics: [demand, cpu]}}}}", false,
                  "cpu demand", true);
    check_metrics("{services: {auth: {autoscaling: {metrics: [demand]}}}}", false, "demand", true);
    check_metrics("{services: {auth: {autoscaling: {metrics: [memory, queueDepth]}}}}", true,
                  "memory", false);
    /* Without a metric an HPA would go by cpu at 80 % (test_platform_worker has our targets). */
    check_metrics("{services: {auth: {autoscaling: {metrics: [queueDepth]}}}}", true, "cpu", false);
    check_metrics("{services: {auth: {autoscaling: {metrics: [demand]}}}}", true, "cpu", true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_metrics_api_an_hpa_says_what_its_floor_is_made_of),
        cmocka_unit_test(burst_and_fallback_leave_min_replicas_to_the_floor),
        cmocka_unit_test(a_floor_lifts_min_replicas_up_to_max_replicas),
        cmocka_unit_test(a_paused_direction_has_no_policy),
        cmocka_unit_test(an_hpa_goes_by_the_metrics_that_the_spec_lists),
    };
    return cmocka_run_group_tests_name("operator_plan", tests, NULL, NULL);
}
