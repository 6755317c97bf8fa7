/* test/unit/test_gateway_upgrade.c -- WebSockets through the gateway: token, frames both ways, the
 * code of their end. */
#include "unit/gateway_echo.h"
#include "unit/gateway_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_a_websocket_whose_token_it_checked),
        cmocka_unit_test(takes_a_browsers_token_from_the_subprotocols),
        cmocka_unit_test(ends_a_websocket_with_a_code_that_says_why),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("gateway_upgrade", tests, NULL, NULL);
}
