/* test/unit/test_platform_worker.c -- spec.services.aiWorker: workers whose work waits in a
 * database that another service shares, with no request of a learner. */
#include <string.h>

#include "platform/databases.h"
#include "platform/intent.h"
#include "unit/optional_fixture.h"

static void two_services_have_the_jobs_database_and_only_where_there_are_workers(void **state)
{
    bool has;
    (void)state;
    struct fixture *f = make("{services: {aiWorker: {enabled: true}, learning: {enabled: true}}}");
    assert_int_equal(f->plan.n, 6 * 7 + 4 * 5);
    check_source(intent_of(f, CHILD_DEPLOYMENT, "english-ai-worker"), "DATABASE_URL",
                 "english-ai-jobs/uri");
    check_source(intent_of(f, CHILD_DEPLOYMENT, "english-ai-feedback"), "DATABASE_URL",
                 "english-ai-jobs/uri");
    check_source(intent_of(f, CHILD_DEPLOYMENT, "english-learning"), "DATABASE_URL",
                 "english-learning-db/uri");
    check_source(intent_of(f, CHILD_STATEFUL_SET, "english-ai-jobs"), "POSTGRES_USER",
                 "english-ai-jobs/username");
    assert_int_equal(callers(f, "english-ai-jobs", "ai-worker", &has), 2);
    assert_true(has);
    callers(f, "english-ai-jobs", "ai-feedback", &has);
    assert_true(has);
    drop(f);
    f = make("{services: {aiWorker: {enabled: true, database: {mode: External, secretRef: {name: "
             "school, key: url}}}}}");
    assert_int_equal(f->plan.n, 5 * 7 + 2 * 5);
    check_source(intent_of(f, CHILD_DEPLOYMENT, "english-ai-worker"), "DATABASE_URL", "school/url");
    check_source(intent_of(f, CHILD_DEPLOYMENT, "english-ai-feedback"), "DATABASE_URL",
                 "school/url");
    drop(f);
    f = make("{services: {aiWorker: {database: {mode: External, secretRef: {name: school}}}}}");
    check_source(intent_of(f, CHILD_DEPLOYMENT, "english-ai-feedback"), "DATABASE_URL", "");
    drop(f);
}

static bool has_volume(const json_t *deployment, const char *name)
{
    const json_t *pod = lp_json_at(deployment, "spec", "template", "spec", NULL);
    return lp_json_find(json_object_get(pod, "volumes"), "name", name) != NULL;
}

static void nobody_calls_a_worker_and_it_has_no_key_of_tokens_and_no_route(void **state)
{
    static const char scraped[] = "[{from: [{namespaceSelector: {}}], ports: [{port: metrics, "
                                  "protocol: TCP}]}]";
    (void)state;
    struct fixture *f = make("{services: {aiWorker: {enabled: true}}}");
    const json_t *worker = intent_of(f, CHILD_DEPLOYMENT, "english-ai-worker");
    json_auto_t *want = parse(scraped);
    assert_true(json_equal(lp_json_at(intent_of(f, CHILD_NETWORK_POLICY, "english-ai-worker"),
                                      "spec", "ingress", NULL),
                           want));
    assert_true(has_volume(intent_of(f, CHILD_DEPLOYMENT, "english-progress"), "keys"));
    assert_true(has_volume(intent_of(f, CHILD_DEPLOYMENT, "english-gateway"), "keys"));
    assert_false(has_volume(worker, "keys"));
    const json_t *data =
        json_object_get(intent_of(f, CHILD_CONFIG_MAP, "english-ai-worker"), "data");
    assert_null(lp_json_str(data, "AUTH_JWKS_URL", NULL));
    assert_null(lp_json_str(data, "AUTH_JWT_KEYS_DIR", NULL));
    data = json_object_get(intent_of(f, CHILD_CONFIG_MAP, "english-gateway"), "data");
    assert_null(lp_json_str(data, "EXTRA_SERVICES", NULL));
    assert_null(lp_json_str(data, "HOLD_ROUTES", NULL)); /* though it goes to 0 pods */
    assert_string_equal(lp_json_str(container_in(worker), "image", NULL),
                        "registry.example/lp/lp-ai-worker:v1.2.3");
    drop(f);
}

