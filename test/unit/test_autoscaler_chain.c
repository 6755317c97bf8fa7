/* test/unit/test_autoscaler_chain.c -- an APIService of another adapter becomes ours and its own
 * again; its metrics stand beside ours in discovery; requests are passed on to a real HTTPS server
 * in its place. */
#include "autoscaler/chain_proxy.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "autoscaler/chain_fields.h"
#include "autoscaler/chain_record.h"
#include "autoscaler/discovery.h"
#include "autoscaler/telemetry.h"
#include "autoscaler/x509.h"
#include "base/clock.h"
#include "http/client.h"
#include "json/json.h"
#include "unit/check.h"

#define SPEC                                                                        \
    "{\"group\":\"custom.metrics.k8s.io\",\"version\":\"v1beta1\",\"service\":"     \
    "{\"namespace\":\"monitoring\",\"name\":\"prometheus-adapter\",\"port\":6443}," \
    "\"insecureSkipTLSVerify\":true,\"groupPriorityMinimum\":77,\"versionPriority\":33}"
#define MAX_BYTES ((size_t)64 * 1024)
#define TARGET \
    "/apis/custom.metrics.k8s.io/v1beta1/namespaces/lp/pods/*/http_requests?labelSelector=a"

static json_t *parse(const char *text)
{
    json_t *o = NULL;
    ok(lp_json_parse(text, strlen(text), 1 << 20, "test", &o, &err));
    return o;
}

/* ---- the record ---- */

static void an_api_service_becomes_again_exactly_what_it_was(void **state)
{
    (void)state;
    json_auto_t *have =
        parse("{\"metadata\":{\"name\":\"v1beta1.custom.metrics.k8s.io\","
              "\"resourceVersion\":\"5\",\"labels\":{\"a\":\"b\"}},\"spec\":" SPEC "}");
    json_auto_t *owner = parse("{\"kind\":\"ClusterRoleBinding\",\"uid\":\"u-1\",\"name\":"
                               "\"lp-operator-metrics-lp-system\"}");
    const struct chain_wish wish = { "lp-system", "lp-metrics", 443, "Q0E=", owner };
    json_auto_t *led = chain_led(have, json_object_get(have, "spec"), &wish);
    const json_t *spec = json_object_get(led, "spec");
    assert_true(chain_leads_to(spec, "lp-system", "lp-metrics"));
    assert_string_equal(lp_json_str(spec, "caBundle", NULL), "Q0E=");
    assert_null(json_object_get(spec, "insecureSkipTLSVerify"));
    assert_int_equal(lp_json_int(0, spec, "versionPriority", NULL), 33);
    assert_int_equal(json_array_size(lp_json_at(led, "metadata", "ownerReferences", NULL)), 1);
    json_auto_t *previous = chain_previous(led);
    assert_true(json_equal(previous, json_object_get(have, "spec")));
    json_auto_t *again = chain_led(led, previous, &wish);
    assert_true(json_equal(again, led));
    json_auto_t *restored = chain_restored(led, previous);
    assert_true(json_equal(restored, have));
}

/* An APIService of server-side apply; `ours`: what our own write made of it. */
#define STATUS_ENTRY                                                                  \
    "{\"manager\":\"kube-apiserver\",\"operation\":\"Update\",\"apiVersion\":\"v1\"," \
    "\"subresource\":\"status\",\"fieldsV1\":{\"f:status\":{}}}"
#define CHART_ENTRY(fields)                                                             \
    "{\"manager\":\"chart\",\"operation\":\"Apply\",\"apiVersion\":\"v1\","             \
    "\"time\":\"2026-01-01T00:00:00Z\",\"fieldsV1\":{\"f:metadata\":{\"f:labels\":{}}," \
    "\"f:spec\":{" fields "}}}"
#define OUR_ENTRY                                                                 \
    "{\"manager\":\"lp-adapter\",\"operation\":\"Update\",\"apiVersion\":\"v1\"," \
    "\"fieldsV1\":{\"f:spec\":{\"f:caBundle\":{},\"f:service\":{\"f:name\":{}}}}}"
#define MANAGED(entries) "{\"metadata\":{\"managedFields\":[" entries "]},\"spec\":" SPEC "}"

