/* test/unit/test_http_client.c -- requests against a scripted server: bodies, keep-alive, limits,
 * stop. Each by a client of its own, and as a transfer of the mux. */
#include "http/client/client.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "fake/fake_kube.h"
#include "unit/check.h"

static struct lp_http_share *share; /* NULL: clients of their own */

struct setup {
    struct fake_kube *fake;
    struct lp_http_client *client;
    char url[128];
};

static void begin(struct setup *s, const struct fake_answer *script,
                  const struct lp_http_client_options *options)
{
    struct lp_http_client_options o = *options;

    o.share = share;
    o.multiplex = share != NULL;
    s->fake = fake_kube_start(script);
    snprintf(s->url, sizeof s->url, "%s/path?a=b", fake_kube_url(s->fake));
    ok(lp_http_client_new(&o, &s->client, &err));
}

static void end(struct setup *s)
{
    lp_http_client_free(s->client);
    fake_kube_stop(s->fake);
}

static int send_one(struct setup *s, const char *method, const char *body,
                    struct lp_http_response *response, struct lp_error *err)
{
    struct lp_http_request r = {
        .method = method, .url = s->url, .body = body, .body_len = body ? strlen(body) : 0
    };
    return lp_http_do(s->client, &r, response, err);
}

static void an_answer_has_status_headers_and_body(void **state)
{
    static const struct fake_answer script[] = {
        { .status = 418, .body = "tea", .headers = "ETag: \"x\"\r\nRetry-After: 7\r\n" }, FAKE_END
    };
    lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
    struct setup s;
    struct lp_error err;
    (void)state;
    begin(&s, script, &(struct lp_http_client_options){ 0 });
    assert_int_equal(send_one(&s, "GET", NULL, &r, &err), 0);
    assert_int_equal(r.status, 418);
    assert_string_equal(r.body.ptr, "tea");
    assert_string_equal(r.etag, "\"x\"");
    assert_string_equal(r.content_type, "application/json");
    assert_int_equal(r.retry_after_ms, 7000);
    end(&s);
}

static void requests_of_every_method_share_one_connection(void **state)
{
    static const struct fake_answer script[] = { { .match = "HEAD", .status = 200, .body = "" },
                                                 { .status = 200, .body = "ok" },
                                                 FAKE_END };
    lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
    lp_auto_buf struct lp_buf seen = LP_BUF_INIT(4096);
    struct setup s;
    struct lp_error err;
    (void)state;
    begin(&s, script, &(struct lp_http_client_options){ 0 });
    assert_int_equal(send_one(&s, "POST", "one", &r, &err), 0);
    assert_int_equal(send_one(&s, "GET", NULL, &r, &err), 0);
    assert_int_equal(send_one(&s, "HEAD", NULL, &r, &err), 0);
    assert_int_equal(send_one(&s, "PUT", "two", &r, &err), 0);
    assert_int_equal(send_one(&s, "DELETE", NULL, &r, &err), 0);
    assert_string_equal(r.body.ptr, "ok");
    fake_kube_requests(s.fake, &seen);
    assert_string_equal(seen.ptr, "POST /path?a=b one\nGET /path?a=b\nHEAD /path?a=b\n"
                                  "PUT /path?a=b two\nDELETE /path?a=b\n");
    assert_int_equal(fake_kube_connections(s.fake), 1);
    end(&s);
}

static void every_wait_ends_with_its_own_error(void **state)
{
    static const struct fake_answer stalls[] = {
        { .status = 200, .body = "xy", .cut = 1, .stall = true }, FAKE_END
    };
    static const struct fake_answer is_silent[] = { { .silent = true, .status = 200 }, FAKE_END };
    static const struct fake_answer cuts[] = { { .status = 200, .body = "xyz", .cut = 1 },
                                               FAKE_END };
    static const struct fake_answer closes[] = { { .close = true }, FAKE_END };
    static const struct fake_answer large[] = { { .status = 200, .body = "0123456789" }, FAKE_END };
    static const struct {
        const struct fake_answer *script;
        struct lp_http_client_options options;
        int want;
    } cases[] = {
        { stalls, { .idle_timeout_ms = 100 }, LP_E_TIMEOUT },
        { is_silent, { .idle_timeout_ms = 100 }, LP_E_TIMEOUT },
        { is_silent, { .total_timeout_ms = 100 }, LP_E_TIMEOUT },
        { cuts, { 0 }, LP_E_UNAVAILABLE },
        { closes, { 0 }, LP_E_UNAVAILABLE },
        { large, { .max_response = 9 }, LP_E_TOO_LARGE },
        { large, { .max_response = 10 }, 0 },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
        struct lp_error err = { .msg = "" };
        struct setup s;
        begin(&s, cases[i].script, &cases[i].options);
        int got = send_one(&s, "GET", NULL, &r, &err);
        if (got != cases[i].want)
            fail_msg("case %zu: %d: %s", i, got, err.msg);
        if (got < 0)
            assert_non_null(strstr(err.msg, fake_kube_url(s.fake)));
        end(&s);
    }
}

static void nobody_listening_is_unavailable_and_a_bad_url_invalid(void **state)
{
    lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
    static const struct fake_answer none[] = { FAKE_END };
    struct lp_error err;
    struct setup s;
    (void)state;
    begin(&s, none, &(struct lp_http_client_options){ 0 });
    fake_kube_stop(s.fake);
    assert_int_equal(send_one(&s, "GET", NULL, &r, &err), LP_E_UNAVAILABLE);
    snprintf(s.url, sizeof s.url, "ftp://127.0.0.1/");
    assert_int_equal(send_one(&s, "GET", NULL, &r, &err), LP_E_INVALID);
    lp_http_client_free(s.client);
}

