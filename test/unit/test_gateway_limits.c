/* The parts that say no: breaker, rate limit, admission; and the buffer between two sides. */
#include <string.h>

#include "services/gateway/admission.h"
#include "services/gateway/limiter.h"
#include "services/gateway/stream.h"
#include "unit/check.h"
#include "work/breaker.h"

static void fail_times(struct lp_breaker *b, unsigned n, int64_t now)
{
    for (unsigned i = 0; i < n; i++) {
        assert_true(lp_breaker_admits(b, now));
        lp_breaker_result(b, false, now);
    }
}

static void opens_after_five_failures_in_a_row(void **state)
{
    struct lp_breaker b = { .state = LP_BREAKER_CLOSED };
    (void)state;

    fail_times(&b, 4, 100);
    lp_breaker_result(&b, true, 100);
    fail_times(&b, 4, 100);
    assert_true(lp_breaker_admits(&b, 100));
    lp_breaker_result(&b, false, 100);
    assert_false(lp_breaker_admits(&b, 100));
    assert_int_equal(lp_breaker_wait(&b, 100), 2000);
    assert_false(lp_breaker_admits(&b, 2099));
}

static void opens_when_half_of_many_fail(void **state)
{
    struct lp_breaker b = { .state = LP_BREAKER_CLOSED };
    (void)state;

    for (int i = 0; i < 10; i++) {
        lp_breaker_result(&b, true, 100);
        assert_int_equal(b.state, LP_BREAKER_CLOSED);
        lp_breaker_result(&b, false, 100);
    }
    assert_int_equal(b.state, LP_BREAKER_OPEN);
}

static void forgets_failures_of_an_earlier_window(void **state)
{
    struct lp_breaker b = { .state = LP_BREAKER_CLOSED };
    (void)state;

    for (int i = 0; i < 40; i++) {
        lp_breaker_result(&b, i % 2 == 0, 20000 * i);
        assert_int_equal(b.state, LP_BREAKER_CLOSED);
    }
}

static void lets_one_probe_through_and_closes_after_two(void **state)
{
    struct lp_breaker b = { .state = LP_BREAKER_CLOSED };
    (void)state;

    fail_times(&b, 5, 0);
    assert_true(lp_breaker_admits(&b, 2000));
    assert_false(lp_breaker_admits(&b, 2000)); /* one at a time */
    lp_breaker_result(&b, true, 2001);
    assert_int_equal(b.state, LP_BREAKER_HALF_OPEN);
    assert_true(lp_breaker_admits(&b, 2001));
    lp_breaker_result(&b, true, 2002);
    assert_int_equal(b.state, LP_BREAKER_CLOSED);
    assert_true(lp_breaker_admits(&b, 2002));
    assert_true(lp_breaker_admits(&b, 2002));
}

static void waits_longer_after_each_failed_probe(void **state)
{
    static const int64_t waits[] = { 2000, 4000, 8000, 16000, 30000, 30000 };
    struct lp_breaker b = { .state = LP_BREAKER_CLOSED };
    int64_t now = 0;
    (void)state;

    fail_times(&b, 5, now);
    for (size_t i = 0; i < LP_COUNT(waits); i++) {
        assert_int_equal(lp_breaker_wait(&b, now), waits[i]);
        assert_false(lp_breaker_admits(&b, now + waits[i] - 1));
        now += waits[i];
        assert_true(lp_breaker_admits(&b, now));
        lp_breaker_result(&b, false, now);
    }
}

static void gives_a_probe_back_that_told_nothing(void **state)
{
    struct lp_breaker b = { .state = LP_BREAKER_CLOSED };
    (void)state;

    fail_times(&b, 5, 0);
    assert_true(lp_breaker_admits(&b, 2000));
    lp_breaker_forget(&b);
    assert_true(lp_breaker_admits(&b, 2000));
}

static void gives_each_client_a_bucket_of_its_own_for_each_route(void **state)
{
    struct limiter *l = limiter_new(2, 3);
    struct limiter_state s;
    (void)state;

    for (int64_t left = 2; left >= 0; left--) {
        assert_true(limiter_take(l, 0, "anna", 4, 5000, &s));
        assert_int_equal(s.limit, 3);
        assert_int_equal(s.remaining, left);
        assert_int_equal(s.reset_s, (3 - left + 1) / 2);
        assert_int_equal(s.window_s, 2);
    }
    assert_false(limiter_take(l, 0, "anna", 4, 5000, &s));
    assert_int_equal(s.remaining, 0);
    assert_int_equal(s.retry_ms, 500);
    assert_true(limiter_take(l, 0, "bert", 4, 5000, &s));
    assert_true(limiter_take(l, 1, "anna", 4, 5000, &s));
    assert_false(limiter_take(l, 0, "anna", 4, 5250, &s));
    assert_int_equal(s.retry_ms, 250);
    assert_true(limiter_take(l, 0, "anna", 4, 5500, &s)); /* what was refused cost nothing */
    assert_false(limiter_take(l, 0, "anna", 4, 5500, &s));
    for (int i = 0; i < 3; i++) /* no more than a bucket, however long ago */
        assert_true(limiter_take(l, 0, "anna", 4, 5000000, &s));
    assert_false(limiter_take(l, 0, "anna", 4, 5000000, &s));
    limiter_free(l);
}

