/* test/unit/test_gateway_outliers.c -- an address of an upstream that takes connections and then
 * fails is left alone, for a while, unless too many would be. */
#include "base/clock.h"
#include "services/gateway/outliers.h"
#include "unit/gateway_lone.h"

static int64_t fail_times(struct outliers *o, const struct endpoint_list *all, unsigned i,
                          unsigned times, int64_t now)
{
    int64_t ms = 0;

    while (times-- > 0)
        ms = outliers_failed(o, &all->list[i], OUTLIER_UNANSWERED, all, now);
    return ms;
}

static void the_third_failure_in_a_row_leaves_an_address_alone(void **state)
{
    const struct endpoint_list all = numbered(3);
    struct outliers o = { .n = 0 };
    (void)state;

    assert_int_equal(fail_times(&o, &all, 1, 2, 100), 0);
    outliers_answered(&o, &all.list[1]);
    assert_int_equal(o.n, 0);
    assert_int_equal(fail_times(&o, &all, 1, 2, 100), 0);
    assert_false(outliers_is_out(&o, &all.list[1], 100));
    assert_int_equal(fail_times(&o, &all, 1, 1, 100), 2000);
    assert_true(outliers_is_out(&o, &all.list[1], 2099));
    assert_false(outliers_is_out(&o, &all.list[0], 2099));
    assert_int_equal(fail_times(&o, &all, 1, 5, 1000), 0); /* they were on their way already */
    assert_false(outliers_is_out(&o, &all.list[1], 2100));
}

static void one_request_tries_it_again_and_an_answer_brings_it_back(void **state)
{
    const struct endpoint_list all = numbered(2);
    static const int64_t waits[] = { 2000, 4000, 8000, 16000, 30000, 30000 };
    struct outliers o = { .n = 0 };
    int64_t now = 0;
    (void)state;

    fail_times(&o, &all, 0, 2, now);
    for (size_t i = 0; i < LP_COUNT(waits); i++) {
        assert_int_equal(fail_times(&o, &all, 0, 1, now), waits[i]);
        now += waits[i];
        assert_false(outliers_is_out(&o, &all.list[0], now));
        assert_true(outliers_asked(&o, &all.list[0], now));
        assert_false(outliers_asked(&o, &all.list[0], now));
        assert_true(outliers_is_out(&o, &all.list[0], now)); /* for the others */
    }
    outliers_answered(&o, &all.list[0]);
    assert_false(outliers_is_out(&o, &all.list[0], now));
    assert_int_equal(fail_times(&o, &all, 0, 2, now), 0);
    assert_int_equal(fail_times(&o, &all, 0, 1, now), 2000);
}

static void at_most_half_of_the_addresses_are_left_alone_for_their_answers(void **state)
{
    (void)state;

    for (unsigned n = 1; n <= ENDPOINTS_MAX; n++) {
        const struct endpoint_list all = numbered(n);
        struct outliers o = { .n = 0 };
        unsigned out = 0;
        for (unsigned i = 0; i < n; i++)
            out += fail_times(&o, &all, i, 9, 100) > 0 || outliers_is_out(&o, &all.list[i], 100);
        assert_int_equal(out, n / 2);
    }
}

static void one_that_refuses_is_left_alone_at_once_however_many_are(void **state)
{
    const struct endpoint_list all = numbered(2);
    struct outliers o = { .n = 0 };
    (void)state;

    assert_int_equal(outliers_failed(&o, &all.list[0], OUTLIER_UNCONNECTED, &all, 5), 2000);
    outliers_failed(&o, &all.list[1], OUTLIER_UNCONNECTED, &all, 5);
    assert_true(outliers_is_out(&o, &all.list[0], 5) && outliers_is_out(&o, &all.list[1], 5));
}

