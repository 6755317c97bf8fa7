/* test/integration/test_adapter.c -- the metrics adapter behind a real kube-apiserver, whose
 * aggregator and HPA controller ask it. Pods are objects whose status this test writes; it answers
 * for their metrics ports on loopback. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "autoscaler/base/telemetry.h"
#include "base/clock.h"
#include "integration/adapter_fixture.h"
#include "json/json.h"
#include "kube/conditions.h"
#include "kube/kinds.h"
#include "kube/quantity.h"
#include "unit/check.h"

#define API "/apis/custom.metrics.k8s.io/"

/* ---- looking ---- */

static bool has_condition(const struct lp_kube_kind *kind, const char *in, const char *name,
                          const char *type)
{
    json_auto_t *o = NULL;
    struct lp_error err;
    return lp_kube_get(client, kind, in, name, &o, &err) == 0 &&
           lp_kube_condition_is(json_object_get(o, "status"), type, "True");
}

/* GET of a metric below our namespace, through the aggregator. NULL and `ret_why` where refused. */
static json_t *metric(const char *version, const char *rest, char ret_why[512])
{
    lp_auto_free char *path = lp_sprintf(API "%s/namespaces/%s/%s", version, ns, rest);
    struct lp_error err = { .msg = "" };
    json_t *o = NULL;
    if (lp_kube_raw(client, path, &o, &err) < 0)
        snprintf(ret_why, 512, "%s", err.msg);
    return o;
}

/* In thousandths; -1 where there is no such value now. */
static int64_t value_of(const char *version, const char *rest)
{
    char why[512];
    struct lp_error err;
    int64_t milli = -1;
    json_auto_t *o = metric(version, rest, why);
    const json_t *item = json_array_get(json_object_get(o, "items"), 0);
    const char *text = lp_json_str(item, "value", NULL);
    if (json_array_size(json_object_get(o, "items")) != 1 ||
        lp_quantity_parse(text, &milli, &err) < 0)
        return -1;
    return milli;
}

static size_t n_items(const char *rest)
{
    char why[512];
    json_auto_t *o = metric("v1beta2", rest, why);
    return json_array_size(json_object_get(o, "items"));
}

/* ---- a service with two pods ---- */

static int count_pod(json_t *object, void *user, struct lp_error *err)
{
    (void)err;
    json_array_append(user, object);
    return 0;
}

static json_t *pod_list(void)
{
    const struct lp_kube_list_options options = { .label_selector = "app.kubernetes.io/name=auth" };
    json_t *list = json_array();
    char version[64];
    struct lp_error err;
    if (lp_kube_list(client, &lp_kube_pods, ns, &options, count_pod, list, version, &err) < 0)
        json_array_clear(list);
    return list;
}

static size_t n_pods(void)
{
    json_auto_t *list = pod_list();
    return json_array_size(list);
}

static json_t *labels(void)
{
    return lp_json_make("{s:s,s:s,s:s,s:s}", "app.kubernetes.io/name", "auth",
                        "app.kubernetes.io/part-of", "english", "app.kubernetes.io/managed-by",
                        "lp-operator", "app.kubernetes.io/component", "service");
}

/* The owner of the Deployment: pods that no LearningPlatform owns do not count. The caller's. */
static json_t *platform(void)
{
    struct lp_error err;
    json_t *made = NULL;
    json_auto_t *o =
        lp_json_make("{s:s,s:s,s:{s:s,s:s}}", "apiVersion", "learningplatform.io/v1alpha1", "kind",
                     "LearningPlatform", "metadata", "name", "english", "namespace", ns);
    until(lp_kube_create(client, &lp_kube_platforms, o, &made, &err) == 0);
    return made;
}

