/* How requests flow through the gateway: places, streams, breaks and the end. */
#include "unit/gateway_fixture.h"
#include "unit/gateway_metric.h"

#include <sched.h>
#include <sys/time.h>

#include "base/clock.h"

#define AI "{upstream=\"ai\"}"

static void one_place(struct gateway_config *c)
{
    c->upstream_limit = 1;
    c->common.queue_limit = 1;
}

static void queues_what_has_no_place_and_refuses_what_the_queue_cannot_hold(void **state)
{
    static const struct fake_script scripts[] = { { .reply = OK, .held = true }, FAKE_SCRIPT_END };
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, one_place);
    int first = raw_connect(f.port, 0), second = raw_connect(f.port, 0);
    raw_send(first, GET("/ai/1"), strlen(GET("/ai/1")));
    fake_upstream_await_requests(f.upstream, 1);
    await_metric("lp_requests_in_flight", "", 1);
    raw_send(second, GET("/ai/2"), strlen(GET("/ai/2")));
    await_metric("lp_requests_awaiting_upstream", AI, 2);
    assert_int_equal(fixture_ask(&f, GET("/ai/3")), 503);
    assert_non_null(strstr(f.out.ptr, "\r\nRetry-After: 1\r\n"));
    fake_upstream_release(f.upstream);
    lp_buf_reset(&f.out);
    assert_true(raw_read_response(first, false, &f.out));
    assert_int_equal(raw_status(&f.out), 200);
    fake_upstream_await_requests(f.upstream, 2);
    fake_upstream_release(f.upstream);
    lp_buf_reset(&f.out);
    assert_true(raw_read_response(second, false, &f.out));
    assert_int_equal(raw_status(&f.out), 200);
    await_metric("lp_requests_awaiting_upstream", AI, 0);
    await_metric("lp_requests_in_flight", "", 0);
    close(first);
    close(second);
    fixture_down(&f);
}

static void drops_the_work_for_a_client_that_has_gone(void **state)
{
    static const struct fake_script scripts[] = { { .reply = OK, .held = true }, FAKE_SCRIPT_END };
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, one_place);
    int first = raw_connect(f.port, 0), second = raw_connect(f.port, 0);
    raw_send(first, GET("/ai/1"), strlen(GET("/ai/1")));
    fake_upstream_await_requests(f.upstream, 1);
    raw_send(second, GET("/ai/2"), strlen(GET("/ai/2")));
    await_metric("lp_requests_awaiting_upstream", AI, 2);
    close(second);
    await_metric("lp_requests_awaiting_upstream", AI, 1);
    close(first);
    await_metric("lp_requests_in_flight", "", 0);
    fake_upstream_release(f.upstream);
    fake_upstream_await_ended(f.upstream, 1);
    assert_null(strstr(fixture_heads(&f), "GET /2"));
    fixture_down(&f);
}

static void gives_up_a_request_that_waited_too_long(void **state)
{
    static const struct fake_script scripts[] = {
        { .match = "/slow", .filler = 2000000000, .reply = "HTTP/1.1 200 OK\r\n\r\n" },
        FAKE_SCRIPT_END,
    };
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, one_place);
    f.config.common.deadline_ms = 200;
    struct gateway *g = gateway_up(&f.config);
    int first = raw_connect(gateway_port(g), 4096);
    raw_send(first, GET("/ai/slow"), strlen(GET("/ai/slow"))); /* and reads nothing */
    fake_upstream_await_requests(f.upstream, 1);
    assert_int_equal(raw_request(gateway_port(g), GET("/ai/2"), &f.out), 503);
    assert_non_null(strstr(f.out.ptr, "\r\nRetry-After: 1\r\n"));
    close(first);
    gateway_free(g, 10000);
    fixture_down(&f);
}

static void holds_back_an_upstream_whose_client_reads_slowly(void **state)
{
    static const struct fake_script scripts[] = {
        { .filler = 64000000, .reply = "HTTP/1.1 200 OK\r\nContent-Length: 64000000\r\n\r\n" },
        FAKE_SCRIPT_END,
    };
    struct fixture f;
    char block[65536];
    uint64_t got = 0;
    ssize_t n;
    (void)state;

    fixture_up(&f, scripts, NULL);
    int fd = raw_connect(f.port, 65536);
    raw_send(fd, GET("/ai/x"), strlen(GET("/ai/x")));
    while ((n = recv(fd, block, sizeof block, 0)) > 0) {
        got += (uint64_t)n;
        /* what is on the way is bounded by the marks and the kernel's buffers, not by the body */
        assert_true(fake_upstream_sent(f.upstream) < got + 16000000);
        if (got > 64000000)
            break;
    }
    assert_true(got > 64000000);
    close(fd);
    fixture_down(&f);
}

static void little_patience(struct gateway_config *c)
{
    c->body_timeout_ms = 200;
}