static void the_fields_of_its_spec_are_again_whose_they_were(void **state)
{
    (void)state;
    json_auto_t *have = parse(
        MANAGED(CHART_ENTRY("\"f:group\":{},\"f:service\":{\"f:name\":{}}") "," STATUS_ENTRY));
    const struct chain_wish wish = { "lp-system", "lp-metrics", 443, "Q0E=", NULL };
    json_auto_t *led = chain_led(have, json_object_get(have, "spec"), &wish);
    json_auto_t *fields = chain_previous_fields(led);
    assert_int_equal(json_array_size(fields), 1);
    json_auto_t *now = parse(MANAGED(CHART_ENTRY("\"f:group\":{}") "," OUR_ENTRY "," STATUS_ENTRY));
    json_auto_t *managed = chain_fields_back(now, fields);
    assert_true(json_equal(managed, lp_json_at(have, "metadata", "managedFields", NULL)));
    assert_null(chain_fields_back(have, fields)); /* nothing of ours is left */
}

static void an_owner_that_lost_all_of_its_fields_has_them_back(void **state)
{
    (void)state;
    json_auto_t *fields = parse("[" CHART_ENTRY("\"f:service\":{}") "]");
    json_auto_t *now = parse(MANAGED(OUR_ENTRY));
    json_auto_t *managed = chain_fields_back(now, fields);
    assert_true(json_equal(managed, fields));
    json_auto_t *nobody = chain_fields_back(now, NULL); /* a record of an earlier version */
    json_auto_t *none = parse("[{}]");
    assert_true(json_equal(nobody, none));
}

/* What is written meanwhile, for a new certificate for instance, is no reason to record ourselves.
 */
static void the_record_of_whose_fields_they_were_stays(void **state)
{
    (void)state;
    json_auto_t *have = parse(MANAGED(CHART_ENTRY("\"f:group\":{}")));
    const struct chain_wish wish = { "lp-system", "lp-metrics", 443, "Q0E=", NULL };
    const struct chain_wish later = { "lp-system", "lp-metrics", 443, "Q0Ey", NULL };
    json_auto_t *led = chain_led(have, json_object_get(have, "spec"), &wish);
    json_auto_t *theirs = chain_previous_fields(led);
    json_auto_t *ours = parse("[" OUR_ENTRY "]");
    json_object_set(json_object_get(led, "metadata"), "managedFields", ours);
    json_auto_t *previous = chain_previous(led);
    json_auto_t *again = chain_led(led, previous, &later);
    json_auto_t *still = chain_previous_fields(again);
    assert_true(json_equal(still, theirs));
}

static void a_record_of_another_operator_is_told_from_one_that_was_overwritten(void **state)
{
    (void)state;
    json_auto_t *have = parse("{\"metadata\":{},\"spec\":" SPEC "}");
    const struct chain_wish wish = { "team-b", "lp-metrics", 443, "Q0E=", NULL };
    json_auto_t *led = chain_led(have, json_object_get(have, "spec"), &wish);
    assert_true(chain_is_anothers(led, "team-a", "lp-metrics"));
    assert_false(chain_is_anothers(led, "team-b", "lp-metrics"));
    json_object_set(led, "spec", json_object_get(have, "spec")); /* its owner applied it again */
    assert_false(chain_is_anothers(led, "team-a", "lp-metrics"));
    assert_false(chain_is_anothers(have, "team-a", "lp-metrics"));
    json_auto_t *broken = parse("{\"metadata\":{\"annotations\":{\"" CHAIN_ANNOTATION
                                "\":\"[\"}},\"spec\":" SPEC "}");
    assert_null(chain_previous(broken));
}

