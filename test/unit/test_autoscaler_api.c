/* test/unit/test_autoscaler_api.c -- the metrics API over TLS on loopback: who is let in by which
 * certificate, header or token, and what they are told. The certificates are made here; the API
 * server's reviews are scripted. */
#include "autoscaler/api.h"

#include <stdio.h>
#include <string.h>

#include "autoscaler/discovery.h"
#include "autoscaler/telemetry.h"
#include "autoscaler/x509.h"
#include "base/clock.h"
#include "fake/fake_kube.h"
#include "http/client.h"
#include "http/server.h"
#include "json/json.h"
#include "unit/check.h"

#define METRIC "/apis/custom.metrics.k8s.io/v1beta2/namespaces/lp/services/english-auth/queue_depth"
#define HOST "lp-metrics.lp-system.svc"
#define V2 "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
#define REVIEW(part, verdict, n)                                                         \
    {                                                                                    \
        .match = (part), .status = 201, .body = "{\"status\":" verdict "}", .times = (n) \
    }

static struct x509_pair serving_ca, serving, proxy_ca, proxy, stranger, other_ca, forged, client_ca,
    admin;
static struct fake_kube *kube;
static struct lp_kube_config *config;
static struct lp_stop *stop;
static struct auth *auth;
static struct samples *samples;
static struct api api;
static struct lp_http_server *server;
static char url[64], host[96];

static void make(struct x509_pair *ret, const struct x509_pair *issuer, const char *cn,
                 const char *organization, const char *names, bool client)
{
    int64_t now = lp_clock_wall_ms() / 1000;
    const struct x509_wish wish = { cn, names, organization, client, now - 300, now + 3600 };
    ok(x509_make(&wish, issuer, ret, &err));
}

static void make_certificates(void)
{
    make(&serving_ca, NULL, "serving-ca", NULL, NULL, false);
    make(&serving, &serving_ca, "lp-metrics", NULL, "DNS:" HOST, false);
    make(&proxy_ca, NULL, "front-proxy-ca", NULL, NULL, false);
    make(&proxy, &proxy_ca, "front-proxy-client", NULL, "DNS:proxy", true);
    make(&stranger, &proxy_ca, "somebody-else", NULL, "DNS:proxy", true);
    make(&other_ca, NULL, "front-proxy-ca", NULL, NULL, false);
    make(&forged, &other_ca, "front-proxy-client", NULL, "DNS:proxy", true);
    make(&client_ca, NULL, "client-ca", NULL, NULL, false);
    make(&admin, &client_ca, "kubernetes-admin", "system:masters", "DNS:admin", true);
}

static void trust_proxy(const struct x509_pair *ca)
{
    struct trust *t;
    json_auto_t *map = lp_json_make("{s:{s:s,s:s,s:s}}", "data", "requestheader-client-ca-file",
                                    ca->cert, "requestheader-allowed-names",
                                    "[\"front-proxy-client\"]", "client-ca-file", client_ca.cert);
    ok(trust_parse(map, &t, &err));
    auth_set_trust(auth, t);
    trust_unref(t);
}

static bool is_ready(void *user, char why[128])
{
    (void)user;
    snprintf(why, 128, "not yet");
    return false;
}

static void add_replica_set(void)
{
    json_auto_t *o = lp_json_make("{s:{s:s,s:s,s:s,s:[{s:s,s:s,s:b}]}}", "metadata", "namespace",
                                  "lp", "name", "set", "uid", "set", "ownerReferences", "kind",
                                  "Deployment", "name", "english-auth", "controller", 1);
    samples_replica_set(samples, o, false);
}