static void gives_up_a_client_that_does_not_take_its_answer(void **state)
{
    static const struct fake_script scripts[] = {
        { .filler = 64000000, .reply = "HTTP/1.1 200 OK\r\nContent-Length: 64000000\r\n\r\n" },
        FAKE_SCRIPT_END,
    };
    struct fixture f;
    char byte;
    (void)state;

    fixture_up(&f, scripts, little_patience);
    int fd = raw_connect(f.port, 4096);
    raw_send(fd, GET("/ai/x"), strlen(GET("/ai/x")));
    assert_int_equal(recv(fd, &byte, 1, 0), 1); /* it has begun */
    await_metric("lp_requests_in_flight", "", 0);
    assert_true(fake_upstream_sent(f.upstream) < 64000000);
    close(fd);
    fixture_down(&f);
}

static void holds_back_a_client_whose_upstream_reads_slowly(void **state)
{
    static const struct fake_script scripts[] = {
        { .reply = OK, .held = true, .answer_first = true },
        FAKE_SCRIPT_END,
    };
    static const char head[] =
        "POST /any/x HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER "Content-Length: 64000000\r\n\r\n";
    lp_auto_free char *block = lp_alloc(64000000);
    struct fixture f;
    size_t sent = 0;
    (void)state;

    fixture_up(&f, scripts, NULL);
    int fd = raw_connect(f.port, 0);
    struct timeval short_wait = { .tv_usec = 300000 };
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &short_wait, sizeof short_wait);
    raw_send(fd, head, strlen(head));
    for (ssize_t n; sent < 64000000; sent += (size_t)n) {
        n = send(fd, block + sent, 64000000 - sent, MSG_NOSIGNAL);
        if (n <= 0)
            break;
    }
    assert_true(sent < 32000000); /* it was stopped: nobody read a byte of the body yet */
    fake_upstream_release(f.upstream);
    assert_true(raw_send(fd, block + sent, 64000000 - sent));
    fake_upstream_await_body(f.upstream, 64000000);
    assert_true(raw_read_response(fd, false, &f.out));
    assert_int_equal(raw_status(&f.out), 200);
    close(fd);
    fixture_down(&f);
}

static void passes_a_body_on_to_its_end_though_the_answer_came_first(void **state)
{
    static const struct fake_script scripts[] = {
        { .match = "/204",
          .reply = "HTTP/1.1 204 No Content\r\n\r\n",
          .answer_first = true,
          .narrow = true },
        { .match = "/empty",
          .reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
          .answer_first = true,
          .narrow = true },
        { .match = "/chunks",
          .reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
          .answer_first = true,
          .narrow = true },
        { .reply = OK, .answer_first = true, .narrow = true },
        FAKE_SCRIPT_END,
    };
    static const char *const targets[] = { "/any/204", "/any/empty", "/any/chunks", "/any/x" };
    lp_auto_free char *block = lp_alloc(12000000);
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, NULL);
    for (unsigned i = 0; i < 20; i++) {
        lp_auto_free char *head = lp_sprintf("POST %s HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER
                                             "Content-Length: 12000000\r\n\r\n",
                                             targets[i % LP_COUNT(targets)]);
        int fd = raw_connect(f.port, 0);
        raw_send(fd, head, strlen(head));
        assert_true(raw_send(fd, block, 12000000));
        lp_buf_reset(&f.out);
        assert_true(raw_read_response(fd, false, &f.out));
        assert_int_equal(raw_status(&f.out) / 100, 2);
        close(fd);
        fake_upstream_await_body(f.upstream, 12000000 * (uint64_t)(i + 1));
    }
    fixture_down(&f);
}

static void streams_a_body_before_it_is_whole(void **state)
{
    static const struct fake_script scripts[] = { { .reply = OK }, FAKE_SCRIPT_END };
    static const char head[] = "POST /ai/x HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER
                               "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, NULL);
    int fd = raw_connect(f.port, 0);
    raw_send(fd, head, strlen(head));
    fake_upstream_await_body(f.upstream, 5);
    raw_send(fd, "6\r\n world\r\n", 11);
    fake_upstream_await_body(f.upstream, 11);
    raw_send(fd, "0\r\n\r\n", 5);
    assert_true(raw_read_response(fd, false, &f.out));
    assert_int_equal(raw_status(&f.out), 200);
    assert_non_null(strstr(fixture_heads(&f), "\r\nTransfer-Encoding: chunked\r\n"));
    close(fd);
    fixture_down(&f);
}

static void leaves_an_upstream_alone_that_fails_again_and_again(void **state)
{
    static const struct fake_script scripts[] = { { .match = "/bad", .then = FAKE_CLOSE },
                                                  { .reply = OK },
                                                  FAKE_SCRIPT_END };
    struct fixture f;
    unsigned asked;
    (void)state;

    fixture_up(&f, scripts, NULL);
    for (int i = 0; i < 5; i++)
        assert_int_equal(fixture_ask(&f, GET("/ai/bad")), 503);
    asked = fake_upstream_connections(f.upstream);
    assert_int_equal(fixture_ask(&f, GET("/ai/good")), 503);
    assert_non_null(strstr(f.out.ptr, "\r\nRetry-After: "));
    assert_int_equal(fake_upstream_connections(f.upstream), asked);
    assert_int_equal(fixture_ask(&f, GET("/progress/good")),
                     200); /* another upstream is another matter */
    fixture_down(&f);
}

