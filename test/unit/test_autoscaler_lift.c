/* test/unit/test_autoscaler_lift.c -- burst and fallback: a floor under the HPA that rises within a
 * tick and goes down slowly.
 */
#include "autoscaler/policy/lift.h"

#include <string.h>

#include "unit/check.h"

#define START INT64_C(100000000)
#define SECOND INT64_C(1000)
#define MINUTE INT64_C(60000)

static struct lift_state state;
static struct lift_rule rule;
static struct lift_input in;
static struct lift lift;

static int begin(void **unused)
{
    (void)unused;
    memset(&state, 0, sizeof state);
    rule = (struct lift_rule){
        .min = 1, .max = 20, .burst = { 2000, 250, 2 * MINUTE }, .fallback = { 4, 2 * MINUTE }
    };
    in = (struct lift_input){
        .known = true, .need_milli = 500, .wait_ms = 0, .current = 1, .ready = 1, .floor = 1
    };
    return 0;
}

/* minReplicas after `ms`, with what `in` says. */
static int64_t at(int64_t ms)
{
    lift_next(&state, &rule, &in, START + ms, &lift);
    in.floor = lift.replicas;
    return lift.replicas;
}

static void load(int64_t need_milli, int64_t wait_ms)
{
    in.known = true;
    in.need_milli = need_milli;
    in.wait_ms = wait_ms;
}

static void pods(int64_t current, int64_t ready)
{
    in.current = current;
    in.ready = ready;
}

static void says(const char *want)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(300);

    lift_text(&state, &rule, &lift, &text);
    assert_string_equal(text.len > 0 ? text.ptr : "", want);
}

/* ---- burst ---- */

/* One moment of a service that was idle before. */
static const struct {
    int64_t need_milli, wait_ms, current, ready, max;
    bool paused;
    int64_t floor;
    bool at_once;
} cases[] = {
    { 1999, 0, 1, 1, 20, false, 1, false },     /* under the factor */
    { 2000, 0, 1, 1, 20, false, 2, true },      /* at the factor */
    { 6200, 0, 1, 1, 20, false, 7, true },      /* whole pods */
    { 6200, 0, 4, 4, 20, false, 1, false },     /* the HPA's own matter */
    { 8000, 0, 4, 4, 20, false, 8, true },      /* of what is asked for */
    { 900000, 0, 1, 1, 20, false, 20, true },   /* never over maxReplicas */
    { 6200, 0, 1, 1, 20, true, 1, false },      /* scaling up is paused */
    { 6200, 0, 0, 0, 20, false, 1, false },     /* somebody scaled it to 0 */
    { 1200, 250, 2, 2, 20, false, 1, false },   /* the wait that is allowed */
    { 1200, 251, 2, 2, 20, false, 3, true },    /* too long: one more */
    { 3500, 900, 2, 2, 20, false, 4, true },    /* or the need */
    { 1200, 900, 4, 2, 20, false, 4, false },   /* those that start come first */
    { 1200, 900, 4, 4, 4, false, 4, false },    /* all there may be */
    { 500, -1, 1, 1, 20, false, 1, false },     /* nobody knows the wait */
    { INT64_MAX, 0, 1, 1, 20, false, 20, true } /* whatever the samples say */
};

static void a_floor_rises_to_the_need_in_the_moment_that_shows_it(void **unused)
{
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        begin(unused);
        at(0);
        rule.max = cases[i].max;
        load(cases[i].need_milli, cases[i].wait_ms);
        pods(cases[i].current, cases[i].ready);
        in.paused = cases[i].paused;
        int64_t floor = at(500);
        if (floor != cases[i].floor || lift.at_once != cases[i].at_once)
            fail_msg("case %zu: %lld, at once %d", i, (long long)floor, lift.at_once);
    }
}

/* A mean over 5 s shows a step of 1 to 10 little by little. */
static void a_crowd_is_followed_for_ten_seconds_as_its_size_shows(void **unused)
{
    static const int64_t seen[] = { 2400, 4000, 5900, 7500, 9100 };

    (void)unused;
    at(0);
    for (int64_t i = 0; i < 5; i++) {
        load(seen[i], 0);
        assert_int_equal(at((i + 1) * SECOND), (seen[i] + 999) / 1000);
        pods(lift.replicas, 1);
    }
    load(9900, 0); /* over so soon after the last reason */
    assert_int_equal(at(9 * SECOND), 10);
    assert_int_equal(lift.source, LIFT_BURST);
}

