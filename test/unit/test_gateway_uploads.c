/* Answers that are ready before the request is, limits of bodies, and bytes both ways at once. */
#include "unit/gateway_fixture.h"

#include <arpa/inet.h>
#include <pthread.h>

#include "base/clock.h"

#define BIG 12000000

/* ---- an upstream that echoes, while bodies come ---- */

struct echo {
    int listener;
    char url[64];
    pthread_t thread;
};

/* Raw bytes back, `left` of them, or until the end (-1). */
static void echo_bytes(int fd, int64_t left)
{
    char block[65536];
    ssize_t n;

    while (left != 0 && (n = recv(fd, block, sizeof block, 0)) > 0) {
        if (!raw_send(fd, block, (size_t)n))
            return;
        left -= left > 0 ? n : 0;
    }
}

/* Each frame of the client (of less than 126 bytes) comes back as the server's: not masked. */
static void echo_frames(int fd)
{
    unsigned char head[6], frame[2 + 125];

    while (recv(fd, head, sizeof head, MSG_WAITALL) == (ssize_t)sizeof head) {
        size_t n = head[1] & 0x7f;
        if (n > 125 || recv(fd, frame + 2, n, MSG_WAITALL) != (ssize_t)n)
            return;
        frame[0] = head[0];
        frame[1] = (unsigned char)n;
        for (size_t i = 0; i < n; i++)
            frame[2 + i] ^= head[2 + i % 4];
        if (!raw_send(fd, frame, 2 + n))
            return;
    }
}

static void echo_one(int fd)
{
    char head[16384], reply[256];
    size_t n = 0;

    while (n + 1 < sizeof head && recv(fd, head + n, 1, 0) == 1) {
        head[++n] = '\0';
        if (n >= 4 && memcmp(head + n - 4, "\r\n\r\n", 4) == 0)
            break;
    }
    const char *length = strcasestr(head, "\r\nContent-Length: ");
    if (strcasestr(head, "\r\nUpgrade: websocket\r\n")) {
        static const char up[] = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                                 "Upgrade: websocket\r\nSec-WebSocket-Accept: a\r\n\r\n\x81\x05"
                                 "first";
        raw_send(fd, up, sizeof up - 1);
        echo_frames(fd);
    } else if (length) {
        long long want = strtoll(length + 18, NULL, 10);
        snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\nContent-Length: %lld\r\n\r\n", want);
        raw_send(fd, reply, strlen(reply));
        echo_bytes(fd, want);
    }
}

static void *echo_run(void *user)
{
    struct echo *e = user;
    int fd;

    while ((fd = accept(e->listener, NULL, NULL)) >= 0) {
        echo_one(fd);
        close(fd);
    }
    return NULL;
}

static void echo_up(struct echo *e)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;

    e->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(e->listener, (struct sockaddr *)(void *)&at, sizeof at), 0);
    assert_int_equal(listen(e->listener, 16), 0);
    getsockname(e->listener, (struct sockaddr *)(void *)&at, &len);
    snprintf(e->url, sizeof e->url, "http://127.0.0.1:%u", ntohs(at.sin_port));
    assert_int_equal(pthread_create(&e->thread, NULL, echo_run, e), 0);
}

static void echo_down(struct echo *e)
{
    shutdown(e->listener, SHUT_RDWR);
    pthread_join(e->thread, NULL);
    close(e->listener);
}

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

static void await_bytes(int fd, struct lp_buf *out, const char *end)
{
    char block[4096];

    while (!strstr(out->ptr, end)) {
        ssize_t n = recv(fd, block, sizeof block, 0);
        if (n <= 0)
            fail_msg("ended before %s: %s", end, out->ptr);
        lp_buf_add(out, block, (size_t)n);
    }
}

