/* Answers that are ready before the request is, limits of bodies, and bytes both ways at once. */
#include "unit/gateway_echo.h"
#include "unit/gateway_fixture.h"

#include <arpa/inet.h>
#include <pthread.h>

#include "base/clock.h"

#define BIG 12000000

struct sending {
    int fd;
    const char *bytes;
    size_t n;
};

static void *send_all(void *user)
{
    const struct sending *s = user;
    raw_send(s->fd, s->bytes, s->n);
    return NULL;
}

static void passes_large_bodies_both_ways_at_once(void **state)
{
    static const char head[] =
        "POST /any/echo HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER "Content-Length: 12000000\r\n\r\n";
    lp_auto_free char *bytes = lp_alloc(BIG);
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(2 * BIG);
    struct gateway_config config;
    struct echo echo;
    pthread_t sender;
    (void)state;

    for (size_t i = 0; i < BIG; i++)
        bytes[i] = (char)(i * 31 + i / 251);
    echo_up(&echo);
    config = gateway_defaults(echo.url);
    struct gateway *g = gateway_up(&config);
    int fd = raw_connect(gateway_port(g), 0);
    raw_send(fd, head, strlen(head));
    struct sending s = { fd, bytes, BIG };
    assert_int_equal(pthread_create(&sender, NULL, send_all, &s), 0);
    assert_true(raw_read_response(fd, false, &out));
    pthread_join(sender, NULL);
    assert_int_equal(raw_status(&out), 200);
    const char *body = raw_body(&out);
    assert_int_equal(out.len - (size_t)(body - out.ptr), BIG);
    assert_memory_equal(body, bytes, BIG);
    close(fd);
    gateway_free(g, 10000);
    echo_down(&echo);
}

/* ---- answers before the request is whole ---- */

static const struct fake_script ok[] = { { .reply = OK }, FAKE_SCRIPT_END };

static void answers_a_slow_upload_at_once_and_ends_it_in_order(void **state)
{
    static const struct {
        const char *head;
        int status;
    } cases[] = {
        { "POST /ai/x HTTP/1.1\r\nHost: g\r\nContent-Length: 9000000\r\n\r\n", 401 },
        { "POST /ai/x HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n", 401 },
        { "POST /unknown HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER "Content-Length: 9000000\r\n\r\n",
          404 },
        { "POST /auth/x HTTP/1.1\r\nHost: g\r\nContent-Length: 99000000\r\n\r\n", 413 },
        { "POST /auth/x HTTP/1.1\r\nHost: g\r\nExpect: 100-continue\r\n"
          "Content-Length: 99000000\r\n\r\n",
          413 },
    };
    struct fixture f;
    (void)state;

    fixture_up(&f, ok, NULL);
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        int fd = raw_connect(f.port, 0);
        raw_send(fd, cases[i].head, strlen(cases[i].head));
        lp_buf_reset(&f.out);
        assert_true(raw_read_response(fd, false, &f.out));
        assert_int_equal(raw_status(&f.out), cases[i].status);
        assert_non_null(strstr(f.out.ptr, "\r\nConnection: close\r\n"));
        raw_send(fd, "5\r\nhello\r\n", 10); /* and what comes late does no harm */
        shutdown(fd, SHUT_WR);
        assert_true(raw_read_all(fd, &f.out)); /* the end, and no reset */
        close(fd);
    }
    assert_string_equal(fixture_heads(&f), "");
    fixture_down(&f);
}

/* A client that reads nothing before it has sent everything, as most are. */
static void answers_413_to_a_body_of_any_size(void **state)
{
    static const struct {
        const char *path;
        size_t limit;
    } cases[] = { { "/auth/x", 10 * 1024 * 1024 },
                  { "/ai/x", 10 * 1024 * 1024 },
                  { "/progress/x", 100 * 1024 } };
    lp_auto_free char *bytes = lp_alloc(40000000);
    struct fixture f;
    (void)state;

    fixture_up(&f, ok, NULL);
    for (size_t i = 0; i < LP_COUNT(cases) * 4; i++) {
        const size_t limit = cases[i / 4].limit;
        const size_t sizes[] = { limit, limit + 1, 30000000, 30000000 };
        size_t n = sizes[i % 4];
        bool chunked = i % 4 == 3;
        lp_auto_free char *length = chunked
                                        ? lp_strdup("Transfer-Encoding: chunked\r\n\r\n1c9c380\r\n")
                                        : lp_sprintf("Content-Length: %zu\r\n\r\n", n);
        lp_auto_free char *head = lp_sprintf("POST %s HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER "%s",
                                             cases[i / 4].path, length);
        int fd = raw_connect(f.port, 0);
        raw_send(fd, head, strlen(head));
        raw_send(fd, bytes, n);
        if (chunked)
            raw_send(fd, "\r\n0\r\n\r\n", 7);
        lp_buf_reset(&f.out);
        if (!raw_read_response(fd, false, &f.out))
            fail_msg("%s %zu: cut: %s", cases[i / 4].path, n, f.out.ptr);
        assert_int_equal(raw_status(&f.out), n == limit ? 200 : 413);
        close(fd);
    }
    fixture_down(&f);
}

