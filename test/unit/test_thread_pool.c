/* test/unit/test_thread_pool.c -- lib/work/thread_pool.h: every job once, in order, side by side.
 */
#include "work/thread_pool.h"

#include <pthread.h>
#include <stdatomic.h>

#include "unit/check.h"

#define JOBS 200

struct notes {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned begun[JOBS], n;       /* jobs in the order in which they began */
    unsigned inside, most, wanted; /* jobs wait until so many are inside at once */
    atomic_uint by_context[4];
};

static void note(unsigned i, void *context, void *user)
{
    struct notes *s = user;

    atomic_fetch_add((atomic_uint *)context, 1);
    pthread_mutex_lock(&s->lock);
    s->begun[s->n++] = i;
    if (++s->inside > s->most)
        s->most = s->inside;
    pthread_cond_broadcast(&s->changed);
    while (s->most < s->wanted)
        pthread_cond_wait(&s->changed, &s->lock);
    s->inside--;
    pthread_mutex_unlock(&s->lock);
}

static void init(struct notes *s, unsigned wanted)
{
    *s = (struct notes){ .wanted = wanted };
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
}

static unsigned total(struct notes *s)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < 4; i++)
        sum += atomic_load(&s->by_context[i]);
    return sum;
}

static struct lp_thread_pool *pool_of(struct notes *s, unsigned n)
{
    void *contexts[3] = { &s->by_context[1], &s->by_context[2], &s->by_context[3] };
    struct lp_thread_pool *c = NULL;
    struct lp_error err;

    assert_int_equal(lp_thread_pool_new("worker", n, contexts, &c, &err), 0);
    return c;
}

static void every_job_is_done_once_with_the_context_of_who_does_it(void **state)
{
    struct notes s;
    bool seen[JOBS] = { false };

    (void)state;
    init(&s, 0);
    struct lp_thread_pool *c = pool_of(&s, 3);
    lp_thread_pool_run(c, JOBS, note, &s.by_context[0], &s);
    lp_thread_pool_free(c);
    assert_int_equal(s.n, JOBS);
    assert_int_equal(total(&s), JOBS);
    for (unsigned i = 0; i < JOBS; i++) {
        assert_false(seen[s.begun[i]]);
        seen[s.begun[i]] = true;
    }
}

static void caller_and_threads_work_beside_each_other(void **state)
{
    struct notes s;

    (void)state;
    init(&s, 4);
    struct lp_thread_pool *c = pool_of(&s, 3);
    lp_thread_pool_run(c, 8, note, &s.by_context[0], &s);
    lp_thread_pool_free(c);
    assert_int_equal(s.most, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_true(atomic_load(&s.by_context[i]) > 0);
}

static void without_threads_the_caller_does_all_in_order(void **state)
{
    struct notes s;

    (void)state;
    init(&s, 0);
    lp_thread_pool_run(NULL, 5, note, &s.by_context[0], &s);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(s.begun[i], i);
    assert_int_equal(atomic_load(&s.by_context[0]), 5);
    lp_thread_pool_run(NULL, 0, note, &s.by_context[0], &s);
    assert_int_equal(s.n, 5);
}

struct caller {
    struct lp_thread_pool *pool;
    struct notes *notes;
};

static void *run_many(void *user)
{
    struct caller *c = user;

    for (int i = 0; i < 10; i++)
        lp_thread_pool_run(c->pool, 5, note, &c->notes->by_context[0], c->notes);
    return NULL;
}

static void several_callers_share_the_pool(void **state)
{
    struct notes s;
    pthread_t threads[4];

    (void)state;
    init(&s, 0);
    struct caller caller = { pool_of(&s, 2), &s };
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_many, &caller), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    lp_thread_pool_free(caller.pool);
    assert_int_equal(total(&s), JOBS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_is_done_once_with_the_context_of_who_does_it),
        cmocka_unit_test(caller_and_threads_work_beside_each_other),
        cmocka_unit_test(without_threads_the_caller_does_all_in_order),
        cmocka_unit_test(several_callers_share_the_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
