/* test/unit/test_operator_repairs.c -- waits between repairs, and when they are a conflict. */
#include "operator/state/repairs.h"

#include "unit/check.h"

static void repairs_in_a_row_wait_longer_and_become_a_conflict(void **state)
{
    struct repair *list = NULL;
    int64_t now = 1000, last_ms = 0;
    (void)state;
    for (unsigned i = 1; i <= 40; i++) {
        struct repair *r = repairs_find(&list, "Service a", false, now, true);
        repairs_count(r, now, now);
        int64_t wait_ms = r->due_ms - now;
        assert_true(wait_ms >= (i == 1 ? 4 : 5) && wait_ms <= 330000);
        assert_true(wait_ms > last_ms || wait_ms >= 270000);
        assert_int_equal(repairs_conflict(list, now) != NULL, i >= REPAIRS_TELL);
        last_ms = wait_ms;
        now = r->due_ms;
    }
    repairs_free(list);
}

static void a_conflict_ends_once_a_repair_holds(void **state)
{
    struct repair *list = NULL;
    int64_t now = 5000;
    (void)state;
    struct repair *r = repairs_find(&list, "Service a", false, now, true);
    for (unsigned i = 0; i < REPAIRS_TELL; i++)
        repairs_count(r, now, now);
    assert_ptr_equal(repairs_conflict(list, now), r);
    int64_t next = repairs_next_ms(list, now);
    assert_true(next > 0 && next <= 60000);
    assert_null(repairs_conflict(list, now + next));
    assert_int_equal(repairs_next_ms(list, now + next), 0);
    r->open = true; /* taken again, and its time has not come */
    assert_ptr_equal(repairs_conflict(list, now + next), r);
    assert_true(repairs_next_ms(list, now + next) > 0);
    repairs_free(list);
}

static void ten_quiet_minutes_begin_anew(void **state)
{
    struct repair *list = NULL;
    int64_t now = 1000;
    (void)state;
    struct repair *r = repairs_find(&list, "Service a", false, now, true);
    repairs_count(r, now, now);
    now = r->due_ms + REPAIRS_FORGET_MS - 1;
    assert_ptr_equal(repairs_find(&list, "Service a", false, now, false), r);
    assert_null(repairs_find(&list, "Service a", false, now + 1, false));
    assert_null(list);
}

static void children_and_their_deletions_are_counted_apart(void **state)
{
    struct repair *list = NULL;
    (void)state;
    struct repair *a = repairs_find(&list, "Service a", false, 0, true);
    struct repair *gone = repairs_find(&list, "Service a", true, 0, true);
    assert_ptr_not_equal(a, gone);
    for (unsigned i = 0; i < REPAIRS_FREE_DELETIONS; i++) {
        repairs_count(gone, 0, 0);
        assert_int_equal(gone->due_ms, 0);
        assert_null(repairs_conflict(list, 0));
    }
    repairs_count(gone, 0, 0);
    assert_true(gone->due_ms > 0);
    repairs_count(gone, 0, 0);
    repairs_count(gone, 0, 0);
    assert_ptr_equal(repairs_conflict(list, 0), gone);
    repairs_drop(&list, "Service a", true);
    assert_ptr_equal(list, a);
    repairs_drop(&list, "Service b", false);
    repairs_free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repairs_in_a_row_wait_longer_and_become_a_conflict),
        cmocka_unit_test(a_conflict_ends_once_a_repair_holds),
        cmocka_unit_test(ten_quiet_minutes_begin_anew),
        cmocka_unit_test(children_and_their_deletions_are_counted_apart),
    };
    return cmocka_run_group_tests_name("operator_repairs", tests, NULL, NULL);
}
