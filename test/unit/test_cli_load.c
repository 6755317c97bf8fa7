/* test/unit/test_cli_load.c -- learners against a real server: closed and open model, setup, ends.
 */
#include <curl/curl.h>

#include "cli/load/shape.h"
#include "unit/load_fixture.h"

static void each_learner_takes_all_routes_and_all_is_counted(void **state)
{
    struct run r;

    run_init(&r, state, scenario_of_a_class);
    ok(learners_run(&r.o, r.stats, &err));
    const struct stats_route *routes = r.stats->routes;
    assert_int_equal(r.stats->n, 4);
    assert_int_equal(atomic_load(&gateway.strangers), 0);
    assert_int_equal(routes[0].time.count + 1, atomic_load(&gateway.logins)); /* and the setup's */
    assert_int_equal(routes[1].time.count, atomic_load(&gateway.sentences));
    assert_int_equal(routes[2].time.count, atomic_load(&gateway.recommendations));
    assert_int_equal(routes[3].time.count, atomic_load(&gateway.health));
    assert_int_equal(r.stats->iterations, routes[3].time.count);
    assert_true(r.stats->iterations >= 5);
    assert_int_equal(routes[1].status[503], (routes[1].time.count + 6) / 7);
    assert_int_equal(routes[1].failed, routes[1].status[503]);
    assert_int_equal(routes[2].failed, 0);
    run_done(&r);
}

static void the_summary_has_the_figures_of_each_route_and_the_causes(void **state)
{
    struct run r;

    run_init(&r, state, scenario_of_a_class);
    ok(learners_run(&r.o, r.stats, &err));
    json_auto_t *s = stats_summary(r.stats);
    const json_t *values =
        lp_json_at(s, "metrics", "http_req_duration{name:speech2text}", "values", NULL);
    assert_int_equal(lp_json_int(-1, values, "count", NULL), r.stats->routes[1].time.count);
    assert_true(json_real_value(json_object_get(values, "p(95)")) >=
                json_real_value(json_object_get(values, "med")));
    assert_int_equal(lp_json_int(-1, s, "causes", "speech2text", "status 503", NULL),
                     r.stats->routes[1].failed);
    assert_int_equal(lp_json_int(-1, s, "status", "speech2text", "503", NULL),
                     r.stats->routes[1].failed);
    assert_int_equal(
        lp_json_int(-1, s, "metrics", "http_req_failed{name:login}", "values", "passes", NULL), 0);
    assert_int_equal(lp_json_int(-1, s, "metrics", "iterations", "values", "count", NULL),
                     r.stats->iterations);
    run_done(&r);
}

static void a_platform_that_does_not_know_the_account_is_not_loaded(void **state)
{
    struct run r;

    run_init(&r, state, scenario_of_a_class);
    atomic_store(&gateway.down, true);
    assert_int_equal(learners_run(&r.o, r.stats, &r.err), LP_E_UNAVAILABLE);
    assert_non_null(strstr(r.err.msg, "the setup's step \"login\""));
    assert_non_null(strstr(r.err.msg, "status 503: away"));
    assert_int_equal(r.stats->all.time.count, 0);
    run_done(&r);
}

static void a_public_target_is_refused_before_a_packet_leaves(void **state)
{
    struct run r;

    run_init(&r, state, scenario_of_a_class);
    r.o.url = "http://192.0.2.1:30080"; /* RFC 5737: nobody's */
    assert_int_equal(learners_run(&r.o, r.stats, &r.err), LP_E_DENIED);
    assert_non_null(strstr(r.err.msg, "--yes-this-is-mine"));
    run_done(&r);
}

static void a_public_target_is_refused_without_a_setup_too(void **state)
{
    struct run r;

    run_init(&r, state, "steps: [{name: health, path: /health}]");
    r.o.url = "http://192.0.2.1:30080";
    assert_int_equal(learners_run(&r.o, r.stats, &r.err), LP_E_DENIED);
    run_done(&r);
}

