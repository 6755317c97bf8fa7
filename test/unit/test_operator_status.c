/* test/unit/test_operator_status.c -- conditions of a platform. */
#include "operator/status/status.h"

#include <stdio.h>
#include <string.h>

#include "json/json.h"
#include "kube/conditions.h"
#include "operator/status/conditions.h"
#include "operator/status/scaling.h"
#include "unit/golden.h"
#include "unit/yaml.h"
#include "platform/spec_decode.h"

static const struct plan_images images = { "r", "t", "Always", "p", "m", true, false, false };

static const char *metrics_conflict, *rewritten, *stuck_pod, *name_conflict = "";
static const char *every_hpa;
static const char *databases;         /* NULL: as the services are */
static const struct repair *conflict; /* of the next build */

/* Everything that a status is made of; all children are as `child` says. */
static json_t *build(const char *spec, const char *child, const json_t *before,
                     const struct lp_error *failure, int64_t now_ms)
{
    static const struct lp_error none = { .code = 0 };
    struct platform p = {
        .ns = "n", .name = "english", .uid = "u", .generation = 7, .images = &images
    };
    struct plan plan;
    struct observed observed = { .objects = { NULL } };
    struct lp_error err;
    json_auto_t *object =
        lp_json_make("{s:{s:s}, s:o}", "metadata", "name", "english", "spec", parse(spec));
    assert_int_equal(spec_decode(object, &p.spec, &err), 0);
    plan_init(&plan, &p);
    for (unsigned i = 0; i < plan.n; i++)
        if (child && (plan.children[i].kind == CHILD_DEPLOYMENT ||
                      plan.children[i].kind == CHILD_STATEFUL_SET))
            observed.objects[i] =
                parse(databases && plan.children[i].kind == CHILD_STATEFUL_SET ? databases : child);
        else if (every_hpa && plan.children[i].kind == CHILD_HPA)
            observed.objects[i] = parse(every_hpa);
    struct status_input in = { .before = before,
                               .platform = &p,
                               .plan = &plan,
                               .observed = &observed,
                               .failure = failure ? failure : &none,
                               .failed_child = "Deployment english-auth",
                               .conflict = conflict,
                               .metrics_conflict = metrics_conflict,
                               .rewritten = rewritten,
                               .stuck_pod = stuck_pod,
                               .name_conflict = name_conflict,
                               .name_conflicts = *name_conflict != '\0',
                               .now_ms = now_ms };
    json_t *status = status_build(&in);
    observed_done(&observed);
    plan_done(&plan);
    return status;
}

#define READY_CHILD                                                                           \
    "{metadata: {generation: 1}, spec: {replicas: 1, template: {spec: {containers: [{image: " \
    "x}]}}},"                                                                                 \
    " status: {observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: 1,"     \
    " availableReplicas: 1}}"

static void expect(const json_t *status, const char *type, const char *state, const char *reason)
{
    const json_t *c = lp_kube_condition(status, type);
    assert_string_equal(lp_json_str(c, "status", NULL), state);
    assert_string_equal(lp_json_str(c, "reason", NULL), reason);
    assert_int_equal(lp_json_int(0, c, "observedGeneration", NULL), 7);
    assert_true(strlen(lp_json_str(c, "message", NULL)) > 0);
}

/* test/conformance/kstatus_test.go asks the library of kstatus about these files. */
static void hold(const char *name, const json_t *status)
{
    lp_auto_free char *path = lp_sprintf("test/unit/golden/kstatus-%s.json", name);
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 20);

    lp_json_write(status, &text);
    lp_buf_char(&text, '\n');
    check_golden(path, text.ptr);
}