static void a_backend_that_cannot_be_one_is_refused_by_field(void **state)
{
    static const struct {
        const char *spec;
        int code;
        const char *part;
    } cases[] = {
        { SPEC, 0, NULL },
        { "{\"service\":{\"namespace\":\"a\",\"name\":\"b\"},\"caBundle\":\"Q0E=\"}", 0, NULL },
        { "{}", LP_E_NOT_FOUND, "spec.service" },
        { "{\"service\":{\"namespace\":\"a\",\"name\":\"b/../c\"}}", LP_E_INVALID, "spec.service" },
        { "{\"service\":{\"namespace\":\"a\",\"name\":\"b\",\"port\":70000}}", LP_E_INVALID,
          "port" },
        { "{\"service\":{\"namespace\":\"a\",\"name\":\"b\"},\"caBundle\":\"Q0E\"}", LP_E_INVALID,
          "spec.caBundle" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        json_auto_t *spec = parse(cases[i].spec);
        auto_chain_backend struct chain_backend b = { 0 };
        struct lp_error err = { .msg = "" };
        assert_int_equal(chain_backend_of(spec, &b, &err), cases[i].code);
        if (cases[i].part)
            assert_non_null(strstr(err.msg, cases[i].part));
        else if (i == 0)
            assert_true(b.insecure && b.port == 6443 && !b.ca_pem);
        else
            assert_true(!b.insecure && b.port == 443 && strcmp(b.ca_pem, "CA") == 0);
    }
}

/* ---- discovery ---- */

static void use(const char *v1beta2, const char *v1beta1, size_t *ret_left_out)
{
    json_auto_t *a = v1beta2 ? parse(v1beta2) : NULL, *b = v1beta1 ? parse(v1beta1) : NULL;
    discovery_use((json_t *const[]){ a, b }, ret_left_out);
}

#define ENTRY(name, namespaced) "{\"name\":\"" name "\",\"namespaced\":" namespaced "}"

static void discovery_lists_both_and_its_tag_changes_with_the_content_only(void **state)
{
    size_t left_out;
    char etag[80];
    (void)state;
    use("[" ENTRY("pods/http", "true") "," ENTRY("jobs.batch/b", "true") "," ENTRY(
            "pods/queue_depth",
            "true") "," ENTRY("namespaces/x", "false") "," ENTRY("bad",
                                                                 "true") "," ENTRY("pods/cluster",
                                                                                   "false") "]",
        NULL, &left_out);
    struct discovery *d = discovery_current();
    json_auto_t *list = parse(discovery_resources(d, QUERY_V1BETA2));
    json_auto_t *other = parse(discovery_resources(d, QUERY_V1BETA1));
    json_auto_t *v2 = parse(discovery_apis(d, DISCOVERY_V2)->body);
    const json_t *resources = json_object_get(list, "resources");
    assert_int_equal(json_array_size(resources), 5 + 3);
    assert_int_equal(json_array_size(json_object_get(other, "resources")), 5);
    assert_string_equal(lp_json_str(json_array_get(resources, 5), "name", NULL), "jobs.batch/b");
    const json_t *version = json_array_get(
        lp_json_at(json_array_get(json_object_get(v2, "items"), 0), "versions", NULL), 0);
    resources = json_object_get(version, "resources");
    assert_int_equal(json_array_size(resources), 4); /* pods, services, jobs.batch, namespaces */
    assert_int_equal(json_array_size(json_object_get(json_array_get(resources, 0), "subresources")),
                     2);
    assert_string_equal(lp_json_str(json_array_get(resources, 3), "scope", NULL), "Cluster");
    snprintf(etag, sizeof etag, "%s", discovery_apis(d, DISCOVERY_V2)->etag);
    discovery_unref(d);

    use("[" ENTRY("namespaces/x", "false") "," ENTRY("jobs.batch/b", "true") "," ENTRY("pods/http",
                                                                                       "true") "]",
        NULL, &left_out);
    d = discovery_current();
    assert_string_equal(discovery_apis(d, DISCOVERY_V2)->etag, etag);
    discovery_unref(d);
    use(NULL, NULL, &left_out);
    d = discovery_current();
    assert_string_not_equal(discovery_apis(d, DISCOVERY_V2)->etag, etag);
    discovery_unref(d);
}

static void discovery_has_room_for_so_many_and_no_more(void **state)
{
    json_auto_t *many = json_array();
    size_t left_out;
    (void)state;
    for (unsigned i = 0; i < DISCOVERY_OTHERS + 7; i++) {
        lp_auto_free char *name = lp_sprintf("pods/m%u", i);
        json_array_append_new(many, lp_json_make("{s:s,s:b}", "name", name, "namespaced", 1));
    }
    discovery_use((json_t *const[]){ many, NULL }, &left_out);
    assert_int_equal(left_out, 7);
    use(NULL, NULL, &left_out);
}

/* ---- passing on ---- */

static struct x509_pair ca, cert;
static struct lp_http_server *backend, *front;
static struct chain_proxy *proxy;
static struct lp_stop *stop;
static char connect_to[64];
static struct {
    int status;
    const char *headers, *body; /* one header "Name: value", or NULL */
    size_t filler;
    unsigned asked;
    char seen[1024]; /* what came: target and headers of interest */
} answers;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned refused;
static char listed[512];

static void answer(struct lp_http_exchange *x, void *user)
{
    static const char *const names[] = { "Authorization", "Via", "Accept", "X-Remote-User" };
    lp_auto_buf struct lp_buf body = LP_BUF_INIT(MAX_BYTES * 2);
    lp_auto_buf struct lp_buf seen = LP_BUF_INIT(sizeof answers.seen - 1);
    (void)user;
    lp_buf_str(&seen, lp_http_target(x));
    for (size_t i = 0; i < LP_COUNT(names); i++)
        lp_buf_printf(&seen, "|%s", lp_http_header(x, names[i]) ? lp_http_header(x, names[i]) : "");
    lp_buf_str(&body, answers.body ? answers.body : "{}");
    for (size_t i = 0; i < answers.filler; i += 1024)
        lp_buf_printf(&body, "%1024s", "");
    pthread_mutex_lock(&lock);
    memcpy(answers.seen, seen.ptr, seen.len + 1);
    answers.asked++;
    pthread_mutex_unlock(&lock);
    if (answers.headers)
        lp_http_reply_header(x, answers.headers, "7");
    lp_http_reply_buf(x, answers.status, "application/json", &body);
}

static void pass(struct lp_http_exchange *x, void *user)
{
    (void)user;
    if (!chain_proxy_pass(proxy, QUERY_V1BETA1, x, lp_http_header(x, "Ours")))
        lp_http_reply_text(x, 404, "nobody to ask");
}

static void on_refused(void *user)
{
    (void)user;
    pthread_mutex_lock(&lock);
    refused++;
    pthread_mutex_unlock(&lock);
}

static void on_listed(enum query_version v, json_t *resources, const char *why, void *user)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(sizeof listed - 16);
    (void)user;
    if (resources)
        lp_json_write(resources, &text);
    pthread_mutex_lock(&lock);
    snprintf(listed, sizeof listed, "%d %s", (int)v, resources ? text.ptr : why);
    pthread_mutex_unlock(&lock);
}

