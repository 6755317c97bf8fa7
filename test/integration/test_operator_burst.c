/* test/integration/test_operator_burst.c -- what must not wait for the HPA controller: a burst, and
 * metrics that are lost. Pods are this test's own metrics page.
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "http/server/server.h"
#include "integration/audit.h"
#include "integration/operator_fixture.h"
#include "platform/plan.h"

#define SECONDS_EACH 0.02 /* of a request */

/* ---- a page of metrics, which every pod has ---- */

static struct {
    atomic_int rate; /* requests a second and pod */
    atomic_int asked;
    atomic_int awaiting; /* requests that wait for progress */
    atomic_int jobs;     /* 1: some wait for a worker */
    atomic_bool broken;
    pthread_mutex_t lock;
    double requests;
    int64_t at_ms;
} page = { .lock = PTHREAD_MUTEX_INITIALIZER };

static double requests_until_now(void)
{
    int64_t now = lp_clock_ms();
    pthread_mutex_lock(&page.lock);
    if (page.at_ms > 0)
        page.requests += (double)(now - page.at_ms) / 1000 * atomic_load(&page.rate);
    page.at_ms = now;
    double requests = page.requests;
    pthread_mutex_unlock(&page.lock);
    return requests;
}

static void set_rate(int rate)
{
    requests_until_now(); /* up to now by the old one */
    atomic_store(&page.rate, rate);
}

static void answer(struct lp_http_exchange *x, void *user)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(2048);
    double requests = requests_until_now();
    (void)user;
    atomic_fetch_add(&page.asked, 1);
    int awaiting = atomic_load(&page.awaiting);
    lp_buf_printf(&text,
                  "lp_requests_waiting 0\nlp_requests_in_flight 0\nlp_request_slots 4\n"
                  "lp_requests_total %.0f\nlp_request_seconds_count %.0f\n"
                  "lp_request_seconds_sum %.3f\n",
                  requests, requests, requests * SECONDS_EACH);
    if (awaiting > 0) /* who has this metric says by `in_flight` how long a request takes */
        lp_buf_printf(&text, "lp_requests_awaiting_upstream{upstream=\"progress\"} %d\n", awaiting);
    if (atomic_load(&page.jobs) > 0)
        lp_buf_printf(&text, "lp_calls_awaiting_upstream{upstream=\"ai-worker\"} 1\n");
    bool broken = atomic_load(&page.broken);
    lp_http_reply(x, broken ? 500 : 200, "text/plain; version=0.0.4", text.ptr, text.len);
}

static struct lp_http_server *pods;
static int n_ready; /* pods that were ever made ready, all of which are asked: at most */
static int pods_port;

static int begin(void **state)
{
    struct lp_error err;
    pods_port = program_free_port();
    const struct lp_http_server_options options = {
        .address = "127.0.0.1", .port = (uint16_t)pods_port, .name = "pods", .handler = answer
    };
    if (lp_http_server_start(&options, &pods, &err) < 0) {
        print_error("%s\n", err.msg);
        return -1;
    }
    return fixture_begin(state);
}

static int end(void **state)
{
    int status = fixture_end(state);
    lp_http_server_stop(pods);
    return status;
}

/* ---- pods of a service ---- */

static int give_address(json_t *pod, void *user, struct lp_error *err)
{
    const char *name = lp_json_str(pod, "metadata", "name", NULL);
    char now[LP_CLOCK_TEXT];
    lp_clock_format(lp_clock_wall_ms() - 60000, 0, now);
    json_auto_t *patch =
        lp_json_make("{s:{s:s, s:s, s:[{s:s}], s:[{s:s, s:s, s:s}]}}", "status", "phase", "Running",
                     "podIP", "127.0.0.1", "podIPs", "ip", "127.0.0.1", "conditions", "type",
                     "Ready", "status", "True", "lastTransitionTime", now);
    int r = lp_kube_merge_patch(client, &lp_kube_pods, ns, name, "status", patch, NULL, err);
    if (r == 0)
        ++*(int *)user;
    return r == LP_E_NOT_FOUND ? 0 : r;
}