static void a_url_without_scheme_or_host_or_with_a_query_is_refused(void **state)
{
    static const char *const bad[] = { "",          "127.0.0.1",     "ftp://a",   "http://",
                                       "http://?a", "http://a/?b=c", "http://u@a" };
    struct run r;

    run_init(&r, state, scenario_of_a_class);
    for (size_t i = 0; i < LP_COUNT(bad); i++) {
        r.o.url = bad[i];
        assert_int_equal(learners_run(&r.o, r.stats, &r.err), LP_E_INVALID);
        assert_non_null(strstr(r.err.msg, "--url"));
    }
    run_done(&r);
}

/* The moments, in seconds, at which rounds arrive by the options. */
static unsigned arrivals_of(const struct run *r, double *ret, unsigned most)
{
    struct arrivals a;
    unsigned n = 0;

    arrivals_init(&a, r->o.shape, r->o.arrival_rate, (double)r->o.duration_ms / 1000, r->o.seed);
    for (double at; (at = arrivals_next(&a)) >= 0; n++) {
        assert_true(n < most);
        ret[n] = at;
    }
    return n;
}

static void a_stall_is_in_the_time_of_all_rounds_that_arrived_meanwhile(void **state)
{
    double at[200];
    struct run r;

    run_init(&r, state, "steps: [{name: stall, path: /stall}]");
    r.o.learners = 1;
    r.o.duration_ms = 300;
    r.o.arrival_rate = 200;
    unsigned n = arrivals_of(&r, at, LP_COUNT(at));
    ok(learners_run(&r.o, r.stats, &err));
    /* the first one ends STALL_MS after it arrived, or later; the others wait for the same learner,
     * so each takes what was left of the stall when it arrived */
    assert_true(n > 20);
    assert_int_equal(r.stats->all.time.count, n);
    assert_int_equal(r.stats->all.failed, 0);
    assert_int_equal(r.stats->not_started, 0);
    assert_true((double)r.stats->all.time.min_us >= LEAST_STALL_US - at[n - 1] * 1e6);
    assert_true(r.stats->all.time.max_us >= LEAST_STALL_US);
    run_done(&r);
}

static void in_a_closed_model_only_the_request_that_was_held_up_is_slow(void **state)
{
    struct run r;

    run_init(&r, state, "steps: [{name: stall, path: /stall}]");
    r.o.learners = 1;
    r.o.duration_ms = 60000;
    r.o.pause_ms = 0;
    r.o.stop = gateway.enough; /* after ENOUGH of them */
    ok(learners_run(&r.o, r.stats, &err));
    assert_true(r.stats->all.time.count >= ENOUGH - 1);
    assert_true(r.stats->all.time.max_us >= LEAST_STALL_US);
    assert_true(r.stats->all.time.min_us < LEAST_STALL_US);
    run_done(&r);
}

static void what_hangs_at_the_end_failed_and_what_never_began_is_told(void **state)
{
    double at[200];
    struct run r;

    run_init(&r, state, "steps: [{name: hang, path: /hang}]");
    r.o.learners = 3;
    r.o.duration_ms = 200;
    r.o.grace_ms = 5000; /* until the server has got them */
    r.o.arrival_rate = 200;
    unsigned n = arrivals_of(&r, at, LP_COUNT(at));
    ok(learners_run(&r.o, r.stats, &err));
    assert_int_equal(atomic_load(&gateway.n_held), 3);
    assert_int_equal(r.stats->all.time.count, 3);
    assert_int_equal(r.stats->all.failed, 3);
    assert_int_equal(r.stats->routes[0].no_answer[CURLE_OPERATION_TIMEDOUT], 3);
    assert_int_equal(r.stats->not_started, n - 3);
    assert_int_equal(r.stats->iterations, 0);
    run_done(&r);
}

