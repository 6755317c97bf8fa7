/* test/unit/test_http_server.c -- what a request may be: how it is read, and what is refused. */
#include "unit/http_server_fixture.h"

static void gives_the_request_as_it_was_sent(void **state)
{
    lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536);
    ask(*state,
        "GET /a%2Fb/%41+c//?x=%20&q=a%20b+c&q=2 HTTP/1.1\r\n" CLOSE
        "X-Many: 1\r\nx-MANY: 2\r\n\r\n",
        &r);
    assert_non_null(strstr(r.ptr, "HTTP/1.1 200 "));
    assert_non_null(strstr(r.ptr, "GET /a%2Fb/%41+c//?x=%20&q=a%20b+c&q=2 path=/a%2Fb/%41+c// "
                                  "q=a b c len=0 body= peer=127.0.0.1 x=[1][2]"));
    assert_non_null(strstr(r.ptr, "X-First: 1\r\n"));
    assert_null(strstr(r.ptr, "X-Injected"));
}

static void collects_a_body_however_it_is_framed(void **state)
{
    static const char *const requests[] = {
        "POST /p HTTP/1.1\r\n" CLOSE "Content-Length: 5\r\n\r\nhello",
        "POST /p HTTP/1.1\r\n" CLOSE
        "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        "POST /p HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello",
    };
    lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536);
    for (size_t i = 0; i < LP_COUNT(requests); i++) {
        ask(*state, requests[i], &r);
        assert_non_null(strstr(r.ptr, "len=5 body=hello "));
    }
}

static void answers_several_requests_on_one_connection(void **state)
{
    lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536);
    ask(*state,
        "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
        "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiGET /3 HTTP/1.1\r\n" CLOSE
        "\r\n",
        &r);
    assert_non_null(strstr(r.ptr, "GET /1 "));
    assert_non_null(strstr(r.ptr, "POST /2 path=/2 q=- len=2 body=hi"));
    assert_non_null(strstr(r.ptr, "GET /3 "));
}

static void closes_when_the_client_has_ended_its_side(void **state)
{
    static const char request[] = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    for (int i = 0; i < 200; i++) {
        lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536);
        lp_auto_fd int fd = dial(*state);
        char more;
        assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
        shutdown(fd, SHUT_WR);
        read_reply(fd, NULL, &r);
        assert_int_equal(recv(fd, &more, 1, 0), 0); /* not its time limit */
        assert_non_null(strstr(r.ptr, "HTTP/1.1 200"));
    }
}

static void refuses_what_two_parsers_may_read_differently(void **state)
{
    static const char *const requests[] = {
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: "
        "5\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-Fold: a\r\n b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-Fold: a\r\n\tb\r\nX-Next: c\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n X-Space: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-Space : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX Space: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\nX-Bare: lf\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-Bare: lf\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-Bare: c\rr\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-Control: a\001b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nX-No-Host: a\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        "GET /\001 HTTP/1.1\r\nHost: a\r\n\r\n",
        "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\r\nHost: a\r\n\r\n",
        "GET\r\n\r\n",
    };
    lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536);
    for (size_t i = 0; i < LP_COUNT(requests); i++) {
        ask(*state, requests[i], &r);
        if (strstr(r.ptr, " 200 ") || strstr(r.ptr, "path="))
            fail_msg("answered request %zu: %s", i, requests[i]);
        if (r.len > 0 && !strstr(r.ptr, "HTTP/1.1 4") && !strstr(r.ptr, "HTTP/1.1 505"))
            fail_msg("request %zu: %s", i, r.ptr);
    }
    static const char nul[] = "GET / HTTP/1.1\r\nHost: a\r\nX-Nul: a\0b\r\n\r\n";
    ask_n(*state, nul, sizeof nul - 1, &r);
    assert_non_null(strstr(r.ptr, " 400 "));
}

