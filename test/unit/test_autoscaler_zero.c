/* test/unit/test_autoscaler_zero.c -- when a service goes to 0 pods, and when it comes back. */
#include "autoscaler/policy/zero.h"

#include "unit/check.h"

#define IDLE 300000
#define BEGIN 1000000

static const struct zero_rule rule = { IDLE };
static const struct zero_input awake = { .quiet = true, .current = 1, .floor = 1 };
static const struct zero_input asleep = { .quiet = true, .current = 0, .asleep = true, .floor = 1 };

static enum zero_action look(struct zero_state *s, struct zero_input in, int64_t now)
{
    return zero_next(s, &rule, &in, now);
}

static void who_is_quiet_for_the_idle_time_goes_to_zero(void **state)
{
    struct zero_state s = { .quiet_ms = 0 };
    (void)state;
    assert_int_equal(look(&s, awake, BEGIN), ZERO_STAY);
    assert_int_equal(look(&s, awake, BEGIN + IDLE - 1), ZERO_STAY);
    assert_int_equal(look(&s, awake, BEGIN + IDLE), ZERO_SLEEP);
}

/* A request, metrics that are lost, a floor, a pause, a caller that waits. */
static void whatever_is_against_it_begins_the_idle_time_anew(void **state)
{
    struct zero_input against[] = { awake, awake, awake, awake, awake };
    (void)state;
    against[0].quiet = false;
    against[1].floor = 2;
    against[2].paused = true;
    against[3].awaited = 1000;
    against[4].awaited = -1;
    for (size_t i = 0; i < LP_COUNT(against); i++) {
        struct zero_state s = { .quiet_ms = 0 };
        look(&s, awake, BEGIN);
        assert_int_equal(look(&s, against[i], BEGIN + IDLE), ZERO_STAY);
        assert_int_equal(look(&s, awake, BEGIN + IDLE + 500), ZERO_STAY);
        assert_int_equal(look(&s, awake, BEGIN + 2 * IDLE), ZERO_STAY);
        assert_int_equal(look(&s, awake, BEGIN + 2 * IDLE + 500), ZERO_SLEEP);
    }
}

static void who_waits_or_a_floor_or_a_spec_without_zero_brings_it_back(void **state)
{
    const struct zero_rule never = { 0 };
    struct zero_input waits = asleep, floor = asleep;
    struct zero_state s = { .quiet_ms = 0 };
    (void)state;
    waits.awaited = 1000;
    floor.floor = 4;
    assert_int_equal(look(&s, asleep, BEGIN), ZERO_STAY);
    assert_int_equal(look(&s, asleep, BEGIN + 100 * IDLE), ZERO_STAY);
    assert_int_equal(look(&s, waits, BEGIN + 100 * IDLE), ZERO_WAKE);
    assert_int_equal(look(&s, floor, BEGIN + 100 * IDLE), ZERO_WAKE);
    assert_int_equal(zero_next(&s, &never, &asleep, BEGIN + 100 * IDLE), ZERO_WAKE);
}

static void a_paused_way_up_lets_nobody_wait(void **state)
{
    struct zero_input waits = asleep;
    struct zero_state s = { .quiet_ms = 0 };
    (void)state;
    waits.awaited = 1000;
    waits.paused = true;
    assert_int_equal(look(&s, waits, BEGIN), ZERO_WAKE);
}

static void where_nobody_knows_who_waits_a_pod_is_started_after_a_minute(void **state)
{
    struct zero_input unknown = asleep;
    struct zero_state s = { .quiet_ms = 0 };
    (void)state;
    unknown.awaited = -1;
    assert_int_equal(look(&s, unknown, BEGIN), ZERO_STAY);
    assert_int_equal(look(&s, unknown, BEGIN + ZERO_LOST_MS - 1), ZERO_STAY);
    assert_int_equal(look(&s, asleep, BEGIN + ZERO_LOST_MS - 1), ZERO_STAY); /* known again */
    assert_int_equal(look(&s, unknown, BEGIN + ZERO_LOST_MS), ZERO_STAY);
    assert_int_equal(look(&s, unknown, BEGIN + 2 * ZERO_LOST_MS), ZERO_WAKE);
}

static void what_a_person_scaled_to_zero_stays_there(void **state)
{
    struct zero_input by_hand = asleep;
    struct zero_state s = { .quiet_ms = 0 };
    (void)state;
    by_hand.asleep = false;
    by_hand.awaited = 1000;
    by_hand.floor = 4;
    assert_int_equal(look(&s, by_hand, BEGIN), ZERO_STAY);
    assert_int_equal(look(&s, by_hand, BEGIN + 10 * IDLE), ZERO_STAY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_quiet_for_the_idle_time_goes_to_zero),
        cmocka_unit_test(whatever_is_against_it_begins_the_idle_time_anew),
        cmocka_unit_test(who_waits_or_a_floor_or_a_spec_without_zero_brings_it_back),
        cmocka_unit_test(a_paused_way_up_lets_nobody_wait),
        cmocka_unit_test(where_nobody_knows_who_waits_a_pod_is_started_after_a_minute),
        cmocka_unit_test(what_a_person_scaled_to_zero_stays_there),
    };
    return cmocka_run_group_tests_name("autoscaler_zero", tests, NULL, NULL);
}