static void what_goes_on_is_reconciling_and_what_needs_a_person_is_stalled(void **state)
{
    struct lp_error invalid = { .code = LP_E_INVALID, .msg = "spec.x: no" };
    struct lp_error passing = { .code = LP_E_UNAVAILABLE, .msg = "busy" };
    (void)state;
    json_auto_t *rolling = build("{}", NULL, NULL, NULL, 1000);
    expect(rolling, "Reconciling", "True", "PodsNotReady");
    assert_null(lp_kube_condition(rolling, "Stalled"));
    hold("rolling", rolling);

    json_auto_t *busy = build("{}", READY_CHILD, rolling, &passing, 2000);
    expect(busy, "Reconciling", "True", "ApplyFailed");

    json_auto_t *refused = build("{}", READY_CHILD, rolling, &invalid, 2000);
    expect(refused, "Stalled", "True", "ApplyFailed");
    expect(refused, "Reconciling", "False", "AsExpected");
    assert_non_null(strstr(lp_json_str(lp_kube_condition(refused, "Stalled"), "message", NULL),
                           "repair the spec"));
    hold("refused", refused);

    json_auto_t *ready = build("{}", READY_CHILD, refused, NULL, 3000);
    expect(ready, "Stalled", "False", "AsExpected");
    expect(ready, "Reconciling", "False", "AsExpected");
    hold("ready", ready);

    json_auto_t *changed = status_new_generation(refused, 7, 4000);
    expect(changed, "Reconciling", "True", "NewGeneration");
    expect(changed, "Stalled", "False", "AsExpected");
    hold("changed", changed);

    json_auto_t *wrong = status_invalid(ready, 7, "spec.x: must be 1", 5000);
    expect(wrong, "Stalled", "True", "InvalidSpec");
    expect(wrong, "Reconciling", "False", "AsExpected");
    hold("invalid", wrong);
}

static void a_database_that_somebody_scaled_to_0_does_not_answer(void **state)
{
    (void)state;
    json_auto_t *status = build("{mode: Paused}",
                                "{metadata: {generation: 1}, spec: {replicas: 0}, status: "
                                "{observedGeneration: 1, replicas: 0}}",
                                NULL, NULL, 1000);
    expect(status, "DatabasesReady", "False", "NotReady");
    assert_string_equal(
        lp_json_str(lp_kube_condition(status, "DatabasesReady"), "message", NULL),
        "StatefulSet english-mongodb: spec.replicas is 0, wanted at least 1: somebody scaled it "
        "down: kubectl scale statefulset/english-mongodb -n n --replicas=1");
    expect(status, "Ready", "False", "PodsNotReady");
}

static void ready_is_true_once_every_workload_is(void **state)
{
    (void)state;
    json_auto_t *status = build("{}", READY_CHILD, NULL, NULL, 1000);
    expect(status, "Ready", "True", "AsExpected");
    expect(status, "Progressing", "False", "Complete");
    expect(status, "Degraded", "False", "AsExpected");
    expect(status, "ScalingActive", "Unknown", "NoDecisionYet");
    expect(status, "DatabasesReady", "True", "AsExpected");
    assert_string_equal(lp_json_str(status, "phase", NULL), "Ready");
    assert_string_equal(lp_json_str(status, "replicas", NULL), "4/4");
    assert_int_equal(lp_json_int(0, status, "observedGeneration", NULL), 7);

    json_auto_t *empty = build("{}", NULL, NULL, NULL, 1000);
    expect(empty, "Ready", "False", "PodsNotReady");
    expect(empty, "DatabasesReady", "False", "NotReady");
    assert_string_equal(lp_json_str(empty, "phase", NULL), "Progressing");
}

static void a_child_that_cannot_be_written_degrades_the_platform(void **state)
{
    struct lp_error failure = { .code = LP_E_INVALID, .msg = "spec.x: no" };
    (void)state;
    json_auto_t *status = build("{}", READY_CHILD, NULL, &failure, 1000);
    expect(status, "Ready", "False", "ApplyFailed");
    expect(status, "Degraded", "True", "ApplyFailed");
    assert_string_equal(lp_json_str(lp_kube_condition(status, "Degraded"), "message", NULL),
                        "Deployment english-auth: spec.x: no: repair the spec; tried again when "
                        "that changes");
    assert_string_equal(lp_json_str(status, "phase", NULL), "Degraded");
}

static const char *message_of(const json_t *status, const char *type)
{
    return lp_json_str(lp_kube_condition(status, type), "message", NULL);
}