/* Then each is asked in turn all the same. */
static void none_is_told_to_be_left_alone_where_no_other_is_left(void **state)
{
    (void)state;

    for (unsigned n = 1; n <= ENDPOINTS_MAX; n++) {
        const struct endpoint_list all = numbered(n);
        struct outliers o = { .n = 0 };
        for (unsigned i = 0; i < n; i++)
            assert_int_equal(outliers_failed(&o, &all.list[i], OUTLIER_UNCONNECTED, &all, 100),
                             i + 1 < n ? 2000 : 0);
    }
}

static void one_that_tried_it_and_tells_nothing_leaves_that_to_the_next(void **state)
{
    const struct endpoint_list all = numbered(2);
    struct outliers o = { .n = 0 };
    (void)state;

    assert_int_equal(fail_times(&o, &all, 0, 3, 100), 2000);
    outliers_untold(&o, &all.list[0], 200); /* nobody tries it: it stays out */
    assert_true(outliers_is_out(&o, &all.list[0], 200));
    assert_true(outliers_asked(&o, &all.list[0], 2100));
    outliers_untold(&o, &all.list[0], 2200);
    assert_false(outliers_is_out(&o, &all.list[0], 2200));
    assert_true(outliers_asked(&o, &all.list[0], 2200));
    assert_int_equal(fail_times(&o, &all, 0, 1, 2300), 4000);
    outliers_untold(&o, &all.list[0], 2400); /* too late */
    assert_true(outliers_is_out(&o, &all.list[0], 2400));
}

/* It tried the first address, while the second one refuses: both would be out. */
static void a_trial_that_fails_where_too_many_are_out_ends_all_the_same(void **state)
{
    const struct endpoint_list all = numbered(2);
    struct outliers o = { .n = 0 };
    (void)state;

    assert_int_equal(fail_times(&o, &all, 0, 3, 100), 2000);
    assert_true(outliers_asked(&o, &all.list[0], 2100));
    outliers_failed(&o, &all.list[1], OUTLIER_UNCONNECTED, &all, 2150);
    assert_int_equal(fail_times(&o, &all, 0, 1, 2200), 0);
    assert_false(outliers_is_out(&o, &all.list[0], 2200));
    assert_true(outliers_is_out(&o, &all.list[1], 2200));
}

static void addresses_that_are_gone_leave_room_for_new_ones(void **state)
{
    struct endpoint_list all = numbered(ENDPOINTS_MAX);
    const struct endpoint_list before = all;
    struct outliers o = { .n = 0 };
    (void)state;

    for (unsigned i = 0; i < all.n; i++)
        fail_times(&o, &all, i, 1, 0);
    assert_int_equal(o.n, ENDPOINTS_MAX);
    for (unsigned i = 0; i < all.n; i++)
        all.list[i].in.sin_port = htons((uint16_t)(5000 + i));
    assert_int_equal(fail_times(&o, &all, 0, 3, 0), 2000);
    assert_int_equal(o.n, 1);
    assert_int_equal(fail_times(&o, &all, 1, 3, 0), 2000);
    assert_int_equal(outliers_failed(&o, &before.list[0], OUTLIER_UNCONNECTED, &all, 0), 0);
}

static void an_address_that_is_gone_is_none_of_the_half_that_may_be_left_alone(void **state)
{
    struct endpoint_list all = numbered(4);
    struct outliers o = { .n = 0 };
    (void)state;

    assert_int_equal(fail_times(&o, &all, 0, 3, 0), 2000);
    assert_int_equal(fail_times(&o, &all, 1, 3, 0), 2000);
    assert_int_equal(fail_times(&o, &all, 2, 3, 0), 0); /* it would be the third of four */
    for (unsigned i = 0; i < 2; i++)
        all.list[i].in.sin_port = htons((uint16_t)(5000 + i));
    assert_int_equal(fail_times(&o, &all, 2, 1, 0), 2000);
    assert_int_equal(o.n, 1);
}

/* ---- through the client ---- */

