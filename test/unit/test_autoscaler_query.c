/* test/unit/test_autoscaler_query.c -- paths to routes, Accept to a format, and the discovery
 * documents. */
#include "autoscaler/api/query.h"

#include <string.h>

#include "autoscaler/api/answer.h"
#include "autoscaler/api/discovery.h"
#include "json/json.h"
#include "unit/check.h"

#define V2 "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
#define V2BETA1 "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"

static void a_path_leads_to_its_route(void **state)
{
    static const struct {
        const char *path;
        enum query_route want;
    } cases[] = {
        { "/healthz", QUERY_HEALTH },
        { "/livez", QUERY_HEALTH },
        { "/readyz/", QUERY_HEALTH },
        { "/version", QUERY_VERSION },
        { "/metrics", QUERY_METRICS },
        { "/apis", QUERY_APIS },
        { "/apis/", QUERY_APIS },
        { "/apis/custom.metrics.k8s.io", QUERY_API_GROUP },
        { "/apis/custom.metrics.k8s.io/v1beta1", QUERY_RESOURCES },
        { "/apis/custom.metrics.k8s.io/v1beta2/", QUERY_RESOURCES },
        { "/apis/custom.metrics.k8s.io/v1", QUERY_UNKNOWN },
        { "/apis/external.metrics.k8s.io/v1beta1", QUERY_UNKNOWN },
        { "/openapi/v2", QUERY_UNKNOWN },
        { "/", QUERY_UNKNOWN },
        { "/apis/custom.metrics.k8s.io/v1beta2/namespaces/lp/pods/%2A/queue_depth", QUERY_METRIC },
        { "/apis/custom.metrics.k8s.io/v1beta2/namespaces/lp/pods/*", QUERY_UNKNOWN },
        { "/apis/custom.metrics.k8s.io/v1beta2/nodes/a/queue_depth", QUERY_OTHER },
        { "/apis/custom.metrics.k8s.io/v1beta1/namespaces/lp/metrics/depth", QUERY_OTHER },
        { "/apis/custom.metrics.k8s.io/v1beta1/namespaces/lp/pods", QUERY_UNKNOWN },
        { "/a/b/c/d/e/f/g/h/i/j/k/l", QUERY_UNKNOWN },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct query q;
        struct lp_error err = { .msg = "" };
        if (query_parse(cases[i].path, &q, &err) < 0 || q.route != cases[i].want)
            fail_msg("%s: %s", cases[i].path, err.msg);
    }
}

static void the_parts_of_a_metric_are_decoded(void **state)
{
    struct query q;
    struct lp_error err;
    (void)state;
    assert_int_equal(query_parse("/apis/custom.metrics.k8s.io/v1beta1/namespaces/l%70/services/"
                                 "english-auth/queue_depth",
                                 &q, &err),
                     0);
    assert_int_equal(q.version, METRICS_V1BETA1);
    assert_string_equal(q.ns, "lp");
    assert_string_equal(q.resource, "services");
    assert_string_equal(q.name, "english-auth");
    assert_string_equal(q.metric, "queue_depth");
}

static void a_path_that_could_be_read_two_ways_is_refused(void **state)
{
    static const char *const paths[] = {
        "",
        "apis",
        "//apis",
        "/apis//custom.metrics.k8s.io",
        "/apis/../apis",
        "/apis/%2e%2E",
        "/apis/.",
        "/apis/custom.metrics.k8s.io/v1beta2/namespaces/a%2Fpods/services/x/queue_depth",
        "/apis/%",
        "/apis/%zz",
        "/apis/a%00b",
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(paths); i++) {
        struct query q;
        struct lp_error err;
        if (query_parse(paths[i], &q, &err) != LP_E_INVALID)
            fail_msg("taken: \"%s\"", paths[i]);
    }
}

static void the_first_form_that_can_be_written_is_chosen(void **state)
{
    static const struct {
        const char *accept;
        bool discovery;
        enum discovery_format want;
    } cases[] = {
        { NULL, true, DISCOVERY_JSON },
        { "", false, DISCOVERY_JSON },
        { "*/*", true, DISCOVERY_JSON },
        { "application/vnd.kubernetes.protobuf, */*", false, DISCOVERY_JSON },
        { "application/vnd.kubernetes.protobuf", false, DISCOVERY_NONE },
        { "application/vnd.kubernetes.protobuf,application/json", false, DISCOVERY_JSON },
        { "application/yaml", false, DISCOVERY_NONE },
        { V2 "," V2BETA1, true, DISCOVERY_V2 },
        { V2BETA1 "," V2, true, DISCOVERY_V2BETA1 },
        { "application/json; as=APIGroupDiscoveryList; v=v2; g=apidiscovery.k8s.io", true,
          DISCOVERY_V2 },
        { V2, false, DISCOVERY_NONE },
        { "application/json;g=apidiscovery.k8s.io;v=v3;as=APIGroupDiscoveryList", true,
          DISCOVERY_NONE },
        { V2 ",application/json", false, DISCOVERY_JSON },
        { "application/json;as=Table;v=v1;g=meta.k8s.io,application/json", false, DISCOVERY_JSON },
        { "application/json;q=0", false, DISCOVERY_NONE },
        { "application/json;q=0.5", false, DISCOVERY_JSON },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++)
        if (discovery_negotiate(cases[i].accept, cases[i].discovery) != cases[i].want)
            fail_msg("%s", cases[i].accept);
}

static json_t *parsed(const char *text)
{
    struct lp_error err = { .msg = "" };
    json_t *o = NULL;
    if (lp_json_parse(text, strlen(text), 1 << 20, "document", &o, &err) < 0)
        fail_msg("%s", err.msg);
    return o;
}