static void create_deployment(void)
{
    json_auto_t *owner = platform();
    json_auto_t *d = lp_json_make(
        "{s:s,s:s,s:{s:s,s:s,s:o},s:{s:i,s:{s:o},s:{s:{s:o},s:{s:[{s:s,s:s}]}}}}", "apiVersion",
        "apps/v1", "kind", "Deployment", "metadata", "name", "english-auth", "namespace", ns,
        "labels", labels(), "spec", "replicas", 2, "selector", "matchLabels", labels(), "template",
        "metadata", "labels", labels(), "spec", "containers", "name", "auth", "image",
        "none.invalid/none:1");
    json_object_set_new(json_object_get(d, "metadata"), "ownerReferences",
                        lp_json_make("[{s:s,s:s,s:s,s:s,s:b}]", "apiVersion",
                                     "learningplatform.io/v1alpha1", "kind", "LearningPlatform",
                                     "name", "english", "uid",
                                     lp_json_str(owner, "metadata", "uid", NULL), "controller", 1));
    ok(lp_kube_create(client, &lp_kube_deployments, d, NULL, &err));
    until(n_pods() == 2);
}

static void set_pod_status(const json_t *pod, const char *ip, const char *ready)
{
    json_auto_t *patch =
        lp_json_make("{s:{s:s,s:s,s:[{s:s}],s:[{s:s,s:s}]}}", "status", "phase", "Running", "podIP",
                     ip, "podIPs", "ip", ip, "conditions", "type", "Ready", "status", ready);
    ok(lp_kube_merge_patch(client, &lp_kube_pods, ns, lp_json_str(pod, "metadata", "name", NULL),
                           "status", patch, NULL, &err));
}

/* ---- tests, in this order ---- */

static void the_aggregator_finds_both_versions_available(void **state)
{
    (void)state;
    until(has_condition(&lp_kube_api_services, NULL, "v1beta2.custom.metrics.k8s.io", "Available"));
    until(has_condition(&lp_kube_api_services, NULL, "v1beta1.custom.metrics.k8s.io", "Available"));
}

static void discovery_lists_what_is_served(void **state)
{
    (void)state;
    json_auto_t *list = NULL;
    struct lp_error err;
    /* The aggregator's proxy learns of it after the condition. */
    until(lp_kube_raw(client, API "v1beta2", &list, &err) == 0);
    assert_string_equal(lp_json_str(list, "kind", NULL), "APIResourceList");
    assert_true(json_array_size(json_object_get(list, "resources")) >= 2);
    assert_false(lp_json_at(list, "resources", NULL) == NULL);
}

static void a_service_without_ready_pods_is_refused_with_the_reason(void **state)
{
    char why[512] = "";
    (void)state;
    create_deployment();
    until(metric("v1beta2", "services/english-auth/queue_depth", why) == NULL &&
          strstr(why, "no pod of english-auth is Ready"));
}

static void a_service_has_the_sum_over_its_pods_and_its_backlog_once(void **state)
{
    (void)state;
    json_auto_t *list = pod_list();
    waiting[0] = 5;
    waiting[1] = 6;
    for (unsigned i = 0; i < 2; i++)
        set_pod_status(json_array_get(list, i), addresses[i], "True");
    until(value_of("v1beta2", "services/english-auth/queue_depth") == (5 + 1 + 6 + 1 + 2) * 1000);
    assert_int_equal(value_of("v1beta1", "services/english-auth/queue_depth"), 15000);
}

static void pods_are_selected_by_their_labels(void **state)
{
    (void)state;
    assert_int_equal(n_items("pods/*/queue_depth"), 2);
    assert_int_equal(n_items("pods/%2A/queue_depth?labelSelector=app.kubernetes.io%2Fname%3Dauth"),
                     2);
    assert_int_equal(
        n_items("pods/%2A/queue_depth?labelSelector=app.kubernetes.io%2Fname%21%3Dauth"), 0);
    assert_int_equal(
        n_items("pods/%2A/queue_depth?labelSelector=app.kubernetes.io%2Fname+in+%28auth%2Cx%29"),
        2);
}