/* The connection ends, so that nothing behind is read. */
static void what_it_refuses_itself_is_json_and_ends_the_connection(void **state)
{
    static const char *const requests[] = {
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nX-No-Host: a\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-Fold: a\r\n b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-Bare: c\rr\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nauthorization: Bearer "
        "b\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nhello",
        "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/9\r\nHost: a\r\n\r\n",
        "GET\r\n\r\n",
        "\026\003\001\002",
    };
    static const char next[] = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
    lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536);
    for (size_t i = 0; i < LP_COUNT(requests); i++) {
        lp_auto_free char *both = lp_sprintf("%s%s", requests[i], next);
        ask(*state, both, &r);
        if (strncmp(r.ptr, "HTTP/1.1 400 ", 13) != 0 || !strstr(r.ptr, "{\"error\":\"") ||
            !strstr(r.ptr, "Connection: close\r\n") || strstr(r.ptr, "path=") ||
            strstr(r.ptr + 1, "HTTP/1.1"))
            fail_msg("request %zu: %s: %s", i, requests[i], r.ptr);
    }
    ask(*state, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &r);
    assert_int_equal(strncmp(r.ptr, "HTTP/1.1 505 ", 13), 0);
    assert_non_null(strstr(r.ptr, "{\"error\":\"HTTP version is not 1.1 or 1.0\"}"));
    assert_int_equal(seen.refused, 505);
}

/* A head may come byte by byte, an end of the client's side right behind it. */
static void a_head_in_pieces_is_one_request(void **state)
{
    static const char head[] = "GET /slow HTTP/1.1\r\n" CLOSE "\r\n";
    const int on = 1;
    lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536);
    lp_auto_fd int fd = dial(*state);

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    for (size_t i = 0; i < sizeof head - 1; i++)
        assert_int_equal(send(fd, head + i, 1, MSG_NOSIGNAL), 1);
    shutdown(fd, SHUT_WR);
    read_reply(fd, NULL, &r);
    assert_non_null(strstr(r.ptr, "GET /slow path=/slow "));
    assert_non_null(strstr(r.ptr, "peer=127.0.0.1 "));
}

/* Who says nothing takes a place too, and gives it back when it goes; nobody in the queue is lost.
 */
static void over_the_limit_of_connections_clients_wait_for_a_place(void **state)
{
    struct lp_http_server_options o = {
        .address = "127.0.0.1", .name = "small", .max_connections = 2, .handler = echo
    };
    static const char one[] = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
    lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536);
    struct lp_http_server *s;
    struct lp_error err;
    (void)state;

    assert_int_equal(lp_http_server_start(&o, &s, &err), 0);
    lp_auto_fd int silent = dial(s);
    lp_auto_fd int kept = dial(s);
    assert_true(send(kept, one, sizeof one - 1, MSG_NOSIGNAL) > 0);
    read_reply(kept, "x=", &r);
    lp_auto_fd int third = dial(s);
    struct pollfd waiting = { .fd = third, .events = POLLIN };
    assert_true(send(third, one, sizeof one - 1, MSG_NOSIGNAL) > 0);
    assert_int_equal(poll(&waiting, 1, 200), 0);
    shutdown(silent, SHUT_RDWR);
    lp_buf_reset(&r);
    read_reply(third, "x=", &r);
    assert_non_null(strstr(r.ptr, "GET /1 "));

    lp_auto_fd int fourth = dial(s);
    waiting.fd = fourth;
    assert_true(send(fourth, one, sizeof one - 1, MSG_NOSIGNAL) > 0);
    assert_int_equal(poll(&waiting, 1, 200), 0);
    shutdown(kept, SHUT_RDWR);
    lp_buf_reset(&r);
    read_reply(fourth, "x=", &r);
    assert_non_null(strstr(r.ptr, "GET /1 "));
    lp_http_server_stop(s);
}