static void start_backend(void)
{
    const struct lp_http_tls tls = { .cert_pem = cert.cert, .key_pem = cert.key };
    const struct lp_http_server_options options = {
        .address = "127.0.0.1", .tls = &tls, .name = "backend", .handler = answer
    };
    ok(lp_http_server_start(&options, &backend, &err));
    snprintf(connect_to, sizeof connect_to, "127.0.0.1:%u", lp_http_server_port(backend));
}

static void lead(const char *ca_pem, bool insecure)
{
    char ns[] = "monitoring", service[] = "prometheus-adapter";
    const struct chain_backend b = { ns, service, 6443, (char *)ca_pem, insecure };
    chain_proxy_backend(proxy, QUERY_V1BETA1, &b);
}

static void start_proxy(int64_t timeout_ms)
{
    const struct chain_proxy_options chain = { .ns = "lp-system",
                                               .service = "lp-metrics",
                                               .account = "lp-metrics-chain",
                                               .connect_to = connect_to,
                                               .stop = stop,
                                               .timeout_ms = timeout_ms,
                                               .max_bytes = MAX_BYTES,
                                               .refused = on_refused,
                                               .listed = on_listed };
    ok(chain_proxy_start(&chain, &proxy, &err));
    chain_proxy_token(proxy, "secret-token");
    lead(ca.cert, false);
}

static int begin(void **state)
{
    const struct lp_http_server_options options = { .address = "127.0.0.1",
                                                    .name = "front",
                                                    .handler = pass };
    (void)state;
    memset(&answers, 0, sizeof answers);
    answers.status = 200;
    stop = lp_stop_new();
    start_backend();
    start_proxy(30000);
    ok(lp_http_server_start(&options, &front, &err));
    return 0;
}

static int end(void **state)
{
    (void)state;
    lp_stop_request(stop);
    lp_http_server_quiesce(front);
    chain_proxy_close(proxy);
    lp_http_server_stop(front);
    chain_proxy_free(proxy);
    lp_http_server_stop(backend);
    lp_stop_free(stop);
    return 0;
}

