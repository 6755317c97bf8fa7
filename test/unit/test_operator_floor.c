/* test/unit/test_operator_floor.c -- minReplicas by the queue depth: up at once, down slowly, never
 * on a guess. */
#include "operator/floor.h"

#include <string.h>

#include "unit/check.h"

#define START (INT64_C(1000) * FLOOR_SLOT_MS)
#define UNKNOWN (-1)

static struct floor_history history;

static int64_t next(int64_t now_replicas, int64_t depth_milli, int64_t at_ms)
{
    const struct floor_input in = {
        .min = 2, .max = 10, .now = now_replicas, .depth_milli = depth_milli, .target_milli = 4000
    };
    return floor_next(&history, &in, at_ms);
}

static int begin(void **state)
{
    (void)state;
    memset(&history, 0, sizeof history);
    return 0;
}

static void a_depth_lifts_the_floor_at_once_and_rounds_up(void **state)
{
    (void)state;
    assert_int_equal(next(2, 0, START), 2);
    assert_int_equal(next(2, 12000, START + 2000), 3);
    assert_int_equal(next(3, 12001, START + 4000), 4);
}

static void the_platforms_limits_hold(void **state)
{
    (void)state;
    assert_int_equal(next(1, 0, START), 2);
    assert_int_equal(next(2, INT64_MAX, START + 2000), 10);
}

static void it_goes_down_to_the_greatest_need_of_the_last_five_minutes(void **state)
{
    (void)state;
    assert_int_equal(next(2, 32000, START), 8);
    assert_int_equal(next(8, 16000, START + 2 * FLOOR_SLOT_MS), 8);
    assert_int_equal(next(8, 0, START + 4 * FLOOR_SLOT_MS), 8);
    assert_int_equal(next(8, 0, START + 5 * FLOOR_SLOT_MS), 4);
    assert_int_equal(next(4, 0, START + 7 * FLOOR_SLOT_MS), 2);
    assert_int_equal(next(2, 20000, START + 100 * FLOOR_SLOT_MS), 5);
    assert_int_equal(next(5, 0, START + 200 * FLOOR_SLOT_MS), 2);
}

static void a_new_leader_keeps_what_it_finds_for_five_minutes(void **state)
{
    (void)state;
    assert_int_equal(next(7, 0, START), 7);
    assert_int_equal(next(7, 0, START + 4 * FLOOR_SLOT_MS), 7);
    assert_int_equal(next(7, 0, START + 5 * FLOOR_SLOT_MS), 2);
}

static void where_the_depth_is_not_known_the_floor_stays(void **state)
{
    (void)state;
    assert_int_equal(next(2, 24000, START), 6);
    for (int64_t i = 1; i < 20; i++)
        assert_int_equal(next(6, UNKNOWN, START + i * FLOOR_SLOT_MS), 6);
    assert_int_equal(next(6, 0, START + 24 * FLOOR_SLOT_MS), 2);
}

/* Also where the depth is that of a crowd; what the spec asks for is done. */
static void a_paused_floor_stays(void **state)
{
    struct floor_input in = {
        .min = 2, .max = 10, .now = 3, .depth_milli = 40000, .target_milli = 4000, .paused = true
    };
    (void)state;
    assert_int_equal(floor_next(&history, &in, START), 3);
    assert_int_equal(floor_next(&history, &in, START + 100 * FLOOR_SLOT_MS), 3);
    in.min = 5;
    assert_int_equal(floor_next(&history, &in, START + 101 * FLOOR_SLOT_MS), 5);
    in.now = 5;
    in.paused = false;
    assert_int_equal(floor_next(&history, &in, START + 102 * FLOOR_SLOT_MS), 10);
}

static void an_hpa_is_remembered_while_it_is_seen(void **state)
{
    static const char *const uids[] = { "m", "b", "z", "a", "n" };
    struct floor_histories *m = floor_histories_new(10);
    (void)state;
    floor_histories_begin(m);
    for (int i = 0; i < 5; i++)
        floor_histories_of(m, uids[i])->slot = i + 1;
    assert_int_equal(floor_histories_end(m), 0);
    floor_histories_begin(m);
    for (int i = 4; i > 0; i--)
        assert_int_equal(floor_histories_of(m, uids[i])->slot, i + 1);
    floor_histories_end(m);
    floor_histories_begin(m);
    assert_int_equal(floor_histories_of(m, "m")->slot, 0);
    assert_int_equal(floor_histories_of(m, "z")->slot, 3);
    floor_histories_free(m);
}

static void those_whose_write_can_wait_go_by_their_last_attempt(void **state)
{
    struct floor_history first = { .tried_ms = 100 }, second = { .tried_ms = 200 };
    struct floor_history third = { .tried_ms = INT64_MAX };
    struct floor_later later[] = { { "ns/c", &third }, { "ns/a", &first }, { "ns/b", &second } };

    (void)state;
    floor_later_sort(later, 0);
    assert_string_equal(later[0].key, "ns/c");
    floor_later_sort(later, 3);
    assert_string_equal(later[0].key, "ns/a");
    assert_string_equal(later[1].key, "ns/b");
    assert_string_equal(later[2].key, "ns/c");
}

static void those_without_room_are_counted_until_there_is_some(void **state)
{
    struct floor_histories *m = floor_histories_new(2);
    (void)state;
    floor_histories_begin(m);
    assert_non_null(floor_histories_of(m, "c"));
    assert_non_null(floor_histories_of(m, "a"));
    assert_null(floor_histories_of(m, "b"));
    assert_null(floor_histories_of(m, "d"));
    assert_non_null(floor_histories_of(m, "c"));
    assert_int_equal(floor_histories_end(m), 2);
    floor_histories_begin(m);
    assert_non_null(floor_histories_of(m, "c"));
    assert_int_equal(floor_histories_end(m), 0);
    floor_histories_begin(m);
    assert_non_null(floor_histories_of(m, "b"));
    floor_histories_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_depth_lifts_the_floor_at_once_and_rounds_up, begin),
        cmocka_unit_test_setup(the_platforms_limits_hold, begin),
        cmocka_unit_test_setup(it_goes_down_to_the_greatest_need_of_the_last_five_minutes, begin),
        cmocka_unit_test_setup(a_new_leader_keeps_what_it_finds_for_five_minutes, begin),
        cmocka_unit_test_setup(where_the_depth_is_not_known_the_floor_stays, begin),
        cmocka_unit_test_setup(a_paused_floor_stays, begin),
        cmocka_unit_test(an_hpa_is_remembered_while_it_is_seen),
        cmocka_unit_test(those_whose_write_can_wait_go_by_their_last_attempt),
        cmocka_unit_test(those_without_room_are_counted_until_there_is_some),
    };
    return cmocka_run_group_tests_name("operator_floor", tests, NULL, NULL);
}