static void finishes_what_is_under_way_when_it_ends(void **state)
{
    static const struct fake_script scripts[] = { { .reply = OK, .held = true }, FAKE_SCRIPT_END };
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, NULL);
    int fd = raw_connect(f.port, 0);
    raw_send(fd, GET("/ai/1"), strlen(GET("/ai/1")));
    fake_upstream_await_requests(f.upstream, 1);
    gateway_close_politely(f.gateway);
    fake_upstream_release(f.upstream);
    gateway_free(f.gateway, 30000);
    assert_true(raw_read_response(fd, false, &f.out));
    assert_int_equal(raw_status(&f.out), 200);
    assert_non_null(strstr(f.out.ptr, "\r\nConnection: close\r\n"));
    close(fd);
    f.gateway = NULL;
    fixture_down(&f);
}

static void answers_every_request_that_came_before_it_ended(void **state)
{
    static const struct fake_script scripts[] = { { .reply = OK }, FAKE_SCRIPT_END };
    int fds[40];
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, NULL);
    for (size_t i = 0; i < LP_COUNT(fds); i++) {
        fds[i] = raw_connect(f.port, 0);
        if (i % 2 == 0)
            continue;
        raw_send(fds[i], GET("/ai/1"), strlen(GET("/ai/1"))); /* half of them are used ones */
        lp_buf_reset(&f.out);
        assert_true(raw_read_response(fds[i], false, &f.out));
    }
    for (size_t i = 0; i < LP_COUNT(fds); i++)
        raw_send(fds[i], GET("/ai/2"), strlen(GET("/ai/2")));
    gateway_free(f.gateway, 30000);
    for (size_t i = 0; i < LP_COUNT(fds); i++) {
        lp_buf_reset(&f.out);
        assert_true(raw_read_all(fds[i], &f.out));
        assert_int_equal(raw_status(&f.out), 200);
        close(fds[i]);
    }
    f.gateway = NULL;
    fixture_down(&f);
}

static void ends_in_time_whatever_hangs(void **state)
{
    static const struct fake_script scripts[] = { { .then = FAKE_HANG }, FAKE_SCRIPT_END };
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, NULL);
    int fd = raw_connect(f.port, 0);
    raw_send(fd, GET("/ai/1"), strlen(GET("/ai/1")));
    fake_upstream_await_requests(f.upstream, 1);
    gateway_free(f.gateway, 0);
    raw_read_all(fd, &f.out);
    assert_int_equal(f.out.len, 0);
    close(fd);
    f.gateway = NULL;
    fixture_down(&f);
}

static void several(struct gateway_config *c)
{
    c->workers = 3;
}

static void serves_with_several_workers(void **state)
{
    static const struct fake_script scripts[] = { { .reply = OK }, FAKE_SCRIPT_END };
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, several);
    for (int i = 0; i < 30; i++)
        assert_int_equal(fixture_ask(&f, GET("/ai/x")), 200);
    fixture_down(&f);
}

static void says_which_port_is_in_use(void **state)
{
    static const struct fake_script scripts[] = { FAKE_SCRIPT_END };
    struct gateway *second = NULL;
    struct lp_error err;
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, NULL);
    f.config.common.port = f.port;
    assert_int_equal(gateway_start(&f.config, &second, &err), LP_E_UNAVAILABLE);
    lp_auto_free char *want =
        lp_sprintf("gateway: cannot listen on port %u: Address already in use", f.port);
    assert_string_equal(err.msg, want);
    fixture_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queues_what_has_no_place_and_refuses_what_the_queue_cannot_hold),
        cmocka_unit_test(drops_the_work_for_a_client_that_has_gone),
        cmocka_unit_test(gives_up_a_request_that_waited_too_long),
        cmocka_unit_test(holds_back_an_upstream_whose_client_reads_slowly),
        cmocka_unit_test(gives_up_a_client_that_does_not_take_its_answer),
        cmocka_unit_test(holds_back_a_client_whose_upstream_reads_slowly),
        cmocka_unit_test(passes_a_body_on_to_its_end_though_the_answer_came_first),
        cmocka_unit_test(streams_a_body_before_it_is_whole),
        cmocka_unit_test(leaves_an_upstream_alone_that_fails_again_and_again),
        cmocka_unit_test(finishes_what_is_under_way_when_it_ends),
        cmocka_unit_test(answers_every_request_that_came_before_it_ended),
        cmocka_unit_test(ends_in_time_whatever_hangs),
        cmocka_unit_test(serves_with_several_workers),
        cmocka_unit_test(says_which_port_is_in_use),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("gateway_flow", tests, NULL, NULL);
}
