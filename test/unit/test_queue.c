/* test/unit/test_queue.c -- the promises of work/queue.h, and its metrics. */
#include "work/queue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "metrics/metrics.h"
#include "unit/check.h"

static void free_queue(struct lp_queue **q)
{
    lp_queue_free(*q);
}
#define auto_queue __attribute__((cleanup(free_queue)))

static void assert_takes(struct lp_queue *q, const char *want)
{
    lp_auto_free char *key = lp_queue_take(q);
    assert_string_equal(key, want);
}

static void a_key_added_twice_is_taken_once(void **state)
{
    auto_queue struct lp_queue *q = lp_queue_new("t", NULL);
    (void)state;
    assert_true(lp_queue_add(q, "a", LP_QUEUE_LOW));
    assert_true(lp_queue_add(q, "a", LP_QUEUE_LOW));
    assert_int_equal(lp_queue_depth(q), 1);
    assert_takes(q, "a");
    lp_queue_done(q, "a");
    assert_int_equal(lp_queue_depth(q), 0);
}

static void a_key_added_under_work_comes_back_when_it_is_done(void **state)
{
    auto_queue struct lp_queue *q = lp_queue_new("t", NULL);
    (void)state;
    lp_queue_add(q, "a", LP_QUEUE_LOW);
    assert_takes(q, "a");
    lp_queue_add(q, "a", LP_QUEUE_LOW);
    assert_int_equal(lp_queue_depth(q), 0);
    lp_queue_done(q, "a");
    assert_takes(q, "a");
}

static void high_goes_before_low_and_each_keeps_its_order(void **state)
{
    auto_queue struct lp_queue *q = lp_queue_new("t", NULL);
    (void)state;
    lp_queue_add(q, "l1", LP_QUEUE_LOW);
    lp_queue_add(q, "l2", LP_QUEUE_LOW);
    lp_queue_add(q, "h1", LP_QUEUE_HIGH);
    lp_queue_add(q, "l3", LP_QUEUE_LOW);
    lp_queue_add(q, "l2", LP_QUEUE_HIGH); /* moves up */
    lp_queue_add(q, "h1", LP_QUEUE_LOW);  /* changes nothing */
    assert_takes(q, "h1");
    assert_takes(q, "l2");
    assert_takes(q, "l1");
    assert_takes(q, "l3");
}

static void delayed_keys_come_in_the_order_of_their_times(void **state)
{
    auto_queue struct lp_queue *q = lp_queue_new("t", NULL);
    int64_t start = lp_clock_ms();
    char key[8];
    (void)state;
    for (int i = 9; i >= 0; i--) {
        snprintf(key, sizeof key, "k%d", i);
        lp_queue_add_after(q, key, LP_QUEUE_LOW, 20 + 2 * i);
    }
    assert_int_equal(lp_queue_depth(q), 0);
    for (int i = 0; i < 10; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_takes(q, key);
    }
    assert_true(lp_clock_ms() - start >= 38); /* never early */
}

static void an_earlier_time_wins_over_a_later_one(void **state)
{
    auto_queue struct lp_queue *q = lp_queue_new("t", NULL);
    (void)state;
    lp_queue_add_after(q, "a", LP_QUEUE_LOW, 3600000);
    lp_queue_add_after(q, "b", LP_QUEUE_LOW, 1);
    lp_queue_add(q, "a", LP_QUEUE_LOW);
    lp_queue_add_after(q, "a", LP_QUEUE_LOW, 3600000);
    assert_takes(q, "a");
    assert_takes(q, "b");
    lp_queue_add_after(q, "a", LP_QUEUE_LOW, 3600000); /* under work: the delay holds after it */
    lp_queue_done(q, "a");
    assert_int_equal(lp_queue_depth(q), 0);
}

