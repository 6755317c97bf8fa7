/* What passes through the gateway, and what becomes of it where a side breaks. */
#include "unit/gateway_fixture.h"

static void passes_method_and_target_on_byte_for_byte(void **state)
{
    static const struct fake_script scripts[] = { { .reply = OK }, FAKE_SCRIPT_END };
    static const struct {
        const char *line, *want;
    } cases[] = {
        { "GET /ai", "GET / HTTP/1.1\r\n" },
        { "GET /ai?x=1", "GET /?x=1 HTTP/1.1\r\n" },
        { "DELETE //ai///a%2F%2fb//c/?x=//&y=%20#z",
          "DELETE /a%2F%2fb/c/?x=//&y=%20#z HTTP/1.1\r\n" },
        { "PATCH /AI/..x/./y", "PATCH /..x/./y HTTP/1.1\r\n" },
        { "PURGE /ai/\xc3\xa9", "PURGE /\xc3\xa9 HTTP/1.1\r\n" },
        { "GET http://elsewhere/ai/x?", "GET /x? HTTP/1.1\r\n" },
    };
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, NULL);
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_free char *request =
            lp_sprintf("%s HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER "\r\n", cases[i].line);
        assert_int_equal(fixture_ask(&f, request), 200);
        if (!strstr(fixture_heads(&f), cases[i].want))
            fail_msg("%s became %s", cases[i].line, f.heads.ptr);
    }
    fixture_down(&f);
}

static void passes_on_the_headers_of_both_ends_and_none_of_one_hop(void **state)
{
    static const struct fake_script scripts[] = {
        { .reply = "HTTP/1.1 201 Made\r\nContent-Length: 2\r\nX-Frame-Options: DENY\r\nVary: A\r\n"
                   "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nConnection: keep-alive, X-Hop\r\n"
                   "Keep-Alive: timeout=5\r\nX-Hop: 1\r\nAccess-Control-Allow-Origin: https://o\r\n"
                   "X-Empty:\r\n\r\nok" },
        FAKE_SCRIPT_END,
    };
    static const char request[] =
        "GET /ai/x HTTP/1.1\r\nHost: g.example\r\n" GATEWAY_BEARER "X-Mine: 1\r\nX-Empty:\r\n"
        "Connection: close, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\nKeep-Alive: 1\r\nUpgrade: h2c\r\n"
        "Proxy-Authorization: x\r\nX-Forwarded-For: 10.1.2.3\r\nX-Request-Id: abc-1\r\n"
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n";
    static const char *const there[] = {
        GATEWAY_BEARER,
        "\r\nX-Mine: 1\r\n",
        "\r\nX-Empty:",
        "\r\nX-Forwarded-For: 127.0.0.1\r\n",
        "\r\nX-Forwarded-Proto: http\r\n",
        "\r\nX-Forwarded-Host: g.example\r\n",
        "\r\nX-Request-Id: abc-1\r\n",
        "\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n",
    };
    static const char *const gone[] = { "X-Hop", "TE:",        "Keep-Alive", "Upgrade",
                                        "Proxy", "User-Agent", "Accept",     "Connection" };
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, NULL);
    assert_int_equal(fixture_ask(&f, request), 201);
    for (size_t i = 0; i < LP_COUNT(there); i++)
        assert_non_null(strstr(fixture_heads(&f), there[i]));
    for (size_t i = 0; i < LP_COUNT(gone); i++)
        assert_null(strcasestr(fixture_heads(&f), gone[i]));
    assert_non_null(strstr(f.out.ptr, "\r\nX-Frame-Options: DENY\r\n")); /* its own one wins */
    assert_null(strstr(f.out.ptr, "SAMEORIGIN"));
    assert_non_null(strstr(f.out.ptr, "\r\nAccess-Control-Allow-Origin: https://o\r\n"));
    assert_null(strstr(f.out.ptr, "\r\nAccess-Control-Allow-Origin: *\r\n"));
    assert_non_null(strstr(f.out.ptr, "\r\nSet-Cookie: a=1\r\n"));
    assert_non_null(strstr(f.out.ptr, "\r\nSet-Cookie: b=2\r\n"));
    assert_non_null(strstr(f.out.ptr, "\r\nX-Request-Id: abc-1\r\n"));
    assert_null(strstr(f.out.ptr, "X-Hop"));
    assert_null(strstr(f.out.ptr, "Keep-Alive"));
    fixture_down(&f);
}

