/* test/unit/test_platform_workload.c -- how far a rollout is, and what keeps it. */
#include "platform/workload.h"

#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "unit/yaml.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rollout_counts_only_what_its_controller_has_seen),
        cmocka_unit_test(what_keeps_a_workload_is_named_with_both_values),
        cmocka_unit_test(a_rollout_that_cannot_go_on_says_why),
        cmocka_unit_test(what_helps_a_stuck_workload_is_said_with_it),
    };
    return cmocka_run_group_tests_name("platform_workload", tests, NULL, NULL);
}