/* Those of the service that there are; waits until the operator asks for the page. */
static void make_ready(const char *service, int at_least)
{
    lp_auto_free char *selector = lp_sprintf(LABEL_NAME "=%s", service);
    const struct lp_kube_list_options auth = { .label_selector = selector };
    int64_t until = lp_clock_ms() + WAIT_MS;
    char version[64];
    int n = 0;
    while (n < at_least) {
        n = 0;
        ok(lp_kube_list(client, &lp_kube_pods, ns, &auth, give_address, &n, version, &err));
        if (lp_clock_ms() > until)
            fail_msg("%d pods of %s, not %d", n, service, at_least);
        poll(NULL, 0, 50);
    }
    n_ready += n;
    int before = atomic_load(&page.asked);
    while (atomic_load(&page.asked) < before + 5 * n_ready) {
        if (lp_clock_ms() > until)
            fail_msg("the pods of %s are not asked for their metrics", service);
        poll(NULL, 0, 50);
    }
}

static void make_pods_ready(int at_least)
{
    make_ready("auth", at_least);
}

/* Everything that the operator asks pods for from now on it has looked at, twice. */
static void let_it_look(void)
{
    int before = atomic_load(&page.asked);
    int64_t until = lp_clock_ms() + WAIT_MS;
    while (atomic_load(&page.asked) < before + 3 * n_ready && lp_clock_ms() < until)
        poll(NULL, 0, 50);
    assert_true(lp_clock_ms() < until);
}

/* ---- what is waited for ---- */

static bool min_is_at_least(const json_t *hpa, const void *want)
{
    return lp_json_int(0, hpa, "spec", "minReplicas", NULL) >= *(const int64_t *)want;
}

static bool min_is_at_most(const json_t *hpa, const void *want)
{
    return lp_json_int(0, hpa, "spec", "minReplicas", NULL) <= *(const int64_t *)want;
}

static bool wants_at_least(const json_t *deployment, const void *want)
{
    return lp_json_int(0, deployment, "spec", "replicas", NULL) >= *(const int64_t *)want;
}

/* Whose minReplicas is, of the two that may have it. */
static bool min_is_of(const json_t *hpa, const void *manager)
{
    bool theirs = false, only = true;
    const json_t *entry;
    size_t i;
    json_array_foreach(lp_json_at(hpa, "metadata", "managedFields", NULL), i, entry)
    {
        bool has = lp_json_at(entry, "fieldsV1", "f:spec", "f:minReplicas", NULL) != NULL;
        bool same = strcmp(lp_json_str(entry, "manager", NULL), manager) == 0;
        theirs = theirs || (has && same);
        only = only && (!has || same);
    }
    return theirs && only;
}

static bool has_source(const json_t *platform, const void *want)
{
    const json_t *auth =
        lp_json_find(lp_json_at(platform, "status", "services", NULL), "name", "auth");
    const char *source = lp_json_str(auth, "scaling", "floor", "source", NULL);
    return want ? source && strcmp(source, want) == 0 : !source;
}

static json_t *autoscaling(const char *yaml)
{
    json_auto_t *o = parse_spec(yaml);
    return service_spec("auth", lp_json_make("{s:O}", "autoscaling", o));
}

/* Every number that minReplicas of the HPA had, by its versions in the audit log's order. */
static void check_floor_wrote_first(long from)
{
    const struct audit_query query = { .ns = ns,
                                       .resource = "horizontalpodautoscalers",
                                       .name = "english-auth" };
    lp_auto_buf struct lp_buf lines = LP_BUF_INIT(1 << 20);
    audit_writes(from, &query, &lines);
    const char *floor = strstr(lines.ptr, "fieldManager=" FLOOR_MANAGER);
    const char *plan = strstr(lines.ptr, "fieldManager=" MANAGER);
    if (!floor || !plan || floor > plan)
        fail_msg("the floor's manager did not write before the plan let go: %s", lines.ptr);
}

/* As a Prometheus without rights finds the pods of the platform. */
static void targets_are_told(void)
{
    auto_answer struct answer a = program_ask(operator.metrics_port, "/targets", (struct ask){ 0 });
    lp_auto_free char *address = lp_sprintf("127.0.0.1:%d", pods_port);
    unsigned n = 0;
    const json_t *item;
    size_t i;

    assert_int_equal(a.status, 200);
    json_array_foreach(a.body, i, item)
    {
        const char *target = json_string_value(json_array_get(json_object_get(item, "targets"), 0));
        if (strcmp(lp_json_str(item, "labels", "namespace", NULL), ns) != 0)
            continue; /* of a test before */
        assert_string_equal(target, address);
        assert_string_equal(lp_json_str(item, "labels", "platform", NULL), "english");
        assert_string_equal(lp_json_str(item, "labels", "app", NULL), "auth");
        n++;
    }
    assert_int_equal(n, 1);
}