static void makes_a_request_id_where_the_clients_is_unfit(void **state)
{
    static const struct fake_script scripts[] = { { .reply = OK }, FAKE_SCRIPT_END };
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, NULL);
    assert_int_equal(
        fixture_ask(&f, "GET /auth/ HTTP/1.1\r\nHost: g\r\nX-Request-Id: a b\"c\r\n\r\n"), 200);
    const char *id = strstr(f.out.ptr, "\r\nX-Request-Id: ");
    assert_non_null(id);
    assert_int_equal(strspn(id + 16, "0123456789abcdef"), 32);
    lp_auto_free char *line = lp_strndup(id, 50);
    assert_non_null(strstr(fixture_heads(&f), line)); /* the upstream was told the same one */
    fixture_down(&f);
}

static void moves_the_token_between_cookie_and_header_on_auth_only(void **state)
{
    static const struct fake_script scripts[] = {
        { .match = "GET /login ",
          .reply = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n"
                   "8\r\n{\"token\"\r\n8\r\n:\"t.o.k\"\r\n1\r\n}\r\n0\r\n\r\n" },
        { .match = "GET /failed ",
          .reply =
              "HTTP/1.1 400 Bad\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n"
              "{\"token\":\"t\"}" },
        { .match = "GET /text ",
          .reply = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\n"
                   "{\"token\":\"t\"}" },
        { .match = "GET /odd ",
          .reply = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n"
                   "{\"token\":\"a;b\"}" },
        { .reply = OK },
        FAKE_SCRIPT_END,
    };
#define COOKIE "Host: g\r\nCookie: a=b; token=from.the.cookie; xtoken=no\r\n"
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, NULL);
    assert_int_equal(fixture_ask(&f, "GET /auth/login HTTP/1.1\r\nHost: g\r\n\r\n"), 200);
    assert_non_null(strstr(
        f.out.ptr, "\r\nSet-Cookie: token=t.o.k; Path=/; HttpOnly; Secure; SameSite=Lax\r\n"));
    assert_string_equal(raw_body(&f.out), "{\"token\":\"t.o.k\"}");
    static const char *const without[] = { "/auth/failed", "/auth/text", "/auth/odd", "/ai/login" };
    for (size_t i = 0; i < LP_COUNT(without); i++) {
        lp_auto_free char *request =
            lp_sprintf("GET %s HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER "\r\n", without[i]);
        assert_true(fixture_ask(&f, request) > 0);
        assert_null(strstr(f.out.ptr, "Set-Cookie"));
    }
    assert_null(strstr(fixture_heads(&f), "from.the.cookie"));
    assert_int_equal(fixture_ask(&f, "GET /auth/me HTTP/1.1\r\n" COOKIE "\r\n"), 200);
    assert_non_null(strstr(fixture_heads(&f), "\r\nAuthorization: Bearer from.the.cookie\r\n"));
    assert_int_equal(
        fixture_ask(&f, "GET /auth/own HTTP/1.1\r\n" COOKIE "Authorization: Bearer own\r\n\r\n"),
        200);
    assert_non_null(
        strstr(strstr(fixture_heads(&f), "GET /own"), "\r\nAuthorization: Bearer own\r\n"));
    assert_null(strstr(strstr(fixture_heads(&f), "GET /own"), "Bearer from"));
    fixture_down(&f);
}

