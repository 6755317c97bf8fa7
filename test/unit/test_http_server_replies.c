/* test/unit/test_http_server_replies.c -- how a server answers: at once, later, as a stream; and
 * how it ends. */
#include "unit/http_server_fixture.h"

static void answers_later_from_another_thread(void **state)
{
    lp_auto_fd int fd = dial(*state);
    lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536);
    static const char request[] = "GET /later HTTP/1.1\r\n" CLOSE "\r\n";
    assert_true(send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0);
    struct lp_http_exchange *x = wait_for_later();
    assert_false(lp_http_client_gone(x));
    lp_http_reply_text(x, 202, "in the end");
    read_reply(fd, NULL, &r);
    assert_non_null(strstr(r.ptr, "HTTP/1.1 202 "));
    assert_non_null(strstr(r.ptr, "in the end"));
}

static void knows_when_the_client_has_gone(void **state)
{
    int fd = dial(*state);
    static const char request[] = "GET /later HTTP/1.1\r\n" CLOSE "\r\n";
    assert_true(send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0);
    struct lp_http_exchange *x = wait_for_later();
    close(fd);
    int64_t limit = lp_clock_ms() + 20000;
    while (!lp_http_client_gone(x))
        assert_true(lp_clock_ms() < limit);
    lp_http_reply_text(x, 200, "to nobody");
}

static void *reply_from_thread(void *user)
{
    lp_http_reply_text(user, 200, "x");
    return NULL;
}

static void survives_replies_that_race_with_the_handler(void **state)
{
    lp_auto_fd int fd = dial(*state);
    lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536);
    static const char request[] = "GET /later HTTP/1.1\r\nHost: a\r\n\r\n";
    for (int i = 0; i < 200; i++) {
        pthread_t t;
        lp_buf_reset(&r);
        assert_true(send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0);
        assert_int_equal(pthread_create(&t, NULL, reply_from_thread, wait_for_later()), 0);
        read_reply(fd, "\r\n\r\nx", &r);
        pthread_join(t, NULL);
        assert_non_null(strstr(r.ptr, "HTTP/1.1 200 "));
    }
}

static void streams_a_reply_of_unknown_length(void **state)
{
    lp_auto_fd int fd = dial(*state);
    lp_auto_buf struct lp_buf r = LP_BUF_INIT(8 << 20);
    static const char request[] = "GET /later HTTP/1.0\r\nHost: a\r\n\r\n";
    static char block[50000];
    struct lp_error err;
    memset(block, 'b', sizeof block);
    assert_true(send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0);
    struct lp_http_stream *s = lp_http_reply_stream(wait_for_later(), 200, "text/plain");
    for (int i = 0; i < 3; i++)
        assert_int_equal(lp_http_stream_write(s, block, sizeof block, &err), 0);
    lp_http_stream_end(s, true);
    read_reply(fd, NULL, &r);
    const char *body = strstr(r.ptr, "\r\n\r\n");
    assert_non_null(body);
    assert_int_equal(strlen(body + 4), 3 * sizeof block);
}

static void cuts_a_stream_that_is_not_complete(void **state)
{
    lp_auto_fd int fd = dial(*state);
    lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536);
    static const char request[] = "GET /later HTTP/1.1\r\nHost: a\r\n\r\n";
    struct lp_error err;
    assert_true(send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0);
    struct lp_http_stream *s = lp_http_reply_stream(wait_for_later(), 200, "text/plain");
    assert_int_equal(lp_http_stream_write(s, "part", 4, &err), 0);
    read_reply(fd, "part", &r);
    lp_http_stream_end(s, false);
    read_reply(fd, NULL, &r);
    assert_non_null(strstr(r.ptr, "part"));
    assert_null(strstr(r.ptr, "\r\n0\r\n")); /* the last chunk never comes */
}

static void ends_a_stream_whose_client_does_not_read(void **state)
{
    lp_auto_fd int fd = dial(*state);
    static const char request[] = "GET /later HTTP/1.1\r\nHost: a\r\n\r\n";
    static char block[65536];
    struct lp_error err;
    int r = 0;
    assert_true(send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0);
    struct lp_http_stream *s = lp_http_reply_stream(wait_for_later(), 200, "text/plain");
    for (int i = 0; i < 1000 && r == 0; i++)
        r = lp_http_stream_write(s, block, sizeof block, &err);
    assert_int_equal(r, LP_E_UNAVAILABLE);
    lp_http_stream_end(s, false);
}