/* Until the call ends. One that went to `silent` (NULL: none is) is given up as overdue. */
static bool is_answered(struct lone *l, struct fake_upstream *silent)
{
    struct ended ended = { .is = false };
    const struct upstream_request r = lone_request(&ended);
    unsigned before = silent ? fake_upstream_connections(silent) : 0;
    struct upstream_call *call = l->client->ops->start(l->client, &r);
    struct epoll_event e;

    while (!ended.is) {
        if (epoll_wait(l->epoll, &e, 1, silent ? 10 : 30000) == 1) {
            l->client->ops->ready(l->client, (int)e.data.u64, e.events);
        } else if (!silent || fake_upstream_connections(silent) > before) {
            l->client->ops->cancel(call, true);
            return false;
        }
    }
    return ended.result == UPSTREAM_COMPLETE;
}

static const struct fake_script once[] = {
    { .reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
      .then = FAKE_CLOSE },
    FAKE_SCRIPT_END
};

static void one_of_three_fails(const struct fake_script *bad, bool silent)
{
    struct fake_upstream *fakes[3] = { fake_upstream_start(once), fake_upstream_start(bad),
                                       fake_upstream_start(once) };
    unsigned failed = 0;
    struct lone l;

    lone_up(&l, fakes, 3);
    int64_t began = lp_clock_ms();
    for (unsigned i = 0; i < 60; i++)
        failed += !is_answered(&l, silent ? fakes[1] : NULL);
    /* After 2 s one more may have tried it. */
    assert_in_range(failed, 3, 3 + (lp_clock_ms() - began) / 2000);
    assert_int_equal(fake_upstream_connections(fakes[1]), failed);
    lone_down(&l);
    for (unsigned i = 0; i < 3; i++)
        fake_upstream_stop(fakes[i]);
}

static void one_that_resets_each_connection_has_three_requests_and_no_more(void **state)
{
    static const struct fake_script bad[] = { { .then = FAKE_RESET }, FAKE_SCRIPT_END };
    (void)state;

    one_of_three_fails(bad, false);
}

static void one_that_never_answers_has_three_requests_and_no_more(void **state)
{
    static const struct fake_script bad[] = { { .then = FAKE_HANG }, FAKE_SCRIPT_END };
    (void)state;

    one_of_three_fails(bad, true);
}

/* It answers the first request, so that a connection of it is kept and would be taken again. */
static void a_kept_connection_to_it_is_not_taken_again(void **state)
{
    static const struct fake_script good_then_bad[] = { { .reply = OK, .times = 4 },
                                                        { .then = FAKE_RESET },
                                                        FAKE_SCRIPT_END };
    struct fake_upstream *fakes[2] = { fake_upstream_start(good_then_bad),
                                       fake_upstream_start(once) };
    unsigned failed = 0;
    struct lone l;
    (void)state;

    lone_up(&l, fakes, 2);
    for (unsigned i = 0; i < 40; i++)
        failed += !is_answered(&l, NULL);
    assert_true(failed <= 3);
    lone_down(&l);
    fake_upstream_stop(fakes[0]);
    fake_upstream_stop(fakes[1]);
}

/* Its answer had begun before others of it failed, and ends after. */
static void nor_is_one_that_was_busy_when_it_failed(void **state)
{
    static const struct fake_script good[] = { { .reply = OK }, FAKE_SCRIPT_END };
    struct fake_upstream *fakes[2] = { fake_upstream_start(good), fake_upstream_start(good) };
    struct ended ended = { .is = false };
    const struct upstream_request r = lone_request(&ended);
    struct lone l;
    (void)state;

    lone_up(&l, fakes, 2);
    struct pool *p = &((struct http_client *)l.client)->pools[0];
    lone_stops_bodies = true;
    struct upstream_call *call = l.client->ops->start(l.client, &r);
    lone_await_pause(&l, call);
    for (int i = 0; i < 3; i++)
        outliers_failed(&p->outliers, &call->link->address, OUTLIER_UNANSWERED, &p->endpoints,
                        lp_clock_ms());
    lone_stops_bodies = false;
    l.client->ops->resume_receive(call);
    assert_true(ended.is && ended.result == UPSTREAM_COMPLETE);
    assert_int_equal(p->n_idle, 0);
    lone_down(&l);
    fake_upstream_stop(fakes[0]);
    fake_upstream_stop(fakes[1]);
}

