/* test/unit/test_autoscaler_scraper.c -- the scraper against pods on loopback: one that answers,
 * one that hangs, one that is not there, one that talks nonsense. */
#include "autoscaler/samples/scraper.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "autoscaler/base/telemetry.h"
#include "base/clock.h"
#include "http/server/server.h"
#include "json/json.h"
#include "unit/check.h"

#define WAIT_MS 30000

static struct samples *samples;
static struct lp_stop *stop, *never;
static struct scraper *scraper;
static struct lp_http_server *pod;
static uint16_t port;
static char user_agent[128];

static void page(struct lp_http_exchange *x, void *user)
{
    const char *agent = lp_http_header(x, "User-Agent");
    (void)user;
    snprintf(user_agent, sizeof user_agent, "%s", agent ? agent : "");
    lp_http_reply_text(x, 200, "lp_requests_waiting 2\nlp_requests_in_flight 1\n");
}

static void nonsense(struct lp_http_exchange *x, void *user)
{
    (void)user;
    lp_http_reply_text(x, 200, "hello\n");
}

static void huge(struct lp_http_exchange *x, void *user)
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT((size_t)4 * 1024 * 1024);
    (void)user;
    lp_buf_str(&b, "lp_requests_waiting 2\nlp_requests_in_flight 1\n");
    while (b.len < (size_t)2 * 1024 * 1024)
        lp_buf_str(&b, "# filler filler filler filler filler filler filler filler filler\n");
    lp_http_reply_buf(x, 200, "text/plain", &b);
}

static void serve(lp_http_handler *handler)
{
    struct lp_error err = { .msg = "?" };
    const struct lp_http_server_options options = {
        .address = "127.0.0.21", .port = port, .name = "pod", .handler = handler
    };
    if (lp_http_server_start(&options, &pod, &err) < 0)
        fail_msg("%s", err.msg);
    port = lp_http_server_port(pod);
}

/* Accepts connections and says nothing. */
static int hang(const char *address)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    inet_pton(AF_INET, address, &a.sin_addr);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 16), 0);
    return fd;
}

static void add_pod(const char *name, const char *ip)
{
    json_auto_t *o = lp_json_make(
        "{s:{s:s,s:s,s:s,s:[{s:s,s:s,s:b}],s:{s:s,s:s}},s:{s:s,s:s,s:[{s:s,s:s}]}}", "metadata",
        "namespace", "lp", "name", name, "uid", name, "ownerReferences", "kind", "ReplicaSet",
        "uid", "set", "controller", 1, "labels", "app.kubernetes.io/name", "auth",
        "app.kubernetes.io/part-of", "english", "status", "phase", "Running", "podIP", ip,
        "conditions", "type", "Ready", "status", "True");
    if (samples_pod(samples, o, false, lp_clock_ms(), lp_clock_wall_ms()))
        scraper_wake(scraper);
}

static void add_owners(void)
{
    json_auto_t *deployment = lp_json_make(
        "{s:{s:s,s:s,s:s,s:[{s:s,s:s,s:b}]}}", "metadata", "namespace", "lp", "name",
        "english-auth", "uid", "deployment", "ownerReferences", "kind", "LearningPlatform",
        "apiVersion", "learningplatform.io/v1alpha1", "controller", 1);
    json_auto_t *set =
        lp_json_make("{s:{s:s,s:s,s:s,s:[{s:s,s:s,s:s,s:b}]}}", "metadata", "namespace", "lp",
                     "name", "set", "uid", "set", "ownerReferences", "kind", "Deployment", "name",
                     "english-auth", "uid", "deployment", "controller", 1);
    samples_deployment(samples, deployment, false, lp_clock_ms());
    samples_replica_set(samples, set, false, lp_clock_ms());
}

static int begin(void **state)
{
    (void)state;
    samples = samples_new(200, 0);
    add_owners();
    samples_synced(samples, lp_clock_ms());
    stop = lp_stop_new();
    never = lp_stop_new();
    return 0;
}

static void start_scraper(int64_t deadline_ms)
{
    struct lp_error err = { .msg = "?" };
    const struct scraper_options options = {
        .samples = samples, .stop = stop, .port = port, .deadline_ms = deadline_ms, .concurrency = 4
    };
    if (scraper_start(&options, &scraper, &err) < 0)
        fail_msg("%s", err.msg);
}

static int end(void **state)
{
    (void)state;
    lp_stop_request(stop);
    scraper_join(scraper);
    scraper = NULL;
    lp_http_server_stop(pod);
    pod = NULL;
    samples_free(samples);
    lp_stop_free(stop);
    lp_stop_free(never);
    return 0;
}

/* The message where there is no answer, else the value. */
static void look(const char *name, char ret_text[512])
{
    struct lp_selector all;
    struct lp_error err = { .msg = "" };
    auto_samples_values struct samples_values values = SAMPLES_VALUES_INIT;
    assert_int_equal(lp_selector_parse(NULL, &all, &err), 0);
    const struct samples_question question = { .pods = true,
                                               .ns = "lp",
                                               .name = name,
                                               .metric = SAMPLES_QUEUE_DEPTH,
                                               .selector = &all,
                                               .now_ms = lp_clock_ms(),
                                               .wall_ms = lp_clock_wall_ms() };
    if (samples_read(samples, &question, &values, &err) < 0)
        snprintf(ret_text, 512, "%s", err.msg);
    else
        snprintf(ret_text, 512, "value %lld", (long long)values.items[0].milli);
}

