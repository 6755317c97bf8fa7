/* test/unit/test_service.c -- a whole service on free ports: admission, identity, probes, metrics,
 * drain. */
#include "service/service.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/client/client.h"
#include "unit/check.h"
#include "unit/log_capture.h"

/* A service whose /slow waits until the test lets it go. One runs at a time. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint16_t port, metrics_port;
    int slow_started, slow_allowed;
    bool is_ready;
    struct lp_stop *stop;
    pthread_t thread;
    int result;
    struct lp_service_config config;
} t = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void started(void *user, uint16_t port, uint16_t metrics_port)
{
    (void)user;
    pthread_mutex_lock(&t.lock);
    t.port = port;
    t.metrics_port = metrics_port;
    pthread_cond_broadcast(&t.changed);
    pthread_mutex_unlock(&t.lock);
}

static bool ready(void *user, char why[128])
{
    (void)user;
    snprintf(why, 128, "the database does not answer");
    return t.is_ready;
}

static void health(struct lp_service_request *r, void *worker)
{
    assert_null(worker);
    lp_http_reply_json(r->x, 200, json_pack("{s:s}", "status", "ok"));
}

static void slow(struct lp_service_request *r, void *worker)
{
    (void)worker;
    pthread_mutex_lock(&t.lock);
    t.slow_started++;
    pthread_cond_broadcast(&t.changed);
    while (t.slow_allowed == 0)
        pthread_cond_wait(&t.changed, &t.lock);
    t.slow_allowed--;
    pthread_mutex_unlock(&t.lock);
    lp_http_reply_text(r->x, 200, "slow");
}

static void echo(struct lp_service_request *r, void *worker)
{
    struct lp_service_pass pass;
    struct lp_error err;
    json_t *o;
    (void)worker;
    lp_service_pass_on(r, &pass);
    lp_log_info("before the answer");
    if (lp_service_read_json(r, &o, &err) < 0) {
        lp_http_reply_text(r->x, err.http_status, err.msg);
        return;
    }
    lp_http_reply_json(r->x, 200,
                       json_pack("{s:s,s:s,s:s,s:s,s:s*,s:s*,s:o}", "path", r->path, "id",
                                 r->params[0], "request_id", r->request_id, "pass", pass.list[0],
                                 "trace", r->traceparent, "pass_trace", pass.list[1], "body", o));
    lp_log_info("after the answer");
}

static bool filter(struct lp_service_request *r)
{
    lp_http_reply_header(r->x, "X-Filter", "seen");
    if (strcmp(r->method, "OPTIONS") != 0)
        return false;
    lp_http_reply(r->x, 204, NULL, "", 0);
    return true;
}

static const struct lp_route routes[] = {
    { "GET", "/health", health, "health", true },
    { "GET", "/slow", slow, "slow", false },
    { "POST", "/echo/:id", echo, "echo", false },
    { "PUT", "/echo/:id", echo, "upload", false },
    { 0 },
};

static const struct lp_service service = {
    .name = "test",
    .routes = routes,
    .max_body = 5000,
    .upload_route = "upload",
    .upload_max_body = 9000,
    .not_found_json = "{\"message\":\"resource not found\"}",
    .too_large_json = "{\"message\":\"too large\"}",
    .ready = ready,
    .filter = filter,
    .started = started,
};

static void *run(void *user)
{
    struct lp_error err;
    (void)user;
    t.result = lp_service_run(&service, &t.config, t.stop, &err);
    return NULL;
}

static int start(void **state)
{
    (void)state;
    t.config = (struct lp_service_config){ .concurrency = 1,
                                           .queue_limit = 1,
                                           .deadline_ms = 60000,
                                           .drain_ms = 0,
                                           .log_level = "error",
                                           .log_hash_key = "" };
    t.port = 0;
    t.slow_started = t.slow_allowed = 0;
    t.is_ready = true;
    t.stop = lp_stop_new();
    pthread_create(&t.thread, NULL, run, NULL);
    pthread_mutex_lock(&t.lock);
    while (t.port == 0)
        pthread_cond_wait(&t.changed, &t.lock);
    pthread_mutex_unlock(&t.lock);
    return 0;
}

static void end(void)
{
    lp_stop_request(t.stop);
    pthread_join(t.thread, NULL);
    lp_stop_free(t.stop);
    t.stop = NULL;
    assert_int_equal(t.result, 0);
}

static int stop(void **state)
{
    (void)state;
    if (t.stop)
        end();
    return 0;
}

/* One request with a client of its own; the status. */
static int ask(uint16_t port, const char *method, const char *path, const char *const *headers,
               const char *body, struct lp_http_response *response)
{
    lp_auto_http_client struct lp_http_client *c = NULL;
    struct lp_http_client_options o = { .user_agent = "test" };
    struct lp_error err;
    char url[128];

    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", port, path);
    struct lp_http_request q = { .method = method,
                                 .url = url,
                                 .headers = headers,
                                 .body = body,
                                 .body_len = body ? strlen(body) : 0 };
    assert_int_equal(lp_http_client_new(&o, &c, &err), 0);
    if (lp_http_do(c, &q, response, &err) < 0)
        fail_msg("%s", err.msg);
    return response->status;
}