/* One service of one pod with the value 7. */
static void fill_samples(void)
{
    struct samples_target target;
    struct promtext_page page = { .waiting = 4000, .in_flight = 3000 };
    int64_t next, now = lp_clock_ms();
    json_auto_t *pod = lp_json_make(
        "{s:{s:s,s:s,s:s,s:[{s:s,s:s,s:b}],s:{s:s,s:s}},s:{s:s,s:s,s:[{s:s,s:s}]}}", "metadata",
        "namespace", "lp", "name", "auth-1", "uid", "1", "ownerReferences", "kind", "ReplicaSet",
        "uid", "set", "controller", 1, "labels", "app.kubernetes.io/name", "auth",
        "app.kubernetes.io/part-of", "english", "status", "phase", "Running", "podIP", "10.0.0.1",
        "conditions", "type", "Ready", "status", "True");
    samples = samples_new(1000, 0);
    add_replica_set();
    samples_pod(samples, pod, false, now, lp_clock_wall_ms());
    samples_synced(samples);
    assert_int_equal(samples_due(samples, now, &target, 1, &next), 1);
    samples_report(samples, target.id, SAMPLES_OK, &page, now);
}

static void start(const struct fake_answer *answers)
{
    struct lp_http_tls tls = { serving.cert, serving.key, serving_ca.cert };
    struct lp_http_server_options options = { .address = "127.0.0.1",
                                              .max_body = 4096,
                                              .tls = &tls,
                                              .name = "metrics API",
                                              .handler = api_handle,
                                              .user = &api,
                                              .refusal = api_refusal };
    kube = fake_kube_start(answers);
    config = fake_kube_config(kube, NULL);
    stop = lp_stop_new();
    ok(auth_start(config, stop, &auth, &err));
    trust_proxy(&proxy_ca);
    fill_samples();
    api = (struct api){ auth, samples, is_ready, NULL, NULL };
    ok(lp_http_server_start(&options, &server, &err));
    snprintf(url, sizeof url, "https://%s", HOST);
    snprintf(host, sizeof host, "127.0.0.1:%u", lp_http_server_port(server));
}

static int end(void **state)
{
    (void)state;
    lp_stop_request(stop);
    lp_http_server_quiesce(server);
    auth_close(auth);
    lp_http_server_stop(server);
    auth_free(auth);
    samples_free(samples);
    lp_kube_config_free(config);
    fake_kube_stop(kube);
    lp_stop_free(stop);
    return 0;
}

/* ---- a client ---- */

struct wish {
    const struct x509_pair *certificate;
    const char *method, *path;
    const char *headers[8];
};

struct reply {
    int status;
    char type[128], etag[128], body[16384];
};

static struct lp_http_client *client_as(const struct x509_pair *certificate)
{
    struct lp_http_client_options options = { .ca_pem = serving_ca.cert, .connect_to = host };
    struct lp_http_client *c = NULL;
    if (certificate) {
        options.cert_pem = certificate->cert;
        options.key_pem = certificate->key;
    }
    ok(lp_http_client_new(&options, &c, &err));
    return c;
}

static struct reply ask_over(struct lp_http_client *c, struct wish w)
{
    static struct reply reply;
    lp_auto_http_response struct lp_http_response got = LP_HTTP_RESPONSE_INIT;
    lp_auto_free char *where = lp_sprintf("%s%s", url, w.path ? w.path : METRIC);
    struct lp_http_request request = { .method = w.method ? w.method : "GET",
                                       .url = where,
                                       .headers = w.headers };
    ok(lp_http_do(c, &request, &got, &err));
    memset(&reply, 0, sizeof reply);
    reply.status = got.status;
    snprintf(reply.type, sizeof reply.type, "%s", got.content_type);
    snprintf(reply.etag, sizeof reply.etag, "%s", got.etag);
    snprintf(reply.body, sizeof reply.body, "%s", got.body.ptr);
    assert_int_equal(got.retry_after_ms, 0);
    return reply;
}

static struct reply ask(struct wish w)
{
    lp_auto_http_client struct lp_http_client *c = client_as(w.certificate);
    return ask_over(c, w);
}