static void does_not_hold_an_upload_that_broke_off_against_the_upstream(void **state)
{
    static const struct fake_script scripts[] = {
        { .match = "POST /cut ", .answer_first = true, .then = FAKE_RESET },
        { .reply = OK },
        FAKE_SCRIPT_END,
    };
    static const char head[] =
        "POST /auth/cut HTTP/1.1\r\nHost: g\r\nContent-Length: 9000000\r\n\r\n";
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, NULL);
    for (unsigned i = 0; i < 8; i++) {
        int fd = raw_connect(f.port, 0);
        raw_send(fd, head, strlen(head));
        raw_send(fd, head, strlen(head)); /* some of the body; the rest never comes */
        lp_buf_reset(&f.out);
        assert_true(raw_read_response(fd, false, &f.out));
        assert_int_equal(raw_status(&f.out), 503);
        close(fd);
    }
    assert_int_equal(fixture_ask(&f, "GET /auth/login HTTP/1.1\r\nHost: g\r\n\r\n"), 200);
    fixture_down(&f);
}

static void passes_the_head_of_a_stream_on_before_its_first_byte(void **state)
{
    static const struct fake_script scripts[] = {
        { .reply = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
          .then = FAKE_HANG },
        FAKE_SCRIPT_END,
    };
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, NULL);
    int fd = raw_connect(f.port, 0);
    raw_send(fd, GET("/ai/events"), strlen(GET("/ai/events")));
    await_bytes(fd, &f.out, "\r\n\r\n");
    assert_non_null(strstr(f.out.ptr, "\r\nContent-Type: text/event-stream\r\n"));
    close(fd);
    fixture_down(&f);
}

static void keeps_a_content_length_of_zero(void **state)
{
    static const char *const methods[] = { "POST", "PUT", "PATCH", "DELETE" };
    struct fixture f;
    (void)state;

    fixture_up(&f, ok, NULL);
    for (size_t i = 0; i < LP_COUNT(methods); i++) {
        lp_auto_free char *with = lp_sprintf("%s /auth/with HTTP/1.1\r\nHost: g\r\n"
                                             "Content-Length: 0\r\n\r\n",
                                             methods[i]);
        lp_auto_free char *line = lp_sprintf("%s /with HTTP/1.1\r\n", methods[i]);
        assert_int_equal(fixture_ask(&f, with), 200);
        const char *head = strstr(fixture_heads(&f), line);
        assert_non_null(head);
        assert_non_null(strstr(head, "\r\nContent-Length: 0\r\n"));
    }
    assert_int_equal(fixture_ask(&f, "GET /auth/none HTTP/1.1\r\nHost: g\r\n\r\n"), 200);
    assert_null(strstr(strstr(fixture_heads(&f), "GET /none "), "Content-Length"));
    fixture_down(&f);
}

static void says_continue_to_who_waits_for_it(void **state)
{
    static const char head[] = "POST /auth/x HTTP/1.1\r\nHost: g\r\nExpect: 100-continue\r\n"
                               "Content-Length: 5\r\n\r\n";
    struct fixture f;
    (void)state;

    fixture_up(&f, ok, NULL);
    int fd = raw_connect(f.port, 0);
    raw_send(fd, head, strlen(head));
    await_bytes(fd, &f.out, "\r\n\r\n");
    assert_string_equal(f.out.ptr, "HTTP/1.1 100 Continue\r\n\r\n");
    raw_send(fd, "hello", 5);
    lp_buf_reset(&f.out);
    assert_true(raw_read_response(fd, false, &f.out));
    assert_int_equal(raw_status(&f.out), 200);
    close(fd);
    fixture_down(&f);
}

static void few_connections(struct gateway_config *c)
{
    c->max_connections = 4;
    c->max_per_address = 100;
}

static void few_per_address(struct gateway_config *c)
{
    c->max_per_address = 2;
}

static void few_but_trusted(struct gateway_config *c)
{
    c->max_per_address = 2;
    c->trusted_proxies = "127.0.0.1";
}

static void turns_away_connections_over_its_limits(void **state)
{
    static const struct {
        void (*change)(struct gateway_config *c);
        unsigned served;
    } cases[] = { { few_connections, 5 }, { few_per_address, 3 }, { few_but_trusted, 8 } };
    (void)state;
    for (size_t n = 0; n < LP_COUNT(cases); n++) {
        struct fixture f;
        unsigned served = 0;
        int fds[8];
        fixture_up(&f, ok, cases[n].change);
        for (size_t i = 0; i < LP_COUNT(fds); i++) {
            static const char ask[] = "GET /health HTTP/1.1\r\nHost: g\r\n\r\n";
            fds[i] = raw_connect(f.port, 0);
            raw_send(fds[i], ask, strlen(ask));
            lp_buf_reset(&f.out);
            raw_read_response(fds[i], false, &f.out); /* 503, or a reset that overtook it */
            served += raw_status(&f.out) == 200;
        }
        assert_int_equal(served, cases[n].served);
        for (size_t i = 0; i < LP_COUNT(fds); i++)
            close(fds[i]);
        fixture_down(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_large_bodies_both_ways_at_once),
        cmocka_unit_test(answers_a_slow_upload_at_once_and_ends_it_in_order),
        cmocka_unit_test(answers_413_to_a_body_of_any_size),
        cmocka_unit_test(does_not_hold_an_upload_that_broke_off_against_the_upstream),
        cmocka_unit_test(passes_the_head_of_a_stream_on_before_its_first_byte),
        cmocka_unit_test(keeps_a_content_length_of_zero),
        cmocka_unit_test(says_continue_to_who_waits_for_it),
        cmocka_unit_test(turns_away_connections_over_its_limits),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("gateway_uploads", tests, NULL, NULL);
}