static void an_absolute_target_is_its_path_and_its_authority_is_the_host(void **state)
{
    lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536);
    ask(*state, "GET http://lesson.example:80/a?q=1 HTTP/1.1\r\n" CLOSE "\r\n", &r);
    assert_non_null(strstr(r.ptr, "GET /a?q=1 path=/a q=1 "));
    ask(*state, "GET HTTPS://lesson.example HTTP/1.1\r\n" CLOSE "\r\n", &r);
    assert_non_null(strstr(r.ptr, "GET / path=/ "));
    ask(*state, "GET http://lesson.example?q=2 HTTP/1.1\r\n" CLOSE "\r\n", &r);
    assert_non_null(strstr(r.ptr, "GET /?q=2 path=/ q=2 "));
    ask(*state, "GET lesson.example/a HTTP/1.1\r\n" CLOSE "\r\n", &r);
    assert_non_null(strstr(r.ptr, " 400 "));
}

static void a_coded_body_is_415_and_not_taken_for_text(void **state)
{
    lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536);
    ask(*state,
        "POST / HTTP/1.1\r\n" CLOSE "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b",
        &r);
    assert_non_null(strstr(r.ptr, "HTTP/1.1 415 "));
    assert_non_null(strstr(r.ptr, "Accept-Encoding: identity\r\n"));
    ask(*state,
        "POST / HTTP/1.1\r\n" CLOSE "Content-Encoding: identity\r\nContent-Length: 2\r\n\r\nhi",
        &r);
    assert_non_null(strstr(r.ptr, "len=2 body=hi"));
}

/* 2 MB in chunks, twice what was once read of it before the connection was cut. */
static void a_chunked_body_of_any_size_is_answered_413(void **state)
{
    lp_auto_fd int fd = dial(*state);
    lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536);
    static const char head[] = "POST / HTTP/1.1\r\n" CLOSE "Transfer-Encoding: chunked\r\n\r\n";
    static char block[16384 + 8];
    memset(block, 'a', sizeof block);
    memcpy(block, "4000\r\n", 6);
    memcpy(block + sizeof block - 2, "\r\n", 2);
    assert_true(send(fd, head, sizeof head - 1, MSG_NOSIGNAL) > 0);
    for (int i = 0; i < 128; i++)
        assert_int_equal(send(fd, block, sizeof block, MSG_NOSIGNAL), sizeof block);
    assert_int_equal(send(fd, "0\r\n\r\n", 5, MSG_NOSIGNAL), 5);
    read_reply(fd, NULL, &r);
    assert_non_null(strstr(r.ptr, "HTTP/1.1 413 "));
}

static void says_413_before_it_reads_a_body_that_is_too_long(void **state)
{
    lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536);
    ask(*state, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", &r);
    assert_non_null(strstr(r.ptr, "HTTP/1.1 413 "));
    assert_non_null(strstr(r.ptr, "{\"error\":\"too much\"}"));
    assert_int_equal(seen.refused, 413);
    ask(*state,
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n", &r);
    assert_null(strstr(r.ptr, "100 Continue"));
    assert_non_null(strstr(r.ptr, "HTTP/1.1 413 "));
}

/* A client that writes all before it reads must not lose the answer to a reset connection. */
static void lets_the_sender_of_a_long_body_see_the_413(void **state)
{
    lp_auto_fd int fd = dial(*state);
    lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536);
    static char block[65536];
    static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4194304\r\n\r\n";
    memset(block, 'a', sizeof block);
    assert_true(send(fd, head, sizeof head - 1, MSG_NOSIGNAL) > 0);
    for (int i = 0; i < 64; i++)
        assert_true(send(fd, block, sizeof block, MSG_NOSIGNAL) > 0);
    read_reply(fd, NULL, &r);
    assert_non_null(strstr(r.ptr, "HTTP/1.1 413 "));
}

static void caps_a_chunked_body_too(void **state)
{
    lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536), q = LP_BUF_INIT(65536);
    lp_buf_str(&q, "POST / HTTP/1.1\r\n" CLOSE "Transfer-Encoding: chunked\r\n\r\n3e9\r\n");
    for (int i = 0; i < 1001; i++)
        lp_buf_char(&q, 'a');
    lp_buf_str(&q, "\r\n0\r\n\r\n");
    ask(*state, q.ptr, &r);
    assert_non_null(strstr(r.ptr, "HTTP/1.1 413 "));
}

