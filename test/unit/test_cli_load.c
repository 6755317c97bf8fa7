/* test/unit/test_cli_load.c -- a class of learners against a real server, its figures, and whom it
 * may not hit. */
#include "cli/load/learners.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/load/target.h"
#include "http/server/server.h"
#include "json/json.h"
#include "unit/check.h"

/* A gateway that answers as the contract says; every seventh speech2text is a 503. */
static struct {
    atomic_uint logins, sentences, recommendations, health, strangers;
    atomic_bool down;
} gateway;

static bool has_token(struct lp_http_exchange *x)
{
    const char *field = lp_http_header(x, "authorization");
    return field && strcmp(field, "Bearer t0ken") == 0;
}

static void answer(struct lp_http_exchange *x, void *user)
{
    const char *path = lp_http_path(x);

    (void)user;
    if (atomic_load(&gateway.down)) {
        lp_http_reply_text(x, 503, "away");
    } else if (strcmp(path, "/auth/api/auth/login") == 0) {
        atomic_fetch_add(&gateway.logins, 1);
        lp_http_reply_json(x, 200,
                           lp_json_make("{s:s, s:{s:s}}", "token", "t0ken", "user", "id", "u-1"));
    } else if (!has_token(x) && strcmp(path, "/health") != 0) {
        atomic_fetch_add(&gateway.strangers, 1);
        lp_http_reply_text(x, 401, "who?");
    } else if (strcmp(path, "/ai/speech2text") == 0) {
        bool busy = atomic_fetch_add(&gateway.sentences, 1) % 7 == 0;
        lp_http_reply_json(x, busy ? 503 : 200, lp_json_make("{s:[{}]}", "sentence_pairs"));
    } else if (strcmp(path, "/progress/api/progress/recommendation/u-1") == 0) {
        atomic_fetch_add(&gateway.recommendations, 1);
        lp_http_reply_json(x, 200, lp_json_make("{s:i}", "averageScore", 60));
    } else if (strcmp(path, "/health") == 0) {
        atomic_fetch_add(&gateway.health, 1);
        lp_http_reply_json(x, 200, lp_json_make("{s:s}", "status", "ok"));
    } else {
        atomic_fetch_add(&gateway.strangers, 1);
        lp_http_reply_text(x, 404, path);
    }
}

