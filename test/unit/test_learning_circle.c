/* test/unit/test_learning_circle.c -- items that would have to be known before themselves. */
#include "services/learning/database/circle.h"

#include "base/alloc.h"
#include "unit/check.h"

#define FIND(items, asked, ...)                           \
    circle_find((const struct relation[]){ __VA_ARGS__ }, \
                (int)LP_COUNT(((const struct relation[]){ __VA_ARGS__ })), items, asked)

static void a_circle_is_found_through_items_that_are_asked_about(void **state)
{
    (void)state;
    assert_int_equal(circle_find(NULL, 0, 0, 0), 0);
    assert_int_equal(circle_find(NULL, 0, 3, 3), 0);
    assert_int_equal(FIND(1, 1, { 1, 1 }), 1);
    assert_int_equal(FIND(2, 2, { 1, 2 }), 0);
    assert_int_equal(FIND(2, 1, { 1, 2 }, { 2, 1 }), 1);
    assert_int_equal(FIND(4, 1, { 1, 2 }, { 2, 3 }, { 3, 4 }, { 4, 1 }), 1);
    assert_in_range(FIND(5, 3, { 3, 5 }, { 1, 2 }, { 5, 4 }, { 4, 3 }), 3, 3);
}

static void two_ways_to_the_same_item_are_no_circle(void **state)
{
    (void)state;
    assert_int_equal(FIND(4, 4, { 1, 2 }, { 1, 3 }, { 2, 4 }, { 3, 4 }, { 1, 4 }), 0);
    assert_int_equal(FIND(3, 3, { 1, 2 }, { 1, 2 }, { 3, 1 }, { 3, 2 }), 0);
}

static void a_circle_of_others_holds_nobody_back(void **state)
{
    (void)state;
    assert_int_equal(FIND(3, 1, { 1, 2 }, { 2, 3 }, { 3, 2 }), 0);
    assert_int_equal(FIND(2, 1, { 1, 2 }, { 2, 2 }), 0);
    /* The way that was gone first leads past item 1. */
    assert_int_equal(FIND(4, 1, { 1, 2 }, { 2, 3 }, { 3, 2 }, { 2, 4 }, { 4, 1 }), 1);
}

static void a_chain_of_two_hundred_thousand_takes_no_stack(void **state)
{
    enum { N = 200000 };
    lp_auto_free struct relation *chain = lp_calloc(N, sizeof *chain);
    (void)state;
    for (int i = 0; i < N; i++)
        chain[i] = (struct relation){ i + 1, i + 2 };
    assert_int_equal(circle_find(chain, N, N + 1, 5000), 0);
    chain[N - 1].prerequisite = 5000;
    assert_int_equal(circle_find(chain, N, N + 1, 5000), 5000);
    assert_int_equal(circle_find(chain, N, N + 1, 4999), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_circle_is_found_through_items_that_are_asked_about),
        cmocka_unit_test(two_ways_to_the_same_item_are_no_circle),
        cmocka_unit_test(a_circle_of_others_holds_nobody_back),
        cmocka_unit_test(a_chain_of_two_hundred_thousand_takes_no_stack),
    };
    return cmocka_run_group_tests_name("learning_circle", tests, NULL, NULL);
}