static void expect(int status, const char *part, struct wish w)
{
    struct reply r = ask(w);
    if (r.status != status || !strstr(r.body, part))
        fail_msg("%d instead of %d: %s", r.status, status, r.body);
    if (status >= 400 && w.path == NULL)
        assert_non_null(strstr(r.body, "\"kind\":\"Status\""));
}

static struct wish as(const struct x509_pair *certificate, const char *user, const char *group)
{
    return (struct wish){ .certificate = certificate, .headers = { user, group, NULL } };
}

static unsigned n_reviews(const char *what)
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(1 << 20);
    unsigned n = 0;
    fake_kube_requests(kube, &b);
    for (const char *at = b.ptr; (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}

/* ---- tests ---- */

static const struct fake_answer nothing[] = { FAKE_END };

static void only_the_front_proxy_may_say_for_whom_it_asks(void **state)
{
    (void)state;
    start(nothing);
    expect(401, "Unauthorized", as(NULL, "X-Remote-User: a", "X-Remote-Group: system:masters"));
    expect(401, "Unauthorized",
           as(&stranger, "X-Remote-User: a", "X-Remote-Group: system:masters"));
    expect(401, "Unauthorized", as(&forged, "X-Remote-User: a", "X-Remote-Group: system:masters"));
    expect(401, "Unauthorized", as(&serving, "X-Remote-User: a", "X-Remote-Group: system:masters"));
    expect(401, "Unauthorized", as(&proxy, "X-Remote-Group: system:masters", NULL));
    expect(200, "\"value\":\"7\"",
           as(&proxy, "X-Remote-User: a", "X-Remote-Group: system:masters"));
    assert_int_equal(n_reviews("subjectaccessreviews"), 0);
}

static void a_certificate_of_the_client_ca_is_a_user_and_its_headers_are_not_read(void **state)
{
    static const struct fake_answer answers[] = {
        REVIEW("subjectaccessreviews", "{\"allowed\":false}", 0), FAKE_END
    };
    (void)state;
    start(answers);
    expect(200, "\"value\":\"7\"", as(&admin, "X-Remote-User: nobody", NULL));
    assert_int_equal(n_reviews("subjectaccessreviews"), 0);
}

static void a_user_without_rights_is_told_what_is_missing(void **state)
{
    static const struct fake_answer answers[] = {
        REVIEW("subjectaccessreviews", "{\"allowed\":false}", 0), FAKE_END
    };
    (void)state;
    start(answers);
    expect(403,
           "services.custom.metrics.k8s.io \\\"english-auth\\\" is forbidden: User \\\"eve\\\" "
           "cannot get resource \\\"services/queue_depth\\\"",
           as(&proxy, "X-Remote-User: eve", "X-Remote-Group: students"));
    struct wish w = as(&proxy, "X-Remote-User: eve", NULL);
    w.path = "/apis";
    expect(403, "cannot get path \\\"/apis\\\"", w);
}

static void a_review_names_user_groups_and_metric_and_is_asked_once(void **state)
{
    static const struct fake_answer answers[] = {
        REVIEW("subjectaccessreviews", "{\"allowed\":true}", 1),
        REVIEW("subjectaccessreviews", "{\"allowed\":false}", 0), FAKE_END
    };
    struct wish w = { .certificate = &proxy,
                      .headers = { "X-Remote-User: hpa", "X-Remote-Group: a", "X-Remote-Group: b",
                                   "X-Remote-Extra-Example.com%2FScope: s", "X-Remote-Uid: 7",
                                   NULL } };
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(1 << 20);
    (void)state;
    start(answers);
    expect(200, "\"value\":\"7\"", w);
    expect(200, "\"value\":\"7\"", w);
    assert_int_equal(n_reviews("subjectaccessreviews"), 1);
    fake_kube_requests(kube, &b);
    assert_non_null(strstr(b.ptr, "\"groups\":[\"a\",\"b\",\"system:authenticated\"]"));
    assert_non_null(strstr(b.ptr, "\"extra\":{\"example.com/scope\":[\"s\"]}"));
    assert_non_null(strstr(b.ptr, "\"uid\":\"7\""));
    assert_non_null(strstr(b.ptr, "\"resource\":\"services\",\"subresource\":\"queue_depth\""));
    w.headers[1] = "X-Remote-Group: c";
    expect(403, "forbidden", w);
}

static void a_token_is_reviewed_once(void **state)
{
    static const struct fake_answer answers[] = {
        REVIEW("tokenreviews",
               "{\"authenticated\":true,\"user\":{\"username\":\"bot\",\"groups\":[\"g\"]}}", 1),
        REVIEW("tokenreviews", "{\"authenticated\":false}", 0),
        REVIEW("subjectaccessreviews", "{\"allowed\":true}", 0), FAKE_END
    };
    (void)state;
    start(answers);
    expect(200, "\"value\":\"7\"", as(NULL, "Authorization: Bearer good", NULL));
    expect(200, "\"value\":\"7\"", as(NULL, "Authorization: Bearer good", NULL));
    expect(401, "Unauthorized", as(NULL, "Authorization: Bearer bad", NULL));
    expect(401, "Unauthorized", as(NULL, "Authorization: Bearer bad", NULL));
    expect(401, "Unauthorized", as(NULL, "Authorization: Basic eA==", NULL));
    assert_int_equal(n_reviews("tokenreviews"), 2);
}

/* What two such users have in common must not be what they are known by. */
static void a_user_of_more_groups_than_can_be_kept_is_asked_about_each_time(void **state)
{
    lp_auto_buf struct lp_buf body = LP_BUF_INIT(1 << 20);
    (void)state;
    lp_buf_str(&body,
               "{\"status\":{\"authenticated\":true,\"user\":{\"username\":\"bot\",\"groups\":[");
    for (unsigned i = 0; i < 2000; i++)
        lp_buf_printf(&body, "\"a-group-with-a-name-of-some-forty-bytes-%u\",", i);
    lp_buf_str(&body, "\"last\"]}}}");
    const struct fake_answer answers[] = {
        { .match = "tokenreviews", .status = 201, .body = body.ptr, .times = 0 },
        REVIEW("subjectaccessreviews", "{\"allowed\":true}", 1),
        REVIEW("subjectaccessreviews", "{\"allowed\":false}", 0),
        FAKE_END
    };
    start(answers);
    expect(200, "\"value\":\"7\"", as(NULL, "Authorization: Bearer good", NULL));
    expect(403, "forbidden", as(NULL, "Authorization: Bearer good", NULL));
}

static void a_review_that_fails_is_not_taken_for_an_answer(void **state)
{
    static const struct fake_answer answers[] = {
        { .match = "subjectaccessreviews", .status = 500, .times = 1 },
        REVIEW("subjectaccessreviews", "{\"allowed\":true}", 0),
        FAKE_END
    };
    (void)state;
    start(answers);
    expect(503, "ServiceUnavailable", as(&proxy, "X-Remote-User: hpa", NULL));
    expect(200, "\"value\":\"7\"", as(&proxy, "X-Remote-User: hpa", NULL));
}

static void a_new_front_proxy_ca_counts_from_the_next_request(void **state)
{
    (void)state;
    start(nothing);
    expect(401, "", as(&forged, "X-Remote-User: a", "X-Remote-Group: system:masters"));
    trust_proxy(&other_ca);
    expect(200, "", as(&forged, "X-Remote-User: a", "X-Remote-Group: system:masters"));
    expect(401, "", as(&proxy, "X-Remote-User: a", "X-Remote-Group: system:masters"));
}

/* What was found out about a connection's last request must not be taken for the next one's. */
static void each_request_over_a_connection_is_judged_by_itself(void **state)
{
    static const struct fake_answer answers[] = {
        REVIEW("subjectaccessreviews", "{\"allowed\":true}", 1),
        REVIEW("subjectaccessreviews", "{\"allowed\":false}", 0), FAKE_END
    };
    struct wish hpa = as(&proxy, "X-Remote-User: hpa", NULL), eve = hpa, other = hpa;
    (void)state;
    start(answers);
    lp_auto_http_client struct lp_http_client *c = client_as(&proxy);
    eve.headers[0] = "X-Remote-User: eve";
    other.path = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/lp/pods/%2A/queue_depth";
    for (int i = 0; i < 3; i++)
        assert_int_equal(ask_over(c, hpa).status, 200);
    assert_int_equal(n_reviews("subjectaccessreviews"), 1);
    assert_int_equal(ask_over(c, eve).status, 403);
    assert_int_equal(ask_over(c, other).status, 403);
    assert_int_equal(ask_over(c, hpa).status, 200);
    trust_proxy(&other_ca);
    assert_int_equal(ask_over(c, hpa).status, 401);
    trust_proxy(&proxy_ca);
    assert_int_equal(ask_over(c, hpa).status, 200);
    assert_int_equal(n_reviews("subjectaccessreviews"), 3);
}

static void an_answer_that_is_given_again_follows_the_samples(void **state)
{
    struct wish w = as(&proxy, "X-Remote-User: a", "X-Remote-Group: system:masters");
    (void)state;
    start(nothing);
    lp_auto_http_client struct lp_http_client *c = client_as(&proxy);
    lp_auto_free char *first = lp_strdup(ask_over(c, w).body);
    assert_string_equal(ask_over(c, w).body, first);
    json_auto_t *hpa =
        lp_json_make("{s:{s:s,s:s}}", "metadata", "namespace", "lp", "name", "english-auth");
    samples_hpa(samples, hpa, false); /* put together anew, with the same result */
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

static int once(void **state)
{
    (void)state;
    lp_json_init();
    telemetry_init();

    make_certificates();
    return 0;
}

static int at_last(void **state)
{
    struct x509_pair *all[] = { &serving_ca, &serving, &proxy_ca,  &proxy, &stranger,
                                &other_ca,   &forged,  &client_ca, &admin };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(all); i++) {
        free(all[i]->cert);
        free(all[i]->key);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(only_the_front_proxy_may_say_for_whom_it_asks, end),
        cmocka_unit_test_teardown(
            a_certificate_of_the_client_ca_is_a_user_and_its_headers_are_not_read, end),
        cmocka_unit_test_teardown(a_user_without_rights_is_told_what_is_missing, end),
        cmocka_unit_test_teardown(a_review_names_user_groups_and_metric_and_is_asked_once, end),
        cmocka_unit_test_teardown(a_token_is_reviewed_once, end),
        cmocka_unit_test_teardown(a_user_of_more_groups_than_can_be_kept_is_asked_about_each_time,
                                  end),
        cmocka_unit_test_teardown(a_review_that_fails_is_not_taken_for_an_answer, end),
        cmocka_unit_test_teardown(a_new_front_proxy_ca_counts_from_the_next_request, end),
        cmocka_unit_test_teardown(each_request_over_a_connection_is_judged_by_itself, end),
        cmocka_unit_test_teardown(an_answer_that_is_given_again_follows_the_samples, end),
        cmocka_unit_test_teardown(the_aggregators_requests_get_what_they_need, end),
        cmocka_unit_test_teardown(what_cannot_be_answered_is_refused_with_the_reason, end),
        cmocka_unit_test_teardown(headers_over_the_limit_are_refused_with_a_status, end),
        cmocka_unit_test_teardown(health_is_told_to_everybody, end),
        cmocka_unit_test_teardown(a_replaced_certificate_is_shown_to_new_connections, end),
    };
    return cmocka_run_group_tests_name("autoscaler_api", tests, once, at_last);
}