static void failures_double_the_wait_until_forgotten(void **state)
{
    auto_queue struct lp_queue *q = lp_queue_new("t", NULL);
    int64_t want = 5;
    (void)state;
    for (int i = 0; i < 20; i++) {
        int64_t ms = lp_queue_add_failed(q, "a", 300000);
        assert_in_range(ms, want - want / 10, want + want / 10);
        want = want * 2 < 300000 ? want * 2 : 300000;
    }
    lp_queue_forget(q, "a");
    assert_in_range(lp_queue_add_failed(q, "a", 300000), 4, 6);
}

static void shut_down_gives_what_is_ready_then_nothing(void **state)
{
    auto_queue struct lp_queue *q = lp_queue_new("t", NULL);
    (void)state;
    lp_queue_add(q, "ready", LP_QUEUE_LOW);
    lp_queue_add_after(q, "delayed", LP_QUEUE_LOW, 3600000);
    lp_queue_shut_down(q);
    assert_false(lp_queue_add(q, "late", LP_QUEUE_LOW));
    assert_takes(q, "ready");
    assert_null(lp_queue_take(q));
}

static void *take_one(void *queue)
{
    return lp_queue_take(queue);
}

static void a_stop_ends_the_wait_for_a_key(void **state)
{
    struct lp_stop *stop = lp_stop_new();
    struct lp_queue *q = lp_queue_new("t", stop);
    pthread_t takers[2];
    void *key = NULL;
    (void)state;
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&takers[i], NULL, take_one, q), 0);
    lp_stop_request(stop);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(takers[i], &key), 0);
        assert_null(key);
    }
    lp_queue_free(q);
    auto_queue struct lp_queue *later = lp_queue_new("t", stop);
    assert_false(lp_queue_add(later, "a", LP_QUEUE_LOW));
    assert_null(lp_queue_take(later));
    lp_queue_free(lp_take(later));
    lp_stop_request(stop); /* no queue is left to be told */
    lp_stop_free(stop);
}

static void one_key_over_the_limit_is_refused(void **state)
{
    auto_queue struct lp_queue *q = lp_queue_new("t", NULL);
    char key[16];
    (void)state;
    for (int i = 0; i < LP_LIMIT_QUEUE_KEYS; i++) {
        snprintf(key, sizeof key, "%d", i);
        assert_true(lp_queue_add(q, key, LP_QUEUE_LOW));
    }
    assert_false(lp_queue_add(q, "one more", LP_QUEUE_LOW));
    assert_int_equal(lp_queue_add_failed(q, "one more", 300000), -1);
    struct lp_metric_family *refused =
        lp_metric_family(LP_METRIC_COUNTER, "lp_workqueue_refused_total", "", "", NULL, 0);
    assert_int_equal(lp_metric_value(lp_metric_with(refused, "t", "t")), 2);
    assert_true(lp_queue_add(q, "17", LP_QUEUE_HIGH));
    assert_takes(q, "17");
    lp_queue_done(q, "17");
    assert_true(lp_queue_add(q, "one more", LP_QUEUE_LOW));
}

#define MEASURED "{name=\"measured\",controller=\"measured\""

static void the_metrics_tell_what_happened(void **state)
{
    auto_queue struct lp_queue *q = lp_queue_new("measured", NULL);
    static const char *const lines[] = {
        "workqueue_depth" MEASURED ",priority=\"-100\"} 1\n",
        "workqueue_depth" MEASURED ",priority=\"0\"} 0\n",
        "workqueue_adds_total" MEASURED "} 3\n",
        "workqueue_retries_total" MEASURED "} 1\n",
        "workqueue_queue_duration_seconds_count" MEASURED "} 2\n",
        "workqueue_work_duration_seconds_count" MEASURED "} 1\n",
        "workqueue_unfinished_work_seconds" MEASURED "} 0.",
        "workqueue_longest_running_processor_seconds" MEASURED "} 0.",
    };
    (void)state;
    lp_queue_add(q, "a", LP_QUEUE_LOW);
    assert_takes(q, "a");
    lp_queue_done(q, "a");
    lp_queue_add_failed(q, "a", 300000);
    assert_takes(q, "a");
    lp_queue_add(q, "b", LP_QUEUE_LOW);
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(1 << 20);
    assert_int_equal(lp_metrics_write(&b, &(struct lp_error){ .code = 0 }), 0);
    for (size_t i = 0; i < LP_COUNT(lines); i++) {
        if (!strstr(b.ptr, lines[i]))
            fail_msg("%s is not in\n%s", lines[i], b.ptr);
    }
}