static void keeps_its_size_with_ever_new_clients(void **state)
{
    struct limiter *l = limiter_new(1, 1);
    struct limiter_state s;
    (void)state;

    for (uint64_t i = 0; i < 300000; i++)
        assert_true(limiter_take(l, 0, &i, sizeof i, 1, &s));
    limiter_free(l);
}

static void serves_waiting_requests_in_the_order_they_came(void **state)
{
    struct admission a = { .places = 1, .queue_limit = 3 };
    struct admission_ticket t[5] = { { .waits = false } };
    (void)state;

    assert_int_equal(admission_enter(&a, &t[0], 0, true), ADMISSION_GRANTED);
    for (int i = 1; i < 4; i++)
        assert_int_equal(admission_enter(&a, &t[i], 0, true), ADMISSION_WAITS);
    assert_int_equal(admission_enter(&a, &t[4], 0, true), ADMISSION_FULL);
    assert_null(admission_next(&a, 0));
    admission_leave(&a, &t[2]); /* gone while it waited */
    admission_leave(&a, &t[0]);
    assert_ptr_equal(admission_next(&a, 0), &t[1]);
    assert_null(admission_next(&a, 0));
    admission_leave(&a, &t[1]);
    admission_leave(&a, &t[1]); /* twice does nothing */
    assert_ptr_equal(admission_next(&a, 0), &t[3]);
    admission_leave(&a, &t[3]);
    assert_int_equal(a.lanes[0].used, 0);
    assert_int_equal(a.lanes[0].waiting, 0);
}

static void what_waits_for_one_upstream_is_nothing_to_another(void **state)
{
    struct admission a = { .places = 2, .queue_limit = 1 };
    struct admission_ticket slow[4] = { { .waits = false } }, quick = { .waits = false };
    (void)state;

    assert_int_equal(admission_enter(&a, &slow[0], 1, true), ADMISSION_GRANTED);
    assert_int_equal(admission_enter(&a, &slow[1], 1, true), ADMISSION_GRANTED);
    assert_int_equal(admission_enter(&a, &slow[2], 1, true), ADMISSION_WAITS);
    assert_int_equal(admission_enter(&a, &slow[3], 1, true), ADMISSION_FULL);
    assert_int_equal(admission_enter(&a, &quick, 0, true), ADMISSION_GRANTED);
    admission_leave(&a, &quick);
    assert_null(admission_next(&a, 0));
    admission_leave(&a, &slow[0]);
    assert_ptr_equal(admission_next(&a, 1), &slow[2]);
}

static void nothing_waits_where_the_memory_for_it_is_used_up(void **state)
{
    struct admission a = { .places = 1, .queue_limit = 9 };
    struct admission_ticket t[2] = { { .waits = false } };
    (void)state;

    assert_int_equal(admission_enter(&a, &t[0], 0, false), ADMISSION_GRANTED);
    assert_int_equal(admission_enter(&a, &t[1], 0, false), ADMISSION_FULL);
    assert_int_equal(a.lanes[0].waiting, 0);
}

static void gives_the_bytes_back_in_order_whatever_the_pieces(void **state)
{
    struct stream s = STREAM_INIT;
    unsigned char put = 0, want = 0;
    size_t in = 0, out = 0;
    (void)state;

    while (out < 300000) {
        unsigned char piece[1000], got[777];
        for (size_t i = 0; i < sizeof piece; i++)
            piece[i] = put++;
        if (in < 300000) {
            assert_true(stream_put(&s, piece, sizeof piece));
            in += sizeof piece;
        }
        size_t n = stream_take(&s, got, sizeof got);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(got[i], want++);
        out += n;
        assert_int_equal(stream_length(&s), in - out);
    }
    stream_done(&s);
}

static void refuses_bytes_over_twice_the_high_mark(void **state)
{
    struct stream s = STREAM_INIT;
    char *block = lp_alloc(STREAM_HIGH);
    (void)state;

    assert_true(stream_put(&s, block, STREAM_HIGH));
    assert_true(stream_put(&s, block, STREAM_HIGH));
    assert_false(stream_put(&s, block, 1));
    free(block);
    stream_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_after_five_failures_in_a_row),
        cmocka_unit_test(opens_when_half_of_many_fail),
        cmocka_unit_test(forgets_failures_of_an_earlier_window),
        cmocka_unit_test(lets_one_probe_through_and_closes_after_two),
        cmocka_unit_test(waits_longer_after_each_failed_probe),
        cmocka_unit_test(gives_a_probe_back_that_told_nothing),
        cmocka_unit_test(gives_each_client_a_bucket_of_its_own_for_each_route),
        cmocka_unit_test(keeps_its_size_with_ever_new_clients),
        cmocka_unit_test(serves_waiting_requests_in_the_order_they_came),
        cmocka_unit_test(what_waits_for_one_upstream_is_nothing_to_another),
        cmocka_unit_test(nothing_waits_where_the_memory_for_it_is_used_up),
        cmocka_unit_test(gives_the_bytes_back_in_order_whatever_the_pieces),
        cmocka_unit_test(refuses_bytes_over_twice_the_high_mark),
    };
    return cmocka_run_group_tests_name("gateway_limits", tests, NULL, NULL);
}
