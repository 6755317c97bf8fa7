/* What a route lets pass, and how long its upstream may take. */
#include "unit/gateway_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "services/gateway/endpoints.h"
#include "services/gateway/rules.h"
#include "services/gateway/upstream_http.h"

#define ASK(method, target, more) \
    method " " target " HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER more "\r\n"
#define BODY(type) "Content-Type: " type "\r\nContent-Length: 0002\r\n"

static const struct fake_script ok[] = { { .reply = OK }, FAKE_SCRIPT_END };

static void ai_reads_only_json_and_audio(struct gateway_config *c)
{
    c->route_rules = "ai:methods=GET POST;types=application/json audio/*";
}

static void another_method_is_405_and_the_allowed_ones_are_named(void **state)
{
    struct fixture f;
    (void)state;
    fixture_up(&f, ok, ai_reads_only_json_and_audio);
    assert_int_equal(fixture_ask(&f, ASK("GET", "/ai/x", "")), 200);
    assert_int_equal(fixture_ask(&f, ASK("DELETE", "/ai/x", "")), 405);
    assert_non_null(strstr(f.out.ptr, "\r\nAllow: GET, POST, OPTIONS\r\n"));
    assert_non_null(strstr(f.out.ptr, "{\"message\":\"method not allowed\"}"));
    assert_int_equal(fixture_ask(&f, ASK("get", "/ai/x", "")), 405); /* case counts */
    assert_int_equal(fixture_ask(&f, ASK("OPTIONS", "/ai/x", "")), 204);
    assert_int_equal(fixture_ask(&f, ASK("DELETE", "/progress/x", "")), 200);
    assert_int_equal(fixture_ask(&f, "DELETE /ai/x HTTP/1.1\r\nHost: g\r\n\r\n"), 401);
    const char *seen = strstr(fixture_heads(&f), "DELETE /x"); /* that of /progress, and no other */
    assert_non_null(seen);
    assert_null(strstr(seen + 1, "DELETE /x"));
    fixture_down(&f);
}

static void a_body_of_another_type_is_415(void **state)
{
    static const struct {
        const char *request;
        int status;
    } cases[] = {
        { ASK("POST", "/ai/x", BODY("application/json")) "{}", 200 },
        { ASK("POST", "/ai/x", BODY("Application/JSON; charset=utf-8")) "{}", 200 },
        { ASK("POST", "/ai/x", BODY("audio/wav")) "{}", 200 },
        { ASK("POST", "/ai/x", BODY("application/jsonp")) "{}", 415 },
        { ASK("POST", "/ai/x", BODY("application/x, application/json")) "{}", 415 },
        { ASK("POST", "/ai/x", BODY("audio")) "{}", 415 },
        { ASK("POST", "/ai/x", BODY("audio/")) "{}", 415 },
        { ASK("POST", "/ai/x", BODY("text/audio/wav")) "{}", 415 },
        { ASK("POST", "/ai/x", BODY("")) "{}", 415 },
        { ASK("POST", "/ai/x", "Content-Length: 2\r\n") "{}", 415 },
        { ASK("POST", "/ai/x", "Content-Length: 0\r\n"), 200 }, /* no body */
        { ASK("POST", "/progress/x", BODY("text/plain")) "{}", 200 },
    };
    struct fixture f;
    (void)state;
    fixture_up(&f, ok, ai_reads_only_json_and_audio);
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        int status = fixture_ask(&f, cases[i].request);
        if (status != cases[i].status)
            fail_msg("%d, not %d: %s", status, cases[i].status, cases[i].request);
    }
    fixture_down(&f);
}

static void ai_has_200_ms_to_begin(struct gateway_config *c)
{
    c->route_rules = "ai:firstByte=200";
}

static void who_does_not_begin_in_the_time_of_its_route_is_503_and_the_others_are_not(void **state)
{
    static const struct fake_script scripts[] = {
        { .match = "/hang", .then = FAKE_HANG },
        { .reply = OK },
        FAKE_SCRIPT_END,
    };
    struct fixture f;
    (void)state;
    fixture_up(&f, scripts, ai_has_200_ms_to_begin);
    assert_int_equal(fixture_ask(&f, GET("/ai/hang")), 503); /* not after DEFAULT_TIMEOUT, 20 s */
    assert_int_equal(f.config.timeout_ms, 20000);
    int waits = raw_connect(f.port, 0);
    raw_send(waits, GET("/progress/hang"), strlen(GET("/progress/hang")));
    fake_upstream_await_requests(f.upstream, 2);
    assert_int_equal(fixture_ask(&f, GET("/ai/hang")), 503);
    assert_int_equal(fixture_ask(&f, GET("/progress/x")), 200);
    char byte;
    assert_int_equal(recv(waits, &byte, 1, MSG_DONTWAIT), -1); /* /progress has its own time */
    close(waits);
    fixture_down(&f);
}

static void nothing_changed(void *user)
{
    (void)user;
}

static void never_ends(void *user, enum upstream_result result, const char *why)
{
    (void)user, (void)result;
    fail_msg("the call ended: %s", why);
}

