/* test/unit/test_operator_decisions.c -- the status of a platform as metrics. */
#include "unit/check.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "json/json.h"
#include "metrics/metrics.h"
#include "operator/status/decisions.h"
#include "operator/status/scaling.h"

static json_t *status_of(int ready, int desired, const char *condition)
{
    return lp_json_make("{s:[{s:s, s:s}], s:[{s:s, s:i, s:i}]}", "conditions", "type", "Ready",
                        "status", condition, "services", "name", "auth", "ready", ready, "desired",
                        desired);
}

static bool exposed(const char *line)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 20);
    assert_int_equal(lp_metrics_write(&text, &(struct lp_error){ .code = 0 }), 0);
    return strstr(text.ptr, line) != NULL;
}

#define AUTH "namespace=\"learning\",platform=\"english\",service=\"auth\","

static void the_services_of_a_status_are_exposed(void **state)
{
    json_auto_t *now = status_of(2, 4, "True");
    (void)state;
    decisions_publish("learning", "english", NULL, now);
    assert_true(exposed("lp_service_replicas{" AUTH "state=\"ready\"} 2\n"));
    assert_true(exposed("lp_service_replicas{" AUTH "state=\"desired\"} 4\n"));
    assert_true(exposed("lp_platform_ready{namespace=\"learning\",platform=\"english\"} 1\n"));
    assert_false(exposed("lp_decision_changes_total{" AUTH));
}

static void a_move_of_the_wanted_number_is_counted_by_its_direction(void **state)
{
    json_auto_t *two = status_of(2, 2, "True"), *four = status_of(2, 4, "False");
    (void)state;
    decisions_publish("learning", "english", two, four);
    decisions_publish("learning", "english", four, two);
    decisions_publish("learning", "english", two, two);
    decisions_publish("learning", "english", two, four);
    assert_true(exposed("lp_decision_changes_total{" AUTH "direction=\"up\"} 2\n"));
    assert_true(exposed("lp_decision_changes_total{" AUTH "direction=\"down\"} 1\n"));
    assert_true(exposed("lp_platform_ready{namespace=\"learning\",platform=\"english\"} 0\n"));
}

static json_t *hpa_limited_by(const char *reason, const char *active)
{
    return lp_json_make("{s:{s:[{s:s, s:s}, {s:s, s:s, s:s}]}}", "status", "conditions", "type",
                        "ScalingActive", "status", active, "type", "ScalingLimited", "status",
                        "True", "reason", reason);
}

static void a_service_tells_what_keeps_it_from_the_pods_that_its_load_asks_for(void **state)
{
    json_auto_t *full = hpa_limited_by("TooManyReplicas", "True");
    json_auto_t *low = hpa_limited_by("TooFewReplicas", "True");
    json_auto_t *lost = lp_json_make("{s:{s:s}}", "floor", "source", "Fallback");
    json_auto_t *exam = lp_json_make("{s:{s:s}}", "floor", "source", "Schedule");
    (void)state;
    decisions_publish_limit("learning", "english", "auth", full, exam);
    assert_true(exposed("lp_service_limited{" AUTH "by=\"max\"} 1\n"));
    assert_true(exposed("lp_service_limited{" AUTH "by=\"fallback\"} 0\n"));
    decisions_publish_limit("learning", "english", "auth", low, lost);
    assert_true(exposed("lp_service_limited{" AUTH "by=\"max\"} 0\n"));
    assert_true(exposed("lp_service_limited{" AUTH "by=\"fallback\"} 1\n"));
    decisions_publish_limit("learning", "english", "auth", NULL, NULL);
    assert_false(exposed("lp_service_limited{" AUTH));
    decisions_publish_limit("learning", "english", "auth", full, NULL);
}

/* ScalingActive is False (ScalingDisabled) there, and ScalingLimited stays as it was. */
static void a_service_that_went_to_0_pods_is_not_at_its_most(void **state)
{
    json_auto_t *asleep = hpa_limited_by("TooManyReplicas", "False");
    char limits[96];
    (void)state;
    decisions_publish_limit("learning", "english", "auth", asleep, NULL);
    assert_true(exposed("lp_service_limited{" AUTH "by=\"max\"} 0\n"));
    scaling_limits(asleep, limits);
    assert_string_equal(limits, "none");
}

/* `service`: of the status; `replicas`: of the spec, -1 where an HPA says. */
static void look_at(const char *mode, int64_t replicas, json_t *service)
{
    json_auto_t *status = lp_json_make("{s:[o]}", "services", service);
    struct platform p = { .ns = "learning", .name = "english", .spec.mode = mode };

    p.spec.services[SERVICE_AUTH].replicas = replicas;
    decisions_publish_down(&p, status);
}

