/* test/unit/test_gateway_awaiting.c -- a request that waits for its upstream is no load of the
 * gateway, and takes nothing from another route, within bounds. */
#include <sched.h>

#include "base/clock.h"
#include "unit/gateway_fixture.h"
#include "unit/gateway_metric.h"

#define ANY "{upstream=\"any\"}"
#define MANY 200
#define READERS 8
#define LENGTH ((size_t)4000000)

/* /any leads to `f`, everything else to the other one. */
static struct fake_upstream *beside(struct fixture *f, const struct fake_script *scripts,
                                    void (*change)(struct gateway_config *c))
{
    static const struct fake_script ok[] = { { .reply = OK }, FAKE_SCRIPT_END };
    struct fake_upstream *other = fake_upstream_start(ok);

    fixture_up(f, scripts, change);
    gateway_free(f->gateway, 10000);
    f->config.ai_url = f->config.auth_url = fake_upstream_url(other);
    f->gateway = gateway_up(&f->config);
    f->port = gateway_port(f->gateway);
    return other;
}

static double metric(const char *name)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 20);
    lp_auto_free char *line = lp_sprintf("\n%s ", name);

    assert_int_equal(lp_metrics_write(&text, &(struct lp_error){ .code = 0 }), 0);
    const char *at = strstr(text.ptr, line);
    assert_non_null(at);
    return strtod(at + strlen(line), NULL);
}

/* 128 of them are at the upstream, the rest waits for a place there. */
static void many_that_hang_at_one_upstream_are_no_load_of_the_gateway(void **state)
{
    static const struct fake_script hang[] = { { .then = FAKE_HANG }, FAKE_SCRIPT_END };
    struct fixture f;
    int fds[MANY];
    (void)state;

    struct fake_upstream *other = beside(&f, hang, NULL);
    for (size_t i = 0; i < MANY; i++) {
        fds[i] = raw_connect(f.port, 0);
        assert_true(raw_send(fds[i], GET("/any/x"), strlen(GET("/any/x"))));
    }
    await_metric("lp_requests_awaiting_upstream", ANY, MANY);
    await_metric("lp_requests_in_flight", "", MANY); /* less those that wait: queue_depth is 0 */
    await_metric("lp_requests_waiting", "", 0);
    fake_upstream_await_requests(f.upstream, 128);
    await_metric("lp_requests_unanswered", ANY, 128); /* those that wait for a place are not sent */
    for (int i = 0; i < 20; i++)
        assert_int_equal(fixture_ask(&f, GET("/ai/x")), 200);
    assert_int_equal(fake_upstream_connections(f.upstream), 128);
    for (size_t i = 0; i < MANY; i++)
        close(fds[i]);
    await_metric("lp_requests_awaiting_upstream", ANY, 0);
    await_metric("lp_requests_unanswered", ANY, 0);
    await_metric("lp_requests_in_flight", "", 0);
    await_metric("lp_buffered_bytes", "", 0);
    fixture_down(&f);
    fake_upstream_stop(other);
}

/* A slow upload, and a long answer that has begun, are not what an upstream keeps waiting. */
static void only_what_an_upstream_has_in_full_and_does_not_answer_is_unanswered(void **state)
{
    static const struct fake_script begins[] = {
        { .reply = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab",
          .held = true,
          .then = FAKE_HANG },
        FAKE_SCRIPT_END
    };
    static const char head[] =
        "POST /any/x HTTP/1.1\r\nHost: g\r\nContent-Length: 6\r\n" GATEWAY_BEARER "\r\nabc";
    struct fixture f;
    char byte;
    (void)state;

    struct fake_upstream *other = beside(&f, begins, NULL);
    int fd = raw_connect(f.port, 0);
    assert_true(raw_send(fd, head, strlen(head)));
    fake_upstream_await_body(f.upstream, 3);
    assert_true(metric("lp_requests_awaiting_upstream" ANY) == 1);
    assert_true(metric("lp_requests_unanswered" ANY) == 0);
    assert_true(raw_send(fd, "def", 3));
    await_metric("lp_requests_unanswered", ANY, 1);
    fake_upstream_release(f.upstream);
    assert_int_equal(recv(fd, &byte, 1, 0), 1);
    assert_true(metric("lp_requests_unanswered" ANY) == 0);
    assert_true(metric("lp_requests_awaiting_upstream" ANY) == 1);
    close(fd);
    await_metric("lp_requests_awaiting_upstream", ANY, 0);
    assert_true(metric("lp_requests_unanswered" ANY) == 0);
    fixture_down(&f);
    fake_upstream_stop(other);
}

