/* test/unit/test_gateway_hold.c -- first requests for a service without a pod are held, within a
 * number and a time. */
#include "unit/gateway_fixture.h"
#include "unit/gateway_metric.h"

#define ANY "{upstream=\"any\"}"
#define POST                                                                               \
    "POST /any/text HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER "Content-Type: text/plain\r\n" \
    "Content-Length: 5\r\n\r\nhello"

static void hold_any(struct gateway_config *c)
{
    c->hold_routes = "any";
}

/* As fixture_up, but nobody listens yet. */
static void late_up(struct fixture *f, const struct fake_script *scripts,
                    void (*change)(struct gateway_config *c))
{
    *f = (struct fixture){ .out = LP_BUF_INIT(8 << 20), .heads = LP_BUF_INIT(1 << 20) };
    f->upstream = fake_upstream_late(scripts);
    f->config = gateway_defaults(fake_upstream_url(f->upstream));
    change(&f->config);
    f->gateway = gateway_up(&f->config);
    f->port = gateway_port(f->gateway);
}

static int send_one(struct fixture *f, const char *request)
{
    int fd = raw_connect(f->port, 0);
    assert_true(raw_send(fd, request, strlen(request)));
    return fd;
}

static void is_answered(struct fixture *f, int fd, int status)
{
    lp_buf_reset(&f->out);
    assert_true(raw_read_response(fd, false, &f->out));
    assert_int_equal(raw_status(&f->out), status);
    close(fd);
}

static void a_first_request_is_held_until_somebody_takes_its_connection(void **state)
{
    static const struct fake_script scripts[] = { { .reply = OK }, FAKE_SCRIPT_END };
    struct fixture f;
    (void)state;
    late_up(&f, scripts, hold_any);
    int first = send_one(&f, POST), second = send_one(&f, GET("/any/2"));
    await_metric("lp_requests_held", ANY, 2);
    await_metric("lp_requests_awaiting_upstream", ANY, 2); /* what the operator reads */
    fake_upstream_listen(f.upstream);
    is_answered(&f, first, 200);
    is_answered(&f, second, 200);
    assert_non_null(strstr(fixture_heads(&f), "POST /text HTTP/1.1\r\n"));
    fake_upstream_await_body(f.upstream, 5);
    await_metric("lp_requests_held", ANY, 0);
    await_metric("lp_requests_awaiting_upstream", ANY, 0);
    await_metric("lp_requests_in_flight", "", 0);
    fixture_down(&f);
}

static void other_routes_fail_at_once_as_before(void **state)
{
    static const struct fake_script scripts[] = { { .reply = OK }, FAKE_SCRIPT_END };
    struct fixture f;
    (void)state;
    late_up(&f, scripts, hold_any);
    assert_int_equal(fixture_ask(&f, GET("/ai/1")), 503);
    fixture_down(&f);
}

static void for_a_moment(struct gateway_config *c)
{
    hold_any(c);
    c->hold_timeout_ms = 3000; /* the next one is let through well before */
}

static void who_waited_for_hold_timeout_hears_when_to_come_again(void **state)
{
    static const struct fake_script scripts[] = { { .reply = OK }, FAKE_SCRIPT_END };
    struct fixture f;
    (void)state;
    late_up(&f, scripts, for_a_moment);
    assert_int_equal(fixture_ask(&f, GET("/any/1")), 503);
    assert_non_null(strstr(f.out.ptr, "\r\nRetry-After: 1\r\n"));
    await_metric("lp_requests_awaiting_upstream", ANY, 0);
    /* No circuit is open: the next one is held too, and served. */
    int next = send_one(&f, GET("/any/2"));
    await_metric("lp_requests_held", ANY, 1);
    fake_upstream_listen(f.upstream);
    is_answered(&f, next, 200);
    fixture_down(&f);
}

static void one_place(struct gateway_config *c)
{
    hold_any(c);
    c->hold_limit = 1;
}