static json_t *auth_with(int ready, const char *reason, const char *key)
{
    json_t *o = lp_json_make("{s:s, s:i, s:i, s:s*}", "name", "auth", "ready", ready, "desired", 0,
                             "reason", reason);
    if (key)
        json_object_set_new(o, key, json_true());
    return o;
}

static void a_service_is_down_without_a_pod_that_it_shall_have(void **state)
{
#define DOWN "lp_service_down{namespace=\"learning\",platform=\"english\",service=\"auth\"} 1\n"
    (void)state;
    look_at("Active", -1, auth_with(0, NULL, NULL));
    assert_true(exposed(DOWN)); /* scaled to 0 by hand, too */
    look_at("Active", -1, auth_with(1, NULL, NULL));
    assert_false(exposed("lp_service_down{"));
    look_at("Plan", 2, auth_with(0, NULL, NULL));
    assert_true(exposed(DOWN));
    look_at("Active", -1, auth_with(0, "ScaledToZero", NULL)); /* nobody asks */
    assert_false(exposed("lp_service_down{"));
    look_at("Active", 0, auth_with(0, NULL, NULL)); /* as the spec says */
    assert_false(exposed("lp_service_down{"));
    look_at("Active", -1, auth_with(0, NULL, "paused"));
    assert_false(exposed("lp_service_down{"));
    look_at("Paused", -1, auth_with(0, NULL, NULL));
    assert_false(exposed("lp_service_down{"));
    look_at("Active", -1, auth_with(0, NULL, NULL));
    decisions_forget("learning", "english");
    assert_false(exposed("lp_service_down{"));
}

static void a_platform_that_is_gone_is_no_longer_exposed(void **state)
{
    (void)state;
    decisions_forget("learning", "english");
    assert_false(exposed("platform=\"english\""));
}

static void a_service_that_left_the_spec_is_no_longer_exposed(void **state)
{
    json_auto_t *none = lp_json_make("{s:[]}", "services"), *one = status_of(2, 2, "True");
    (void)state;
    decisions_publish("learning", "english", NULL, one);
    decisions_publish("learning", "english-2", NULL, one);
    decisions_publish("learning", "english", one, none);
    assert_false(exposed(AUTH));
    assert_true(exposed("lp_platform_ready{namespace=\"learning\",platform=\"english\"} 0\n"));
    assert_true(exposed("platform=\"english-2\",service=\"auth\",state=\"ready\"} 2\n"));
    decisions_forget("learning", "english-2");
    assert_false(exposed("platform=\"english-2\""));
}

static void a_thousand_platforms_have_all_their_series(void **state)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(8 << 20);
    json_auto_t *status = json_object(), *services = json_array();
    static const char *const names[] = { "gateway", "auth", "ai-feedback", "progress" };
    char platform[16];
    unsigned n = 0;
    (void)state;
    for (size_t i = 0; i < 4; i++)
        json_array_append_new(
            services, lp_json_make("{s:s, s:i, s:i}", "name", names[i], "ready", 1, "desired", 1));
    json_object_set(status, "services", services);
    for (int i = 0; i < 1200; i++) {
        snprintf(platform, sizeof platform, "many-%d", i);
        decisions_publish("learning", platform, NULL, status);
    }
    assert_int_equal(lp_metrics_write(&text, &(struct lp_error){ .code = 0 }), 0);
    for (const char *at = text.ptr; (at = strstr(at, "lp_service_replicas{")); at++)
        n++;
    assert_int_equal(n, 1200 * 4 * 2);
    assert_null(strstr(text.ptr, "lp_metrics_dropped_series_total{"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_platforms_have_all_their_series),
        cmocka_unit_test(a_service_that_left_the_spec_is_no_longer_exposed),
        cmocka_unit_test(the_services_of_a_status_are_exposed),
        cmocka_unit_test(a_move_of_the_wanted_number_is_counted_by_its_direction),
        cmocka_unit_test(a_service_tells_what_keeps_it_from_the_pods_that_its_load_asks_for),
        cmocka_unit_test(a_service_that_went_to_0_pods_is_not_at_its_most),
        cmocka_unit_test(a_service_is_down_without_a_pod_that_it_shall_have),
        cmocka_unit_test(a_platform_that_is_gone_is_no_longer_exposed),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("operator decisions", tests, NULL, NULL);
}