/* Asks the front; the body is what came back. */
static void expect(int status, const char *part, const char *const *headers)
{
    const struct lp_http_client_options options = { .total_timeout_ms = 30000 };
    lp_auto_http_client struct lp_http_client *c = NULL;
    lp_auto_http_response struct lp_http_response got = LP_HTTP_RESPONSE_INIT;
    lp_auto_free char *url = lp_sprintf("http://127.0.0.1:%u" TARGET, lp_http_server_port(front));
    const struct lp_http_request request = { .method = "GET", .url = url, .headers = headers };
    ok(lp_http_client_new(&options, &c, &err));
    ok(lp_http_do(c, &request, &got, &err));
    if (got.status != status || !strstr(got.body.ptr, part))
        fail_msg("%d, wanted %d with \"%s\": %.300s", got.status, status, part, got.body.ptr);
    assert_int_equal(got.retry_after_ms, 0);
}

static void a_request_goes_on_with_our_token_and_without_the_callers_name(void **state)
{
    static const char *const headers[] = { "X-Remote-User: admin", "Authorization: Bearer theirs",
                                           "Accept: application/json", "Via: 1.1 a", NULL };
    (void)state;
    answers.body = "{\"kind\":\"MetricValueList\"}";
    expect(200, "MetricValueList", headers);
    assert_string_equal(answers.seen, TARGET "|Bearer secret-token|1.1 a, 1.1 lp-metrics.lp-system"
                                             "|application/json|");
}

static void what_it_answers_is_passed_on_or_explained(void **state)
{
    static const char *const ours[] = { "Ours: no pod of ours", NULL };
    static const struct {
        int status;
        const char *body;
        const char *const *headers;
        int want;
        const char *part;
    } cases[] = {
        { 404, "{\"message\":\"no such metric\"}", NULL, 404, "no such metric" },
        { 404, "{}", ours, 404, "no pod of ours (nor does monitoring/prometheus-adapter have it)" },
        { 400, "{\"message\":\"bad selector\"}", NULL, 400, "bad selector" },
        { 500, "{\"message\":\"prometheus is down\"}", NULL, 503,
          "the previous metrics API monitoring/prometheus-adapter answered 500: prometheus is "
          "down" },
        { 429, "{}", NULL, 503, "answered 429" },
        { 302, "{}", NULL, 503, "answered 302" },
        { 403, "{\"message\":\"forbidden\"}", NULL, 503,
          "refused the ServiceAccount lp-metrics-chain with 403: forbidden" },
        { 401, "{}", NULL, 503, "refused the ServiceAccount lp-metrics-chain with 401" },
    };
    (void)state;
    refused = 0;
    answers.headers = "Retry-After";
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        answers.status = cases[i].status;
        answers.body = cases[i].body;
        expect(cases[i].want, cases[i].part, cases[i].headers);
    }
    assert_int_equal(refused, 1);
}

static void an_answer_over_the_limit_is_not_passed_on(void **state)
{
    (void)state;
    answers.filler = MAX_BYTES;
    expect(503, "over 65536 bytes", NULL);
    answers.filler = 0;
    expect(200, "{}", NULL);
}

static void a_request_that_came_through_us_before_ends_here(void **state)
{
    static const char *const headers[] = { "Via: 1.1 other, 1.1 lp-metrics.lp-system", NULL };
    (void)state;
    expect(404, "nobody to ask", headers);
    chain_proxy_backend(proxy, QUERY_V1BETA1, NULL);
    expect(404, "nobody to ask", NULL);
    assert_int_equal(answers.asked, 0);
}

static void its_certificate_counts_unless_its_api_service_said_otherwise(void **state)
{
    struct x509_pair other;
    int64_t now = lp_clock_wall_ms() / 1000;
    const struct x509_wish wish = { "other-ca", NULL, NULL, false, now - 300, now + 3600 };
    (void)state;
    ok(x509_make(&wish, NULL, &other, &err));
    lead(other.cert, false);
    expect(503, "monitoring/prometheus-adapter gave no answer", NULL);
    assert_int_equal(answers.asked, 0);
    lead(other.cert, true);
    expect(200, "{}", NULL);
    free(other.cert), free(other.key);
}

static void one_that_is_down_is_left_in_peace_and_found_again(void **state)
{
    (void)state;
    lp_http_server_stop(lp_take(backend));
    for (unsigned i = 0; i < 3; i++)
        expect(503, "gave no answer", NULL);
    expect(503, "it is asked again in a moment", NULL);
    start_backend(); /* on another port: nobody is to know of it */
    expect(503, "it is asked again in a moment", NULL);
    assert_int_equal(answers.asked, 0);
}

