/* test/unit/test_backoff.c -- growth, ceiling, reset and spread of the waits. */
#include "work/backoff.h"

#include "base/clock.h"
#include "unit/check.h"

static void waits_double_up_to_the_ceiling_within_a_tenth(void **state)
{
    struct lp_backoff b = { .base_ms = 800, .max_ms = 30000 };
    static const int64_t want[] = { 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000, 30000 };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(want); i++)
        assert_in_range(lp_backoff_next(&b), want[i] * 9 / 10, want[i] * 11 / 10);
    lp_backoff_reset(&b);
    assert_in_range(lp_backoff_next(&b), 720, 880);
}

static void a_quiet_time_resets_it(void **state)
{
    struct lp_backoff b = { .base_ms = 800, .max_ms = 30000, .reset_after_ms = 120000 };
    (void)state;
    lp_backoff_next(&b);
    lp_backoff_next(&b);
    b.last_ms = lp_clock_ms() - 60000;
    assert_in_range(lp_backoff_next(&b), 2880, 3520);
    b.last_ms = lp_clock_ms() - 120000;
    assert_in_range(lp_backoff_next(&b), 720, 880);
}

static void jitter_spreads_within_its_bounds(void **state)
{
    int64_t low = 1000, high = 1000;
    (void)state;
    for (int i = 0; i < 2000; i++) {
        int64_t ms = lp_jitter(1000, 10);
        assert_in_range(ms, 900, 1100);
        low = ms < low ? ms : low;
        high = ms > high ? ms : high;
    }
    assert_true(low < 920 && high > 1080);
    assert_int_equal(lp_jitter(5, 10), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_double_up_to_the_ceiling_within_a_tenth),
        cmocka_unit_test(a_quiet_time_resets_it),
        cmocka_unit_test(jitter_spreads_within_its_bounds),
    };
    return cmocka_run_group_tests_name("backoff", tests, NULL, NULL);
}
