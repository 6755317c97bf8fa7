/* test/integration/test_http_mux.c -- many requests on one HTTP/2 connection to a real API server.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <pthread.h>
#include <sys/socket.h>

#include "base/stop.h"
#include "http/client/client.h"
#include "integration/kube_client_fixture.h"
#include "kube/auth.h"

#define STREAMS 20

/* A watch in a thread of its own. */
struct stream {
    pthread_t thread;
    struct lp_http_client *client;
    struct lp_stop *stop;
    const char *url;
    int64_t total_ms;
    unsigned *n_open; /* counts those that something came of */
    bool seen;
    int refuses; /* the sink's answer to the first bytes */
    int result;
    struct lp_http_response response;
    struct lp_error err;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct lp_http_share *share;
static char url[512];

static int on_bytes(const char *bytes, size_t n, void *user, struct lp_error *err)
{
    struct stream *s = user;

    (void)bytes;
    (void)n;
    pthread_mutex_lock(&lock);
    *s->n_open += s->seen ? 0 : 1;
    s->seen = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return s->refuses < 0 ? lp_error_set(err, s->refuses, "not wanted") : 0;
}

static void *run_stream(void *user)
{
    struct stream *s = user;
    struct lp_http_request request = { .method = "GET",
                                       .url = s->url,
                                       .total_timeout_ms = s->total_ms };

    s->result = lp_http_stream(s->client, &request, on_bytes, s, &s->response, &s->err);
    return NULL;
}

static struct lp_http_client *new_client(struct lp_stop *stop)
{
    struct lp_http_client_options options = { .ca_pem = config->ca_pem,
                                              .cert_pem = config->cert_pem,
                                              .key_pem = config->key_pem,
                                              .share = share,
                                              .multiplex = true,
                                              .stop = stop };
    struct lp_http_client *c = NULL;
    ok(lp_http_client_new(&options, &c, &err));
    return c;
}

static void begin(struct stream *s, struct lp_stop *stop, unsigned *n_open, int64_t total_ms,
                  int refuses)
{
    *s = (struct stream){ .client = new_client(stop),
                          .url = url,
                          .total_ms = total_ms,
                          .n_open = n_open,
                          .refuses = refuses,
                          .response = LP_HTTP_RESPONSE_INIT };
    assert_int_equal(pthread_create(&s->thread, NULL, run_stream, s), 0);
}

static int end(struct stream *s)
{
    pthread_join(s->thread, NULL);
    lp_http_client_free(s->client);
    lp_http_response_done(&s->response);
    return s->result;
}

static void await_open(const unsigned *n_open, unsigned want)
{
    struct timespec until = lp_clock_deadline(WAIT_MS);

    pthread_mutex_lock(&lock);
    while (*n_open < want)
        if (pthread_cond_clockwait(&changed, &lock, CLOCK_MONOTONIC, &until) != 0)
            fail_msg("%u of %u streams have begun", *n_open, want);
    pthread_mutex_unlock(&lock);
}

/* Our connections to the API server. */
static unsigned connections(void)
{
    uint16_t port = (uint16_t)strtoul(strrchr(config->server, ':') + 1, NULL, 10);
    DIR *folder = opendir("/proc/self/fd");
    unsigned n = 0;

    assert_non_null(folder);
    for (const struct dirent *e; (e = readdir(folder));) {
        struct sockaddr_in peer = { 0 };
        socklen_t size = sizeof peer;
        if (getpeername((int)strtol(e->d_name, NULL, 10), (struct sockaddr *)&peer, &size) == 0 &&
            peer.sin_family == AF_INET && ntohs(peer.sin_port) == port)
            n++;
    }
    closedir(folder);
    return n;
}

static void watches_are_streams_of_one_connection_and_a_stop_ends_them(void **state)
{
    struct stream streams[STREAMS];
    struct lp_stop *stop = lp_stop_new();
    unsigned n_open = 0, before = connections();
    (void)state;

    for (unsigned i = 0; i < STREAMS; i++)
        begin(&streams[i], stop, &n_open, WAIT_MS, 0);
    await_open(&n_open, STREAMS);
    assert_int_equal(connections() - before, 1);
    lp_stop_request(stop);
    for (unsigned i = 0; i < STREAMS; i++) {
        assert_int_equal(end(&streams[i]), LP_E_CANCELED);
        assert_int_equal(streams[i].response.http_version, 20);
    }
    lp_stop_free(stop);
}

static void what_one_sink_refuses_ends_no_other_stream(void **state)
{
    struct stream refuses, goes_on;
    struct lp_stop *stop = lp_stop_new();
    unsigned n_open = 0, n_refused = 0;
    (void)state;

    begin(&goes_on, stop, &n_open, WAIT_MS, 0);
    await_open(&n_open, 1);
    begin(&refuses, stop, &n_refused, WAIT_MS, LP_E_GONE);
    assert_int_equal(end(&refuses), LP_E_GONE);
    pthread_mutex_lock(&lock);
    goes_on.seen = false;
    pthread_mutex_unlock(&lock);
    create_map("second", "1");
    await_open(&n_open, 2);
    lp_stop_request(stop);
    assert_int_equal(end(&goes_on), LP_E_CANCELED);
    lp_stop_free(stop);
}

static void who_gets_no_answer_gives_the_connection_up_with_all_on_it(void **state)
{
    struct stream slow, other, next;
    struct lp_stop *stop = lp_stop_new();
    unsigned n_open = 0, n_slow = 0, before;
    (void)state;

    begin(&other, stop, &n_open, WAIT_MS, 0);
    await_open(&n_open, 1);
    before = connections();
    begin(&slow, stop, &n_slow, 500, 0);
    assert_int_equal(end(&slow), LP_E_TIMEOUT);
    assert_int_equal(end(&other), LP_E_UNAVAILABLE);
    assert_non_null(strstr(other.err.msg, "given up with its connection"));
    assert_int_equal(connections(), before - 1);
    begin(&next, stop, &n_open, WAIT_MS, 0);
    await_open(&n_open, 2);
    assert_int_equal(connections(), before);
    lp_stop_request(stop);
    assert_int_equal(end(&next), LP_E_CANCELED);
    lp_stop_free(stop);
}

static int open_share(void **state)
{
    if (make_namespace(state) < 0)
        return -1;
    create_map("first", "1"); /* so that a watch begins with an event */
    snprintf(url, sizeof url,
             "%s/api/v1/namespaces/%s/configmaps?watch=1&allowWatchBookmarks=true&"
             "sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
             config->server, ns);
    share = lp_http_share_new();
    return 0;
}

static int close_share(void **state)
{
    lp_http_share_free(share);
    return delete_namespace(state);
}

#define test(name) cmocka_unit_test_setup_teardown(name, open_share, close_share)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(watches_are_streams_of_one_connection_and_a_stop_ends_them),
        test(what_one_sink_refuses_ends_no_other_stream),
        test(who_gets_no_answer_gives_the_connection_up_with_all_on_it),
    };
    return cmocka_run_group_tests_name("http_mux", tests, connect_to_cluster, disconnect);
}