static void a_pod_that_is_not_ready_is_gone_from_the_answer(void **state)
{
    (void)state;
    json_auto_t *list = pod_list();
    set_pod_status(json_array_get(list, 1), addresses[1], "False");
    until(n_items("pods/*/queue_depth") == 1);
    set_pod_status(json_array_get(list, 1), addresses[1], "True");
    until(n_items("pods/*/queue_depth") == 2);
}

static void an_unknown_metric_is_not_found(void **state)
{
    char why[512] = "";
    (void)state;
    assert_null(metric("v1beta2", "services/english-auth/nonsense", why));
    assert_non_null(strstr(why, "could not find the metric nonsense for services"));
}

static int64_t deployment_replicas(void)
{
    json_auto_t *o = NULL;
    struct lp_error err;
    if (lp_kube_get(client, &lp_kube_deployments, ns, "english-auth", &o, &err) < 0)
        return -1;
    return lp_json_int(-1, o, "spec", "replicas", NULL);
}

static void the_hpa_of_the_real_controller_scales_on_it(void **state)
{
    (void)state;
    waiting[0] = 8;
    waiting[1] = 7;
    until(value_of("v1beta2", "services/english-auth/queue_depth") == 19000);
    json_auto_t *hpa = lp_json_make(
        "{s:s,s:s,s:{s:s,s:s,s:{s:s}},s:{s:{s:s,s:s,s:s},s:i,s:i,s:[{s:s,s:{s:{s:s,s:s,s:s},s:{s:"
        "s},s:{s:s,s:s}}}]}}",
        "apiVersion", "autoscaling/v2", "kind", "HorizontalPodAutoscaler", "metadata", "name",
        "english-auth", "namespace", ns, "labels", "app.kubernetes.io/managed-by", "lp-operator",
        "spec", "scaleTargetRef", "apiVersion", "apps/v1", "kind", "Deployment", "name",
        "english-auth", "minReplicas", 1, "maxReplicas", 10, "metrics", "type", "Object", "object",
        "describedObject", "apiVersion", "v1", "kind", "Service", "name", "english-auth", "metric",
        "name", "queue_depth", "target", "type", "AverageValue", "averageValue", "4");
    ok(lp_kube_create(client, &lp_kube_hpas, hpa, NULL, &err));
    until(deployment_replicas() == 5);
    until(has_condition(&lp_kube_hpas, ns, "english-auth", "ScalingActive"));
}

/* The Object metric per pod as the HPA last noted it, in thousandths. */
static bool hpa_saw(const char *average)
{
    json_auto_t *o = NULL;
    struct lp_error err;
    if (lp_kube_get(client, &lp_kube_hpas, ns, "english-auth", &o, &err) < 0)
        return false;
    const json_t *now = json_array_get(lp_json_at(o, "status", "currentMetrics", NULL), 0);
    const char *text = lp_json_str(now, "object", "current", "averageValue", NULL);
    return text && strcmp(text, average) == 0;
}

static bool has_address(const json_t *pod, const char *ip)
{
    const char *text = lp_json_str(pod, "status", "podIP", NULL);
    return text && strcmp(text, ip) == 0;
}

static void delete_pod_at(const char *ip)
{
    size_t i;
    json_t *pod;
    json_auto_t *list = pod_list();
    json_array_foreach(list, i, pod) if (has_address(pod, ip)) ok(lp_kube_delete(
        client, &lp_kube_pods, ns, lp_json_str(pod, "metadata", "name", NULL), NULL, &err));
}

/* Of five replicas two are Ready: 9 + 8, a backlog of 2, a target of 4 each. The port of one is
 * closed: its 8 stay for 30 s, and then as much as the other has is taken for its share. Then it
 * takes connections and never answers, as a frozen process does: its 8 again. Then it is deleted.
 * None of the sums is at the edge of the tolerance (1.1 of the target), which Kubernetes 1.30
 * takes for beyond it and 1.34 does not.
 */