/* The backend answers when it is told to, which is after the end of the wait. */
static void one_that_hangs_is_waited_for_so_long_and_no_longer(void **state)
{
    (void)state;
    lp_stop_request(stop);
    chain_proxy_close(proxy);
    chain_proxy_free(proxy);
    lp_stop_free(stop);
    stop = lp_stop_new();
    start_proxy(300);
    pthread_mutex_lock(&lock);
    expect(503, "the previous metrics API monitoring/prometheus-adapter did not answer in 0.3 s",
           NULL);
    pthread_mutex_unlock(&lock);
}

static void without_a_token_nothing_is_sent(void **state)
{
    (void)state;
    chain_proxy_token(proxy, NULL);
    expect(503, "there is no token of lp-metrics-chain yet", NULL);
    assert_int_equal(answers.asked, 0);
}

static void await_listed(const char *want)
{
    int64_t deadline = lp_clock_ms() + 30000;
    for (;;) {
        pthread_mutex_lock(&lock);
        bool so = strstr(listed, want) != NULL;
        pthread_mutex_unlock(&lock);
        if (so)
            return;
        if (lp_clock_ms() > deadline)
            fail_msg("listed is \"%s\", wanted \"%s\"", listed, want);
        lp_stop_wait(stop, 10);
    }
}

static void its_list_is_read_for_both_versions(void **state)
{
    (void)state;
    answers.body = "{\"kind\":\"APIResourceList\",\"resources\":[{\"name\":\"pods/a\"}]}";
    chain_proxy_list(proxy, QUERY_V1BETA2); /* of whom v1beta1 leads to */
    await_listed("0 [{\"name\":\"pods/a\"}]");
    answers.status = 404;
    chain_proxy_list(proxy, QUERY_V1BETA1);
    await_listed("1 []");
    answers.status = 200;
    answers.body = "{\"kind\":\"Status\"}";
    chain_proxy_list(proxy, QUERY_V1BETA1);
    await_listed("1 the previous metrics API monitoring/prometheus-adapter answered its list");
}

static int once(void **state)
{
    int64_t now = lp_clock_wall_ms() / 1000;
    const struct x509_wish root = { "backend-ca", NULL, NULL, false, now - 300, now + 3600 };
    const struct x509_wish leaf = { "adapter", "DNS:prometheus-adapter.monitoring.svc",
                                    NULL,      false,
                                    now - 300, now + 3600 };
    (void)state;
    lp_json_init();
    telemetry_init();
    ok(x509_make(&root, NULL, &ca, &err));
    ok(x509_make(&leaf, &ca, &cert, &err));
    return 0;
}

static int at_last(void **state)
{
    (void)state;
    free(ca.cert), free(ca.key), free(cert.cert), free(cert.key);
    return 0;
}

#define proxy_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_api_service_becomes_again_exactly_what_it_was),
        cmocka_unit_test(the_fields_of_its_spec_are_again_whose_they_were),
        cmocka_unit_test(an_owner_that_lost_all_of_its_fields_has_them_back),
        cmocka_unit_test(the_record_of_whose_fields_they_were_stays),
        cmocka_unit_test(a_record_of_another_operator_is_told_from_one_that_was_overwritten),
        cmocka_unit_test(a_backend_that_cannot_be_one_is_refused_by_field),
        cmocka_unit_test(discovery_lists_both_and_its_tag_changes_with_the_content_only),
        cmocka_unit_test(discovery_has_room_for_so_many_and_no_more),
        proxy_test(a_request_goes_on_with_our_token_and_without_the_callers_name),
        proxy_test(what_it_answers_is_passed_on_or_explained),
        proxy_test(an_answer_over_the_limit_is_not_passed_on),
        proxy_test(a_request_that_came_through_us_before_ends_here),
        proxy_test(its_certificate_counts_unless_its_api_service_said_otherwise),
        proxy_test(one_that_is_down_is_left_in_peace_and_found_again),
        proxy_test(one_that_hangs_is_waited_for_so_long_and_no_longer),
        proxy_test(without_a_token_nothing_is_sent),
        proxy_test(its_list_is_read_for_both_versions),
    };
    return cmocka_run_group_tests_name("autoscaler_chain", tests, once, at_last);
}
