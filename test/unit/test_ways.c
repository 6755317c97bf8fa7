/* test/unit/test_ways.c -- which entry of a set is found, and which gives way. */
#include "base/ways.h"

#include "unit/check.h"

struct seen {
    struct lp_way way;
    int what;
};

static struct seen set[LP_WAYS];

static struct seen *use(uint64_t key, int64_t at_ms)
{
    struct seen *s = lp_way_of(set, sizeof *s, key);
    s->way = (struct lp_way){ key, at_ms };
    return s;
}

static void what_is_there_is_found_wherever_it_stands(void **state)
{
    (void)state;
    for (int i = 0; i < LP_WAYS; i++)
        use((uint64_t)i + 1, i + 1)->what = i;
    for (int i = 0; i < LP_WAYS; i++)
        assert_int_equal(((struct seen *)lp_way_of(set, sizeof *set, (uint64_t)i + 1))->what, i);
}

static void the_one_used_longest_ago_gives_way(void **state)
{
    (void)state;
    for (int i = 0; i < LP_WAYS; i++)
        use((uint64_t)i + 1, i + 1);
    use(1, 10);
    struct seen *given = lp_way_of(set, sizeof *set, 99);
    assert_int_equal(given->way.key, 2);
    use(99, 11);
    given = lp_way_of(set, sizeof *set, 2);
    assert_int_equal(given->way.key, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_there_is_found_wherever_it_stands),
        cmocka_unit_test(the_one_used_longest_ago_gives_way),
    };
    return cmocka_run_group_tests_name("ways", tests, NULL, NULL);
}
