/* test/unit/test_operator_status.c -- conditions, rollout state, and the HPA's decision in words.
 */
#include "operator/status/status.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "json/json.h"
#include "json/yaml.h"
#include "kube/conditions.h"
#include "operator/status/conditions.h"
#include "operator/status/scaling.h"
#include "platform/workload.h"
#include "unit/golden.h"
#include "platform/spec_decode.h"

static const struct plan_images images = { "r", "t", "Always", "p", "m", true, false, false };

static json_t *parse(const char *yaml)
{
    json_auto_t *documents = NULL;
    struct lp_error err;
    if (lp_yaml_parse(yaml, strlen(yaml), LP_LIMIT_CONFIG_BYTES, "test", &documents, &err) < 0)
        fail_msg("%s: %s", yaml, err.msg);
    return json_incref(json_array_get(documents, 0));
}

static void a_rollout_counts_only_what_its_controller_has_seen(void **state)
{
    static const struct {
        const char *object;
        int at_least, generation;
        bool rolled, available, complete;
    } cases[] = {
        /* the controller is a generation behind */
        { "{metadata: {generation: 2}, spec: {replicas: 1}, status: {observedGeneration: 1,"
          " replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1}}",
          -1, 0, false, false, false },
        /* a pod of the old version is still there */
        { "{metadata: {generation: 2}, spec: {replicas: 1}, status: {observedGeneration: 2,"
          " replicas: 2, updatedReplicas: 1, readyReplicas: 2, availableReplicas: 2}}",
          -1, 0, false, false, false },
        { "{metadata: {generation: 2}, spec: {replicas: 1}, status: {observedGeneration: 2,"
          " replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1}}",
          -1, 0, true, true, true },
        /* scaling up: enough for the least number, not yet complete */
        { "{metadata: {generation: 3}, spec: {replicas: 4}, status: {observedGeneration: 3,"
          " replicas: 4, updatedReplicas: 4, readyReplicas: 2, availableReplicas: 2}}",
          2, 0, true, true, false },
        { "{metadata: {generation: 3}, spec: {replicas: 4}, status: {observedGeneration: 3,"
          " replicas: 4, updatedReplicas: 4, readyReplicas: 2, availableReplicas: 2}}",
          -1, 0, true, false, false },
        { "{metadata: {generation: 1}, spec: {replicas: 0}, status: {observedGeneration: 1}}", -1,
          0, true, true, true },
        { "{metadata: {generation: 1}, spec: {replicas: 1}}", -1, 0, false, false, false },
        /* an HPA made generation 3, ours was 2: nothing is rolling out */
        { "{metadata: {generation: 3}, spec: {replicas: 4}, status: {observedGeneration: 2,"
          " replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2}}",
          2, 2, true, true, false },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct workload w;
        json_auto_t *o = parse(cases[i].object);
        workload_read(o, cases[i].at_least, cases[i].generation, &w);
        if (w.rolled != cases[i].rolled || w.available != cases[i].available ||
            w.complete != cases[i].complete)
            fail_msg("case %zu: %d %d %d", i, w.rolled, w.available, w.complete);
    }
    struct workload w;
    workload_read(NULL, -1, 0, &w);
    assert_false(w.exists || w.rolled || w.available);
}