static void over_the_limit_is_turned_away_and_who_leaves_makes_room(void **state)
{
    static const struct fake_script scripts[] = { { .reply = OK }, FAKE_SCRIPT_END };
    struct fixture f;
    (void)state;
    late_up(&f, scripts, one_place);
    int first = send_one(&f, GET("/any/1"));
    await_metric("lp_requests_held", ANY, 1);
    assert_int_equal(fixture_ask(&f, GET("/any/2")), 503);
    close(first);
    await_metric("lp_requests_held", ANY, 0);
    int third = send_one(&f, GET("/any/3"));
    await_metric("lp_requests_held", ANY, 1);
    fake_upstream_listen(f.upstream);
    is_answered(&f, third, 200);
    assert_null(strstr(fixture_heads(&f), "GET /1 "));
    fixture_down(&f);
}

static void no_memory(struct gateway_config *c)
{
    hold_any(c);
    c->buffer_max = 0;
    c->hold_timeout_ms = 600000; /* longer than the test waits for an answer */
}

static void nobody_is_held_where_the_memory_for_it_is_used_up(void **state)
{
    static const struct fake_script scripts[] = { { .reply = OK }, FAKE_SCRIPT_END };
    struct fixture f;
    (void)state;
    late_up(&f, scripts, no_memory);
    assert_int_equal(fixture_ask(&f, GET("/any/1")), 503);
    assert_non_null(strstr(f.out.ptr, "\r\nRetry-After: 1\r\n"));
    fake_upstream_listen(f.upstream);
    assert_int_equal(fixture_ask(&f, GET("/any/2")), 200);
    fixture_down(&f);
}

static void one_place_each(struct gateway_config *c)
{
    hold_any(c);
    c->upstream_limit = 1;
    c->common.queue_limit = 30;
}

/* One place at each upstream: whoever is held has none, and others are served meanwhile. */
static void who_is_held_has_no_place(void **state)
{
    static const struct fake_script scripts[] = { { .reply = OK }, FAKE_SCRIPT_END };
    struct fake_upstream *other = fake_upstream_start(scripts);
    struct fixture f;
    int held[20];
    (void)state;
    late_up(&f, scripts, one_place_each);
    gateway_free(f.gateway, 10000);
    f.config.ai_url = fake_upstream_url(other);
    f.gateway = gateway_up(&f.config);
    f.port = gateway_port(f.gateway);
    for (size_t i = 0; i < LP_COUNT(held); i++)
        held[i] = send_one(&f, GET("/any/held"));
    await_metric("lp_requests_held", ANY, 20);
    assert_int_equal(fixture_ask(&f, GET("/ai/1")), 200);
    fake_upstream_listen(f.upstream);
    for (size_t i = 0; i < LP_COUNT(held); i++)
        is_answered(&f, held[i], 200);
    fixture_down(&f);
    fake_upstream_stop(other);
}

static void a_gateway_that_ends_lets_go_of_who_is_held(void **state)
{
    static const struct fake_script scripts[] = { { .reply = OK }, FAKE_SCRIPT_END };
    struct fixture f;
    (void)state;
    late_up(&f, scripts, hold_any);
    int first = send_one(&f, GET("/any/1"));
    await_metric("lp_requests_held", ANY, 1);
    gateway_free(f.gateway, 100);
    f.gateway = NULL;
    await_metric("lp_requests_held", ANY, 0);
    close(first);
    fixture_down(&f);
}

static void a_route_that_is_not_there_is_refused(void **state)
{
    struct gateway_config c = gateway_defaults(GATEWAY_NOBODY);
    struct lp_error err = { .msg = "" };
    (void)state;
    c.hold_routes = "ai,quiz";
    assert_int_equal(gateway_check(&c, &err), LP_E_INVALID);
    assert_string_equal(err.msg, "HOLD_ROUTES: \"quiz\" is not the name of a route");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_request_is_held_until_somebody_takes_its_connection),
        cmocka_unit_test(other_routes_fail_at_once_as_before),
        cmocka_unit_test(who_waited_for_hold_timeout_hears_when_to_come_again),
        cmocka_unit_test(over_the_limit_is_turned_away_and_who_leaves_makes_room),
        cmocka_unit_test(nobody_is_held_where_the_memory_for_it_is_used_up),
        cmocka_unit_test(who_is_held_has_no_place),
        cmocka_unit_test(a_gateway_that_ends_lets_go_of_who_is_held),
        cmocka_unit_test(a_route_that_is_not_there_is_refused),
    };
    return cmocka_run_group_tests_name("gateway_hold", tests, NULL, NULL);
}