static void the_hpa_sees_a_closed_port_a_frozen_pod_and_a_deleted_one(void **state)
{
    struct sockaddr_in to = { .sin_family = AF_INET };
    (void)state;
    to.sin_port = htons(lp_http_server_port(pods[1]));
    inet_pton(AF_INET, addresses[1], &to.sin_addr);
    until(hpa_saw("3800m"));
    lp_http_server_stop(lp_take(pods[1]));
    until(hpa_saw("4"));
    lp_auto_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(listen(fd, 64), 0);
    until(hpa_saw("3800m"));
    delete_pod_at(addresses[1]);
    until(hpa_saw("2200m"));
    assert_int_equal(deployment_replicas(), 5);
}

static void the_controller_was_let_in_by_an_access_review(void **state)
{
    (void)state;
    assert_true(lp_metric_value(lp_metric_with(telemetry.reviews, "access", "allowed")) > 0);
}

static bool exists(const char *api_service)
{
    struct lp_error err;
    return lp_kube_get(client, &lp_kube_api_services, NULL, api_service, NULL, &err) == 0;
}

/* Without a Deployment lp-operator in its namespace, an adapter that stops takes it that it is
 * being removed. */
static void another_adapters_api_service_is_left_alone_also_when_ours_go(void **state)
{
    json_auto_t *patch = lp_json_make("{s:{s:{s:s}}}", "spec", "service", "name", "somebody-else");
    json_auto_t *after = NULL;
    struct adapter_config c = ADAPTER_CONFIG_DEFAULTS;
    struct lp_metric *conflict;
    (void)state;
    ok(lp_kube_merge_patch(client, &lp_kube_api_services, NULL, "v1beta1.custom.metrics.k8s.io",
                           NULL, patch, NULL, &err));
    c.ns = ns;
    c.port = 0;
    struct lp_stop *second_stop = lp_stop_new();
    struct adapter *second;
    ok(adapter_start(&c, config, second_stop, &second, &err));
    conflict = lp_metric_with(telemetry.conflict, "v1beta1.custom.metrics.k8s.io");
    char why[ADAPTER_CONFLICT];
    until(lp_metric_value(conflict) > 0);
    until(adapter_conflict(second, why));
    assert_non_null(strstr(why, "v1beta1.custom.metrics.k8s.io leads to Service"));
    assert_non_null(strstr(why, "/somebody-else"));
    ok(lp_kube_get(client, &lp_kube_api_services, NULL, "v1beta1.custom.metrics.k8s.io", &after,
                   &err));
    assert_string_equal(lp_json_str(after, "spec", "service", "name", NULL), "somebody-else");
    lp_stop_request(second_stop);
    adapter_join(second);
    assert_false(exists("v1beta2.custom.metrics.k8s.io"));
    assert_true(exists("v1beta1.custom.metrics.k8s.io"));
    lp_stop_free(second_stop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_aggregator_finds_both_versions_available),
        cmocka_unit_test(discovery_lists_what_is_served),
        cmocka_unit_test(a_service_without_ready_pods_is_refused_with_the_reason),
        cmocka_unit_test(a_service_has_the_sum_over_its_pods_and_its_backlog_once),
        cmocka_unit_test(pods_are_selected_by_their_labels),
        cmocka_unit_test(a_pod_that_is_not_ready_is_gone_from_the_answer),
        cmocka_unit_test(an_unknown_metric_is_not_found),
        cmocka_unit_test(the_hpa_of_the_real_controller_scales_on_it),
        cmocka_unit_test(the_hpa_sees_a_closed_port_a_frozen_pod_and_a_deleted_one),
        cmocka_unit_test(the_controller_was_let_in_by_an_access_review),
        cmocka_unit_test(another_adapters_api_service_is_left_alone_also_when_ours_go),
    };
    return cmocka_run_group_tests_name("adapter", tests, fixture_begin, fixture_end);
}