/* Issue 12, 16: long before the server ends the connection. */
static void a_reader_under_the_least_pace_gives_its_writer_back(void **state)
{
    struct lp_http_server_options o = {
        .address = "127.0.0.1", .name = "impatient", .stream_stall_ms = 1, .handler = echo
    };
    static const char request[] = "GET /later HTTP/1.1\r\nHost: a\r\n\r\n";
    static char block[65536];
    struct lp_http_server *server;
    struct lp_error err;
    int r = 0;
    (void)state;
    assert_int_equal(lp_http_server_start(&o, &server, &err), 0);
    int fd = dial(server);
    assert_true(send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0);
    struct lp_http_stream *s = lp_http_reply_stream(wait_for_later(), 200, "text/plain");
    while (r == 0)
        r = lp_http_stream_write(s, block, sizeof block, &err);
    assert_int_equal(r, LP_E_UNAVAILABLE);
    assert_non_null(strstr(err.msg, "the client took under 131072 bytes in 1 ms"));
    lp_http_stream_end(s, false);
    close(fd);
    lp_http_server_stop(server);
}

/* Server-sent events go on while connections that send nothing have to make room. */
static void an_answer_may_take_longer_than_its_question(void **state)
{
    struct lp_http_server_options o = { .address = "127.0.0.1",
                                        .name = "patient",
                                        .header_timeout_s = 1,
                                        .answer_timeout_s = 600,
                                        .handler = echo };
    static const char request[] = "GET /later HTTP/1.1\r\nHost: a\r\n\r\n";
    lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536);
    struct lp_http_server *server;
    struct lp_error err;
    (void)state;
    assert_int_equal(lp_http_server_start(&o, &server, &err), 0);
    int fd = dial(server);
    assert_true(send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0);
    struct lp_http_stream *s = lp_http_reply_stream(wait_for_later(), 200, "text/plain");
    for (int i = 0; i < 5; i++) { /* longer than four header time-outs, after which it would end */
        lp_auto_fd int idle = dial(server);
        lp_auto_buf struct lp_buf nothing = LP_BUF_INIT(65536);
        read_reply(idle, NULL, &nothing);
    }
    assert_int_equal(lp_http_stream_write(s, "late", 4, &err), 0);
    lp_http_stream_end(s, true);
    read_reply(fd, "\r\n0\r\n", &r);
    assert_non_null(strstr(r.ptr, "late"));
    close(fd);
    lp_http_server_stop(server);
}

/* Its writer is a worker: it must not wait for a client that is not there any more. */
static void a_client_that_goes_in_mid_stream_gives_its_writer_back(void **state)
{
    int fd = dial(*state);
    const int small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    static const char request[] = "GET /later HTTP/1.1\r\nHost: a\r\n\r\n";
    static char block[65536];
    struct pollfd answered = { .fd = fd, .events = POLLIN };
    struct lp_error err;
    int r = 0;
    assert_true(send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0);
    struct lp_http_stream *s = lp_http_reply_stream(wait_for_later(), 200, "text/plain");
    for (int i = 0; i < 80; i++) /* more than the sockets take: the event loop waits for room */
        assert_int_equal(lp_http_stream_write(s, block, sizeof block / 16, &err), 0);
    assert_int_equal(poll(&answered, 1, 20000), 1);
    close(fd);
    for (int i = 0; i < 1000 && r == 0; i++)
        r = lp_http_stream_write(s, block, sizeof block, &err);
    assert_int_equal(r, LP_E_UNAVAILABLE);
    assert_string_equal(err.msg, "the client has gone");
    lp_http_stream_end(s, false);
}

static void gives_head_the_headers_only(void **state)
{
    lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536);
    ask(*state, "HEAD /h HTTP/1.1\r\n" CLOSE "\r\n", &r);
    assert_non_null(strstr(r.ptr, "HTTP/1.1 200 "));
    assert_null(strstr(r.ptr, "path="));
}

/* RFC 9110, 8.6 and 15.4.5: to HTTP/1.0 too, and the answer is its head. */
static void a_304_has_no_content_length_and_no_body(void **state)
{
    static const char *const requests[] = { "GET /status/304 HTTP/1.1\r\nHost: a\r\n\r\n",
                                            "HEAD /status/304 HTTP/1.1\r\nHost: a\r\n\r\n",
                                            "GET /status/304 HTTP/1.0\r\n\r\n" };
    for (size_t i = 0; i < LP_COUNT(requests); i++) {
        lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536);
        ask(*state, requests[i], &r);
        const char *end = strstr(r.ptr, "\r\n\r\n");
        if (strncmp(r.ptr, "HTTP/1.1 304 ", 13) != 0 || !end || end[4] != '\0' ||
            strstr(r.ptr, "Content-Length") || strstr(r.ptr, "Transfer-Encoding"))
            fail_msg("%s%s", requests[i], r.ptr);
    }
}

