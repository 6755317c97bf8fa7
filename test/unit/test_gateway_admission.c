/* test/unit/test_gateway_admission.c -- places at each upstream, and the order of who waits. */
#include "services/gateway/admission.h"

#include "unit/check.h"

#define WAITING 5

/* One holds the only place at upstream 1, the others wait; `leaver` goes, then the place is given
 * on until nobody waits. The order in which they had it, as digits. */
static void order_without(unsigned leaver, char ret[WAITING + 1])
{
    struct admission a = { .places = 1, .queue_limit = WAITING };
    struct admission_ticket first, t[WAITING], *next;
    unsigned n = 0;

    assert_int_equal(admission_enter(&a, &first, 1, true), ADMISSION_GRANTED);
    for (unsigned i = 0; i < WAITING; i++)
        assert_int_equal(admission_enter(&a, &t[i], 1, true), ADMISSION_WAITS);
    assert_null(admission_next(&a, 1));
    admission_leave(&a, &t[leaver]);
    admission_leave(&a, &t[leaver]); /* it holds nothing any more */
    admission_leave(&a, &first);
    while ((next = admission_next(&a, 1))) {
        ret[n++] = (char)('0' + (next - t));
        assert_null(admission_next(&a, 1));
        admission_leave(&a, next);
    }
    ret[n] = '\0';
    assert_int_equal(a.lanes[1].used, 0);
    assert_int_equal(a.lanes[1].waiting, 0);
    assert_null(a.lanes[1].first);
    assert_null(a.lanes[1].last);
}

static void who_leaves_the_queue_leaves_the_others_in_their_order(void **state)
{
    static const char *const orders[WAITING] = { "1234", "0234", "0134", "0124", "0123" };
    char order[WAITING + 1];
    (void)state;

    for (unsigned i = 0; i < WAITING; i++) {
        order_without(i, order);
        assert_string_equal(order, orders[i]);
    }
}

static void a_full_queue_and_one_upstream_are_nothing_to_another(void **state)
{
    struct admission a = { .places = 1, .queue_limit = 1 };
    struct admission_ticket t[5];
    (void)state;

    assert_int_equal(admission_enter(&a, &t[0], 1, true), ADMISSION_GRANTED);
    assert_int_equal(admission_enter(&a, &t[1], 1, false), ADMISSION_FULL);
    assert_int_equal(admission_enter(&a, &t[1], 1, true), ADMISSION_WAITS);
    assert_int_equal(admission_enter(&a, &t[2], 1, true), ADMISSION_FULL);
    assert_int_equal(admission_enter(&a, &t[3], 2, false), ADMISSION_GRANTED);
    admission_leave(&a, &t[3]);
    assert_null(admission_next(&a, 2));
    assert_null(admission_next(&a, 1));
    admission_leave(&a, &t[0]);
    /* Who waits comes before who comes now. */
    assert_int_equal(admission_enter(&a, &t[4], 1, true), ADMISSION_FULL);
    assert_ptr_equal(admission_next(&a, 1), &t[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_leaves_the_queue_leaves_the_others_in_their_order),
        cmocka_unit_test(a_full_queue_and_one_upstream_are_nothing_to_another),
    };
    return cmocka_run_group_tests_name("gateway_admission", tests, NULL, NULL);
}
