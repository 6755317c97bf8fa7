/* test/unit/test_autoscaler_chain_proxy.c -- requests are passed on to a real HTTPS server in the
 * other adapter's place. */
#include "autoscaler/chain/chain_proxy.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "autoscaler/base/telemetry.h"
#include "autoscaler/registration/x509.h"
#include "base/clock.h"
#include "http/client/client.h"
#include "json/json.h"
#include "unit/check.h"

#define MAX_BYTES ((size_t)64 * 1024)
#define TARGET \
    "/apis/custom.metrics.k8s.io/v1beta1/namespaces/lp/pods/*/http_requests?labelSelector=a"

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
    if (!chain_proxy_pass(proxy, METRICS_V1BETA1, x, lp_http_header(x, "Ours")))
        lp_http_reply_text(x, 404, "nobody to ask");
}

static void on_refused(void *user)
{
    (void)user;
    pthread_mutex_lock(&lock);
    refused++;
    pthread_mutex_unlock(&lock);
}

static void on_listed(enum metrics_version v, json_t *resources, const char *why, void *user)
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
    chain_proxy_backend(proxy, METRICS_V1BETA1, &b);
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
}

/* One that knows of no backend yet. */
static void restart_proxy(int64_t timeout_ms)
{
    lp_stop_request(stop);
    chain_proxy_close(proxy);
    chain_proxy_free(proxy);
    lp_stop_free(stop);
    stop = lp_stop_new();
    start_proxy(timeout_ms);
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
    chain_proxy_backend(proxy, METRICS_V1BETA2, NULL);
    lead(ca.cert, false);
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
    chain_proxy_backend(proxy, METRICS_V1BETA1, NULL);
    expect(404, "nobody to ask", NULL);
    assert_int_equal(answers.asked, 0);
}

/* A replica that has just started has not read the APIServices. */
static void who_is_asked_is_not_known_until_both_versions_are(void **state)
{
    (void)state;
    restart_proxy(30000);
    expect(503, "the previous metrics API is not known yet", NULL);
    chain_proxy_backend(proxy, METRICS_V1BETA1, NULL);
    expect(503, "the previous metrics API is not known yet", NULL);
    chain_proxy_backend(proxy, METRICS_V1BETA2, NULL);
    expect(404, "nobody to ask", NULL);
    lead(ca.cert, false);
    expect(200, "{}", NULL);
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
    restart_proxy(300);
    lead(ca.cert, false);
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
    chain_proxy_list(proxy, METRICS_V1BETA2); /* of whom v1beta1 leads to */
    await_listed("0 [{\"name\":\"pods/a\"}]");
    answers.status = 404;
    chain_proxy_list(proxy, METRICS_V1BETA1);
    await_listed("1 []");
    answers.status = 200;
    answers.body = "{\"kind\":\"Status\"}";
    chain_proxy_list(proxy, METRICS_V1BETA1);
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
        proxy_test(a_request_goes_on_with_our_token_and_without_the_callers_name),
        proxy_test(what_it_answers_is_passed_on_or_explained),
        proxy_test(an_answer_over_the_limit_is_not_passed_on),
        proxy_test(a_request_that_came_through_us_before_ends_here),
        proxy_test(who_is_asked_is_not_known_until_both_versions_are),
        proxy_test(its_certificate_counts_unless_its_api_service_said_otherwise),
        proxy_test(one_that_is_down_is_left_in_peace_and_found_again),
        proxy_test(one_that_hangs_is_waited_for_so_long_and_no_longer),
        proxy_test(without_a_token_nothing_is_sent),
        proxy_test(its_list_is_read_for_both_versions),
    };
    return cmocka_run_group_tests_name("autoscaler_chain_proxy", tests, once, at_last);
}