static int get(const char *path, struct lp_http_response *response)
{
    return ask(t.port, "GET", path, NULL, NULL, response);
}

static void *get_slow(void *user)
{
    lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
    *(int *)user = get("/slow", &r);
    return NULL;
}

static void wait_for_slow(int n)
{
    pthread_mutex_lock(&t.lock);
    while (t.slow_started < n)
        pthread_cond_wait(&t.changed, &t.lock);
    pthread_mutex_unlock(&t.lock);
}

static void allow_slow(int n)
{
    pthread_mutex_lock(&t.lock);
    t.slow_allowed += n;
    pthread_cond_broadcast(&t.changed);
    pthread_mutex_unlock(&t.lock);
}

static bool metrics_hold(const char *line)
{
    lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
    assert_int_equal(ask(t.metrics_port, "GET", "/metrics", NULL, NULL, &r), 200);
    return strstr(r.body.ptr, line) != NULL;
}

static void answers_by_route_with_identity_and_trace(void **state)
{
    static const char trace[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const char *headers[] = {
        "Content-Type: application/json", "X-Request-Id: abc-1",
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", NULL
    };
    lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
    (void)state;
    assert_int_equal(ask(t.port, "POST", "/ECHO/a%2Fb/", headers, "{\"k\":1}", &r), 200);
    json_auto_t *o = json_loads(r.body.ptr, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(o, "id")), "a/b");
    assert_string_equal(json_string_value(json_object_get(o, "request_id")), "abc-1");
    assert_string_equal(json_string_value(json_object_get(o, "pass")), "X-Request-Id: abc-1");
    assert_string_equal(json_string_value(json_object_get(o, "trace")), trace);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(o, "body"), "k")), 1);
}

static void makes_an_identity_where_the_given_one_is_unsafe(void **state)
{
    const char *headers[] = { "X-Request-Id: a\"b{}", "traceparent: 00-1-2-3", NULL };
    lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
    (void)state;
    assert_int_equal(ask(t.port, "POST", "/echo/x", headers, NULL, &r), 200);
    json_auto_t *o = json_loads(r.body.ptr, 0, NULL);
    assert_int_equal(strlen(json_string_value(json_object_get(o, "request_id"))), 32);
    const char *trace = json_string_value(json_object_get(o, "trace"));
    assert_int_equal(strlen(trace), 55);
    lp_auto_free char *passed = lp_sprintf("traceparent: %s", trace);
    assert_string_equal(json_string_value(json_object_get(o, "pass_trace")), passed);
}

static void every_line_of_a_request_has_its_id_and_its_trace(void **state)
{
    const char *headers[] = {
        "X-Request-Id: logged-1",
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", NULL
    };
    static const char both[] = "\"id\":\"logged-1\",\"trace_id\":"
                               "\"0af7651916cd43dd8448eb211c80319c\"";
    lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
    struct log_capture l;
    char line[8193];
    (void)state;

    log_capture_begin(&l);
    assert_int_equal(ask(t.port, "POST", "/echo/x", headers, NULL, &r), 200);
    log_capture_line(&l, "\"msg\":\"request\"", line);
    assert_non_null(strstr(line, both));
    log_capture_line(&l, "\"msg\":\"before the answer\"", line);
    assert_non_null(strstr(line, both));
    log_capture_line(&l, "\"msg\":\"after the answer\"", line);
    assert_non_null(strstr(line, both));
    log_capture_end(&l);
}

static void tells_bad_bodies_apart(void **state)
{
    const char *json[] = { "Content-Type: application/json; charset=utf-8", NULL };
    const char *text[] = { "Content-Type: text/plain", NULL };
    static char large[5002], deep[5000];
    memset(large, 'a', 5001);
    memset(deep, '[', 4999); /* a worker's stack must hold jansson's deepest recursion */
    struct {
        const char *const *headers;
        const char *body;
        int want;
    } cases[] = { { json, "{", 400 },  { json, "[]", 400 },  { json, "{\"a\":1,\"a\":2}", 400 },
                  { text, "{}", 415 }, { json, large, 413 }, { json, deep, 400 } };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
        assert_int_equal(ask(t.port, "POST", "/echo/x", cases[i].headers, cases[i].body, &r),
                         cases[i].want);
        if (cases[i].want == 413)
            assert_string_equal(r.body.ptr, "{\"message\":\"too large\"}");
    }
}

/* Sends a head and no body; `want` is how the answer begins. */
static void expect_of_head(const char *head, const char *want)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(t.port) };
    lp_auto_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char got[14] = { 0 };
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_true(send(fd, head, strlen(head), MSG_NOSIGNAL) > 0);
    assert_int_equal(recv(fd, got, 13, MSG_WAITALL), 13);
    assert_string_equal(got, want);
}