static void answers_503_where_no_answer_comes(void **state)
{
    static const struct fake_script scripts[] = {
        { .match = "POST /reset ", .then = FAKE_RESET },
        { .match = "POST /closed ", .then = FAKE_CLOSE },
        { .match = "POST /half ", .reply = "HTTP/1.1 200 O", .then = FAKE_CLOSE },
        { .match = "POST /garbage ", .reply = "SSH-2.0-x\r\n\r\n", .then = FAKE_CLOSE },
        { .match = "POST /huge-head ",
          .reply = "HTTP/1.1 200 OK\r\nX: ",
          .filler = 200000,
          .then = FAKE_HANG },
        FAKE_SCRIPT_END,
    };
    static const char *const targets[] = { "/ai/reset",         "/ai/closed",      "/progress/half",
                                           "/progress/garbage", "/auth/huge-head", "/nobody/x" };
    struct gateway_config c;
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, NULL);
    c = f.config;
    c.extra_services = "/nobody=" GATEWAY_NOBODY;
    gateway_free(f.gateway, 1000);
    f.gateway = gateway_up(&c);
    f.port = gateway_port(f.gateway);
    for (size_t i = 0; i < LP_COUNT(targets); i++) {
        lp_auto_free char *request = lp_sprintf("POST %s HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER
                                                "Content-Length: 3\r\n\r\nabc",
                                                targets[i]);
        assert_int_equal(fixture_ask(&f, request), 503);
        assert_int_equal(strncmp(raw_body(&f.out), UNAVAILABLE, strlen(UNAVAILABLE)), 0);
    }
    fixture_down(&f);
}

static void short_timeout(struct gateway_config *c)
{
    c->timeout_ms = 100;
}

static void answers_503_where_the_upstream_is_silent_too_long(void **state)
{
    static const struct fake_script scripts[] = { { .then = FAKE_HANG }, FAKE_SCRIPT_END };
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, short_timeout);
    assert_int_equal(fixture_ask(&f, GET("/ai/x")), 503);
    fake_upstream_await_ended(f.upstream, 1); /* the call to it was given up */
    fixture_down(&f);
}

/* A head comes in that time on a busy machine too; else it were a 503, and not cut. */
static void a_second(struct gateway_config *c)
{
    c->timeout_ms = 1000;
}

static void closes_the_connection_where_a_body_is_cut(void **state)
{
    static const struct fake_script scripts[] = {
        { .match = "/closed",
          .reply = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
          .then = FAKE_CLOSE },
        { .match = "/reset",
          .reply = "HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n",
          .filler = 4000000,
          .then = FAKE_RESET },
        { .match = "/chunks",
          .reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "5\r\nhello\r\n",
          .then = FAKE_CLOSE },
        { .match = "/silent",
          .reply = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
          .then = FAKE_HANG },
        FAKE_SCRIPT_END,
    };
    static const char *const targets[] = { "/ai/closed", "/ai/reset", "/ai/chunks", "/ai/silent" };
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, a_second);
    for (size_t i = 0; i < LP_COUNT(targets); i++) {
        lp_auto_free char *request =
            lp_sprintf("GET %s HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER "\r\n", targets[i]);
        int fd = raw_connect(f.port, 0);
        lp_buf_reset(&f.out);
        raw_send(fd, request, strlen(request));
        raw_read_all(fd, &f.out); /* ends by itself, or the test fails */
        assert_int_equal(raw_status(&f.out), 200);
        assert_null(strstr(f.out.ptr, "\r\n0\r\n\r\n"));
        close(fd);
    }
    fixture_down(&f);
}

/* A connection of the gateway that the upstream ends with the second request on it. */
static void tries_once_more_where_a_kept_connection_dies_but_only_harmless_methods(void **state)
{
    static const struct fake_script scripts[] = {
        { .match = "GET /warm ", .reply = OK },
        { .match = " /x ", .times = 1, .then = FAKE_CLOSE },
        { .match = " /x ", .reply = OK },
        FAKE_SCRIPT_END,
    };
    static const struct {
        const char *method, *body;
        int want;
    } cases[] = {
        { "GET", "", 200 },
        { "DELETE", "", 200 },
        { "POST", "Content-Length: 3\r\n\r\nabc", 503 },
        { "PATCH", "Content-Length: 3\r\n\r\nabc", 503 },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct fixture f;
        fixture_up(&f, scripts, NULL);
        assert_int_equal(fixture_ask(&f, GET("/ai/warm")), 200);
        lp_auto_free char *request =
            lp_sprintf("%s /ai/x HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER "%s", cases[i].method,
                       cases[i].body[0] ? cases[i].body : "\r\n");
        assert_int_equal(fixture_ask(&f, request), cases[i].want);
        const char *first = strstr(fixture_heads(&f), " /x ");
        assert_non_null(first);
        assert_int_equal(strstr(first + 1, " /x ") != NULL, cases[i].want == 200);
        fixture_down(&f);
    }
}