static void takes_a_body_of_exactly_the_limit(void **state)
{
    lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536), q = LP_BUF_INIT(65536);
    lp_buf_str(&q, "POST / HTTP/1.1\r\n" CLOSE "Content-Length: 1000\r\n\r\n");
    for (int i = 0; i < MAX_BODY; i++)
        lp_buf_char(&q, 'a');
    ask(*state, q.ptr, &r);
    assert_non_null(strstr(r.ptr, "len=1000 "));
}

/* A request with `n` bytes of body, of which the last `less` are not sent. */
static void put_long(struct lp_buf *q, const char *framing, size_t n, size_t less)
{
    lp_auto_free char *body = lp_alloc(n);
    memset(body, 'a', n);
    lp_buf_reset(q);
    lp_buf_printf(q, "POST / HTTP/1.1\r\n" CLOSE "%s", framing);
    lp_buf_add(q, body, n - less);
}

/* Asks whether a body of 256 KiB may come, and sends none, until the answer is `want`: who came
 * before may still be read, or not be gone yet. */
static void await_leave(const struct lp_http_server *s, const char *want, struct lp_buf *r)
{
    static const char head[] = "POST / HTTP/1.1\r\n" CLOSE "Expect: 100-continue\r\n"
                               "Content-Length: 262144\r\n\r\n";
    int64_t end = lp_clock_ms() + 20000;
    do {
        lp_auto_fd int fd = dial(s);
        lp_buf_reset(r);
        assert_int_equal(send(fd, head, sizeof head - 1, MSG_NOSIGNAL), sizeof head - 1);
        read_reply(fd, "\r\n\r\n", r);
    } while (!strstr(r->ptr, want) && lp_clock_ms() < end);
    assert_non_null(strstr(r->ptr, want));
}

/* Whoever holds long bodies open, and needs no token for it, does not take the memory of a pod. */
static void only_so_many_long_bodies_are_in_memory_and_short_ones_pass(void **state)
{
    enum { BODY = 256 * 1024 };
    struct lp_http_server_options o = { .address = "127.0.0.1",
                                        .name = "small",
                                        .max_body = BODY,
                                        .max_bodies = 2 * (BODY - LP_HTTP_SMALL_BODY),
                                        .handler = echo };
    lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536), q = LP_BUF_INIT((size_t)2 * BODY);
    struct lp_http_server *s;
    struct lp_error err;
    int open[2];
    (void)state;

    assert_int_equal(lp_http_server_start(&o, &s, &err), 0);
    put_long(&q, "Content-Length: 262144\r\n\r\n", BODY, 1);
    for (size_t i = 0; i < LP_COUNT(open); i++) {
        open[i] = dial(s);
        assert_int_equal(send(open[i], q.ptr, q.len, MSG_NOSIGNAL), q.len);
    }
    await_leave(s, "HTTP/1.1 503 ", &r);
    put_long(&q, "Content-Length: 262144\r\n\r\n", BODY, 0);
    ask_n(s, q.ptr, q.len, &r);
    assert_non_null(strstr(r.ptr, "HTTP/1.1 503 "));
    assert_non_null(strstr(r.ptr, "Retry-After: 1\r\n"));
    assert_non_null(strstr(r.ptr, "{\"error\":\"too many long request bodies at once\"}"));
    put_long(&q, "Transfer-Encoding: chunked\r\n\r\n40000\r\n", BODY, 0);
    lp_buf_str(&q, "\r\n0\r\n\r\n");
    ask_n(s, q.ptr, q.len, &r);
    assert_non_null(strstr(r.ptr, "HTTP/1.1 503 "));
    put_long(&q, "Content-Length: 65536\r\n\r\n", LP_HTTP_SMALL_BODY, 0);
    ask_n(s, q.ptr, q.len, &r);
    assert_non_null(strstr(r.ptr, "len=65536 "));

    close(open[0]);
    await_leave(s, "HTTP/1.1 100 ", &r);
    put_long(&q, "Content-Length: 262144\r\n\r\n", BODY, 0);
    ask_n(s, q.ptr, q.len, &r);
    assert_non_null(strstr(r.ptr, "len=262144 "));
    assert_int_equal(send(open[1], "a", 1, MSG_NOSIGNAL), 1);
    lp_buf_reset(&r);
    read_reply(open[1], NULL, &r);
    assert_non_null(strstr(r.ptr, "len=262144 "));
    close(open[1]);
    lp_http_server_stop(s);
}

