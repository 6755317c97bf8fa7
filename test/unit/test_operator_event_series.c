/* test/unit/test_operator_event_series.c -- when an Event is a new one, and when the old one is
 * counted. */
#include "operator/state/event_series.h"

#include "base/alloc.h"
#include "unit/check.h"

static void the_same_event_is_counted_under_its_first_name(void **state)
{
    lp_auto_free struct event_series *s = NULL;
    uint64_t what = event_series_what("Warning", "Degraded", "Reconcile", "a");
    uint64_t other = event_series_what("Warning", "Degraded", "Reconcile", "b");
    uint64_t id;
    (void)state;
    assert_int_equal(event_series_count(&s, what, 7, 1000, &id), 1);
    assert_int_equal(id, 7);
    assert_int_equal(event_series_count(&s, other, 8, 1001, &id), 1);
    assert_int_equal(id, 8);
    assert_int_equal(event_series_count(&s, what, 9, 1002, &id), 2);
    assert_int_equal(id, 7);
    assert_int_equal(event_series_count(&s, what, 10, 1002 + EVENT_SERIES_MS - 1, &id), 3);
    assert_int_equal(id, 7);
}

static void where_words_move_from_one_part_to_another_it_is_another_event(void **state)
{
    (void)state;
    assert_true(event_series_what("a", "b", "c", "d") == event_series_what("a", "b", "c", "d"));
    assert_true(event_series_what("ab", "", "c", "d") != event_series_what("a", "b", "c", "d"));
    assert_true(event_series_what("a", "b", "cd", "") != event_series_what("a", "b", "c", "d"));
}

static void after_a_quiet_time_or_its_end_it_is_a_new_one(void **state)
{
    lp_auto_free struct event_series *s = NULL;
    uint64_t id;
    (void)state;
    assert_int_equal(event_series_count(&s, 1, 7, 1000, &id), 1);
    assert_int_equal(event_series_count(&s, 1, 8, 1000 + EVENT_SERIES_MS, &id), 1);
    assert_int_equal(id, 8);
    event_series_end(s, 1);
    assert_int_equal(event_series_count(&s, 1, 9, 1000 + EVENT_SERIES_MS, &id), 1);
    assert_int_equal(id, 9);
}

static void the_longest_quiet_one_makes_room(void **state)
{
    lp_auto_free struct event_series *s = NULL;
    uint64_t id;
    (void)state;
    for (uint64_t what = 0; what < EVENT_SERIES_MAX; what++)
        assert_int_equal(event_series_count(&s, what, what, (int64_t)(1000 + what), &id), 1);
    assert_int_equal(event_series_count(&s, 0, 100, 2000, &id), 2);
    assert_int_equal(event_series_count(&s, 100, 100, 2001, &id), 1);
    assert_int_equal(event_series_count(&s, 0, 101, 2002, &id), 3);
    assert_int_equal(event_series_count(&s, 1, 102, 2003, &id), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_event_is_counted_under_its_first_name),
        cmocka_unit_test(where_words_move_from_one_part_to_another_it_is_another_event),
        cmocka_unit_test(after_a_quiet_time_or_its_end_it_is_a_new_one),
        cmocka_unit_test(the_longest_quiet_one_makes_room),
    };
    return cmocka_run_group_tests_name("operator_event_series", tests, NULL, NULL);
}