static void one_place(struct gateway_config *c)
{
    c->upstream_limit = 1;
}

static double buffered(void)
{
    return metric("lp_buffered_bytes");
}

/* Its head is kept while it waits for a place, and no longer. */
static void a_request_that_waits_takes_memory_until_it_is_sent(void **state)
{
    static const struct fake_script hang[] = { { .then = FAKE_HANG }, FAKE_SCRIPT_END };
    lp_auto_free char *fields = NULL, *ask = NULL;
    struct fixture f;
    (void)state;

    struct fake_upstream *other = beside(&f, hang, one_place);
    int first = raw_connect(f.port, 0), second = raw_connect(f.port, 0);
    assert_true(raw_send(first, GET("/any/1"), strlen(GET("/any/1"))));
    fake_upstream_await_requests(f.upstream, 1);
    await_metric("lp_buffered_bytes", "", 0);
    fields = lp_alloc(2001);
    memset(fields, 'x', 2000);
    ask = lp_sprintf("GET /any/%s HTTP/1.1\r\nHost: g\r\nX: %s\r\n" GATEWAY_BEARER "\r\n", fields,
                     fields);
    assert_true(raw_send(second, ask, strlen(ask)));
    await_metric("lp_requests_awaiting_upstream", ANY, 2);
    for (int64_t end = lp_clock_ms() + 30000; buffered() < 4000 && lp_clock_ms() < end;)
        sched_yield();
    assert_true(buffered() >= 4000); /* target and fields */
    close(first);
    fake_upstream_await_requests(f.upstream, 2);
    await_metric("lp_buffered_bytes", "", 0);
    assert_true(metric("lp_requests_awaiting_upstream" ANY) == 1); /* it is still there */
    close(second);
    fixture_down(&f);
    fake_upstream_stop(other);
}

static void little_memory(struct gateway_config *c)
{
    c->buffer_max = 600000;
    c->upstream_limit = READERS;
}

static size_t read_to_end(int fd)
{
    char block[65536];
    size_t got = 0;
    ssize_t n;

    while ((n = recv(fd, block, sizeof block, 0)) > 0)
        got += (size_t)n;
    return got;
}

/* What each holds on top is one read of its upstream, and one of its client. */
static void await_full(const struct fixture *f)
{
    double most = (double)f->config.buffer_max + READERS * 2 * 65536, have = 0;
    int64_t end = lp_clock_ms() + 30000;

    while (have < (double)f->config.buffer_max && lp_clock_ms() < end) {
        sched_yield();
        have = metric("lp_buffered_bytes");
        assert_true(have <= most);
    }
    assert_true(have >= (double)f->config.buffer_max);
}

static void stalled_readers_fill_the_memory_so_far_and_no_further(void **state)
{
    static const struct fake_script big[] = {
        { .filler = LENGTH,
          .reply = "HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\nConnection: close\r\n\r\n",
          .then = FAKE_CLOSE },
        FAKE_SCRIPT_END,
    };
    static const char ask[] =
        "GET /any/x HTTP/1.1\r\nHost: g\r\nConnection: close\r\n" GATEWAY_BEARER "\r\n";
    struct fixture f;
    int fds[READERS];
    (void)state;

    struct fake_upstream *other = beside(&f, big, little_memory);
    for (size_t i = 0; i < READERS; i++) {
        fds[i] = raw_connect(f.port, 4096);
        assert_true(raw_send(fds[i], ask, strlen(ask)));
    }
    await_full(&f);
    assert_int_equal(fixture_ask(&f, GET("/ai/x")), 200);  /* its bytes do not stay */
    assert_int_equal(fixture_ask(&f, GET("/any/y")), 503); /* it would wait, which takes memory */
    assert_non_null(strstr(f.out.ptr, "\r\nRetry-After: 1\r\n"));
    for (size_t i = 0; i < READERS; i++) {
        assert_true(read_to_end(fds[i]) > LENGTH);
        close(fds[i]);
    }
    await_metric("lp_buffered_bytes", "", 0);
    fixture_down(&f);
    fake_upstream_stop(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_that_hang_at_one_upstream_are_no_load_of_the_gateway),
        cmocka_unit_test(only_what_an_upstream_has_in_full_and_does_not_answer_is_unanswered),
        cmocka_unit_test(a_request_that_waits_takes_memory_until_it_is_sent),
        cmocka_unit_test(stalled_readers_fill_the_memory_so_far_and_no_further),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("gateway_awaiting", tests, NULL, NULL);
}
