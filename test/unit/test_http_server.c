/* test/unit/test_http_server.c -- a real server on a free port, clients that are plain sockets. */
#include "http/server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "unit/check.h"

#define MAX_BODY 1000

/* What the handler of these tests saw last, and whom it left unanswered. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct lp_http_exchange *later;
    int refused;
} seen = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static bool count_value(const char *value, void *user)
{
    lp_buf_printf(user, "[%s]", value);
    return true;
}

/* Tells in the body what it was asked. */
static void echo(struct lp_http_exchange *x, void *user)
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(4096);
    size_t len;
    (void)user;

    if (strncmp(lp_http_path(x), "/later", 6) == 0) {
        pthread_mutex_lock(&seen.lock);
        seen.later = x;
        pthread_cond_signal(&seen.changed);
        pthread_mutex_unlock(&seen.lock);
        return;
    }
    const char *body = lp_http_body(x, &len);
    const char *q = lp_http_query(x, "q"), *again = lp_http_query(x, "q");
    lp_buf_printf(&b, "%s %s path=%s q=%s%s len=%zu body=%.20s peer=%s x=", lp_http_method(x),
                  lp_http_target(x), lp_http_path(x), q ? q : "-", again == q ? "" : "?", len, body,
                  lp_http_peer(x));
    lp_http_headers(x, "x-many", count_value, &b);
    lp_http_reply_header(x, "X-First", "1");
    lp_http_reply_header(x, "X-Bad", "a\r\nX-Injected: b");
    lp_http_reply_buf(x, 200, "text/plain", &b);
}

static const char *count_refusal(int status, const char *why, void *user)
{
    (void)why, (void)user;
    seen.refused = status;
    return status == 413 ? "{\"error\":\"too much\"}" : NULL;
}

static struct lp_http_exchange *wait_for_later(void)
{
    pthread_mutex_lock(&seen.lock);
    while (!seen.later)
        pthread_cond_wait(&seen.changed, &seen.lock);
    struct lp_http_exchange *x = seen.later;
    seen.later = NULL;
    pthread_mutex_unlock(&seen.lock);
    return x;
}

static int start(void **state)
{
    struct lp_http_server_options o = { .address = "127.0.0.1",
                                        .name = "test",
                                        .max_body = MAX_BODY,
                                        .header_timeout_s = 1,
                                        .handler = echo,
                                        .refusal = count_refusal };
    struct lp_http_server *s;
    struct lp_error err;
    if (lp_http_server_start(&o, &s, &err) < 0)
        return -1;
    *state = s;
    return 0;
}

static int stop(void **state)
{
    lp_http_server_stop(*state);
    return 0;
}

static int dial(const struct lp_http_server *s)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(lp_http_server_port(s)) };
    struct timeval limit = { .tv_sec = 20 };
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

/* Reads until `until` was seen (NULL: until the end of the stream). */
static void read_reply(int fd, const char *until, struct lp_buf *reply)
{
    char bytes[4096];
    ssize_t n;
    while ((!until || !strstr(reply->ptr, until)) && (n = recv(fd, bytes, sizeof bytes, 0)) > 0)
        lp_buf_add(reply, bytes, (size_t)n);
}

/* One request on one connection, read to its end. */
static void ask_n(const struct lp_http_server *s, const void *bytes, size_t n, struct lp_buf *reply)
{
    lp_auto_fd int fd = dial(s);
    lp_buf_reset(reply);
    assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
    read_reply(fd, NULL, reply);
}

static void ask(const struct lp_http_server *s, const char *text, struct lp_buf *reply)
{
    ask_n(s, text, strlen(text), reply);
}

#define CLOSE "Host: a\r\nConnection: close\r\n"

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
    }
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

static void gives_head_the_headers_only(void **state)
{
    lp_auto_buf struct lp_buf r = LP_BUF_INIT(65536);
    ask(*state, "HEAD /h HTTP/1.1\r\n" CLOSE "\r\n", &r);
    assert_non_null(strstr(r.ptr, "HTTP/1.1 200 "));
    assert_null(strstr(r.ptr, "path="));
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
    void *s;
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
        cmocka_unit_test(gives_the_request_as_it_was_sent),
        cmocka_unit_test(collects_a_body_however_it_is_framed),
        cmocka_unit_test(answers_several_requests_on_one_connection),
        cmocka_unit_test(closes_when_the_client_has_ended_its_side),
        cmocka_unit_test(refuses_what_two_parsers_may_read_differently),
        cmocka_unit_test(says_413_before_it_reads_a_body_that_is_too_long),
        cmocka_unit_test(lets_the_sender_of_a_long_body_see_the_413),
        cmocka_unit_test(caps_a_chunked_body_too),
        cmocka_unit_test(takes_a_body_of_exactly_the_limit),
        cmocka_unit_test(refuses_headers_over_the_limit),
        cmocka_unit_test(does_not_let_a_dripping_client_stretch_its_time),
        cmocka_unit_test(answers_later_from_another_thread),
        cmocka_unit_test(knows_when_the_client_has_gone),
        cmocka_unit_test(survives_replies_that_race_with_the_handler),
        cmocka_unit_test(streams_a_reply_of_unknown_length),
        cmocka_unit_test(cuts_a_stream_that_is_not_complete),
        cmocka_unit_test(ends_a_stream_whose_client_does_not_read),
        cmocka_unit_test(gives_head_the_headers_only),
        cmocka_unit_test(says_who_cannot_listen_where),
        cmocka_unit_test(takes_no_new_connections_after_quiesce),
    };
    return cmocka_run_group_tests_name("http_server", tests, start, stop);
}