/* Issue 12, 18: each route's limit is known before the body comes. */
static void the_upload_route_alone_takes_a_larger_body(void **state)
{
    const char *json[] = { "Content-Type: application/json", NULL };
    static char large[8000];
    lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
    (void)state;
    expect_of_head("POST /echo/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5001\r\n\r\n",
                   "HTTP/1.1 413 ");
    expect_of_head("PUT /Echo/x HTTP/1.1\r\nHost: a\r\nContent-Length: 9001\r\n\r\n",
                   "HTTP/1.1 413 ");
    expect_of_head("PUT /none HTTP/1.1\r\nHost: a\r\nContent-Length: 5001\r\n\r\n",
                   "HTTP/1.1 413 ");
    memset(large, ' ', sizeof large - 1);
    large[0] = '{';
    large[1] = '}';
    assert_int_equal(ask(t.port, "PUT", "/echo/x", json, large, &r), 200);
    assert_int_equal(ask(t.port, "POST", "/echo/x", json, large, &r), 413);
}

static void answers_unknown_routes_with_the_services_body(void **state)
{
    lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
    (void)state;
    assert_int_equal(get("/nothing", &r), 404);
    assert_string_equal(r.body.ptr, "{\"message\":\"resource not found\"}");
    assert_int_equal(ask(t.port, "DELETE", "/health", NULL, NULL, &r), 404);
    assert_int_equal(ask(t.port, "OPTIONS", "/health", NULL, NULL, &r), 204);
}

/* One slot, one place to wait. */
static void refuses_what_finds_no_room_and_still_answers_health(void **state)
{
    pthread_t a, b;
    int status_a = 0, status_b = 0;
    lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
    (void)state;
    pthread_create(&a, NULL, get_slow, &status_a);
    wait_for_slow(1);
    pthread_create(&b, NULL, get_slow, &status_b);
    while (!metrics_hold("\nlp_requests_waiting 1\n"))
        continue;
    assert_true(metrics_hold("\nlp_requests_in_flight 1\n"));
    assert_true(metrics_hold("\nlp_request_slots 1\n"));
    assert_int_equal(get("/slow", &r), 503);
    assert_int_equal(r.retry_after_ms, 1000);
    assert_int_equal(get("/health", &r), 200);
    assert_int_equal(ask(t.metrics_port, "GET", "/readyz", NULL, NULL, &r), 200);
    allow_slow(2);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    assert_int_equal(status_a, 200);
    assert_int_equal(status_b, 200);
    while (!metrics_hold("\nlp_requests_in_flight 0\n"))
        continue;
    assert_true(metrics_hold("lp_requests_total{service=\"test\",route=\"slow\",code=\"503\"} "));
    assert_true(metrics_hold("lp_requests_rejected_total{reason=\"queue_full\"} "));
    assert_true(metrics_hold("lp_request_seconds_count{service=\"test\",route=\"slow\"} "));
    assert_true(metrics_hold("lp_build_info{program=\"lp-test\""));
}

static void says_why_it_is_not_ready(void **state)
{
    lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
    (void)state;
    t.is_ready = false;
    do /* the ports are known a moment before it serves */
        assert_int_equal(ask(t.metrics_port, "GET", "/readyz", NULL, NULL, &r), 503);
    while (strstr(r.body.ptr, "\"state\":\"starting\""));
    assert_string_equal(r.body.ptr, "{\"status\":\"failed\",\"checks\":{\"main-loop\":\"ok\","
                                    "\"test\":\"the database does not answer\"}}");
    assert_int_equal(ask(t.metrics_port, "GET", "/livez", NULL, NULL, &r), 200);
    t.is_ready = true;
    assert_int_equal(ask(t.metrics_port, "GET", "/readyz", NULL, NULL, &r), 200);
}

static void finishes_what_it_took_when_told_to_stop(void **state)
{
    pthread_t a;
    int status = 0;
    lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
    (void)state;
    pthread_create(&a, NULL, get_slow, &status);
    wait_for_slow(1);
    lp_stop_request(t.stop);
    do
        ask(t.metrics_port, "GET", "/readyz", NULL, NULL, &r);
    while (r.status == 200);
    assert_string_equal(r.body.ptr, "{\"status\":\"failed\",\"checks\":{\"state\":\"draining\"}}");
    allow_slow(1);
    pthread_join(a, NULL);
    assert_int_equal(status, 200);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_by_route_with_identity_and_trace, start, stop),
        cmocka_unit_test_setup_teardown(every_line_of_a_request_has_its_id_and_its_trace, start,
                                        stop),
        cmocka_unit_test_setup_teardown(makes_an_identity_where_the_given_one_is_unsafe, start,
                                        stop),
        cmocka_unit_test_setup_teardown(tells_bad_bodies_apart, start, stop),
        cmocka_unit_test_setup_teardown(the_upload_route_alone_takes_a_larger_body, start, stop),
        cmocka_unit_test_setup_teardown(answers_unknown_routes_with_the_services_body, start, stop),
        cmocka_unit_test_setup_teardown(refuses_what_finds_no_room_and_still_answers_health, start,
                                        stop),
        cmocka_unit_test_setup_teardown(says_why_it_is_not_ready, start, stop),
        cmocka_unit_test_setup_teardown(finishes_what_it_took_when_told_to_stop, start, stop),
    };
    return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