static void await(const char *name, const char *part)
{
    char text[512] = "";
    int64_t until = lp_clock_ms() + WAIT_MS;
    for (look(name, text); !strstr(text, part); look(name, text)) {
        if (lp_clock_ms() > until)
            fail_msg("%s: \"%s\" does not become \"%s\"", name, text, part);
        lp_stop_wait(never, 10);
    }
}

static void a_pod_that_answers_has_its_value(void **state)
{
    (void)state;
    serve(page);
    start_scraper(WAIT_MS);
    add_pod("auth-1", "127.0.0.21");
    await("auth-1", "value 3000");
    assert_string_equal(user_agent, "lp-adapter/" LP_VERSION);
}

static void a_pod_that_hangs_times_out_and_does_not_hold_up_the_others(void **state)
{
    (void)state;
    serve(page);
    lp_auto_fd int quiet = hang("127.0.0.22");
    assert_true(quiet >= 0);
    start_scraper(150);
    add_pod("auth-2", "127.0.0.22");
    add_pod("auth-1", "127.0.0.21");
    await("auth-1", "value 3000");
    await("auth-2", "timed out");
}

static void a_pod_that_is_not_there_is_refused(void **state)
{
    (void)state;
    serve(page);
    start_scraper(WAIT_MS);
    add_pod("auth-3", "127.0.0.23");
    await("auth-3", "refused the connection");
}

static void a_page_without_our_series_is_of_no_use(void **state)
{
    (void)state;
    serve(nonsense);
    start_scraper(WAIT_MS);
    add_pod("auth-1", "127.0.0.21");
    await("auth-1", "no usable metrics page");
}

static void a_page_over_the_limit_is_of_no_use(void **state)
{
    (void)state;
    serve(huge);
    start_scraper(WAIT_MS);
    add_pod("auth-1", "127.0.0.21");
    await("auth-1", "no usable metrics page");
}

static void more_pods_than_handles_are_all_asked(void **state)
{
    (void)state;
    serve(page);
    start_scraper(WAIT_MS);
    for (int i = 0; i < 20; i++) {
        lp_auto_free char *name = lp_sprintf("many-%d", i);
        add_pod(name, "127.0.0.21");
    }
    for (int i = 0; i < 20; i++) {
        lp_auto_free char *name = lp_sprintf("many-%d", i);
        await(name, "value 3000");
    }
}

/* Reads a request; answers with so many waiting, or not at all where it is negative. */
static void serve_once(int fd, int waiting)
{
    char request[1024], answer[256], body[128];
    assert_true(recv(fd, request, sizeof request, 0) > 0);
    if (waiting < 0)
        return;
    snprintf(body, sizeof body, "lp_requests_waiting %d\nlp_requests_in_flight 0\n", waiting);
    int n = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
                     strlen(body), body);
    assert_int_equal(send(fd, answer, (size_t)n, MSG_NOSIGNAL), n);
}

/* Answers once, takes the next request and closes, as a server does whose time for idle connections
 * is over just then; answers on the connection after it. */
static void *close_under_a_request(void *user)
{
    int listening = *(int *)user;
    lp_auto_fd int first = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    serve_once(first, 2);
    serve_once(first, -1);
    shutdown(first, SHUT_RDWR);
    lp_auto_fd int second = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    serve_once(second, 7);
    lp_stop_wait(stop, WAIT_MS);
    return NULL;
}

static void a_kept_connection_that_ends_under_a_request_is_replaced_without_a_failure(void **state)
{
    const struct lp_metric *failed = lp_metric_with(telemetry.scrapes, "failed");
    pthread_t thread;
    (void)state;
    serve(page); /* chooses the port */
    lp_auto_fd int listening = hang("127.0.0.24");
    double before = lp_metric_value(failed);
    assert_int_equal(pthread_create(&thread, NULL, close_under_a_request, &listening), 0);
    start_scraper(WAIT_MS);
    add_pod("auth-4", "127.0.0.24");
    await("auth-4", "value 2000");
    await("auth-4", "value 7000");
    assert_true(lp_metric_value(failed) == before);
    lp_stop_request(stop);
    pthread_join(thread, NULL);
}

static int once(void **state)
{
    (void)state;
    lp_json_init();
    telemetry_init();
    return 0;
}

#define with_pods(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_pods(a_pod_that_answers_has_its_value),
        with_pods(a_pod_that_hangs_times_out_and_does_not_hold_up_the_others),
        with_pods(a_pod_that_is_not_there_is_refused),
        with_pods(a_page_without_our_series_is_of_no_use),
        with_pods(a_page_over_the_limit_is_of_no_use),
        with_pods(a_kept_connection_that_ends_under_a_request_is_replaced_without_a_failure),
        with_pods(more_pods_than_handles_are_all_asked),
    };
    return cmocka_run_group_tests_name("autoscaler_scraper", tests, once, NULL);
}
