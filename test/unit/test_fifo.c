/* test/unit/test_fifo.c -- first come, first served; a bound; an end that loses nothing. */
#include "work/fifo.h"

#include <pthread.h>

#include "base/alloc.h"
#include "unit/check.h"

#define THREADS 4
#define ITEMS 1000

static void what_came_first_goes_first(void **state)
{
    struct lp_fifo_item items[3];
    struct lp_fifo *f = lp_fifo_new(3);
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        assert_true(lp_fifo_put(f, &items[i]));
    for (unsigned i = 0; i < 3; i++)
        assert_ptr_equal(lp_fifo_take(f), &items[i]);
    assert_true(lp_fifo_put(f, &items[0])); /* after it was empty */
    assert_ptr_equal(lp_fifo_take(f), &items[0]);
    lp_fifo_free(f);
}

static void no_more_than_the_bound_wait(void **state)
{
    struct lp_fifo_item items[3];
    struct lp_fifo *f = lp_fifo_new(2);
    (void)state;
    assert_true(lp_fifo_put(f, &items[0]));
    assert_true(lp_fifo_put(f, &items[1]));
    assert_false(lp_fifo_put(f, &items[2]));
    assert_ptr_equal(lp_fifo_take(f), &items[0]);
    assert_true(lp_fifo_put(f, &items[2]));
    assert_ptr_equal(lp_fifo_take(f), &items[1]);
    assert_ptr_equal(lp_fifo_take(f), &items[2]);
    lp_fifo_free(f);
}

static void what_waits_at_the_end_is_taken_still_and_nothing_comes_in(void **state)
{
    struct lp_fifo_item items[2];
    struct lp_fifo *f = lp_fifo_new(2);
    (void)state;
    assert_true(lp_fifo_put(f, &items[0]));
    lp_fifo_close(f);
    assert_false(lp_fifo_put(f, &items[1]));
    assert_ptr_equal(lp_fifo_take(f), &items[0]);
    assert_null(lp_fifo_take(f));
    lp_fifo_free(f);
}

static void *take_all(void *user)
{
    uintptr_t n = 0;
    while (lp_fifo_take(user))
        n++;
    return (void *)n;
}

static void each_item_goes_to_one_of_the_threads_that_wait(void **state)
{
    static struct lp_fifo_item items[ITEMS];
    struct lp_fifo *f = lp_fifo_new(ITEMS);
    pthread_t threads[THREADS];
    uintptr_t sum = 0;
    (void)state;
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_all, f), 0);
    for (unsigned i = 0; i < ITEMS; i++)
        assert_true(lp_fifo_put(f, &items[i]));
    lp_fifo_close(f);
    for (unsigned i = 0; i < THREADS; i++) {
        void *n;
        pthread_join(threads[i], &n);
        sum += (uintptr_t)n;
    }
    assert_int_equal(sum, ITEMS);
    lp_fifo_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_came_first_goes_first),
        cmocka_unit_test(no_more_than_the_bound_wait),
        cmocka_unit_test(what_waits_at_the_end_is_taken_still_and_nothing_comes_in),
        cmocka_unit_test(each_item_goes_to_one_of_the_threads_that_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
