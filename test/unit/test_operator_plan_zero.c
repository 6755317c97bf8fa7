/* test/unit/test_operator_plan_zero.c -- services that may have no pods: what is planned of them,
 * and what is refused. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "json/json.h"
#include "json/yaml.h"
#include "platform/plan.h"
#include "platform/plan_parts.h"
#include "platform/spec_decode.h"
#include "unit/check.h"
#include "unit/plan_fixture.h"

static const char *config_of(struct fixture *f, const char *name, const char *variable)
{
    const struct child *c = find(f, CHILD_CONFIG_MAP, name);
    return lp_json_str(c->intent, "data", variable, NULL);
}

/* Its HPA keeps one pod; the floor's manager takes the last one, unless a schedule asks for some.
 */
static void a_service_that_may_have_no_pods_says_after_how_long_and_its_route_holds(void **state)
{
    static const char spec[] =
        "{services: {aiFeedback: {autoscaling: {minReplicas: 0}}, progress: {autoscaling: "
        "{minReplicas: 0, idleSeconds: 60}}}, extraServices: [{name: quiz, image: q, port: 8080, "
        "path: /q, queueMetrics: true, autoscaling: {minReplicas: 0}}]}";
    struct plan_images blind = images;
    struct fixture *f = make(spec), *plain = make("{}");
    (void)state;
    json_auto_t *hpa = plan_hpa(&f->platform, SERVICE_PROGRESS);
    assert_string_equal(lp_json_str(hpa, "metadata", "annotations", ANNOTATION_FLOOR, NULL),
                        "{\"idleS\":60,\"minReplicas\":1}");
    assert_null(lp_json_at(hpa, "spec", "minReplicas", NULL));
    assert_string_equal(config_of(f, "english-gateway", "HOLD_ROUTES"), "ai,progress,quiz");
    assert_null(config_of(plain, "english-gateway", "HOLD_ROUTES"));
    assert_int_equal(find(f, CHILD_DEPLOYMENT, "english-progress")->initial_replicas, 1);

    f->platform.floors[SERVICE_PROGRESS] = 1;
    f->platform.pauses[SERVICE_AI_FEEDBACK].down = true;
    json_auto_t *planned = plan_hpa(&f->platform, SERVICE_PROGRESS);
    assert_string_equal(lp_json_str(planned, "metadata", "annotations", ANNOTATION_FLOOR, NULL),
                        "{\"minReplicas\":1}");
    json_auto_t *paused = plan_hpa(&f->platform, SERVICE_AI_FEEDBACK);
    assert_string_equal(lp_json_str(paused, "metadata", "annotations", ANNOTATION_FLOOR, NULL),
                        "{\"idleS\":300,\"minReplicas\":1,\"pausedDown\":true}");

    blind.no_adapter = true; /* nobody knows who asks for what */
    f->platform.images = &blind;
    assert_false(platform_may_sleep(&f->platform, SERVICE_PROGRESS));
    json_auto_t *awake = plan_hpa(&f->platform, SERVICE_PROGRESS);
    assert_int_equal(lp_json_int(0, awake, "spec", "minReplicas", NULL), 1);
    drop(plain);
    drop(f);
}

/* The gateway's Deployment, whose pods have the ConfigMap with this digest. */
static json_t *gateway_with(const char *config, int pods, int of_them_new)
{
    return lp_json_make("{s:{s:i}, s:{s:i, s:{s:{s:{s:s}}}}, s:{s:i, s:i, s:i}}", "metadata",
                        "generation", 2, "spec", "replicas", pods, "template", "metadata",
                        "annotations", ANNOTATION_CONFIG, config, "status", "observedGeneration", 2,
                        "replicas", pods, "updatedReplicas", of_them_new);
}

static void a_service_sleeps_only_once_every_pod_of_the_gateway_holds_its_requests(void **state)
{
    struct fixture *f =
        make("{services: {aiFeedback: {autoscaling: {minReplicas: 0}}}, extraServices: [{name: "
             "quiz, image: q, port: 8080, path: /q, queueMetrics: true, autoscaling: "
             "{minReplicas: 0}}]}");
    const json_t *config = find(f, CHILD_CONFIG_MAP, "english-gateway")->intent;
    const json_t *planned = find(f, CHILD_DEPLOYMENT, "english-gateway")->intent;
    const char *digest = lp_json_str(planned, "spec", "template", "metadata", "annotations",
                                     ANNOTATION_CONFIG, NULL);
    json_auto_t *rolled = gateway_with(digest, 2, 2), *rolling = gateway_with(digest, 3, 2);
    json_auto_t *before = gateway_with("of before", 2, 2);
    (void)state;
    assert_true(platform_gateway_holds(config, rolled, "ai-feedback"));
    assert_true(platform_gateway_holds(config, rolled, "quiz"));
    assert_false(platform_gateway_holds(config, rolled, "progress")); /* its route is not named */
    assert_false(platform_gateway_holds(config, rolling, "quiz"));
    assert_false(platform_gateway_holds(config, before, "quiz")); /* it is paused, or refused */
    assert_false(platform_gateway_holds(NULL, rolled, "quiz"));
    assert_false(platform_gateway_holds(config, NULL, "quiz"));
    drop(f);
}

static void what_must_have_a_pod_is_refused_with_field_value_and_limit(void **state)
{
    static const struct {
        const char *spec, *message;
    } cases[] = {
        { "{services: {gateway: {autoscaling: {minReplicas: 0}}}}",
          "spec.services.gateway.autoscaling.minReplicas: must be 1..1000, is 0" },
        { "{services: {auth: {autoscaling: {minReplicas: 0}}}}",
          "spec.services.auth.autoscaling.minReplicas: must be 1..1000, is 0" },
        { "{services: {progress: {autoscaling: {minReplicas: 0, idleSeconds: 9}}}}",
          "spec.services.progress.autoscaling.idleSeconds: must be 10..86400, is 9" },
        { "{extraServices: [{name: quiz, image: q, port: 8080, path: /quiz, autoscaling: "
          "{minReplicas: 0}}]}",
          "spec.extraServices[0].autoscaling.minReplicas: 0 needs queueMetrics true, which is "
          "false" },
        { "{schedules: [{name: a, expectedStudents: 1000001}]}",
          "spec.schedules[0].expectedStudents: must be 1..1000000, is 1000001" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct platform_spec spec;
        struct lp_error err;
        json_auto_t *o = lp_json_make("{s:{s:s}, s:o}", "metadata", "name", "english", "spec",
                                      parse(cases[i].spec));
        assert_int_equal(spec_decode(o, &spec, &err), LP_E_INVALID);
        assert_string_equal(err.msg, cases[i].message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_service_that_may_have_no_pods_says_after_how_long_and_its_route_holds),
        cmocka_unit_test(a_service_sleeps_only_once_every_pod_of_the_gateway_holds_its_requests),
        cmocka_unit_test(what_must_have_a_pod_is_refused_with_field_value_and_limit),
    };
    return cmocka_run_group_tests_name("operator_plan_zero", tests, NULL, NULL);
}
