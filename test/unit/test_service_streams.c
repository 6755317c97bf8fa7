/* Who reads long answers, and how many at a time. */
#include "service/streams.h"

#include "unit/check.h"

/* Issue 12, 16. */
static void readers_share_the_places_for_long_answers(void **state)
{
    struct lp_streams *s = lp_streams_new(3);
    struct lp_error err;
    (void)state;
    assert_int_equal(lp_streams_enter(s, "ann", &err), 0);
    assert_int_equal(lp_streams_enter(s, "ann", &err), 0);
    assert_int_equal(lp_streams_enter(s, "ann", &err), LP_E_CONFLICT);
    assert_int_equal(lp_streams_enter(s, "bob", &err), 0);
    assert_int_equal(lp_streams_enter(s, "eve", &err), LP_E_UNAVAILABLE);
    assert_int_equal(lp_streams_enter(s, "ann", &err), LP_E_CONFLICT);
    lp_streams_leave(s, "ann");
    assert_int_equal(lp_streams_enter(s, "eve", &err), 0);
    lp_streams_leave(s, "nobody");
    assert_int_equal(lp_streams_enter(s, "ann", &err), LP_E_UNAVAILABLE);
    lp_streams_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_share_the_places_for_long_answers),
    };
    return cmocka_run_group_tests_name("service_streams", tests, NULL, NULL);
}
