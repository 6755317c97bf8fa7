/* test/unit/test_autoscaler_api.c -- what those who are let in are told, of metrics and of what
 * they asked wrongly. */
#include "unit/api_client.h"

static void each_answer_is_of_the_samples_of_its_moment(void **state)
{
    struct wish w = as(&proxy, "X-Remote-User: a", "X-Remote-Group: system:masters");
    (void)state;
    start(nothing);
    lp_auto_http_client struct lp_http_client *c = client_as(&proxy);
    lp_auto_free char *first = lp_strdup(ask_over(c, w).body);
    assert_string_equal(ask_over(c, w).body, first);
    json_auto_t *hpa =
        lp_json_make("{s:{s:s,s:s}}", "metadata", "namespace", "lp", "name", "english-auth");
    samples_hpa(samples, hpa, false);
    assert_string_equal(ask_over(c, w).body, first);
    json_auto_t *pod =
        lp_json_make("{s:{s:s,s:s}}", "metadata", "namespace", "lp", "name", "auth-1");
    samples_pod(samples, pod, true, lp_clock_ms(), lp_clock_wall_ms());
    assert_int_not_equal(ask_over(c, w).status, 200);
}

static struct wish master(const char *path, const char *header)
{
    return (struct wish){ .certificate = &proxy,
                          .path = path,
                          .headers = { "X-Remote-User: system:kube-aggregator",
                                       "X-Remote-Group: system:masters", header, NULL } };
}

static void the_aggregators_requests_get_what_they_need(void **state)
{
    (void)state;
    start(nothing);
    expect(200, "APIResourceList", master("/apis/custom.metrics.k8s.io/v1beta2", NULL));
    expect(200, "APIGroupList", master("/apis", "Accept: application/json"));
    expect(404, "NotFound", master("/openapi/v2", NULL));
    struct reply r = ask(master("/apis", "Accept: " V2));
    assert_int_equal(r.status, 200);
    assert_string_equal(r.type, V2);
    struct wish again = master("/apis", "Accept: " V2);
    lp_auto_free char *match = lp_sprintf("If-None-Match: %s", r.etag);
    again.headers[3] = match;
    r = ask(again);
    assert_int_equal(r.status, 304);
    assert_string_equal(r.body, "");
}

static void what_cannot_be_answered_is_refused_with_the_reason(void **state)
{
    struct wish w;
    (void)state;
    start(nothing);
    expect(406, "application/json", master(METRIC, "Accept: application/vnd.kubernetes.protobuf"));
    expect(200, "\"value\":\"7\"",
           master(METRIC, "Accept: application/vnd.kubernetes.protobuf, */*"));
    expect(404, "could not find the metric x for pods",
           master("/apis/custom.metrics.k8s.io/v1beta2/namespaces/lp/pods/%2A/x", NULL));
    expect(400, "labelSelector",
           master("/apis/custom.metrics.k8s.io/v1beta2/namespaces/lp/pods/%2A/queue_depth"
                  "?labelSelector=a+in+%28",
                  NULL));
    expect(404, "metricLabelSelector", master(METRIC "?metricLabelSelector=a%3Db", NULL));
    expect(400, "encoded slash",
           master("/apis/custom.metrics.k8s.io/v1beta2/namespaces/a%2Fpods/services/x/queue_depth",
                  NULL));
    w = master(METRIC, NULL);
    w.method = "POST";
    expect(405, "GET only", w);
    w.method = "HEAD";
    assert_int_equal(ask(w).status, 405);
}

static void headers_over_the_limit_are_refused_with_a_status(void **state)
{
    lp_auto_buf struct lp_buf header = LP_BUF_INIT(65536);
    (void)state;
    start(nothing);
    lp_buf_str(&header, "X-Filler: ");
    while (header.len < 20000)
        lp_buf_str(&header, "0123456789");
    expect(431, "headers", master(NULL, header.ptr));
}

static void health_is_told_to_everybody(void **state)
{
    (void)state;
    start(nothing);
    expect(200, "ok", (struct wish){ .path = "/livez" });
    expect(503, "not yet", (struct wish){ .path = "/readyz" });
    expect(401, "", (struct wish){ .path = "/metrics" });
    expect(401, "", (struct wish){ .path = "/version" });
}

static void a_replaced_certificate_is_shown_to_new_connections(void **state)
{
    struct x509_pair old_ca = serving_ca, ca, cert;
    (void)state;
    start(nothing);
    make(&ca, NULL, "new-ca", NULL, NULL, false);
    make(&cert, &ca, "lp-metrics", NULL, "DNS:" HOST, false);
    struct lp_http_tls tls = { .cert_pem = cert.cert, .key_pem = cert.key };
    ok(lp_http_server_set_certificate(server, &tls, &err));
    serving_ca = ca;
    expect(200, "ok", (struct wish){ .path = "/livez" });
    serving_ca = old_ca;
    free(ca.cert), free(ca.key), free(cert.cert), free(cert.key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(each_answer_is_of_the_samples_of_its_moment, end),
        cmocka_unit_test_teardown(the_aggregators_requests_get_what_they_need, end),
        cmocka_unit_test_teardown(what_cannot_be_answered_is_refused_with_the_reason, end),
        cmocka_unit_test_teardown(headers_over_the_limit_are_refused_with_a_status, end),
        cmocka_unit_test_teardown(health_is_told_to_everybody, end),
        cmocka_unit_test_teardown(a_replaced_certificate_is_shown_to_new_connections, end),
    };
    return cmocka_run_group_tests_name("autoscaler_api", tests, once, at_last);
}