static void what_keeps_a_workload_is_named_with_both_values(void **state)
{
    static const struct {
        const char *object;
        int at_least;
        const char *text;
    } cases[] = {
        { "{metadata: {generation: 2}, spec: {replicas: 1}, status: {observedGeneration: 1,"
          " replicas: 1, updatedReplicas: 1, availableReplicas: 1}}",
          -1, "Deployment a: status.observedGeneration is 1, wanted 2: its controller" },
        { "{metadata: {generation: 2}, spec: {replicas: 1}, status: {observedGeneration: 2,"
          " replicas: 2, updatedReplicas: 1, availableReplicas: 2}}",
          -1, "Deployment a: status.updatedReplicas is 1, wanted 2: pods from before" },
        { "{metadata: {generation: 2}, spec: {replicas: 3}, status: {observedGeneration: 2,"
          " replicas: 3, updatedReplicas: 3, availableReplicas: 1}}",
          2, "Deployment a: status.availableReplicas is 1, wanted 2: its pods are not ready" },
        { "{metadata: {generation: 2}, spec: {replicas: 3}, status: {observedGeneration: 2,"
          " replicas: 2, updatedReplicas: 2, availableReplicas: 2}}",
          1, "Deployment a: status.replicas is 2, wanted 3: their number" },
        { "{metadata: {generation: 2}, spec: {replicas: 3}, status: {observedGeneration: 2,"
          " replicas: 3, updatedReplicas: 3, availableReplicas: 2}}",
          1, "Deployment a: status.availableReplicas is 2, wanted 3: its new pods" },
        { NULL, -1, "Deployment a is not there, wanted is that it is: it is being made; looked" },
        { "{metadata: {generation: 2}, spec: {replicas: 1}, status: {observedGeneration: 2,"
          " replicas: 1, updatedReplicas: 1, availableReplicas: 1}}",
          -1, "Deployment a is complete" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct workload w;
        char text[384];
        json_auto_t *o = cases[i].object ? parse(cases[i].object) : NULL;
        workload_read(o, cases[i].at_least, 0, &w);
        workload_text("Deployment a", &w, text);
        if (strncmp(text, cases[i].text, strlen(cases[i].text)) != 0)
            fail_msg("case %zu: %s", i, text);
    }
}

static void a_rollout_that_cannot_go_on_says_why(void **state)
{
    struct workload w;
    (void)state;
    json_auto_t *o = parse("{status: {conditions: [{type: Progressing, status: 'False',"
                           " message: out of time}, {type: Available, status: 'False'}]}}");
    workload_read(o, -1, 0, &w);
    assert_string_equal(w.stuck, "out of time");
}

/* The three that kubectl shows no cause of, each with the command that helps. */
static void what_helps_a_stuck_workload_is_said_with_it(void **state)
{
    static const struct {
        const char *condition, *advice;
    } cases[] = {
        { "{type: Progressing, status: Unknown, reason: DeploymentPaused, message: m}",
          "kubectl rollout resume deployment/english-auth -n n" },
        { "{type: ReplicaFailure, status: 'True', message: 'pods \"a\" is forbidden: exceeded"
          " quota: small, requested: pods=1'}",
          "raise the quota (kubectl describe quota -n n)" },
        { "{type: Progressing, status: 'False', message: m}",
          "kubectl describe deployment/english-auth -n n" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_free char *text = lp_sprintf("{status: {conditions: [%s]}}", cases[i].condition);
        json_auto_t *o = parse(text);
        struct workload w;
        workload_read(o, -1, 0, &w);
        lp_auto_free char *advice = workload_advice(&w, "deployment", "english-auth", "n");
        assert_true(*w.stuck);
        assert_non_null(strstr(advice, cases[i].advice));
    }
}

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

static void what_keeps_an_hpa_from_scaling_is_told(void **state)
{
    (void)state;
    json_auto_t *o = parse("{status: {conditions: [{type: ScalingActive, status: 'False',"
                           " reason: FailedGetObjectMetric, message: no metrics}]}}");
    json_auto_t *why = scaling_explain(o, NULL, NULL);
    assert_string_equal(lp_json_str(why, "why", NULL), "not scaling: no metrics");
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

static const char *metrics_conflict, *rewritten, *stuck_pod, *name_conflict = "";
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
            observed.objects[i] = parse(child);
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
    json_auto_t *status = build("{}", none, NULL, NULL, 1000);
    expect(status, "Ready", "False", "PodsNotReady");
    assert_non_null(strstr(message_of(status, "Ready"),
                           "kubectl scale deployment/english-gateway -n n --replicas=1"));
    json_auto_t *asked = build(wanted, none, NULL, NULL, 1000);
    expect(asked, "Ready", "True", "AsExpected"); /* the spec says so */
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
        cmocka_unit_test(a_rollout_counts_only_what_its_controller_has_seen),
        cmocka_unit_test(what_keeps_a_workload_is_named_with_both_values),
        cmocka_unit_test(a_rollout_that_cannot_go_on_says_why),
        cmocka_unit_test(what_helps_a_stuck_workload_is_said_with_it),
        cmocka_unit_test(a_refusal_that_is_not_rbacs_asks_for_no_right),
        cmocka_unit_test(scaled_to_none_by_hand_is_not_ready),
        cmocka_unit_test(scaled_to_none_by_policy_is_ready_with_that_reason),
        cmocka_unit_test(somebody_elses_object_is_named_until_it_is_no_more),
        cmocka_unit_test(a_pod_that_only_a_user_can_take_away_is_named),
        cmocka_unit_test(a_decision_names_winner_value_target_and_limit),
        cmocka_unit_test(a_demand_that_wins_is_named),
        cmocka_unit_test(what_keeps_an_hpa_from_scaling_is_told),
        cmocka_unit_test(small_moves_of_the_figures_are_no_news),
        cmocka_unit_test(a_message_of_any_bytes_becomes_a_condition),
        cmocka_unit_test(what_goes_on_is_reconciling_and_what_needs_a_person_is_stalled),
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
