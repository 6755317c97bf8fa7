/* The gateway's own client towards its upstreams: names, addresses, connections. */
#include "unit/gateway_lone.h"

#include "base/clock.h"

static const struct fake_script ok[] = { { .reply = OK }, FAKE_SCRIPT_END };

/* The port of "http://127.0.0.1:port". */
static const char *port_of(const struct fake_upstream *f)
{
    return strrchr(fake_upstream_url(f), ':');
}

static void finds_an_upstream_by_its_name_whichever_of_its_addresses_listens(void **state)
{
    struct fixture f;
    struct gateway_config c;
    (void)state;

    fixture_up(&f, ok, NULL); /* listens on 127.0.0.1 only; localhost may be ::1 first */
    lp_auto_free char *url = lp_sprintf("http://localhost%s", port_of(f.upstream));
    c = f.config;
    c.ai_url = url;
    gateway_free(f.gateway, 1000);
    f.gateway = gateway_up(&c);
    f.port = gateway_port(f.gateway);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(fixture_ask(&f, GET("/ai/x")), 200);
    fixture_down(&f);
}

static void answers_503_for_a_name_that_nobody_has(void **state)
{
    struct fixture f;
    struct gateway_config c;
    (void)state;

    fixture_up(&f, ok, NULL);
    c = f.config;
    c.ai_url = "http://nobody.invalid:80";
    c.timeout_ms = 3000; /* a resolver that does not answer at all */
    gateway_free(f.gateway, 1000);
    f.gateway = gateway_up(&c);
    f.port = gateway_port(f.gateway);
    assert_int_equal(fixture_ask(&f, GET("/ai/x")), 503);
    assert_int_equal(fixture_ask(&f, GET("/progress/x")), 200);
    fixture_down(&f);
}

static void keeps_connections_and_takes_the_youngest(void **state)
{
    struct fixture f;
    (void)state;

    fixture_up(&f, ok, NULL);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(fixture_ask(&f, GET("/ai/x")), 200);
    assert_int_equal(fake_upstream_connections(f.upstream), 1);
    fixture_down(&f);
}

/* An upstream that ends each connection after its answer, without a word of it before: the end may
 * overtake the next request or come after it. */
static void sends_again_what_does_no_harm_and_a_post_never(void **state)
{
    static const struct fake_script scripts[] = { { .reply = OK, .then = FAKE_CLOSE },
                                                  FAKE_SCRIPT_END };
    static const char post[] =
        "POST /ai/x HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER "Content-Length: 3\r\n\r\nabc";
    struct fixture f;
    unsigned seen = 0;
    (void)state;

    fixture_up(&f, scripts, NULL);
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(fixture_ask(&f, GET("/ai/x")), 200);
    for (unsigned i = 0; i < 4; i++) { /* fewer than open the breaker */
        int status = fixture_ask(&f, post);
        assert_true(status == 200 || status == 503);
    }
    for (const char *at = fixture_heads(&f); (at = strstr(at, "POST /x ")); at++)
        seen++;
    assert_true(seen <= 4);
    fixture_down(&f);
}

/* What the upstream says unasked on a kept connection is never the answer of the next request. */
static void drops_a_connection_on_which_more_came_than_was_asked_for(void **state)
{
    static const struct fake_script scripts[] = {
        { .match = "/two ", .reply = OK "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil" },
        { .match = "/long ", .reply = "HTTP/1.1 204 No Content\r\n\r\nevil" },
        { .match = "HEAD /body ", .reply = OK },
        { .reply = OK },
        FAKE_SCRIPT_END,
    };
    static const char *const first[] = { GET("/ai/two"), GET("/ai/long"),
                                         "HEAD /ai/body HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER
                                         "\r\n" };
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, NULL);
    for (unsigned i = 0; i < 30; i++) {
        assert_int_equal(fixture_ask(&f, first[i % LP_COUNT(first)]) / 100, 2);
        assert_null(strstr(f.out.ptr, "evil"));
        assert_int_equal(fixture_ask(&f, GET("/ai/next")), 200);
        assert_string_equal(raw_body(&f.out), "ok");
    }
    fixture_down(&f);
}

/* What came of the body and nobody takes yet is counted, and no more of it comes. */
static void what_waits_in_a_connection_counts_as_memory(void **state)
{
    static const struct fake_script big[] = {
        { .filler = 400000, .reply = "HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n" },
        FAKE_SCRIPT_END,
    };
    struct fake_upstream *fake = fake_upstream_start(big);
    struct ended ended = { .is = false };
    const struct upstream_request r = lone_request(&ended);
    struct epoll_event e;
    struct lone l;
    (void)state;

    lone_up(&l, &fake, 1);
    lone_stops_bodies = true;
    struct upstream_call *call = l.client->ops->start(l.client, &r);
    assert_true(l.client->held > 0); /* its head, as the connection is being made */
    lone_await_pause(&l, call);
    assert_in_range(l.client->held, 1, LINK_BLOCK);
    assert_int_equal(l.client->held, call->link->in.len);
    lone_stops_bodies = false;
    l.client->ops->resume_receive(call);
    while (!ended.is && epoll_wait(l.epoll, &e, 1, 30000) == 1)
        l.client->ops->ready(l.client, (int)e.data.u64, e.events);
    assert_true(ended.is && ended.result == UPSTREAM_COMPLETE);
    assert_int_equal(l.client->held, 0);
    lone_down(&l);
    fake_upstream_stop(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_an_upstream_by_its_name_whichever_of_its_addresses_listens),
        cmocka_unit_test(answers_503_for_a_name_that_nobody_has),
        cmocka_unit_test(keeps_connections_and_takes_the_youngest),
        cmocka_unit_test(sends_again_what_does_no_harm_and_a_post_never),
        cmocka_unit_test(what_waits_in_a_connection_counts_as_memory),
        cmocka_unit_test(drops_a_connection_on_which_more_came_than_was_asked_for),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("gateway_upstream", tests, NULL, NULL);
}