static void growth_is_capped_while_pods_start(void **unused)
{
    (void)unused;
    at(0);
    load(4000, 400);
    assert_int_equal(at(1 * SECOND), 4);
    pods(4, 1);
    for (int64_t s = 2; s < 12; s++)
        assert_int_equal(at(s * SECOND), 4);
    load(14000, 900);                     /* queues grow while pods start */
    assert_int_equal(at(12 * SECOND), 4); /* one is ready: 3, and never fewer than are asked for */
    pods(4, 3);
    assert_int_equal(at(13 * SECOND), 9);
    pods(9, 9);
    load(18000, 900);
    assert_int_equal(at(14 * SECOND), 18);
}

static void a_floor_stays_and_then_goes_down_a_step_a_minute(void **unused)
{
    static const int64_t steps[] = { 8, 6, 5, 4, 3, 2, 1, 1 };

    (void)unused;
    at(0);
    load(10000, 0);
    assert_int_equal(at(SECOND), 10);
    pods(10, 10);
    load(300, 0);
    assert_int_equal(at(2 * MINUTE), 10);
    for (int64_t i = 0; i < 8; i++) {
        assert_int_equal(at(2 * MINUTE + SECOND + i * MINUTE), steps[i]);
        assert_int_equal(at(2 * MINUTE + SECOND + i * MINUTE + 59000), steps[i]);
    }
    assert_int_equal(lift.source, LIFT_SPEC);
    says("");
}

static void a_floor_does_not_go_under_the_need(void **unused)
{
    (void)unused;
    at(0);
    load(10000, 0);
    assert_int_equal(at(SECOND), 10);
    pods(10, 10);
    load(6100, 0);
    assert_int_equal(at(3 * MINUTE), 8);
    assert_int_equal(at(4 * MINUTE), 7);
    assert_int_equal(at(5 * MINUTE), 7);
    load(100, 0);
    assert_int_equal(at(6 * MINUTE), 6);
}

static void a_new_process_begins_with_the_count_that_it_finds(void **unused)
{
    (void)unused;
    pods(7, 7);
    in.floor = 3;
    in.known = false; /* it has no samples yet */
    assert_int_equal(at(0), 7);
    assert_false(lift.at_once);
    says("burst: a new operator holds the 7 pods that it found");
    load(500, 0);
    assert_int_equal(at(SECOND), 7);
    assert_int_equal(at(2 * MINUTE), 6);
    begin(unused);
    in.current = -1; /* and no Deployments */
    in.floor = 3;
    assert_int_equal(at(0), 1);
    pods(1, 1);
    assert_int_equal(at(0), 1);
}

static void where_the_load_is_not_known_a_floor_stays(void **unused)
{
    (void)unused;
    rule.fallback.replicas = 0;
    at(0);
    load(10000, 0);
    assert_int_equal(at(SECOND), 10);
    pods(10, 10);
    in.known = false;
    for (int64_t m = 1; m < 90; m++)
        assert_int_equal(at(m * MINUTE), 10);
    load(0, 0);
    assert_int_equal(at(90 * MINUTE), 8);
}

static void a_burst_tells_why(void **unused)
{
    (void)unused;
    at(0);
    load(6200, 0);
    at(SECOND);
    says("burst: the load needed 6.2 pods, there was 1");
    begin(unused);
    pods(2, 2);
    in.floor = 2;
    rule.min = 2;
    at(0);
    load(1500, 700);
    at(SECOND);
    says("burst: requests had to wait for 700 ms, allowed are 250 ms; the load needed 1.5 pods, "
         "there were 2");
}

static void a_rule_that_is_taken_back_leaves_nothing(void **unused)
{
    (void)unused;
    at(0);
    load(6200, 0);
    assert_int_equal(at(SECOND), 7);
    rule.burst.factor_milli = 0;
    assert_int_equal(at(2 * SECOND), 1);
    in.queue_floor = 5; /* where no HPA can ask for it */
    assert_int_equal(at(3 * SECOND), 5);
    assert_int_equal(lift.source, LIFT_QUEUE_DEPTH);
    assert_false(lift.at_once);
    in.queue_floor = 50;
    assert_int_equal(at(4 * SECOND), 20);
}

/* ---- fallback ---- */

static void lose(int64_t from_minute, int64_t to_minute, int64_t want)
{
    in.known = false;
    for (int64_t m = from_minute; m < to_minute; m++)
        if (at(m * MINUTE) != want)
            fail_msg("minute %lld: %lld", (long long)m, (long long)lift.replicas);
}

