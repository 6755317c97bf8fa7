/* What the gateway decides by a request's head, seen from outside by a client that sends raw bytes.
 */
#include "unit/gateway_fixture.h"

#include <sys/time.h>

static const struct fake_script echo[] = {
    { .reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" },
    FAKE_SCRIPT_END,
};

/* One gateway and one upstream for most tests. */
static struct fake_upstream *upstream;
static struct gateway_config config;
static struct gateway *gateway;
static uint16_t port;

static int start(void **state)
{
    (void)state;
    upstream = fake_upstream_start(echo);
    config = gateway_defaults(fake_upstream_url(upstream));
    gateway = gateway_up(&config);
    port = gateway_port(gateway);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    gateway_free(gateway, 10000);
    fake_upstream_stop(upstream);
    return 0;
}

static int ask(struct lp_buf *out, const char *method, const char *target, const char *headers)
{
    lp_auto_free char *request =
        lp_sprintf("%s %s HTTP/1.1\r\nHost: g\r\n%s\r\n", method, target, headers);
    lp_buf_reset(out);
    return raw_request(port, request, out);
}

static void asks_for_a_token_where_the_contract_says_so(void **state)
{
    static const struct {
        const char *target, *headers;
        int status;
        const char *body;
    } cases[] = {
#define MISSING "{\"message\":\"Authorization token missing or invalid\"}"
#define INVALID "{\"message\":\"Invalid or expired token\"}"
#define UNKNOWN "{\"message\":\"resource not found\"}"
        { "/ai/x", "", 401, MISSING },
        { "/ai/x", "Authorization: Bearer \r\n", 401, MISSING },
        { "/ai/x", "Authorization: Bearer  " GATEWAY_TOKEN "\r\n", 401, MISSING },
        { "/ai/x", "Authorization: bearer " GATEWAY_TOKEN "\r\n", 401, MISSING },
        { "/ai/x", "Authorization: Basic YTpi\r\n", 401, MISSING },
        { "/ai/x?token=" GATEWAY_TOKEN, "", 401, MISSING },
        { "/ai/x", "Cookie: token=" GATEWAY_TOKEN "\r\n", 401, MISSING },
        { "/ai/x", "Authorization: Bearer x.y.z\r\n", 401, INVALID },
        { "/ai/x", GATEWAY_BEARER, 200, "ok" },
        { "/ai/x", "Authorization: Bearer " GATEWAY_TOKEN " and more\r\n", 200, "ok" },
        { "/unknown", "", 401, MISSING },
        { "/unknown", GATEWAY_BEARER, 404, UNKNOWN },
        { "/", GATEWAY_BEARER, 404, UNKNOWN },
        { "/aix", GATEWAY_BEARER, 404, UNKNOWN },
        { "/healthy", "", 404, UNKNOWN },
        { "/HEALTH", "", 401, MISSING },
        { "/auth/x", "", 200, "ok" },
        { "//auth//x", "", 200, "ok" },
        { "/AUTH/x", "", 401, MISSING },
        { "/AUTH/x", GATEWAY_BEARER, 200, "ok" },
        { "/auth", "", 401, MISSING },
        { "/auth/x", "Authorization: Bearer x.y.z\r\n", 200, "ok" },
    };
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(65536);
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        assert_int_equal(ask(&out, "GET", cases[i].target, cases[i].headers), cases[i].status);
        assert_string_equal(raw_body(&out), cases[i].body);
    }
}

static void says_who_its_upstreams_are_on_health(void **state)
{
    static const char *const targets[] = { "/health", "/health/", "//health", "/health?x=1" };
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(65536);
    const char *url = fake_upstream_url(upstream);
    (void)state;
    for (size_t i = 0; i < LP_COUNT(targets); i++) {
        assert_int_equal(ask(&out, "GET", targets[i], ""), 200);
        json_auto_t *body = json_loads(raw_body(&out), 0, NULL);
        assert_string_equal(lp_json_str(body, "status", NULL), "ok");
        assert_string_equal(lp_json_str(body, "auth", NULL), url);
        assert_string_equal(lp_json_str(body, "ai", NULL), url);
        assert_string_equal(lp_json_str(body, "progress", NULL), url);
    }
    assert_int_equal(ask(&out, "HEAD", "/health", ""), 200);
    assert_string_equal(raw_body(&out), "");
    assert_int_equal(ask(&out, "POST", "/health", "Content-Length: 0\r\n"), 404);
    assert_int_equal(ask(&out, "GET", "/HEALTH", GATEWAY_BEARER), 200);
}

