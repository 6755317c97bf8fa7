/* test/integration/test_operator_zero.c -- services that have no pods while nobody asks them. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "integration/pods_fixture.h"
#include "platform/plan.h"

static bool is_at_zero(const json_t *deployment, const void *want)
{
    bool mark = lp_json_str(deployment, "metadata", "annotations", ANNOTATION_ZERO, NULL) != NULL;
    int64_t replicas = lp_json_int(-1, deployment, "spec", "replicas", NULL);
    return *(const bool *)want ? replicas == 0 && mark : replicas == 1 && !mark;
}

static bool has_reason(const json_t *platform, const void *want)
{
    const json_t *progress =
        lp_json_find(lp_json_at(platform, "status", "services", NULL), "name", "progress");
    const char *reason = lp_json_str(progress, "reason", NULL);
    int64_t desired = lp_json_int(-1, progress, "desired", NULL);
    return desired == 0 && (want ? reason && strcmp(reason, want) == 0 : !reason);
}

static void a_service_that_nobody_asks_has_no_pods_until_somebody_waits(void **state)
{
    static const bool yes = true, no = false;
    (void)state;
    pods_broken(false);
    pods_awaiting(0);
    pods_rate(0);
    create_platform(
        "english",
        autoscaling_spec("progress", "{metrics: [cpu], minReplicas: 0, idleSeconds: 10}"));
    pods_ready("gateway", 1);
    pods_ready("progress", 1);
    json_decref(await(&lp_kube_deployments, "english-progress", is_at_zero, &yes, "at 0"));
    json_decref(await(&lp_kube_platforms, "english", has_reason, "ScaledToZero", "told of"));
    await_event("ScaledToZero");

    assert_int_equal(pods_restart("operator-zero"), 0); /* who begins anew finds it asleep */
    pods_looked_at();
    json_decref(await(&lp_kube_deployments, "english-progress", is_at_zero, &yes, "still at 0"));
    int64_t begun = lp_clock_ms();
    pods_awaiting(1);
    json_decref(await(&lp_kube_deployments, "english-progress", is_at_zero, &no, "back"));
    print_message("somebody waits: the Deployment was scaled after %lld ms\n",
                  (long long)(lp_clock_ms() - begun));

    /* What a person scales to 0 stays there, whoever waits, and is not told as ours. */
    json_auto_t *none = lp_json_make("{s:{s:i}}", "spec", "replicas", 0);
    ok(lp_kube_merge_patch(client, &lp_kube_deployments, ns, "english-progress", NULL, none, NULL,
                           &err));
    json_decref(await(&lp_kube_platforms, "english", has_reason, NULL, "not ours"));
    pods_looked_at();
    json_decref(await(&lp_kube_platforms, "english", has_reason, NULL, "still not ours"));
}

/* The gateway has no part in it: its pods are not even Ready here. */
static void workers_have_no_pods_until_a_job_waits(void **state)
{
    static const bool yes = true, no = false;
    (void)state;
    pods_awaiting(0);
    pods_jobs(0);
    create_platform("english", parse_spec("{services: {aiWorker: {enabled: true, autoscaling: "
                                          "{idleSeconds: 10}}}}"));
    pods_ready("ai-feedback", 1);
    pods_ready("ai-worker", 1);
    json_decref(await(&lp_kube_deployments, "english-ai-worker", is_at_zero, &yes, "at 0"));
    pods_looked_at();
    json_decref(await(&lp_kube_deployments, "english-ai-worker", is_at_zero, &yes, "still at 0"));
    pods_jobs(1);
    json_decref(await(&lp_kube_deployments, "english-ai-worker", is_at_zero, &no, "back"));
    pods_jobs(0);
}

static void a_spec_that_wants_pods_again_wakes_who_has_none(void **state)
{
    static const bool yes = true, no = false;
    (void)state;
    pods_awaiting(0);
    create_platform(
        "english",
        autoscaling_spec("progress", "{metrics: [cpu], minReplicas: 0, idleSeconds: 10}"));
    pods_ready("gateway", 1);
    pods_ready("progress", 1);
    json_decref(await(&lp_kube_deployments, "english-progress", is_at_zero, &yes, "at 0"));
    edit_platform("english", autoscaling_spec("progress", "{minReplicas: 1}"));
    json_decref(await(&lp_kube_deployments, "english-progress", is_at_zero, &no, "back"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_service_that_nobody_asks_has_no_pods_until_somebody_waits,
                               pods_namespace),
        cmocka_unit_test_setup(workers_have_no_pods_until_a_job_waits, fixture_namespace),
        cmocka_unit_test_setup(a_spec_that_wants_pods_again_wakes_who_has_none, fixture_namespace),
    };
    return cmocka_run_group_tests_name("operator_zero", tests, pods_begin, pods_end);
}