/* The value of a variable of the container, "" where it has none. */
static const char *value_of(const json_t *workload, const char *variable)
{
    const json_t *item =
        lp_json_find(json_object_get(container_in(workload), "env"), "name", variable);
    const char *value = lp_json_str(item, "value", NULL);
    return value ? value : "";
}

static void a_text_is_checked_later_as_it_is_at_once(void **state)
{
    (void)state;
    struct fixture *f =
        make("{services: {aiFeedback: {env: [{name: GRAMMAR_URL, value: 'http://lt:8010'}, {name: "
             "DIALECT, value: en-GB}, {name: GRAMMAR_TIMEOUT, valueFrom: {secretKeyRef: {name: s, "
             "key: k}}}, {name: ASR_URL, value: 'http://asr'}]}, aiWorker: {enabled: true, env: "
             "[{name: DIALECT, value: en-US}]}}}");
    const json_t *worker = intent_of(f, CHILD_DEPLOYMENT, "english-ai-worker");
    assert_string_equal(value_of(worker, "GRAMMAR_URL"), "http://lt:8010");
    assert_string_equal(value_of(worker, "DIALECT"), "en-US");
    check_source(worker, "GRAMMAR_TIMEOUT", "s/k");
    assert_string_equal(value_of(worker, "ASR_URL"), ""); /* it has no such variable */
    assert_string_equal(value_of(intent_of(f, CHILD_DEPLOYMENT, "english-learning"), "DIALECT"),
                        "");
    drop(f);
}

static void workers_are_scaled_by_the_jobs_alone_and_to_0_where_there_are_none(void **state)
{
    (void)state;
    struct fixture *f = make("{services: {aiWorker: {enabled: true}}}");
    const json_t *hpa = intent_of(f, CHILD_HPA, "english-ai-worker");
    const json_t *metrics = lp_json_at(hpa, "spec", "metrics", NULL);
    const json_t *object = json_object_get(json_array_get(metrics, 0), "object");
    assert_int_equal(json_array_size(metrics), 1);
    assert_string_equal(lp_json_str(object, "metric", "name", NULL), "queue_depth");
    assert_string_equal(lp_json_str(object, "describedObject", "name", NULL), "english-ai-worker");
    assert_string_equal(lp_json_str(object, "target", "averageValue", NULL), "4");
    assert_non_null(
        intent_of(f, CHILD_SERVICE, "english-ai-worker")); /* the object that it names */
    assert_true(platform_may_sleep(&f->platform, SERVICE_AI_WORKER));
    assert_string_equal(lp_json_str(hpa, "metadata", "annotations", ANNOTATION_FLOOR, NULL),
                        "{\"idleS\":300,\"minReplicas\":1}");
    drop(f);
}

/* The operator lifts minReplicas by the jobs then (operator/floor.c); a job takes all the CPU that
 * there is, which is no reason for another pod. */
static void without_a_metrics_api_the_cpu_of_one_job_brings_no_more_workers(void **state)
{
    struct plan_images alone = images;
    (void)state;
    alone.no_metrics_api = true;
    struct fixture *f = make("{services: {aiWorker: {enabled: true}, auth: {autoscaling: {metrics: "
                             "[queueDepth], cpu: {averageUtilization: 60}}, resources: {requests: "
                             "{cpu: 300m}, limits: {cpu: 1}}}, progress: {autoscaling: {metrics: "
                             "[demand], cpu: {averageUtilization: 60}}}}}");
    static const struct {
        enum service_id id;
        int64_t percent;
    } wanted[] = {
        { SERVICE_AI_WORKER, 400 },
        { SERVICE_AUTH, 334 },
        { SERVICE_PROGRESS, 60 }, /* nothing else would add pods */
    };
    f->platform.images = &alone;
    for (size_t i = 0; i < LP_COUNT(wanted); i++) {
        json_auto_t *hpa = plan_hpa(&f->platform, wanted[i].id);
        const json_t *metrics = lp_json_at(hpa, "spec", "metrics", NULL);
        const json_t *cpu = json_object_get(json_array_get(metrics, 0), "containerResource");
        assert_int_equal(json_array_size(metrics), 1);
        assert_string_equal(lp_json_str(cpu, "name", NULL), "cpu");
        assert_int_equal(lp_json_int(0, cpu, "target", "averageUtilization", NULL),
                         wanted[i].percent);
    }
    drop(f);
}