static void sends_the_headers_of_helmet_on_every_answer(void **state)
{
    static const char *const headers[] = {
        "Content-Security-Policy: default-src 'self';base-uri 'self';font-src 'self' https: "
        "data:;form-action 'self';frame-ancestors 'self';img-src 'self' data:;object-src "
        "'none';script-src 'self';script-src-attr 'none';style-src 'self' https: "
        "'unsafe-inline';upgrade-insecure-requests",
        "Cross-Origin-Opener-Policy: same-origin",
        "Cross-Origin-Resource-Policy: same-origin",
        "Origin-Agent-Cluster: ?1",
        "Referrer-Policy: no-referrer",
        "Strict-Transport-Security: max-age=31536000; includeSubDomains",
        "X-Content-Type-Options: nosniff",
        "X-DNS-Prefetch-Control: off",
        "X-Download-Options: noopen",
        "X-Frame-Options: SAMEORIGIN",
        "X-Permitted-Cross-Domain-Policies: none",
        "X-XSS-Protection: 0",
        "Access-Control-Allow-Origin: *",
    };
    static const char *const targets[] = { "/health", "/ai/x", "/auth/x", "/healthy" };
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(65536);
    (void)state;
    for (size_t t = 0; t < LP_COUNT(targets); t++) {
        ask(&out, "GET", targets[t], "");
        for (size_t i = 0; i < LP_COUNT(headers); i++) {
            lp_auto_free char *line = lp_sprintf("\r\n%s\r\n", headers[i]);
            assert_non_null(strstr(out.ptr, line));
        }
        assert_null(strstr(out.ptr, "X-Powered-By"));
    }
}

static void answers_a_preflight_anywhere_before_the_token(void **state)
{
    static const char *const targets[] = { "/", "/ai/x", "/unknown", "/health" };
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(65536);
    (void)state;
    for (size_t t = 0; t < LP_COUNT(targets); t++) {
        assert_int_equal(ask(&out, "OPTIONS", targets[t],
                             "Origin: https://a.example\r\n"
                             "Access-Control-Request-Headers: authorization, x-a\r\n"),
                         204);
        assert_non_null(strstr(out.ptr, "\r\nAccess-Control-Allow-Methods: "
                                        "GET,HEAD,PUT,PATCH,POST,DELETE\r\n"));
        assert_non_null(
            strstr(out.ptr, "\r\nAccess-Control-Allow-Headers: authorization, x-a\r\n"));
        assert_non_null(strstr(out.ptr, "\r\nVary: Access-Control-Request-Headers\r\n"));
        assert_non_null(strstr(out.ptr, "\r\nAccess-Control-Allow-Origin: *\r\n"));
    }
    assert_int_equal(ask(&out, "OPTIONS", "/ai/x", ""), 204);
    assert_null(strstr(out.ptr, "Access-Control-Allow-Headers"));
}

static void names_an_origin_of_the_list_only(void **state)
{
    static const struct {
        const char *header, *allowed;
    } cases[] = {
        { "Origin: https://b.example\r\n",
          "\r\nAccess-Control-Allow-Origin: https://b.example\r\n" },
        { "Origin: https://c.example\r\n", NULL },
        { "", NULL },
    };
    struct gateway_config c = config;
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(65536);
    (void)state;

    c.cors_origin = "https://a.example, https://b.example";
    struct gateway *g = gateway_up(&c);
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_free char *request =
            lp_sprintf("GET /health HTTP/1.1\r\nHost: g\r\n%s\r\n", cases[i].header);
        lp_buf_reset(&out);
        assert_int_equal(raw_request(gateway_port(g), request, &out), 200);
        assert_non_null(strstr(out.ptr, "\r\nVary: Origin\r\n"));
        if (cases[i].allowed)
            assert_non_null(strstr(out.ptr, cases[i].allowed));
        else
            assert_null(strstr(out.ptr, "Access-Control-Allow-Origin"));
    }
    gateway_free(g, 10000);
}