/* A listener whose backlog is full takes no more connections, and refuses none. */
static void a_connection_has_the_time_of_its_route(void **state)
{
    static const struct upstream_events events = { .end = never_ends };
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    struct endpoints *endpoints = NULL;
    struct gateway_routes routes;
    struct lp_error err;
    (void)state;

    int listener = socket(AF_INET, SOCK_STREAM, 0), epoll = epoll_create1(0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 0), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    lp_auto_free char *url = lp_sprintf("http://127.0.0.1:%u", ntohs(at.sin_port));
    struct gateway_config config = gateway_defaults(url);
    assert_int_equal(gateway_routes_make(&config, &routes, &err), 0);
    assert_int_equal(endpoints_new(&routes, nothing_changed, NULL, &endpoints, &err), 0);
    struct upstream_client *c = upstream_http_new(epoll, 0, endpoints, routes.n, NULL);
    const struct upstream_request r = { .origin = url,
                                        .target = "/",
                                        .method = "GET",
                                        .fields = "",
                                        .connect_ms = 50,
                                        .events = &events };
    struct upstream_call *call = c->ops->start(c, &r);
    int64_t left = c->ops->timeout_ms(c); /* until it is given up: 2 s where nothing is said */
    assert_true(left >= 0 && left <= 50);
    c->ops->cancel(call, false);
    c->ops->free(c);
    endpoints_stop(endpoints);
    endpoints_free(endpoints);
    gateway_routes_done(&routes);
    close(listener);
    close(epoll);
}

static void ai_has_300_ms_in_all(struct gateway_config *c)
{
    c->route_rules = "ai:total=300";
}

/* The head came, and bytes would for ever: idle never runs out, total does. */
static void an_answer_that_does_not_end_in_the_total_time_is_cut(void **state)
{
    static const struct fake_script scripts[] = {
        { .match = "/part",
          .reply = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
          .then = FAKE_HANG },
        { .reply = OK },
        FAKE_SCRIPT_END,
    };
    struct fixture f;
    (void)state;
    fixture_up(&f, scripts, ai_has_300_ms_in_all);
    int fd = raw_connect(f.port, 0);
    raw_send(fd, GET("/ai/part"), strlen(GET("/ai/part")));
    lp_buf_reset(&f.out);
    assert_false(raw_read_response(fd, false, &f.out)); /* the connection ends before its length */
    assert_int_equal(raw_status(&f.out), 200);
    assert_non_null(strstr(f.out.ptr, "half"));
    close(fd);
    assert_int_equal(fixture_ask(&f, GET("/ai/x")), 200); /* no fault for the breaker */
    fixture_down(&f);
}

static void what_is_no_rule_is_refused_with_route_part_and_value(void **state)
{
    static const struct {
        const char *rules, *message;
    } cases[] = {
        { "nobody:total=500", "ROUTE_RULES: \"nobody:total=500\" does not begin with the name of a "
                              "route and a colon, such as auth:" },
        { "auth", "ROUTE_RULES: \"auth\" does not begin with the name of a route and a colon, such "
                  "as auth:" },
        { "auth:total=9", "ROUTE_RULES: auth: total=9: must be 10..3600000 ms" },
        { "auth:total=-5", "ROUTE_RULES: auth: total=-5: must be 10..3600000 ms" },
        { "auth:total=99999999", "ROUTE_RULES: auth: total=99999999: must be 10..3600000 ms" },
        { "auth:size=9", "ROUTE_RULES: auth: size=9: must be methods, types, connect, firstByte, "
                         "idle or total" },
        { "auth:methods=", "ROUTE_RULES: auth: methods=: must be up to 16 methods with a space "
                           "between them" },
        { "auth:methods=GET  POST",
          "ROUTE_RULES: auth: methods=GET  POST: must be up to 16 methods "
          "with a space between them" },
        { "auth:methods=GET;methods=POST", "ROUTE_RULES: auth: methods=POST: is there twice" },
        { "auth:types=json", "ROUTE_RULES: auth: types=json: must be up to 16 types as "
                             "application/json or audio/* with a space between them" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct gateway_config c = gateway_defaults("http://a");
        struct gateway_routes routes;
        struct lp_error err = { .msg = "" };
        c.route_rules = cases[i].rules;
        assert_int_equal(gateway_routes_make(&c, &routes, &err), LP_E_INVALID);
        assert_string_equal(err.msg, cases[i].message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_method_is_405_and_the_allowed_ones_are_named),
        cmocka_unit_test(a_body_of_another_type_is_415),
        cmocka_unit_test(who_does_not_begin_in_the_time_of_its_route_is_503_and_the_others_are_not),
        cmocka_unit_test(a_connection_has_the_time_of_its_route),
        cmocka_unit_test(an_answer_that_does_not_end_in_the_total_time_is_cut),
        cmocka_unit_test(what_is_no_rule_is_refused_with_route_part_and_value),
    };
    return cmocka_run_group_tests_name("gateway_rules", tests, NULL, NULL);
}