static void a_burst_scales_at_once_and_decays(void **state)
{
    static const int64_t two = 2, six = 6, eight = 8;
    (void)state;
    atomic_store(&page.broken, false);
    set_rate(0);
    create_platform("english",
                    autoscaling("{metrics: [cpu], minReplicas: 1, maxReplicas: 8, burst: "
                                "{factor: 2, holdSeconds: 10}}"));
    make_pods_ready(1);
    targets_are_told();
    long from = audit_now();
    int64_t step_ms = lp_clock_ms();
    set_rate(2000); /* 40 busy slots, of which a pod has 2.8 */
    json_decref(await(&lp_kube_deployments, "english-auth", wants_at_least, &two, "scaled up"));
    print_message("a step in load: the Deployment was scaled after %lld ms\n",
                  (long long)(lp_clock_ms() - step_ms));
    json_decref(await(&lp_kube_hpas, "english-auth", min_is_at_least, &eight, "lifted to the max"));
    json_decref(await(&lp_kube_deployments, "english-auth", wants_at_least, &eight, "scaled"));
    json_decref(await(&lp_kube_platforms, "english", has_source, "Burst", "told of"));
    await_event("FloorRaised");
    const struct audit_query scale = {
        .agent = "lp-operator", .ns = ns, .resource = "deployments", .name = "english-auth"
    };
    lp_auto_buf struct lp_buf lines = LP_BUF_INIT(1 << 20);
    audit_writes(from, &scale, &lines);
    assert_non_null(strstr(lines.ptr, "/deployments/english-auth/scale"));

    set_rate(0);
    json_auto_t *lower = await(&lp_kube_hpas, "english-auth", min_is_at_most, &six, "a step lower");
    assert_true(min_is_of(lower, FLOOR_MANAGER));
}

static void a_floor_passes_to_the_plan_and_back_without_a_dip(void **state)
{
    static const int64_t three = 3;
    (void)state;
    create_platform("english", autoscaling("{metrics: [cpu], minReplicas: 3}"));
    json_decref(await(&lp_kube_hpas, "english-auth", min_is_of, MANAGER, "the plan's"));
    long from = audit_now();
    edit_platform("english", autoscaling("{burst: {factor: 2}, fallback: {replicas: 4}}"));
    json_auto_t *lifted =
        await(&lp_kube_hpas, "english-auth", min_is_of, FLOOR_MANAGER, "the floor's");
    assert_true(min_is_at_least(lifted, &three));
    check_floor_wrote_first(from);
    edit_platform("english",
                  service_spec("auth", lp_json_make("{s:{s:n, s:n, s:i}}", "autoscaling", "burst",
                                                    "fallback", "minReplicas", 2)));
    json_auto_t *back =
        await(&lp_kube_hpas, "english-auth", min_is_of, MANAGER, "the plan's again");
    assert_int_equal(lp_json_int(0, back, "spec", "minReplicas", NULL), 2);
    assert_null(lp_json_at(back, "metadata", "annotations", ANNOTATION_FLOOR, NULL));
}

/* With METRICS_API=None, as all but the last test here. */
static void a_paused_service_keeps_its_floor_and_its_pods(void **state)
{
    static const int64_t one = 1, two = 2;
    json_t *paused = autoscaling("{metrics: [queueDepth], maxReplicas: 8, burst: {factor: 2}}");
    (void)state;
    atomic_store(&page.broken, false);
    set_rate(0);
    json_object_set_new(lp_json_at(paused, "services", "auth", NULL), "paused", json_true());
    create_platform("english", autoscaling("{metrics: [queueDepth], maxReplicas: 8, burst: "
                                           "{factor: 2}}"));
    make_pods_ready(1);
    edit_platform("english", paused);
    set_rate(2000);
    let_it_look();
    let_it_look();
    json_decref(await(&lp_kube_hpas, "english-auth", min_is_at_most, &one, "left alone"));
    edit_platform("english", service_spec("auth", lp_json_make("{s:b}", "paused", 0)));
    json_decref(await(&lp_kube_hpas, "english-auth", min_is_at_least, &two, "lifted"));
    set_rate(0);
}