static void refuses_what_two_servers_may_read_differently(void **state)
{
#define POST "POST /auth/x HTTP/1.1\r\nHost: g\r\n"
    static const char *const cases[] = {
        POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        POST "Content-Length: 3, 3\r\n\r\nabc",
        POST "Content-Length: +3\r\n\r\nabc",
        POST "Content-Length: 0x3\r\n\r\nabc",
        POST "Content-Length: -1\r\n\r\n",
        POST "Content-Length:\r\n\r\n",
        POST "Content-Length : 3\r\n\r\nabc",
        POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        POST "X-A: b\r\n Content-Length: 3\r\n\r\n",
        POST "X-A: b\r\n\tc\r\n\r\n",
        POST "Content-Length: 3\r\n 4\r\n\r\nabc",
        POST "X-A: b\nX-B: c\r\n\r\n",
        POST "X-A: b\n\r\n",
        POST "X-A: b\r\n\n",
        POST "X-A: b\rc\r\n\r\n",
        POST "X A: b\r\n\r\n",
        POST "X-A\r\n\r\n",
        POST ": b\r\n\r\n",
        POST "Host: h\r\n\r\n",
        "POST /auth/x HTTP/1.1\nHost: g\r\n\r\n",
        "POST /auth/x HTTP/1.1\r\n\r\n",
        "POST  /auth/x HTTP/1.1\r\nHost: g\r\n\r\n",
        "POST /auth/x y HTTP/1.1\r\nHost: g\r\n\r\n",
        "POST /auth/x HTTP/1.1 \r\nHost: g\r\n\r\n",
        "POST auth/x HTTP/1.1\r\nHost: g\r\n\r\n",
        "CONNECT g:80 HTTP/1.1\r\nHost: g\r\n\r\n",
        "POST /auth/x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    };
    lp_auto_buf struct lp_buf before = LP_BUF_INIT(1 << 20), after = LP_BUF_INIT(1 << 20);
    (void)state;
    fake_upstream_heads(upstream, &before);
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_buf struct lp_buf out = LP_BUF_INIT(65536);
        int fd = raw_connect(port, 0);
        raw_send(fd, cases[i], strlen(cases[i]));
        shutdown(fd, SHUT_WR);
        raw_read_all(fd, &out);
        close(fd);
        if (raw_status(&out) != 400)
            fail_msg("case %zu got: %.60s", i, out.ptr);
    }
    fake_upstream_heads(upstream, &after);
    assert_int_equal(before.len, after.len); /* nothing of it went on */
}

/* The kernel may tell the end of the client's bytes with the bytes or after the answer; it is not
 * missed either way. */
static void ends_every_connection_that_the_client_half_closes(void **state)
{
    static const char request[] = "GET /healthy HTTP/1.1\r\nHost: g\r\n\r\n"; /* is kept alive */
    (void)state;
    for (int i = 0; i < 3000; i++) {
        lp_auto_buf struct lp_buf out = LP_BUF_INIT(65536);
        int fd = raw_connect(port, 0);
        raw_send(fd, request, strlen(request));
        shutdown(fd, SHUT_WR);
        assert_true(raw_read_all(fd, &out));
        close(fd);
        assert_int_equal(raw_status(&out), 404);
        assert_null(strstr(out.ptr, "Connection: close"));
    }
}

static void refuses_heads_over_the_limits(void **state)
{
    static const struct {
        size_t target, value, fields;
        int status;
    } cases[] = {
        { 0, 16100, 0, 200 }, { 0, 16400, 0, 431 }, { 0, 0, 98, 200 },     { 0, 0, 100, 431 },
        { 8000, 0, 0, 200 },  { 8200, 0, 0, 414 },  { 0, 200000, 0, 431 }, { 200000, 0, 0, 414 },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_buf struct lp_buf request = LP_BUF_INIT(300000), out = LP_BUF_INIT(65536);
        lp_buf_str(&request, "GET /auth/");
        for (size_t n = 0; n < cases[i].target; n++)
            lp_buf_char(&request, 'p');
        lp_buf_str(&request, " HTTP/1.1\r\nHost: g\r\n");
        for (size_t n = 0; n < cases[i].fields; n++)
            lp_buf_printf(&request, "X-%zu: y\r\n", n);
        lp_buf_str(&request, "X-Long: ");
        for (size_t n = 0; n < cases[i].value; n++)
            lp_buf_char(&request, 'v');
        lp_buf_str(&request, "\r\n\r\n");
        assert_int_equal(raw_request(port, request.ptr, &out), cases[i].status);
    }
}