static int start(void **state)
{
    struct lp_http_server_options o = {
        .address = "127.0.0.1", .name = "gateway", .max_body = 4096, .handler = answer
    };
    struct lp_http_server *s;
    struct lp_error err;

    memset(&gateway, 0, sizeof gateway);
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

static struct learners_options options_for(const struct lp_http_server *s, char url[64])
{
    snprintf(url, 64, "http://127.0.0.1:%u/", lp_http_server_port(s));
    return (struct learners_options){ .url = url,
                                      .email = "a@example.org",
                                      .password = "secret\"1",
                                      .learners = 5,
                                      .duration_ms = 400,
                                      .pause_ms = 20 };
}

static void each_learner_takes_all_routes_and_all_is_counted(void **state)
{
    lp_auto_free struct learners_result *r = lp_alloc(sizeof *r);
    struct lp_error err;
    char url[64];
    struct learners_options o = options_for(*state, url);

    assert_int_equal(learners_run(&o, r, &err), 0);
    assert_int_equal(atomic_load(&gateway.strangers), 0);
    assert_int_equal(r->routes[0].count + 1, atomic_load(&gateway.logins)); /* and the first one */
    assert_int_equal(r->routes[1].count, atomic_load(&gateway.sentences));
    assert_int_equal(r->routes[2].count, atomic_load(&gateway.recommendations));
    assert_int_equal(r->routes[3].count, atomic_load(&gateway.health));
    assert_int_equal(r->iterations, r->routes[3].count);
    assert_true(r->iterations >= 5);
    assert_int_equal(r->routes[1].status[503], (r->routes[1].count + 6) / 7);
    assert_int_equal(r->routes[1].failed, r->routes[1].status[503]);
    assert_int_equal(r->routes[2].failed, 0);
}

static void the_summary_has_the_figures_of_each_route_and_the_causes(void **state)
{
    lp_auto_free struct learners_result *r = lp_alloc(sizeof *r);
    struct lp_error err;
    char url[64];
    struct learners_options o = options_for(*state, url);

    assert_int_equal(learners_run(&o, r, &err), 0);
    json_auto_t *s = stats_summary(r->routes, LEARNERS_ROUTES, r->iterations);
    const json_t *values =
        lp_json_at(s, "metrics", "http_req_duration{name:speech2text}", "values", NULL);
    assert_int_equal(lp_json_int(-1, values, "count", NULL), r->routes[1].count);
    assert_true(json_real_value(json_object_get(values, "p(95)")) >=
                json_real_value(json_object_get(values, "med")));
    assert_int_equal(lp_json_int(-1, s, "causes", "speech2text", "status 503", NULL),
                     r->routes[1].failed);
    assert_int_equal(
        lp_json_int(-1, s, "metrics", "http_req_failed{name:login}", "values", "passes", NULL), 0);
    assert_int_equal(lp_json_int(-1, s, "metrics", "iterations", "values", "count", NULL),
                     r->iterations);
}

static void a_platform_that_does_not_know_the_account_is_not_loaded(void **state)
{
    lp_auto_free struct learners_result *r = lp_alloc(sizeof *r);
    struct lp_error err;
    char url[64];
    struct learners_options o = options_for(*state, url);

    atomic_store(&gateway.down, true);
    assert_int_equal(learners_run(&o, r, &err), LP_E_UNAVAILABLE);
    assert_non_null(strstr(err.msg, "status 503: away"));
    assert_int_equal(r->routes[0].count, 0);
}

static void a_public_target_is_refused_before_a_packet_leaves(void **state)
{
    lp_auto_free struct learners_result *r = lp_alloc(sizeof *r);
    struct lp_error err;
    char url[64];
    struct learners_options o = options_for(*state, url);

    o.url = "http://192.0.2.1:30080"; /* RFC 5737: nobody's */
    assert_int_equal(learners_run(&o, r, &err), LP_E_DENIED);
    assert_non_null(strstr(err.msg, "--yes-this-is-mine"));
}

static void a_url_without_scheme_or_host_or_with_a_query_is_refused(void **state)
{
    static const char *const bad[] = { "",          "127.0.0.1",     "ftp://a",   "http://",
                                       "http://?a", "http://a/?b=c", "http://u@a" };
    lp_auto_free struct learners_result *r = lp_alloc(sizeof *r);
    struct lp_error err;
    char url[64];
    struct learners_options o = options_for(*state, url);

    for (size_t i = 0; i < LP_COUNT(bad); i++) {
        o.url = bad[i];
        assert_int_equal(learners_run(&o, r, &err), LP_E_INVALID);
        assert_non_null(strstr(err.msg, "--url"));
    }
}

static bool is_private(const char *text)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return target_is_private((const struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return target_is_private((const struct sockaddr *)&v6);
}

static void private_and_public_addresses_are_told_apart(void **state)
{
    static const char *const ours[] = { "127.0.0.1",  "127.255.0.9",    "10.1.2.3",
                                        "172.16.0.1", "172.31.255.255", "192.168.7.7",
                                        "::1",        "fd00::1",        "::ffff:10.0.0.1" };
    static const char *const others[] = { "8.8.8.8",        "172.15.0.1", "172.32.0.1",
                                          "192.169.0.1",    "11.0.0.1",   "2001:db8::1",
                                          "::ffff:8.8.8.8", "0.0.0.0",    "::" };

    (void)state;
    for (size_t i = 0; i < LP_COUNT(ours); i++)
        assert_true(is_private(ours[i]));
    for (size_t i = 0; i < LP_COUNT(others); i++)
        assert_false(is_private(others[i]));
}

static void a_neighbour_and_a_clouds_metadata_are_nobodys_target(void **state)
{
    static const char *const refused[] = { "169.254.0.1", "169.254.169.254", "169.254.255.254",
                                           "fe80::1", "::ffff:169.254.169.254" };

    (void)state;
    for (size_t i = 0; i < LP_COUNT(refused); i++)
        assert_false(is_private(refused[i]));
}

static void percentiles_are_exact_to_one_part_in_sixty(void **state)
{
    struct stats_route r = { .name = "x" };

    (void)state;
    for (uint64_t i = 1; i <= 100000; i++)
        stats_add(&r, i * 10, 0, 200, true);
    for (int p = 1; p <= 100; p++) {
        double ms = stats_percentile_ms(&r, p);
        assert_true(ms >= p * 10.0 && ms <= p * 10.0 * 1.017);
    }
    assert_true(stats_percentile_ms(&r, 0) > 0);
    stats_add(&r, UINT64_MAX / 2, 28, 0, false); /* far beyond the last bucket */
    assert_int_equal(r.no_answer[28], 1);
    assert_int_equal(r.failed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_learner_takes_all_routes_and_all_is_counted, start,
                                        stop),
        cmocka_unit_test_setup_teardown(the_summary_has_the_figures_of_each_route_and_the_causes,
                                        start, stop),
        cmocka_unit_test_setup_teardown(a_platform_that_does_not_know_the_account_is_not_loaded,
                                        start, stop),
        cmocka_unit_test_setup_teardown(a_public_target_is_refused_before_a_packet_leaves, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_url_without_scheme_or_host_or_with_a_query_is_refused,
                                        start, stop),
        cmocka_unit_test(private_and_public_addresses_are_told_apart),
        cmocka_unit_test(a_neighbour_and_a_clouds_metadata_are_nobodys_target),
        cmocka_unit_test(percentiles_are_exact_to_one_part_in_sixty),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    lp_json_init();
    return cmocka_run_group_tests_name("cli_load", tests, NULL, NULL);
}