static void passes_a_websocket_whose_token_it_checked(void **state)
{
    static const char handshake[] = "GET /any/ws HTTP/1.1\r\nHost: g\r\n"
                                    "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
                                    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: k\r\n";
    struct gateway_config config;
    struct echo echo;
    (void)state;

    echo_up(&echo);
    config = gateway_defaults(echo.url);
    config.upstream_limit = 1; /* an open one takes no place */
    struct gateway *g = gateway_up(&config);
    lp_auto_free char *bare = lp_sprintf("%s\r\n", handshake);
    lp_auto_free char *good = lp_sprintf("%s" GATEWAY_BEARER "\r\n\x81\x85"
                                         "\1\1\1\1"
                                         "d`smx",
                                         handshake);
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
    assert_int_equal(raw_request(gateway_port(g), bare, &out), 401);
    int fd = raw_connect(gateway_port(g), 0);
    lp_buf_reset(&out);
    raw_send(fd, good, strlen(good));
    await_bytes(fd, &out, "early");
    assert_int_equal(raw_status(&out), 101);
    assert_non_null(strcasestr(out.ptr, "\r\nUpgrade: websocket\r\n"));
    assert_non_null(strcasestr(out.ptr, "\r\nConnection: Upgrade\r\n"));
    assert_non_null(strstr(out.ptr, "\r\nSec-WebSocket-Accept: a\r\n"));
    raw_send(fd,
             "\x81\x82"
             "\1\1\1\1in",
             8);
    await_bytes(fd, &out, "ho");
    close(fd);
    gateway_free(g, 10000);
    echo_down(&echo);
}

#define HANDSHAKE                                                                      \
    "GET /any/ws HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: k\r\n"

static void takes_a_browsers_token_from_the_subprotocols(void **state)
{
    struct gateway_config config;
    struct echo echo;
    (void)state;

    echo_up(&echo);
    config = gateway_defaults(echo.url);
    struct gateway *g = gateway_up(&config);
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
    int fd = raw_connect(gateway_port(g), 0);
    static const char good[] =
        HANDSHAKE "Sec-WebSocket-Protocol: bearer, " GATEWAY_TOKEN ", chat\r\n\r\n";
    static const char bad[] = HANDSHAKE "Sec-WebSocket-Protocol: bearer, x.y.z\r\n\r\n";
    static const char none[] = HANDSHAKE "Sec-WebSocket-Protocol: chat\r\n\r\n";
    raw_send(fd, good, strlen(good));
    await_bytes(fd, &out, "first");
    assert_int_equal(raw_status(&out), 101);
    assert_non_null(strstr(out.ptr, "\r\nSec-WebSocket-Protocol: bearer\r\n"));
    lp_buf_reset(&out);
    assert_int_equal(raw_request(gateway_port(g), bad, &out), 401);
    lp_buf_reset(&out);
    assert_int_equal(raw_request(gateway_port(g), none, &out), 401);
    close(fd);
    gateway_free(g, 10000);
    echo_down(&echo);
}

/* Opens one on a gateway, lets `act` do what ends it, and reads up to the end. */
static void end_of_websocket(void (*change)(struct gateway_config *c), const char *frame, size_t n,
                             bool closing, const char *want)
{
    struct gateway_config config;
    struct echo echo;

    echo_up(&echo);
    config = gateway_defaults(echo.url);
    change(&config);
    struct gateway *g = gateway_up(&config);
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
    static const char good[] = HANDSHAKE GATEWAY_BEARER "\r\n";
    int fd = raw_connect(gateway_port(g), 0);
    raw_send(fd, good, strlen(good));
    await_bytes(fd, &out,
                "\x81\x05"
                "first");
    raw_send(fd, frame, n);
    if (closing)
        gateway_close_politely(g);
    lp_buf_reset(&out);
    assert_true(raw_read_all(fd, &out));
    assert_true(out.len >= 4);
    assert_memory_equal(out.ptr + out.len - 4, want, 4);
    close(fd);
    gateway_free(g, 10000);
    echo_down(&echo);
}

static void small_messages(struct gateway_config *c)
{
    c->websocket_message_max = 3;
}

static void short_idle(struct gateway_config *c)
{
    c->websocket_idle_ms = 200;
}

static void no_change(struct gateway_config *c)
{
    (void)c;
}

static void ends_a_websocket_with_a_code_that_says_why(void **state)
{
    (void)state;
    end_of_websocket(small_messages,
                     "\x81\x84"
                     "0000"
                     "long",
                     10, false, "\x88\x02\x03\xf1");
    end_of_websocket(no_change,
                     "\x81\x01"
                     "a",
                     3, false, "\x88\x02\x03\xea");
    end_of_websocket(short_idle, "", 0, false, "\x88\x02\x03\xe9");
    end_of_websocket(no_change, "", 0, true, "\x88\x02\x03\xf4");
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
        cmocka_unit_test(passes_a_websocket_whose_token_it_checked),
        cmocka_unit_test(takes_a_browsers_token_from_the_subprotocols),
        cmocka_unit_test(ends_a_websocket_with_a_code_that_says_why),
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