/* Each answer ends where the next begins, and each request's body is over. */
static void stays_in_step_on_one_connection(void **state)
{
    static const struct {
        const char *request, *first, *absent;
    } cases[] = {
        { "HEAD /h", "HTTP/1.1 200 ", "path=" },
        { "GET /status/204", "HTTP/1.1 204 ", "Content-Length" },
        { "GET /status/206", "HTTP/1.1 206 ", "Transfer-Encoding" },
        { "HEAD /status/404", "HTTP/1.1 404 ", "Transfer-Encoding" },
    };
    lp_auto_fd int fd = dial(*state);
    for (size_t i = 0; i < 2 * LP_COUNT(cases); i++) {
        size_t c = i % LP_COUNT(cases);
        lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536);
        lp_auto_free char *both = lp_sprintf("%s HTTP/1.1\r\nHost: a\r\n\r\nGET /next%zu "
                                             "HTTP/1.1\r\nHost: a\r\n\r\n",
                                             cases[c].request, i);
        assert_int_equal(send(fd, both, strlen(both), MSG_NOSIGNAL), strlen(both));
        read_reply(fd, " x=", &r);
        const char *end = r.ptr ? strstr(r.ptr, "\r\n\r\n") : NULL;
        if (!end || strncmp(r.ptr, cases[c].first, strlen(cases[c].first)) != 0)
            fail_msg("%s: %s", cases[c].request, r.ptr);
        const char *next = strstr(end, "HTTP/1.1 200 ");
        assert_non_null(next);
        const char *bad = strstr(r.ptr, cases[c].absent);
        if (bad && bad < next)
            fail_msg("%s: %s", cases[c].request, r.ptr);
    }
}

static void says_100_and_stays_in_step(void **state)
{
    static const char head[] = "POST /p HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                               "Content-Length: 2\r\n\r\n";
    lp_auto_fd int fd = dial(*state);
    for (int i = 0; i < 3; i++) {
        lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536);
        assert_int_equal(send(fd, head, sizeof head - 1, MSG_NOSIGNAL), sizeof head - 1);
        read_reply(fd, "\r\n\r\n", &r);
        assert_string_equal(r.ptr, "HTTP/1.1 100 Continue\r\n\r\n");
        assert_int_equal(send(fd, "hi", 2, MSG_NOSIGNAL), 2);
        read_reply(fd, " x=", &r);
        assert_non_null(strstr(r.ptr, "len=2 body=hi"));
    }
}

static void says_who_cannot_listen_where(void **state)
{
    struct lp_http_server_options o = { .address = "127.0.0.1",
                                        .port = lp_http_server_port(*state),
                                        .name = "metrics port",
                                        .handler = echo };
    struct lp_http_server *s;
    struct lp_error err;
    char want[128];
    assert_int_equal(lp_http_server_start(&o, &s, &err), LP_E_UNAVAILABLE);
    snprintf(want, sizeof want, "metrics port: cannot listen on port %u: Address already in use",
             o.port);
    assert_string_equal(err.msg, want);
    o.address = "localhost";
    assert_int_equal(lp_http_server_start(&o, &s, &err), LP_E_INVALID);
}

static void takes_no_new_connections_after_quiesce(void **state)
{
    (void)state;
    void *s = NULL;
    assert_int_equal(start(&s), 0);
    lp_auto_fd int open = dial(s);
    lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536);
    static const char one[] = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_true(send(open, one, sizeof one - 1, MSG_NOSIGNAL) > 0);
    read_reply(open, "x=", &r);
    lp_http_server_quiesce(s);
    lp_buf_reset(&r);
    assert_true(send(open, one, sizeof one - 1, MSG_NOSIGNAL) > 0);
    read_reply(open, "x=", &r);
    assert_non_null(strstr(r.ptr, " 200 "));

    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(lp_http_server_port(s)) };
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    lp_auto_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), -1);
    lp_http_server_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_later_from_another_thread),
        cmocka_unit_test(knows_when_the_client_has_gone),
        cmocka_unit_test(survives_replies_that_race_with_the_handler),
        cmocka_unit_test(streams_a_reply_of_unknown_length),
        cmocka_unit_test(cuts_a_stream_that_is_not_complete),
        cmocka_unit_test(ends_a_stream_whose_client_does_not_read),
        cmocka_unit_test(a_reader_under_the_least_pace_gives_its_writer_back),
        cmocka_unit_test(an_answer_may_take_longer_than_its_question),
        cmocka_unit_test(a_client_that_goes_in_mid_stream_gives_its_writer_back),
        cmocka_unit_test(gives_head_the_headers_only),
        cmocka_unit_test(a_304_has_no_content_length_and_no_body),
        cmocka_unit_test(stays_in_step_on_one_connection),
        cmocka_unit_test(says_100_and_stays_in_step),
        cmocka_unit_test(says_who_cannot_listen_where),
        cmocka_unit_test(takes_no_new_connections_after_quiesce),
    };
    return cmocka_run_group_tests_name("http_server_replies", tests, start, stop);
}