static void the_aggregated_document_has_the_shape_of_the_api(void **state)
{
    const struct discovery_document *d;
    (void)state;
    struct discovery *now = discovery_current();
    d = discovery_apis(now, DISCOVERY_V2);
    assert_string_equal(d->content_type, V2);
    assert_int_equal(strlen(d->etag), 66);
    json_auto_t *o = parsed(d->body);
    assert_string_equal(lp_json_str(o, "apiVersion", NULL), "apidiscovery.k8s.io/v2");
    const json_t *item = json_array_get(json_object_get(o, "items"), 0);
    assert_string_equal(lp_json_str(item, "metadata", "name", NULL), METRICS_GROUP);
    const json_t *version = json_array_get(json_object_get(item, "versions"), 0);
    assert_string_equal(lp_json_str(version, "version", NULL), "v1beta2");
    const json_t *resource = json_array_get(json_object_get(version, "resources"), 0);
    assert_string_equal(lp_json_str(resource, "scope", NULL), "Namespaced");
    assert_non_null(lp_json_at(resource, "responseKind", NULL));
    const json_t *sub = json_array_get(json_object_get(resource, "subresources"), 0);
    assert_string_equal(lp_json_str(sub, "subresource", NULL), "queue_depth");
    assert_string_equal(lp_json_str(sub, "responseKind", "kind", NULL), "MetricValueList");
    assert_string_not_equal(d->etag, discovery_apis(now, DISCOVERY_V2BETA1)->etag);
    discovery_unref(now);
}

static void the_resource_list_is_never_empty(void **state)
{
    (void)state;
    struct discovery *now = discovery_current();
    json_auto_t *list = parsed(discovery_resources(now, METRICS_V1BETA1));
    assert_string_equal(lp_json_str(list, "groupVersion", NULL), METRICS_GROUP "/v1beta1");
    assert_int_equal(json_array_size(json_object_get(list, "resources")), 9);
    json_auto_t *group = parsed(discovery_group(now));
    assert_string_equal(lp_json_str(group, "preferredVersion", "version", NULL), "v1beta2");
    discovery_unref(now);
}

struct named {
    const char *name;
    int64_t wall_ms, milli;
};

static void write_list(const struct query *q, unsigned n, const struct named *list,
                       struct lp_buf *out)
{
    auto_samples_values struct samples_values values = SAMPLES_VALUES_INIT;
    values.items = lp_calloc(n, sizeof *values.items);
    for (; values.n < n; values.n++) {
        const struct named *v = &list[values.n];
        values.items[values.n] = (struct samples_value){ values.names.len, v->wall_ms, v->milli };
        lp_buf_add(&values.names, v->name, strlen(v->name) + 1);
    }
    answer_list(q, &values, out);
}

static void the_versions_name_their_fields_differently(void **state)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(4096);
    (void)state;
    struct query pods = {
        .version = METRICS_V1BETA2, .ns = "lp", .resource = "pods", .metric = "queue_depth"
    };
    struct query services = {
        .version = METRICS_V1BETA1, .ns = "lp", .resource = "services", .metric = "queue_depth"
    };
    write_list(&pods, 1, (const struct named[]){ { "quiz-1", 1790845203999, 12500 } }, &out);
    json_auto_t *two = parsed(out.ptr);
    const json_t *item = json_array_get(json_object_get(two, "items"), 0);
    assert_string_equal(lp_json_str(item, "metric", "name", NULL), "queue_depth");
    assert_string_equal(lp_json_str(item, "value", NULL), "12500m");
    assert_string_equal(lp_json_str(item, "timestamp", NULL), "2026-10-01T09:00:03Z");
    assert_string_equal(lp_json_str(item, "describedObject", "apiVersion", NULL), "v1");
    assert_string_equal(lp_json_str(item, "describedObject", "kind", NULL), "Pod");
    assert_string_equal(lp_json_str(item, "describedObject", "namespace", NULL), "lp");
    assert_non_null(json_object_get(item, "windowSeconds"));

    lp_buf_reset(&out);
    write_list(&services, 2,
               (const struct named[]){ { "quiz", 1000, 4000 }, { "auth", 2000, INT64_MAX } }, &out);
    json_auto_t *one = parsed(out.ptr);
    item = json_array_get(json_object_get(one, "items"), 0);
    assert_string_equal(lp_json_str(item, "metricName", NULL), "queue_depth");
    assert_string_equal(lp_json_str(item, "value", NULL), "4");
    assert_non_null(json_object_get(item, "window"));
    item = json_array_get(json_object_get(one, "items"), 1);
    assert_string_equal(lp_json_str(item, "value", NULL), "9200000000000");
}

static void a_status_says_anything_without_breaking(void **state)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(4096);
    (void)state;
    answer_status(404, "no \"\xff\x01\" here", &out);
    json_auto_t *o = parsed(out.ptr);
    assert_string_equal(lp_json_str(o, "message", NULL), "no \"??\" here");
    assert_string_equal(lp_json_str(o, "reason", NULL), "NotFound");
    assert_string_equal(lp_json_str(o, "status", NULL), "Failure");
    assert_int_equal(lp_json_int(0, o, "code", NULL), 404);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_leads_to_its_route),
        cmocka_unit_test(the_parts_of_a_metric_are_decoded),
        cmocka_unit_test(a_path_that_could_be_read_two_ways_is_refused),
        cmocka_unit_test(the_first_form_that_can_be_written_is_chosen),
        cmocka_unit_test(the_aggregated_document_has_the_shape_of_the_api),
        cmocka_unit_test(the_resource_list_is_never_empty),
        cmocka_unit_test(the_versions_name_their_fields_differently),
        cmocka_unit_test(a_status_says_anything_without_breaking),
    };
    return cmocka_run_group_tests_name("autoscaler_query", tests, NULL, NULL);
}