static void does_not_send_a_post_without_body_twice(void **state)
{
    static const struct fake_script scripts[] = {
        { .match = "GET /warm ", .reply = OK },
        { .match = "POST /x ", .then = FAKE_CLOSE },
        FAKE_SCRIPT_END,
    };
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, NULL);
    assert_int_equal(fixture_ask(&f, GET("/ai/warm")), 200);
    assert_int_equal(fixture_ask(&f, "POST /ai/x HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER
                                     "Content-Length: 0\r\n\r\n"),
                     503);
    const char *first = strstr(fixture_heads(&f), "POST /x ");
    assert_non_null(first);
    assert_null(strstr(first + 1, "POST /x "));
    fixture_down(&f);
}

static void answers_head_and_bodiless_statuses_without_a_body(void **state)
{
    static const struct fake_script scripts[] = {
        { .match = "HEAD ", .reply = "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n" },
        { .match = "/204 ", .reply = "HTTP/1.1 204 No Content\r\n\r\n" },
        { .match = "/304 ", .reply = "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n" },
        { .match = "/early ", .reply = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK },
        FAKE_SCRIPT_END,
    };
    static const struct {
        const char *method, *target;
        int status;
        const char *contains;
    } cases[] = {
        { "HEAD", "/ai/x", 200, "\r\nContent-Length: 1234\r\n" },
        { "GET", "/ai/204", 204, "" },
        { "GET", "/ai/304", 304, "\r\nETag: \"a\"\r\n" },
        { "GET", "/ai/early", 200, "\r\n\r\nok" },
        { "HEAD", "/ai/x", 200, "" },
    };
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, NULL);
    int fd = raw_connect(f.port, 0);
    for (size_t i = 0; i < LP_COUNT(cases);
         i++) { /* on one connection: each must end where it ends */
        lp_auto_free char *request =
            lp_sprintf("%s %s HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER "\r\n", cases[i].method,
                       cases[i].target);
        lp_buf_reset(&f.out);
        assert_true(raw_send(fd, request, strlen(request)));
        assert_true(raw_read_response(fd, cases[i].method[0] == 'H', &f.out));
        assert_int_equal(raw_status(&f.out), cases[i].status);
        assert_non_null(strstr(f.out.ptr, cases[i].contains));
    }
    close(fd);
    fixture_down(&f);
}

static void passes_heads_on_up_to_the_limit(void **state)
{
    static const struct {
        size_t bytes;
        int want;
    } cases[] = { { 15000, 200 }, { 17000, 503 } };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_buf struct lp_buf reply = LP_BUF_INIT(65536);
        lp_buf_str(&reply, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Long: ");
        for (size_t n = 0; n < cases[i].bytes; n++)
            lp_buf_char(&reply, 'v');
        lp_buf_str(&reply, "\r\n\r\nok");
        const struct fake_script scripts[] = { { .reply = reply.ptr }, FAKE_SCRIPT_END };
        struct fixture f;
        fixture_up(&f, scripts, NULL);
        assert_int_equal(fixture_ask(&f, GET("/ai/x")), cases[i].want);
        fixture_down(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_method_and_target_on_byte_for_byte),
        cmocka_unit_test(passes_on_the_headers_of_both_ends_and_none_of_one_hop),
        cmocka_unit_test(makes_a_request_id_where_the_clients_is_unfit),
        cmocka_unit_test(moves_the_token_between_cookie_and_header_on_auth_only),
        cmocka_unit_test(answers_503_where_no_answer_comes),
        cmocka_unit_test(answers_503_where_the_upstream_is_silent_too_long),
        cmocka_unit_test(closes_the_connection_where_a_body_is_cut),
        cmocka_unit_test(tries_once_more_where_a_kept_connection_dies_but_only_harmless_methods),
        cmocka_unit_test(does_not_send_a_post_without_body_twice),
        cmocka_unit_test(answers_head_and_bodiless_statuses_without_a_body),
        cmocka_unit_test(passes_heads_on_up_to_the_limit),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("gateway_proxy", tests, NULL, NULL);
}