#define KEYS 20
#define ROUNDS 2000

struct race {
    struct lp_queue *q;
    atomic_int holders[KEYS], added[KEYS], seen[KEYS], clashes;
};

static void *worker(void *user)
{
    struct race *r = user;
    for (;;) {
        lp_auto_free char *key = lp_queue_take(r->q);
        if (!key)
            return NULL;
        int i = key[0] - 'a';
        if (atomic_fetch_add(&r->holders[i], 1) != 0)
            atomic_fetch_add(&r->clashes, 1);
        atomic_store(&r->seen[i], atomic_load(&r->added[i]));
        atomic_fetch_sub(&r->holders[i], 1);
        lp_queue_done(r->q, key);
    }
}

static void *producer(void *user)
{
    struct race *r = user;
    for (int n = 0; n < ROUNDS; n++) {
        char key[2] = { (char)('a' + n % KEYS), '\0' };
        atomic_fetch_add(&r->added[n % KEYS], 1);
        lp_queue_add_after(r->q, key, n % 3 ? LP_QUEUE_LOW : LP_QUEUE_HIGH, n % 5 == 0 ? 1 : 0);
    }
    return NULL;
}

static bool all_seen(struct race *r)
{
    for (int i = 0; i < KEYS; i++) {
        if (atomic_load(&r->seen[i]) != atomic_load(&r->added[i]))
            return false;
    }
    return true;
}

/* Every addition is followed by a take, and two workers never hold one key. */
static void many_threads_lose_nothing_and_never_share_a_key(void **state)
{
    static struct race r;
    pthread_t workers[4], producers[2];
    (void)state;
    r.q = lp_queue_new("race", NULL);
    for (size_t i = 0; i < LP_COUNT(workers); i++)
        assert_int_equal(pthread_create(&workers[i], NULL, worker, &r), 0);
    for (size_t i = 0; i < LP_COUNT(producers); i++)
        assert_int_equal(pthread_create(&producers[i], NULL, producer, &r), 0);
    for (size_t i = 0; i < LP_COUNT(producers); i++)
        pthread_join(producers[i], NULL);
    for (int64_t end = lp_clock_ms() + 30000; !all_seen(&r) && lp_clock_ms() < end;)
        sched_yield();
    lp_queue_shut_down(r.q);
    for (size_t i = 0; i < LP_COUNT(workers); i++)
        pthread_join(workers[i], NULL);
    assert_int_equal(r.clashes, 0);
    assert_true(all_seen(&r));
    lp_queue_free(r.q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_added_twice_is_taken_once),
        cmocka_unit_test(a_key_added_under_work_comes_back_when_it_is_done),
        cmocka_unit_test(high_goes_before_low_and_each_keeps_its_order),
        cmocka_unit_test(delayed_keys_come_in_the_order_of_their_times),
        cmocka_unit_test(an_earlier_time_wins_over_a_later_one),
        cmocka_unit_test(failures_double_the_wait_until_forgotten),
        cmocka_unit_test(shut_down_gives_what_is_ready_then_nothing),
        cmocka_unit_test(a_stop_ends_the_wait_for_a_key),
        cmocka_unit_test(one_key_over_the_limit_is_refused),
        cmocka_unit_test(the_metrics_tell_what_happened),
        cmocka_unit_test(many_threads_lose_nothing_and_never_share_a_key),
    };
    return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