static void a_refusal_that_is_not_rbacs_asks_for_no_right(void **state)
{
    static const struct {
        struct lp_error failure;
        const char *next;
    } cases[] = {
        { { .code = LP_E_DENIED, .http_status = 403, .msg = "User \"x\" cannot create it" },
          "give the operator this right; tried again within 5 min" },
        { { .code = LP_E_UNAVAILABLE, .http_status = 403, .msg = "exceeded quota: small, used" },
          "raise the quota or free some of it (kubectl describe quota -n n); tried again within "
          "10 s" },
        { { .code = LP_E_DENIED, .http_status = 403, .msg = "violates PodSecurity" },
          "a rule of the cluster is against it" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        json_auto_t *status = build("{}", READY_CHILD, NULL, &cases[i].failure, 1000);
        assert_non_null(strstr(message_of(status, "Degraded"), cases[i].next));
    }
}

static void scaled_to_none_by_hand_is_not_ready(void **state)
{
    static const char none[] = "{metadata: {generation: 1}, spec: {replicas: 0},"
                               " status: {observedGeneration: 1}}";
    static const char wanted[] =
        "{services: {gateway: {replicas: 0, autoscaling: {enabled: false}},"
        " auth: {replicas: 0, autoscaling: {enabled: false}}, aiFeedback:"
        " {replicas: 0, autoscaling: {enabled: false}}, progress:"
        " {replicas: 0, autoscaling: {enabled: false}}}}";
    (void)state;
    databases = READY_CHILD;
    json_auto_t *status = build("{}", none, NULL, NULL, 1000);
    expect(status, "Ready", "False", "PodsNotReady");
    assert_non_null(strstr(message_of(status, "Ready"),
                           "kubectl scale deployment/english-gateway -n n --replicas=1"));
    json_auto_t *asked = build(wanted, none, NULL, NULL, 1000);
    expect(asked, "Ready", "True", "AsExpected"); /* the spec says so */
    databases = NULL;
}

static void scaled_to_none_by_policy_is_ready_with_that_reason(void **state)
{
    static const char asleep[] =
        "{metadata: {generation: 1, annotations: {learningplatform.io/scaled-to-zero: "
        "'2025-12-01T03:00:00Z'}}, spec: {replicas: 0}, status: {observedGeneration: 1}}";
    static const char allowed[] =
        "{services: {gateway: {replicas: 0, autoscaling: {enabled: false}}, auth: {replicas: 0, "
        "autoscaling: {enabled: false}}, aiFeedback: {autoscaling: {minReplicas: 0}}, progress: "
        "{autoscaling: {minReplicas: 0, idleSeconds: 60}}}}";
    (void)state;
    databases = READY_CHILD;
    json_auto_t *status = build(allowed, asleep, NULL, NULL, 1000);
    expect(status, "Ready", "True", "ScaledToZero");
    assert_non_null(strstr(message_of(status, "Ready"), ": ai-feedback, progress"));
    const json_t *progress = status_service(status, "progress");
    assert_string_equal(lp_json_str(progress, "reason", NULL), "ScaledToZero");
    assert_string_equal(lp_json_str(progress, "scaling", "why", NULL),
                        "at 0 since 2025-12-01T03:00:00Z: nobody asked anything of it for 60 s; "
                        "the first request brings it back");
    json_auto_t *refused = build("{}", asleep, NULL, NULL, 1000); /* minReplicas is 1 */
    expect(refused, "Ready", "False", "PodsNotReady");
    databases = NULL;
}

/* Its HPA says so until its controller has looked again. */
static void scaling_that_was_disabled_is_not_told_of_a_service_with_pods(void **state)
{
    (void)state;
    every_hpa = "{status: {conditions: [{type: ScalingActive, status: 'False',"
                " reason: ScalingDisabled, message: m}]}}";
    json_auto_t *woken = build("{}", READY_CHILD, NULL, NULL, 1000);
    expect(woken, "ScalingActive", "Unknown", "NoDecisionYet");
    json_auto_t *by_hand = build("{}", "{spec: {replicas: 0}}", NULL, NULL, 1000);
    expect(by_hand, "ScalingActive", "False", "ScalingDisabled");
    every_hpa = NULL;
}

/* Optional services that are not enabled have ids, too. */
static void the_last_change_of_pods_is_told_of_extra_services_too(void **state)
{
    (void)state;
    every_hpa =
        "{spec: {metrics: [{type: Resource, resource: {name: cpu, target:"
        " {averageUtilization: 50}}}]}, status: {currentReplicas: 3, desiredReplicas: 5,"
        " currentMetrics: [{type: Resource, resource: {name: cpu, current:"
        " {averageUtilization: 80}}}], conditions: [{type: ScalingActive, status: 'True'}]}}";
    json_auto_t *status =
        build("{extraServices: [{name: quiz, image: x, port: 8080, path: /quiz}]}", READY_CHILD,
              NULL, NULL, 1000);
    assert_string_equal(lp_json_str(status, "lastScaling", NULL),
                        "quiz 3 to 5: cpu 80% of its request, target 50%");
    every_hpa = "{status: {currentReplicas: 3, desiredReplicas: 5, conditions:"
                " [{type: ScalingActive, status: 'False', message: m}]}}"; /* 5 is of before */
    json_auto_t *lost = build("{}", READY_CHILD, NULL, NULL, 1000);
    assert_null(lp_json_str(lost, "lastScaling", NULL));
    every_hpa = NULL;
}

static void somebody_elses_object_is_named_until_it_is_no_more(void **state)
{
    (void)state;
    name_conflict = "Service english-auth is there";
    json_auto_t *status = build("{}", READY_CHILD, NULL, NULL, 1000);
    expect(status, "NameConflict", "True", "NotOurs");
    expect(status, "Ready", "False", "NameConflict");
    assert_string_equal(lp_json_str(status, "phase", NULL), "Degraded");
    name_conflict = "";
    json_auto_t *after = build("{}", READY_CHILD, status, NULL, 1000);
    expect(after, "NameConflict", "False", "Resolved");
    expect(after, "Ready", "True", "AsExpected");
}

static void a_pod_that_only_a_user_can_take_away_is_named(void **state)
{
    (void)state;
    stuck_pod = "kubectl delete pod english-postgres-0 -n n";
    json_auto_t *status = build("{}", READY_CHILD, NULL, NULL, 1000);
    expect(status, "Degraded", "True", "RolloutStuck");
    assert_string_equal(message_of(status, "Degraded"), stuck_pod);
    stuck_pod = NULL;
}

static void a_field_that_is_fought_over_is_named_until_it_holds(void **state)
{
    struct repair r = { .child = (char *)"Service english-auth",
                        .count = 5,
                        .due_wall_ms = 60000,
                        .field = ".spec.type",
                        .seen = "\"NodePort\"",
                        .wanted = "\"ClusterIP\"",
                        .manager = "fighter" };
    (void)state;
    json_auto_t *calm = build("{}", READY_CHILD, NULL, NULL, 1000);
    assert_null(lp_kube_condition(calm, "FieldConflict"));
    conflict = &r;
    json_auto_t *fight = build("{}", READY_CHILD, calm, NULL, 1000);
    conflict = NULL;
    expect(fight, "FieldConflict", "True", "TakenBack");
    expect(fight, "Ready", "False", "FieldConflict");
    assert_string_equal(
        lp_json_str(lp_kube_condition(fight, "FieldConflict"), "message", NULL),
        "Service english-auth: .spec.type is \"NodePort\", wanted \"ClusterIP\"; fighter keeps "
        "taking it, it was put back 5 times: make that leave the field alone, or pause the "
        "service; the next repair is at 1970-01-01T00:01:00Z");
    json_auto_t *over = build("{}", READY_CHILD, fight, NULL, 2000);
    expect(over, "FieldConflict", "False", "Held");
    expect(over, "Ready", "True", "AsExpected");
}

static void what_admission_rewrites_is_told_and_keeps_nobody_from_being_ready(void **state)
{
    (void)state;
    rewritten = "Deployment english-auth: .spec.x is 1, applied was 2";
    json_auto_t *told = build("{}", READY_CHILD, NULL, NULL, 1000);
    rewritten = NULL;
    expect(told, "FieldConflict", "True", "RewrittenOnAdmission");
    expect(told, "Ready", "True", "AsExpected");
    const char *message = lp_json_str(lp_kube_condition(told, "FieldConflict"), "message", NULL);
    assert_non_null(strstr(message, "english-auth: .spec.x is 1, applied was 2; an admission"));
    json_auto_t *over = build("{}", READY_CHILD, told, NULL, 2000);
    expect(over, "FieldConflict", "False", "Held");
}

static void another_adapter_in_possession_of_the_metrics_api_is_told_until_it_goes(void **state)
{
    (void)state;
    json_auto_t *calm = build("{}", READY_CHILD, NULL, NULL, 1000);
    assert_null(lp_kube_condition(calm, "MetricsAPIConflict"));
    metrics_conflict = "APIService v1beta1.custom.metrics.k8s.io leads to Service a/b";
    json_auto_t *taken = build("{}", READY_CHILD, calm, NULL, 1000);
    metrics_conflict = NULL;
    expect(taken, "MetricsAPIConflict", "True", "AnotherAdapter");
    expect(taken, "Ready", "True", "AsExpected");
    json_auto_t *over = build("{}", READY_CHILD, taken, NULL, 2000);
    expect(over, "MetricsAPIConflict", "False", "Resolved");
}

static void an_unchanged_platform_gives_the_same_status_at_any_time(void **state)
{
    (void)state;
    json_auto_t *first = build("{}", READY_CHILD, NULL, NULL, 1000);
    json_auto_t *later = build("{}", READY_CHILD, first, NULL, 9999999);
    assert_true(json_equal(first, later));
    json_auto_t *broken = build("{}", NULL, later, NULL, 20000000);
    assert_string_equal(lp_json_str(lp_kube_condition(broken, "Ready"), "lastTransitionTime", NULL),
                        "1970-01-01T05:33:20Z");
    assert_string_equal(
        lp_json_str(lp_kube_condition(broken, "Degraded"), "lastTransitionTime", NULL),
        "1970-01-01T00:00:01Z");
}

static void a_new_generation_is_unknown_first(void **state)
{
    (void)state;
    json_auto_t *before = build("{}", READY_CHILD, NULL, NULL, 1000);
    json_auto_t *status = status_new_generation(before, 8, 5000);
    const json_t *ready = lp_kube_condition(status, "Ready");
    assert_string_equal(lp_json_str(ready, "status", NULL), "Unknown");
    assert_string_equal(lp_json_str(ready, "reason", NULL), "NewGeneration");
    assert_int_equal(lp_json_int(0, ready, "observedGeneration", NULL), 8);
    assert_int_equal(lp_json_int(0, status, "observedGeneration", NULL), 8);
    assert_int_equal(json_array_size(json_object_get(status, "conditions")), 6);
    json_auto_t *fresh = status_new_generation(NULL, 1, 5000);
    assert_string_equal(lp_json_str(fresh, "phase", NULL), "Pending");
}

static void an_invalid_spec_is_said_in_two_conditions(void **state)
{
    (void)state;
    json_auto_t *status = status_invalid(NULL, 7, "spec.mode: wrong", 1000);
    expect(status, "Ready", "False", "InvalidSpec");
    expect(status, "Degraded", "True", "InvalidSpec");
    assert_string_equal(lp_json_str(status, "phase", NULL), "Invalid");
}

/* Messages come from others, and are cut: an operator that aborts on one would never start again.
 */
static void a_message_of_any_bytes_becomes_a_condition(void **state)
{
    (void)state;
    json_auto_t *status = status_invalid(NULL, 7, "key \"app.kubernetes.io/\xe2\x82", 1000);
    assert_string_equal(lp_json_str(lp_kube_condition(status, "Ready"), "message", NULL),
                        "key \"app.kubernetes.io/??");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_that_is_not_rbacs_asks_for_no_right),
        cmocka_unit_test(scaled_to_none_by_hand_is_not_ready),
        cmocka_unit_test(scaled_to_none_by_policy_is_ready_with_that_reason),
        cmocka_unit_test(scaling_that_was_disabled_is_not_told_of_a_service_with_pods),
        cmocka_unit_test(somebody_elses_object_is_named_until_it_is_no_more),
        cmocka_unit_test(a_pod_that_only_a_user_can_take_away_is_named),
        cmocka_unit_test(the_last_change_of_pods_is_told_of_extra_services_too),
        cmocka_unit_test(a_message_of_any_bytes_becomes_a_condition),
        cmocka_unit_test(what_goes_on_is_reconciling_and_what_needs_a_person_is_stalled),
        cmocka_unit_test(a_database_that_somebody_scaled_to_0_does_not_answer),
        cmocka_unit_test(ready_is_true_once_every_workload_is),
        cmocka_unit_test(a_field_that_is_fought_over_is_named_until_it_holds),
        cmocka_unit_test(what_admission_rewrites_is_told_and_keeps_nobody_from_being_ready),
        cmocka_unit_test(another_adapter_in_possession_of_the_metrics_api_is_told_until_it_goes),
        cmocka_unit_test(a_child_that_cannot_be_written_degrades_the_platform),
        cmocka_unit_test(an_unchanged_platform_gives_the_same_status_at_any_time),
        cmocka_unit_test(a_new_generation_is_unknown_first),
        cmocka_unit_test(an_invalid_spec_is_said_in_two_conditions),
    };
    return cmocka_run_group_tests_name("operator_status", tests, NULL, NULL);
}