static void limits_requests_of_one_client_and_says_when_to_come_back(void **state)
{
    struct gateway_config c = config;
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(65536);
    (void)state;

    c.rate_max = 2;
    c.rate_window_ms = 3600000;
    struct gateway *g = gateway_up(&c);
    static const int want[] = { 200, 200, 429, 429 };
    for (size_t i = 0; i < LP_COUNT(want); i++) {
        lp_buf_reset(&out);
        int status = raw_request(gateway_port(g), "GET /auth/x HTTP/1.1\r\nHost: g\r\n\r\n", &out);
        assert_int_equal(status, want[i]);
        assert_non_null(strstr(out.ptr, "\r\nRateLimit-Limit: 2\r\n"));
        assert_non_null(strstr(out.ptr, i == 0 ? "\r\nRateLimit-Remaining: 1\r\n"
                                               : "\r\nRateLimit-Remaining: 0\r\n"));
        assert_non_null(strstr(out.ptr, "\r\nRateLimit-Reset: "));
        assert_non_null(strstr(out.ptr, "\r\nRateLimit-Policy: 2;w=3600\r\n"));
        assert_int_equal(strstr(out.ptr, "\r\nRetry-After: ") != NULL, want[i] == 429);
    }
    lp_buf_reset(&out); /* the token's subject is another client than the address */
    assert_int_equal(raw_request(gateway_port(g),
                                 "GET /ai/x HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER "\r\n", &out),
                     200);
    lp_buf_reset(&out);
    assert_int_equal(raw_request(gateway_port(g), "GET /health HTTP/1.1\r\nHost: g\r\n\r\n", &out),
                     200);
    gateway_free(g, 10000);
}

static void limits_subjects_and_addresses_apart_by_default(void **state)
{
    static const char *const requests[] = {
        "GET /ai/x HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER "\r\n",
        "GET /auth/x HTTP/1.1\r\nHost: g\r\n\r\n",
        "GET /progress/x HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer x.y.z\r\n\r\n",
    };
    static const int want[LP_COUNT(requests)][4] = { { 200, 200, 429, 429 },
                                                     { 200, 200, 200, 429 },
                                                     { 401, 401, 401, 429 } };
    struct gateway_config c = config;
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(65536);
    (void)state;

    c.rate_max = -1;
    c.subject_rate = c.address_rate = 1;
    c.subject_burst = 2;
    c.address_burst = 3;
    struct gateway *g = gateway_up(&c);
    for (size_t i = 0; i < LP_COUNT(requests); i++) {
        for (size_t n = 0; n < 4; n++) {
            lp_buf_reset(&out);
            assert_int_equal(raw_request(gateway_port(g), requests[i], &out), want[i][n]);
            assert_non_null(strstr(out.ptr, i == 0 ? "\r\nRateLimit-Policy: 2;w=2\r\n"
                                                   : "\r\nRateLimit-Policy: 3;w=3\r\n"));
            assert_int_equal(strstr(out.ptr, "\r\nRetry-After: 1\r\n") != NULL, want[i][n] == 429);
        }
    }
    gateway_free(g, 10000);
}

static void keeps_the_connection_after_its_own_answers(void **state)
{
    static const char *const requests[] = {
        "GET /health HTTP/1.1\r\nHost: g\r\n\r\n",
        "POST /ai/x HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\n\r\nhello",
        "GET /unknown HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER "\r\n",
        "OPTIONS /ai HTTP/1.1\r\nHost: g\r\n\r\n",
        "GET /ai/x HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER "\r\n",
    };
    static const int want[] = { 200, 401, 404, 204, 200 };
    int fd = raw_connect(port, 0);
    (void)state;
    for (size_t i = 0; i < LP_COUNT(requests); i++) {
        lp_auto_buf struct lp_buf out = LP_BUF_INIT(65536);
        assert_true(raw_send(fd, requests[i], strlen(requests[i])));
        assert_true(raw_read_response(fd, false, &out));
        assert_int_equal(raw_status(&out), want[i]);
    }
    close(fd);
}

static void lets_the_sender_of_a_long_body_see_the_401(void **state)
{
    static const char head[] =
        "POST /ai/x HTTP/1.1\r\nHost: g\r\nContent-Length: 100000000\r\n\r\n";
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(65536);
    lp_auto_free char *block = lp_alloc(300000);
    int fd = raw_connect(port, 0);
    (void)state;
    raw_send(fd, head, strlen(head));
    raw_send(fd, block, 300000);
    assert_true(raw_read_response(fd, false, &out));
    assert_int_equal(raw_status(&out), 401);
    close(fd);
}

/* Sends one byte after the other until the gateway has had enough; what it said then. */
static int drip(uint16_t to, const char *head, char byte, struct lp_buf *out)
{
    struct timeval pause = { .tv_usec = 20000 };
    int fd = raw_connect(to, 0), i = 0;
    char got;

    lp_buf_reset(out);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &pause, sizeof pause);
    raw_send(fd, head, strlen(head));
    while (recv(fd, &got, 1, MSG_PEEK) < 0 && i++ < 1000) /* the pause between two bytes */
        assert_true(raw_send(fd, &byte, 1));
    assert_true(i < 1000);
    assert_true(raw_read_response(fd, false, out));
    assert_int_equal(recv(fd, &got, 1, 0), 0); /* and it ends */
    close(fd);
    return raw_status(out);
}

