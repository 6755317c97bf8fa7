/* test/unit/test_gateway_observed.c -- what the gateway tells of itself: metrics with bounded
 * labels, log lines with the trace. */
#include "unit/gateway_fixture.h"
#include "unit/gateway_metric.h"
#include "unit/log_capture.h"

static double metric(const char *series)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 20);
    lp_auto_free char *line = lp_sprintf("\n%s ", series);

    assert_int_equal(lp_metrics_write(&text, &(struct lp_error){ .code = 0 }), 0);
    const char *at = strstr(text.ptr, line);
    return at ? strtod(at + strlen(line), NULL) : -1;
}

static unsigned count_series(const char *family)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 20);
    lp_auto_free char *line = lp_sprintf("\n%s{", family);
    unsigned n = 0;

    assert_int_equal(lp_metrics_write(&text, &(struct lp_error){ .code = 0 }), 0);
    for (const char *at = text.ptr; (at = strstr(at, line)); at++)
        n++;
    return n;
}

#define TOTAL(route, code) \
    "lp_requests_total{service=\"gateway\",route=\"" route "\",code=\"" code "\"}"

static void requests_are_counted_by_route_and_code(void **state)
{
    static const struct fake_script scripts[] = {
        { .match = "/teapot", .reply = "HTTP/1.1 418 x\r\nContent-Length: 0\r\n\r\n" },
        { .reply = OK },
        FAKE_SCRIPT_END,
    };
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, NULL);
    for (int i = 0; i < 3; i++)
        assert_int_equal(fixture_ask(&f, GET("/ai/x")), 200);
    assert_int_equal(fixture_ask(&f, GET("/ai/teapot")), 418);
    assert_int_equal(fixture_ask(&f, "GET /ai/x HTTP/1.1\r\nHost: g\r\n\r\n"), 401);
    assert_int_equal(fixture_ask(&f, GET("/nothing")), 404);
    await_metric("lp_requests_total", "{service=\"gateway\",route=\"ai\",code=\"200\"}", 3);
    await_metric("lp_requests_total", "{service=\"gateway\",route=\"ai\",code=\"418\"}", 1);
    await_metric("lp_requests_total", "{service=\"gateway\",route=\"other\",code=\"404\"}", 1);
    await_metric("lp_upstream_seconds_count", "{upstream=\"ai\"}", 4);
    assert_true(metric("lp_upstream_seconds_sum{upstream=\"ai\"}") >= 0);
    fixture_down(&f);
}

/* Paths, methods and hosts are the client's to choose. */
static void whatever_is_asked_for_makes_no_new_series(void **state)
{
    static const struct fake_script scripts[] = { { .reply = OK }, FAKE_SCRIPT_END };
    static const char other[] = "{service=\"gateway\",route=\"other\",code=\"404\"}";
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, NULL);
    double n = metric(TOTAL("other", "404"));
    n = n < 0 ? 0 : n;
    assert_int_equal(fixture_ask(&f, GET("/nothing")), 404);
    await_metric("lp_requests_total", other, n + 1);
    unsigned before = count_series("lp_requests_total");
    for (int i = 0; i < 50; i++) {
        lp_auto_free char *request =
            lp_sprintf("M%d /p%d HTTP/1.1\r\nHost: g%d\r\n" GATEWAY_BEARER "\r\n", i, i, i);
        assert_int_equal(fixture_ask(&f, request), 404);
    }
    await_metric("lp_requests_total", other, n + 51);
    assert_int_equal(count_series("lp_requests_total"), before);
    assert_int_equal(count_series("lp_request_seconds_count"), 5); /* four routes, and the rest */
    fixture_down(&f);
}

static void every_family_is_there_before_its_first_event(void **state)
{
    static const char *const families[] = {
        "lp_requests_awaiting_upstream", "lp_requests_held",
        "lp_requests_unanswered",        "lp_circuits_open",
        "lp_websocket_connections",      "lp_upstream_seconds_count",
        "lp_addresses_left_alone_total",
    };
    static const struct fake_script scripts[] = { { .reply = OK }, FAKE_SCRIPT_END };
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, NULL);
    for (size_t i = 0; i < LP_COUNT(families); i++)
        assert_int_equal(count_series(families[i]), 4); /* auth, ai, progress, any */
    assert_int_equal(count_series("lp_requests_rejected_total"), 6);
    fixture_down(&f);
}

static void an_open_circuit_is_told_until_it_closes(void **state)
{
    static const struct fake_script scripts[] = { { .reply = OK }, FAKE_SCRIPT_END };
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, NULL);
    gateway_free(f.gateway, 10000);
    f.config.progress_url = GATEWAY_NOBODY;
    f.gateway = gateway_up(&f.config);
    f.port = gateway_port(f.gateway);
    await_metric("lp_circuits_open", "{upstream=\"progress\"}", 0);
    double rejected = metric("lp_requests_rejected_total{reason=\"circuit_open\"}");
    for (int i = 0; i < 6; i++) /* five failures open it */
        assert_int_equal(fixture_ask(&f, GET("/progress/x")), 503);
    await_metric("lp_circuits_open", "{upstream=\"progress\"}", 1);
    await_metric("lp_circuits_open", "{upstream=\"ai\"}", 0);
    await_metric("lp_requests_rejected_total", "{reason=\"circuit_open\"}", rejected + 1);
    fixture_down(&f);
}

static void every_line_of_a_request_has_the_trace_that_went_on(void **state)
{
    static const struct fake_script scripts[] = { { .reply = OK }, FAKE_SCRIPT_END };
    static const char given[] = "\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\"";
    struct log_capture l;
    struct fixture f;
    char line[8193];
    (void)state;

    fixture_up(&f, scripts, NULL);
    log_capture_begin(&l);
    assert_int_equal(
        fixture_ask(&f, "GET /ai/x HTTP/1.1\r\nHost: g\r\nX-Request-Id: given\r\n" GATEWAY_BEARER
                        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
                        "\r\n\r\n"),
        200);
    log_capture_line(&l, "\"id\":\"given\"", line);
    assert_non_null(strstr(line, given));
    assert_int_equal(fixture_ask(&f, "GET /ai/x HTTP/1.1\r\nHost: g\r\nX-Request-Id: "
                                     "made\r\n" GATEWAY_BEARER "\r\n"),
                     200);
    log_capture_line(&l, "\"id\":\"made\"", line);
    const char *at = strstr(line, "\"trace_id\":\"");
    assert_non_null(at);
    lp_auto_free char *sent = lp_sprintf("traceparent: 00-%.32s-", at + 12);
    assert_non_null(strcasestr(fixture_heads(&f), sent));
    assert_int_equal(fixture_ask(&f, "BAD\r\n\r\n"), 400);
    log_capture_line(&l, "\"status\":\"400\"", line);
    assert_non_null(strstr(line, "\"trace_id\":\""));
    assert_null(strstr(line, "\"trace_id\":\"\""));
    log_capture_end(&l);
    fixture_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_family_is_there_before_its_first_event),
        cmocka_unit_test(requests_are_counted_by_route_and_code),
        cmocka_unit_test(whatever_is_asked_for_makes_no_new_series),
        cmocka_unit_test(an_open_circuit_is_told_until_it_closes),
        cmocka_unit_test(every_line_of_a_request_has_the_trace_that_went_on),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("gateway_observed", tests, NULL, NULL);
}