/* Objects by name; `owned` is what the claim's owners say. */
static json_t *look_up(void *cluster, enum child_kind kind, const char *name)
{
    (void)kind;
    return json_incref(json_object_get(cluster, name));
}

static bool is_owned(void *cluster, const char *claim)
{
    (void)cluster;
    (void)claim;
    return false;
}

/* The service's Deployment as it is planned now, with so many pods, all of them Ready. */
static json_t *rolled_out(const struct fixture *f, const char *name, int pods)
{
    json_t *o = json_deep_copy(intent_of(f, CHILD_DEPLOYMENT, name));
    json_object_set_new(json_object_get(o, "spec"), "replicas", json_integer(pods));
    json_object_set_new(o, "status",
                        lp_json_make("{s:i, s:i, s:i, s:i, s:i}", "observedGeneration", 0,
                                     "replicas", pods, "updatedReplicas", pods, "readyReplicas",
                                     pods, "availableReplicas", pods));
    return o;
}

static bool is_leaving(struct fixture *f, json_t *cluster)
{
    const struct databases_source source = { look_up, is_owned, cluster };
    databases_auto struct databases_seen seen = { 0 };
    databases_read(&source, &f->platform, &seen);
    return f->platform.databases[DATABASE_JOBS].leaving;
}

static void the_jobs_database_stays_until_both_services_have_the_external_one(void **state)
{
    (void)state;
    struct fixture *f = make("{services: {aiWorker: {enabled: true, database: {mode: External, "
                             "secretRef: {name: school}}}}}");
    json_auto_t *cluster = lp_json_make("{s:{}}", "english-ai-jobs");
    json_t *asleep = rolled_out(f, "english-ai-worker", 0);
    json_object_set_new(lp_json_at(asleep, "metadata", "annotations", NULL), ANNOTATION_ZERO,
                        json_string("2026-11-30T00:00:00Z"));
    json_object_set_new(cluster, "english-ai-worker", asleep);
    assert_true(is_leaving(f, cluster)); /* ai-feedback is not there */
    json_object_set_new(cluster, "english-ai-feedback", rolled_out(f, "english-ai-feedback", 2));
    assert_false(is_leaving(f, cluster)); /* a service without pods holds nothing */
    json_object_del(lp_json_at(asleep, "metadata", "annotations", NULL), ANNOTATION_ZERO);
    assert_true(is_leaving(f, cluster)); /* somebody else took its pods away */
    json_object_set_new(cluster, "english-ai-worker", rolled_out(f, "english-ai-worker", 1));
    assert_false(is_leaving(f, cluster));
    lp_json_set_str(lp_json_at(json_object_get(cluster, "english-ai-feedback"), "metadata",
                               "annotations", NULL),
                    ANNOTATION_INTENT, "before");
    assert_true(is_leaving(f, cluster));
    drop(f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_services_have_the_jobs_database_and_only_where_there_are_workers),
        cmocka_unit_test(nobody_calls_a_worker_and_it_has_no_key_of_tokens_and_no_route),
        cmocka_unit_test(a_text_is_checked_later_as_it_is_at_once),
        cmocka_unit_test(workers_are_scaled_by_the_jobs_alone_and_to_0_where_there_are_none),
        cmocka_unit_test(without_a_metrics_api_the_cpu_of_one_job_brings_no_more_workers),
        cmocka_unit_test(the_jobs_database_stays_until_both_services_have_the_external_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