static void a_certificate_that_is_none_is_invalid(void **state)
{
    lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
    static const struct fake_answer none[] = { FAKE_END };
    struct lp_error err = { .msg = "" };
    struct setup s;
    (void)state;
    begin(&s, none, &(struct lp_http_client_options){ .ca_pem = "no PEM" });
    snprintf(s.url, sizeof s.url, "https%s/", fake_kube_url(s.fake) + 4);
    assert_int_equal(send_one(&s, "GET", NULL, &r, &err), LP_E_INVALID);
    end(&s);
}

struct stopper {
    struct fake_kube *fake;
    struct lp_stop *stop;
};

static void *stop_after_the_request_came(void *user)
{
    struct stopper *s = user;
    fake_kube_await(s->fake, 1);
    lp_stop_request(s->stop);
    return NULL;
}

static void a_stop_ends_a_request_that_waits(void **state)
{
    static const struct fake_answer script[] = { { .silent = true, .status = 200 }, FAKE_END };
    lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
    struct stopper stopper = { .stop = lp_stop_new() };
    struct lp_error err;
    struct setup s;
    pthread_t thread;
    (void)state;
    begin(&s, script, &(struct lp_http_client_options){ .stop = stopper.stop });
    stopper.fake = s.fake;
    assert_int_equal(pthread_create(&thread, NULL, stop_after_the_request_came, &stopper), 0);
    int64_t start = lp_clock_ms();
    assert_int_equal(send_one(&s, "GET", NULL, &r, &err), LP_E_CANCELED);
    assert_true(lp_clock_ms() - start < 25000); /* well before any time-out */
    pthread_join(thread, NULL);
    assert_int_equal(send_one(&s, "GET", NULL, &r, &err), LP_E_CANCELED);
    end(&s);
    lp_stop_free(stopper.stop);
}

static int take_until_full(const char *bytes, size_t n, void *user, struct lp_error *err)
{
    struct lp_buf *b = user;
    lp_buf_add(b, bytes, n);
    return b->overflowed ? lp_error_set(err, LP_E_GONE, "full") : 0;
}

static int stream_one(struct setup *s, struct lp_buf *into, struct lp_http_response *response,
                      struct lp_error *err)
{
    struct lp_http_request r = { .method = "GET", .url = s->url };
    return lp_http_stream(s->client, &r, take_until_full, into, response, err);
}

static void a_sink_gets_good_bodies_only_and_may_end_them(void **state)
{
    static const struct fake_answer script[] = { { .status = 500, .body = "broken", .times = 1 },
                                                 { .status = 200, .body = "abcdef", .chunk = 1 },
                                                 FAKE_END };
    lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
    lp_auto_buf struct lp_buf all = LP_BUF_INIT(16);
    lp_auto_buf struct lp_buf some = LP_BUF_INIT(2);
    struct lp_error err;
    struct setup s;
    (void)state;
    begin(&s, script, &(struct lp_http_client_options){ 0 });
    assert_int_equal(stream_one(&s, &all, &r, &err), 0);
    assert_int_equal(r.status, 500);
    assert_string_equal(r.body.ptr, "broken");
    assert_string_equal(all.ptr, "");
    assert_int_equal(stream_one(&s, &all, &r, &err), 0);
    assert_string_equal(all.ptr, "abcdef");
    assert_int_equal(stream_one(&s, &some, &r, &err), LP_E_GONE);
    assert_non_null(strstr(err.msg, "full"));
    end(&s);
}

static void a_date_in_retry_after_counts_from_now(void **state)
{
    lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
    struct lp_error err;
    struct setup s;
    char headers[128];
    time_t when = time(NULL) + 120;
    struct tm tm;
    (void)state;
    gmtime_r(&when, &tm);
    strftime(headers, sizeof headers, "Retry-After: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
    const struct fake_answer script[] = { { .status = 503, .headers = headers }, FAKE_END };
    begin(&s, script, &(struct lp_http_client_options){ 0 });
    assert_int_equal(send_one(&s, "GET", NULL, &r, &err), 0);
    assert_in_range(r.retry_after_ms, 60000, 120000);
    end(&s);
}

static int make_share(void **state)
{
    (void)state;
    share = lp_http_share_new();
    return 0;
}

static int free_share(void **state)
{
    (void)state;
    lp_http_share_free(share);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_has_status_headers_and_body),
        cmocka_unit_test(requests_of_every_method_share_one_connection),
        cmocka_unit_test(every_wait_ends_with_its_own_error),
        cmocka_unit_test(nobody_listening_is_unavailable_and_a_bad_url_invalid),
        cmocka_unit_test(a_certificate_that_is_none_is_invalid),
        cmocka_unit_test(a_stop_ends_a_request_that_waits),
        cmocka_unit_test(a_sink_gets_good_bodies_only_and_may_end_them),
        cmocka_unit_test(a_date_in_retry_after_counts_from_now),
    };
    return cmocka_run_group_tests_name("http_client", tests, NULL, NULL) +
           cmocka_run_group_tests_name("http_client multiplexed", tests, make_share, free_share);
}