static void who_drips_a_head_or_a_body_hears_408(void **state)
{
    struct gateway_config c = config;
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(65536);
    (void)state;

    c.head_timeout_ms = 200;
    c.body_timeout_ms = 200;
    struct gateway *g = gateway_up(&c);
    assert_int_equal(drip(gateway_port(g), "", 'G', &out), 408);
    assert_int_equal(drip(gateway_port(g), "GET /auth/x HTTP/1.1\r\nHost: g\r\nX: ", 'x', &out),
                     408);
    assert_string_equal(raw_body(&out), "{\"message\":\"request head came too slowly\"}");
    assert_non_null(strstr(out.ptr, "\r\nConnection: close\r\n"));
    assert_int_equal(drip(gateway_port(g),
                          "POST /any/x HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER
                          "Content-Length: 9999\r\n\r\n",
                          'x', &out),
                     408);
    assert_string_equal(raw_body(&out), "{\"message\":\"request body came too slowly\"}");
    assert_int_equal(drip(gateway_port(g),
                          "POST /any/x HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER
                          "Transfer-Encoding: chunked\r\n\r\nfff\r\n",
                          'x', &out),
                     408);
    gateway_free(g, 10000);
}

static void who_says_nothing_gets_no_answer(void **state)
{
    struct gateway_config c = config;
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(65536);
    (void)state;

    c.head_timeout_ms = 100;
    struct gateway *g = gateway_up(&c);
    int fd = raw_connect(gateway_port(g), 0);
    assert_true(raw_read_all(fd, &out));
    assert_int_equal(out.len, 0);
    close(fd);
    gateway_free(g, 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_for_a_token_where_the_contract_says_so),
        cmocka_unit_test(says_who_its_upstreams_are_on_health),
        cmocka_unit_test(sends_the_headers_of_helmet_on_every_answer),
        cmocka_unit_test(answers_a_preflight_anywhere_before_the_token),
        cmocka_unit_test(names_an_origin_of_the_list_only),
        cmocka_unit_test(refuses_what_two_servers_may_read_differently),
        cmocka_unit_test(ends_every_connection_that_the_client_half_closes),
        cmocka_unit_test(refuses_heads_over_the_limits),
        cmocka_unit_test(limits_requests_of_one_client_and_says_when_to_come_back),
        cmocka_unit_test(limits_subjects_and_addresses_apart_by_default),
        cmocka_unit_test(keeps_the_connection_after_its_own_answers),
        cmocka_unit_test(lets_the_sender_of_a_long_body_see_the_401),
        cmocka_unit_test(who_drips_a_head_or_a_body_hears_408),
        cmocka_unit_test(who_says_nothing_gets_no_answer),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("gateway_front", tests, start, stop);
}
