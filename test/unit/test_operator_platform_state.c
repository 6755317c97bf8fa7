/* test/unit/test_operator_platform_state.c -- what is remembered of a platform, and for how long.
 */
#include "operator/state/platform_state.h"

#include "operator/state/context.h"

#include "base/hash.h"

#include "unit/check.h"

static void a_platform_is_remembered_until_it_is_forgotten(void **state)
{
    (void)state;
    struct platform_states *all = platform_states_new();
    struct platform_state *one = platform_states_of(all, "learning/english");
    one->failures = 3;
    assert_ptr_equal(platform_states_of(all, "learning/english"), one);
    assert_ptr_not_equal(platform_states_of(all, "learning/french"), one);
    platform_states_forget(all, "learning/english");
    platform_states_forget(all, "learning/nobody");
    assert_int_equal(platform_states_of(all, "learning/english")->failures, 0);
    platform_states_free(all);
}

static void ten_repairs_a_minute_are_told(void **state)
{
    struct platform_state m = { .key = NULL };
    (void)state;
    for (int minute = 0; minute < 3; minute++) {
        int64_t begin = 1000 + minute * 60000;
        for (int i = 0; i < 10; i++)
            assert_true(platform_state_may_emit(&m, begin + i));
        assert_false(platform_state_may_emit(&m, begin + 10));
        assert_false(platform_state_may_emit(&m, begin + 59999));
    }
}

static void each_child_has_a_memory_that_starts_empty(void **state)
{
    struct platform_states *all = platform_states_new();
    struct platform_state *m = platform_states_of(all, "learning/english");
    (void)state;
    platform_state_child(m, "Service/a")->generation = 3;
    platform_state_child(m, "Service/b")->applied = lp_hash("x");
    assert_int_equal(platform_state_child(m, "Service/a")->generation, 3);
    assert_int_equal(platform_state_child(m, "Service/a")->applied, 0);
    assert_true(platform_state_child(m, "Service/b")->applied == lp_hash("x"));
    assert_int_equal(m->n_children, 2);
    platform_states_expire(all);
    platform_states_of(all, "learning/english");
    assert_int_equal(platform_state_child(m, "Service/a")->generation, 0);
    platform_states_free(all);
}

static void a_time_that_came_meanwhile_is_not_lost(void **state)
{
    struct platform_state m = { .secrets_tried_ms = 1000, .secrets_wait_ms = 30000 };
    struct reconcile_context ctx = { .again_ms = 0 };
    (void)state;
    assert_int_equal(platform_state_secrets_ms(&m, 1000), 30000);
    assert_int_equal(platform_state_secrets_ms(&m, 30999), 1);
    assert_int_equal(platform_state_secrets_ms(&m, 31000), 10000);
    assert_int_equal(platform_state_secrets_ms(&m, 31500), 10000);
    context_again(&ctx, 50);
    context_again(&ctx, 500);
    assert_int_equal(ctx.again_ms, 50);
    context_again(&ctx, 0);
    assert_int_equal(ctx.again_ms, 1);
    context_again(&ctx, -7);
    assert_int_equal(ctx.again_ms, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_platform_is_remembered_until_it_is_forgotten),
        cmocka_unit_test(each_child_has_a_memory_that_starts_empty),
        cmocka_unit_test(ten_repairs_a_minute_are_told),
        cmocka_unit_test(a_time_that_came_meanwhile_is_not_lost),
    };
    return cmocka_run_group_tests_name("operator_memory", tests, NULL, NULL);
}