static void metrics_lost_for_two_minutes_are_a_floor(void **unused)
{
    (void)unused;
    rule.burst.factor_milli = 0;
    at(0);
    lose(1, 3, 1); /* for two minutes nothing is done */
    assert_int_equal(at(3 * MINUTE - 1), 1);
    lose(3, 90, 4);
    assert_int_equal(lift.source, LIFT_FALLBACK);
    assert_false(lift.at_once);
    says("fallback: the load is not known for 120 s; the spec says 4 pods, in 95 % of the hour "
         "before it were at most 1");
    pods(9, 9); /* CPU asks for more: above the floor, and it may go again */
    lose(90, 100, 4);
    load(100, 0);
    assert_int_equal(at(100 * MINUTE), 4);
    assert_int_equal(at(101 * MINUTE), 3);
    assert_int_equal(at(102 * MINUTE), 2);
    assert_int_equal(at(103 * MINUTE), 1);
    assert_int_equal(lift.source, LIFT_SPEC);
}

static void a_fallback_is_at_least_the_pods_that_are_there(void **unused)
{
    (void)unused;
    rule.burst.factor_milli = 0;
    pods(6, 6);
    at(0);
    in.known = false;
    at(SECOND);
    assert_int_equal(at(SECOND + 2 * MINUTE), 6);
    rule.max = 5;
    assert_int_equal(at(SECOND + 3 * MINUTE), 5);
}

/* Sixty minutes: `few` pods, and `many` in the last `n_many` of them. */
static int64_t after_an_hour(int64_t few, int64_t many, int n_many)
{
    begin(NULL);
    rule.burst.factor_milli = 0;
    for (int m = 0; m < 60; m++) {
        pods(m < 60 - n_many ? few : many, 1);
        at((int64_t)m * MINUTE);
    }
    pods(2, 2);
    in.known = false;
    at(59 * MINUTE + SECOND);
    return at(61 * MINUTE + SECOND);
}

static void a_fallback_is_at_least_the_95th_percentile_of_the_last_hour(void **unused)
{
    (void)unused;
    assert_int_equal(after_an_hour(5, 12, 3), 5);
    assert_int_equal(after_an_hour(5, 12, 4), 12);
    assert_int_equal(after_an_hour(2, 12, 0), 4);
    begin(unused); /* what was more than an hour ago is forgotten */
    rule.burst.factor_milli = 0;
    pods(15, 15);
    at(0);
    pods(2, 2);
    at(60 * MINUTE);
    in.known = false;
    at(61 * MINUTE);
    assert_int_equal(at(63 * MINUTE), 4);
}

static void what_was_never_known_is_not_lost(void **unused)
{
    (void)unused;
    rule.burst.factor_milli = 0;
    lose(0, 60, 1);
}

static void a_short_loss_changes_nothing(void **unused)
{
    (void)unused;
    rule.burst.factor_milli = 0;
    at(0);
    for (int64_t m = 1; m < 60; m += 2) {
        in.known = false;
        assert_int_equal(at(m * MINUTE), 1);
        assert_int_equal(at(m * MINUTE + 59000), 1);
        load(100, 0);
        assert_int_equal(at((m + 1) * MINUTE), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_floor_rises_to_the_need_in_the_moment_that_shows_it, begin),
        cmocka_unit_test_setup(a_crowd_is_followed_for_ten_seconds_as_its_size_shows, begin),
        cmocka_unit_test_setup(growth_is_capped_while_pods_start, begin),
        cmocka_unit_test_setup(a_floor_stays_and_then_goes_down_a_step_a_minute, begin),
        cmocka_unit_test_setup(a_floor_does_not_go_under_the_need, begin),
        cmocka_unit_test_setup(a_new_process_begins_with_the_count_that_it_finds, begin),
        cmocka_unit_test_setup(where_the_load_is_not_known_a_floor_stays, begin),
        cmocka_unit_test_setup(a_burst_tells_why, begin),
        cmocka_unit_test_setup(a_rule_that_is_taken_back_leaves_nothing, begin),
        cmocka_unit_test_setup(metrics_lost_for_two_minutes_are_a_floor, begin),
        cmocka_unit_test_setup(a_fallback_is_at_least_the_pods_that_are_there, begin),
        cmocka_unit_test_setup(a_fallback_is_at_least_the_95th_percentile_of_the_last_hour, begin),
        cmocka_unit_test_setup(what_was_never_known_is_not_lost, begin),
        cmocka_unit_test_setup(a_short_loss_changes_nothing, begin),
    };
    return cmocka_run_group_tests_name("autoscaler_lift", tests, NULL, NULL);
}