static void refuses_headers_over_the_limit(void **state)
{
    lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536), q = LP_BUF_INIT(200000);
    static const struct {
        size_t value;
        const char *want;
    } cases[] = { { LP_LIMIT_HTTP_HEADERS - 200, " 200 " },
                  { LP_LIMIT_HTTP_HEADERS, " 431 " },
                  { 150000, " 431 " } };
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_buf_reset(&q);
        lp_buf_str(&q, "GET / HTTP/1.1\r\n" CLOSE "X-Long: ");
        for (size_t j = 0; j < cases[i].value; j++)
            lp_buf_char(&q, 'a');
        lp_buf_str(&q, "\r\n\r\n");
        ask(*state, q.ptr, &r);
        assert_non_null(strstr(r.ptr, cases[i].want));
        assert_null(strstr(r.ptr, "<html>"));
    }
    assert_non_null(strstr(r.ptr, "{\"error\":\"headers over 16384 bytes\"}"));
    lp_buf_reset(&q);
    lp_buf_str(&q, "GET /");
    for (size_t j = 0; j < LP_LIMIT_HTTP_TARGET; j++)
        lp_buf_char(&q, 'a');
    lp_buf_str(&q, " HTTP/1.1\r\nHost: a\r\n\r\n");
    ask(*state, q.ptr, &r);
    assert_non_null(strstr(r.ptr, " 414 "));
}

/*
 * The time-outs here are one second for headers, four for a body; each byte comes well within them.
 */
static void does_not_let_a_dripping_client_stretch_its_time(void **state)
{
    static const char *const starts[] = {
        "G", "GET / HTTP/1.1\r\nHost: a\r\nX: ",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999\r\n\r\n"
    };
    for (size_t i = 0; i < LP_COUNT(starts); i++) {
        lp_auto_fd int fd = dial(*state);
        struct pollfd closed = { .fd = fd, .events = POLLIN };
        int sent = 0;
        char byte;
        assert_true(send(fd, starts[i], strlen(starts[i]), MSG_NOSIGNAL) > 0);
        while (sent < 900 && poll(&closed, 1, 50) == 0 && send(fd, "E", 1, MSG_NOSIGNAL) == 1)
            sent++;
        assert_in_range(sent, 1, 899);
        assert_true(recv(fd, &byte, 1, 0) <= 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_request_as_it_was_sent),
        cmocka_unit_test(collects_a_body_however_it_is_framed),
        cmocka_unit_test(answers_several_requests_on_one_connection),
        cmocka_unit_test(closes_when_the_client_has_ended_its_side),
        cmocka_unit_test(refuses_what_two_parsers_may_read_differently),
        cmocka_unit_test(what_it_refuses_itself_is_json_and_ends_the_connection),
        cmocka_unit_test(a_head_in_pieces_is_one_request),
        cmocka_unit_test(over_the_limit_of_connections_clients_wait_for_a_place),
        cmocka_unit_test(an_absolute_target_is_its_path_and_its_authority_is_the_host),
        cmocka_unit_test(a_coded_body_is_415_and_not_taken_for_text),
        cmocka_unit_test(a_chunked_body_of_any_size_is_answered_413),
        cmocka_unit_test(says_413_before_it_reads_a_body_that_is_too_long),
        cmocka_unit_test(lets_the_sender_of_a_long_body_see_the_413),
        cmocka_unit_test(caps_a_chunked_body_too),
        cmocka_unit_test(takes_a_body_of_exactly_the_limit),
        cmocka_unit_test(only_so_many_long_bodies_are_in_memory_and_short_ones_pass),
        cmocka_unit_test(refuses_headers_over_the_limit),
        cmocka_unit_test(does_not_let_a_dripping_client_stretch_its_time),
    };
    return cmocka_run_group_tests_name("http_server", tests, start, stop);
}