/* With afterSeconds at its least, and 30 s in which a pod's last value counts. */
static void lost_metrics_are_a_floor_until_they_are_back(void **state)
{
    static const int64_t three = 3, two = 2;
    (void)state;
    atomic_store(&page.broken, false);
    set_rate(1);
    create_platform("english", autoscaling("{metrics: [cpu], minReplicas: 1, fallback: {replicas: "
                                           "3, afterSeconds: 30}}"));
    make_pods_ready(1);
    atomic_store(&page.broken, true);
    json_decref(await(&lp_kube_hpas, "english-auth", min_is_at_least, &three, "lifted"));
    json_decref(await(&lp_kube_platforms, "english", has_source, "Fallback", "told of"));
    atomic_store(&page.broken, false);
    json_decref(await(&lp_kube_hpas, "english-auth", min_is_at_most, &two, "a step lower"));
}

/* ---- no pods at all ---- */

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

static json_t *progress_with(const char *autoscaling)
{
    json_auto_t *o = parse_spec(autoscaling);
    return service_spec("progress", lp_json_make("{s:O}", "autoscaling", o));
}

static int restart(const char *log);

static void a_service_that_nobody_asks_has_no_pods_until_somebody_waits(void **state)
{
    static const bool yes = true, no = false;
    (void)state;
    atomic_store(&page.broken, false);
    atomic_store(&page.awaiting, 0);
    set_rate(0);
    create_platform("english", progress_with("{metrics: [cpu], minReplicas: 0, idleSeconds: 10}"));
    make_ready("gateway", 1);
    make_ready("progress", 1);
    json_decref(await(&lp_kube_deployments, "english-progress", is_at_zero, &yes, "at 0"));
    json_decref(await(&lp_kube_platforms, "english", has_reason, "ScaledToZero", "told of"));
    await_event("ScaledToZero");

    assert_int_equal(restart("operator-zero"), 0); /* who begins anew finds it asleep */
    let_it_look();
    json_decref(await(&lp_kube_deployments, "english-progress", is_at_zero, &yes, "still at 0"));
    int64_t begun = lp_clock_ms();
    atomic_store(&page.awaiting, 1);
    json_decref(await(&lp_kube_deployments, "english-progress", is_at_zero, &no, "back"));
    print_message("somebody waits: the Deployment was scaled after %lld ms\n",
                  (long long)(lp_clock_ms() - begun));

    /* What a person scales to 0 stays there, whoever waits, and is not told as ours. */
    json_auto_t *none = lp_json_make("{s:{s:i}}", "spec", "replicas", 0);
    ok(lp_kube_merge_patch(client, &lp_kube_deployments, ns, "english-progress", NULL, none, NULL,
                           &err));
    json_decref(await(&lp_kube_platforms, "english", has_reason, NULL, "not ours"));
    let_it_look();
    json_decref(await(&lp_kube_platforms, "english", has_reason, NULL, "still not ours"));
}

/* The gateway has no part in it: its pods are not even Ready here. */
static void workers_have_no_pods_until_a_job_waits(void **state)
{
    static const bool yes = true, no = false;
    (void)state;
    atomic_store(&page.awaiting, 0);
    atomic_store(&page.jobs, 0);
    create_platform("english", parse_spec("{services: {aiWorker: {enabled: true, autoscaling: "
                                          "{idleSeconds: 10}}}}"));
    make_ready("ai-feedback", 1);
    make_ready("ai-worker", 1);
    json_decref(await(&lp_kube_deployments, "english-ai-worker", is_at_zero, &yes, "at 0"));
    let_it_look();
    json_decref(await(&lp_kube_deployments, "english-ai-worker", is_at_zero, &yes, "still at 0"));
    atomic_store(&page.jobs, 1);
    json_decref(await(&lp_kube_deployments, "english-ai-worker", is_at_zero, &no, "back"));
    atomic_store(&page.jobs, 0);
}

static void a_spec_that_wants_pods_again_wakes_who_has_none(void **state)
{
    static const bool yes = true, no = false;
    (void)state;
    atomic_store(&page.awaiting, 0);
    create_platform("english", progress_with("{metrics: [cpu], minReplicas: 0, idleSeconds: 10}"));
    make_ready("gateway", 1);
    make_ready("progress", 1);
    json_decref(await(&lp_kube_deployments, "english-progress", is_at_zero, &yes, "at 0"));
    edit_platform("english", progress_with("{minReplicas: 1}"));
    json_decref(await(&lp_kube_deployments, "english-progress", is_at_zero, &no, "back"));
}