/* Address 0 has failed, long ago; a call goes out to try it. */
static struct upstream_call *trying(struct lone *l, struct ended *ended)
{
    const struct upstream_request r = lone_request(ended);
    struct pool *p = &((struct http_client *)l->client)->pools[0];

    outliers_failed(&p->outliers, &p->endpoints.list[0], OUTLIER_UNCONNECTED, &p->endpoints,
                    lp_clock_ms() - 5000);
    struct upstream_call *call = l->client->ops->start(l->client, &r);
    assert_true(call->link->trial);
    assert_true(outliers_is_out(&p->outliers, &p->endpoints.list[0], lp_clock_ms()));
    return call;
}

static void a_trial_whose_client_goes_away_is_given_back(void **state)
{
    static const struct fake_script bad[] = { { .then = FAKE_HANG }, FAKE_SCRIPT_END };
    struct fake_upstream *fakes[2] = { fake_upstream_start(bad), fake_upstream_start(once) };
    struct ended ended = { .is = false };
    struct lone l;
    (void)state;

    lone_up(&l, fakes, 2);
    const struct pool *p = &((struct http_client *)l.client)->pools[0];
    l.client->ops->cancel(trying(&l, &ended), false);
    assert_false(outliers_is_out(&p->outliers, &p->endpoints.list[0], lp_clock_ms()));
    assert_int_equal(p->outliers.n, 1); /* one request is to try it, the next failure is enough */
    lone_down(&l);
    fake_upstream_stop(fakes[0]);
    fake_upstream_stop(fakes[1]);
}

static void a_trial_that_is_overdue_leaves_it_alone_for_longer(void **state)
{
    static const struct fake_script bad[] = { { .then = FAKE_HANG }, FAKE_SCRIPT_END };
    struct fake_upstream *fakes[2] = { fake_upstream_start(bad), fake_upstream_start(once) };
    struct ended ended = { .is = false };
    struct lone l;
    (void)state;

    lone_up(&l, fakes, 2);
    const struct pool *p = &((struct http_client *)l.client)->pools[0];
    l.client->ops->cancel(trying(&l, &ended), true);
    assert_true(outliers_is_out(&p->outliers, &p->endpoints.list[0], lp_clock_ms()));
    lone_down(&l);
    fake_upstream_stop(fakes[0]);
    fake_upstream_stop(fakes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_third_failure_in_a_row_leaves_an_address_alone),
        cmocka_unit_test(one_request_tries_it_again_and_an_answer_brings_it_back),
        cmocka_unit_test(at_most_half_of_the_addresses_are_left_alone_for_their_answers),
        cmocka_unit_test(one_that_refuses_is_left_alone_at_once_however_many_are),
        cmocka_unit_test(none_is_told_to_be_left_alone_where_no_other_is_left),
        cmocka_unit_test(one_that_tried_it_and_tells_nothing_leaves_that_to_the_next),
        cmocka_unit_test(a_trial_that_fails_where_too_many_are_out_ends_all_the_same),
        cmocka_unit_test(addresses_that_are_gone_leave_room_for_new_ones),
        cmocka_unit_test(an_address_that_is_gone_is_none_of_the_half_that_may_be_left_alone),
        cmocka_unit_test(one_that_resets_each_connection_has_three_requests_and_no_more),
        cmocka_unit_test(one_that_never_answers_has_three_requests_and_no_more),
        cmocka_unit_test(a_kept_connection_to_it_is_not_taken_again),
        cmocka_unit_test(nor_is_one_that_was_busy_when_it_failed),
        cmocka_unit_test(a_trial_whose_client_goes_away_is_given_back),
        cmocka_unit_test(a_trial_that_is_overdue_leaves_it_alone_for_longer),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("gateway_outliers", tests, NULL, NULL);
}