static void a_stop_ends_a_run_at_once_and_counts_nothing_as_failed(void **state)
{
    struct run r;

    run_init(&r, state, "steps: [{name: hang, path: /hang}]");
    r.o.stop = lp_stop_new();
    r.o.duration_ms = 86400000;
    lp_stop_request(r.o.stop);
    ok(learners_run(&r.o, r.stats, &err));
    assert_int_equal(r.stats->all.time.count, 0);
    assert_int_equal(r.stats->not_started, 0);
    lp_stop_free(r.o.stop);
    run_done(&r);
}

static void arrivals_follow_the_shape_and_not_the_answers(void **state)
{
    double at[400];
    struct run r;

    run_init(&r, state, "steps: [{name: health, path: /health, expect: {has: status}}]");
    assert_true(shape_named("exam", 0.5, &r.shape));
    r.o.learners = 50;
    r.o.duration_ms = 500;
    r.o.arrival_rate = 300;
    unsigned n = arrivals_of(&r, at, LP_COUNT(at));
    ok(learners_run(&r.o, r.stats, &err));
    assert_int_equal(r.stats->iterations, n);
    assert_int_equal(atomic_load(&gateway.health), n);
    run_done(&r);
}

static void every_learner_has_an_account_of_its_own_where_the_scenario_says_so(void **state)
{
    struct run r;

    run_init(&r, state,
             "accounts: each\n"
             "setup:\n"
             "- {name: register, path: /register, body: {email: '${email}'},\n"
             "   expect: {status: [201, 409]}}\n"
             "- {name: login, path: /auth/api/auth/login, body: {}, keep: {token: token}}\n"
             "steps:\n"
             "- {name: recommendation, token: true,\n"
             "   path: /progress/api/progress/recommendation/u-1}\n");
    ok(learners_run(&r.o, r.stats, &err));
    assert_int_equal(atomic_load(&gateway.accounts), 1); /* that of learner 2 */
    assert_int_equal(atomic_load(&gateway.logins), 5);
    assert_int_equal(atomic_load(&gateway.strangers), 0);
    assert_int_equal(r.stats->all.failed, 0);
    assert_int_equal(r.stats->n, 1); /* the setup is no route */
    r.o.email = "nobody";
    assert_int_equal(learners_run(&r.o, r.stats, &r.err), LP_E_INVALID);
    assert_string_equal(r.err.msg,
                        "LP_LOAD_EMAIL: must have an @, for an account each, is \"nobody\"");
    run_done(&r);
}

static void more_rounds_than_a_run_may_have_are_refused(void **state)
{
    struct run r;

    run_init(&r, state, "steps: [{name: health, path: /health}]");
    r.o.arrival_rate = 100000;
    r.o.duration_ms = 86400000;
    assert_int_equal(learners_run(&r.o, r.stats, &r.err), LP_E_INVALID);
    assert_string_equal(r.err.msg, "--arrival-rate: times --duration must be at most 100000000 "
                                   "rounds, is 8640000000");
    run_done(&r);
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
        cmocka_unit_test_setup_teardown(a_public_target_is_refused_without_a_setup_too, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_url_without_scheme_or_host_or_with_a_query_is_refused,
                                        start, stop),
        cmocka_unit_test_setup_teardown(a_stall_is_in_the_time_of_all_rounds_that_arrived_meanwhile,
                                        start, stop),
        cmocka_unit_test_setup_teardown(in_a_closed_model_only_the_request_that_was_held_up_is_slow,
                                        start, stop),
        cmocka_unit_test_setup_teardown(what_hangs_at_the_end_failed_and_what_never_began_is_told,
                                        start, stop),
        cmocka_unit_test_setup_teardown(a_stop_ends_a_run_at_once_and_counts_nothing_as_failed,
                                        start, stop),
        cmocka_unit_test_setup_teardown(arrivals_follow_the_shape_and_not_the_answers, start, stop),
        cmocka_unit_test_setup_teardown(
            every_learner_has_an_account_of_its_own_where_the_scenario_says_so, start, stop),
        cmocka_unit_test_setup_teardown(more_rounds_than_a_run_may_have_are_refused, start, stop),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    lp_json_init();
    return cmocka_run_group_tests_name("cli_load", tests, NULL, NULL);
}