/* The fixture's operator scrapes nobody; this one takes its place. */
static int restart(const char *log)
{
    lp_auto_free char *port = lp_sprintf("POD_METRICS_PORT=%d", pods_port);
    if (program_stop(&operator) != 0)
        return -1;
    fixture_start_more(&operator, log, port, "METRICS_API=None");
    return 0;
}

/* The HPA goes by the queue depth itself then, and no floor of ours does. */
static void a_burst_scales_at_once_where_the_metrics_api_is_ours_too(void **state)
{
    static const int64_t two = 2;
    (void)state;
    atomic_store(&page.broken, false);
    set_rate(0);
    create_platform("english", autoscaling("{minReplicas: 1, maxReplicas: 8, burst: {factor: 2}}"));
    make_pods_ready(1);
    set_rate(2000);
    json_decref(await(&lp_kube_deployments, "english-auth", wants_at_least, &two, "scaled up"));
    json_auto_t *hpa = await(&lp_kube_hpas, "english-auth", min_is_at_least, &two, "lifted");
    assert_true(min_is_of(hpa, FLOOR_MANAGER));
    const char *floor = lp_json_str(hpa, "metadata", "annotations", ANNOTATION_FLOOR, NULL);
    assert_null(strstr(floor, "queueDepth"));
    assert_int_equal(json_array_size(lp_json_at(hpa, "spec", "metrics", NULL)), 3);
}

/* Nobody answers for them after this test, and namespaces would not end. */
static int forget_api_services(void **state)
{
    static const char *const names[] = { "v1beta2.custom.metrics.k8s.io",
                                         "v1beta1.custom.metrics.k8s.io" };
    (void)state;
    int r = program_stop(&operator);
    for (size_t i = 0; i < LP_COUNT(names); i++) {
        struct lp_error err;
        if (lp_kube_delete(client, &lp_kube_api_services, NULL, names[i], NULL, &err) < 0 &&
            err.code != LP_E_NOT_FOUND)
            r = -1;
    }
    fixture_start(&operator, "operator");
    return r;
}

static int operator_with_the_metrics_api(void **state)
{
    lp_auto_free char *pods_at = lp_sprintf("POD_METRICS_PORT=%d", pods_port);
    lp_auto_free char *served_at = lp_sprintf("ADAPTER_PORT=%d", program_free_port());
    /* Twice in some fifty runs answers of created HPAs were leaked here (under load, never alone).
     * jansson has no frame pointers: this way the next report says who asked for them. */
    const char *const more[FIXTURE_ENV] = { pods_at, served_at, "ADAPTER=true", "METRICS_API=Own",
                                            "ASAN_OPTIONS=fast_unwind_on_malloc=0" };
    if (program_stop(&operator) != 0)
        return -1;
    fixture_start_env(&operator, "operator-own", more);
    return fixture_namespace(state);
}

static int operator_that_scrapes(void **state)
{
    return restart("operator-burst") == 0 ? fixture_namespace(state) : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_burst_scales_at_once_and_decays, operator_that_scrapes),
        cmocka_unit_test_setup(a_floor_passes_to_the_plan_and_back_without_a_dip,
                               fixture_namespace),
        cmocka_unit_test_setup(lost_metrics_are_a_floor_until_they_are_back, fixture_namespace),
        cmocka_unit_test_setup(a_paused_service_keeps_its_floor_and_its_pods, fixture_namespace),
        cmocka_unit_test_setup(a_service_that_nobody_asks_has_no_pods_until_somebody_waits,
                               fixture_namespace),
        cmocka_unit_test_setup(workers_have_no_pods_until_a_job_waits, fixture_namespace),
        cmocka_unit_test_setup(a_spec_that_wants_pods_again_wakes_who_has_none, fixture_namespace),
        cmocka_unit_test_setup_teardown(a_burst_scales_at_once_where_the_metrics_api_is_ours_too,
                                        operator_with_the_metrics_api, forget_api_services),
    };
    return cmocka_run_group_tests_name("operator_burst", tests, begin, end);
}
