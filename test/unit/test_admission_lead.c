/* test/unit/test_admission_lead.c -- workers that turn the event loop from which their items come.
 */
#include <pthread.h>

#include "base/clock.h"
#include "service/admission.h"
#include "unit/check.h"

#define MAX_ITEMS 8

/* A piece of work; a slow one waits until the test opens the gate. */
struct piece {
    struct lp_admission_item item; /* first */
    bool slow, started, done;
    pthread_t by;
};

/* An event loop that brings what the test gives. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct piece *given[MAX_ITEMS];
    int n, settled, workers;
    bool watched, woken, gate;
    int turning, most_turning;
    bool has_turner;
    pthread_t turner; /* in its wait now */
} loop = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static struct lp_admission *a;

static void wait_changed(void)
{
    pthread_cond_wait(&loop.changed, &loop.lock);
}

static void turn(void *user)
{
    struct piece *taken[MAX_ITEMS];
    int n = 0;

    (void)user;
    pthread_mutex_lock(&loop.lock);
    if (++loop.turning > loop.most_turning)
        loop.most_turning = loop.turning;
    loop.watched = false;
    loop.has_turner = true;
    loop.turner = pthread_self();
    pthread_cond_broadcast(&loop.changed);
    while (loop.n == 0 && !loop.woken)
        wait_changed();
    loop.has_turner = false;
    for (; n < loop.n; n++)
        taken[n] = loop.given[n];
    loop.n = 0;
    pthread_mutex_unlock(&loop.lock);
    for (int i = 0; i < n; i++)
        assert_true(lp_admission_put(a, &taken[i]->item));
    pthread_mutex_lock(&loop.lock);
    loop.turning--;
    pthread_mutex_unlock(&loop.lock);
}

static void watch(void *user)
{
    (void)user;
    pthread_mutex_lock(&loop.lock);
    loop.watched = true;
    pthread_cond_broadcast(&loop.changed);
    pthread_mutex_unlock(&loop.lock);
}

static void await(void *user)
{
    (void)user;
    pthread_mutex_lock(&loop.lock);
    while (!(loop.watched && loop.n > 0) && !loop.woken)
        wait_changed();
    loop.watched = false;
    pthread_mutex_unlock(&loop.lock);
}

static void wake(void *user)
{
    (void)user;
    pthread_mutex_lock(&loop.lock);
    loop.woken = true;
    pthread_cond_broadcast(&loop.changed);
    pthread_mutex_unlock(&loop.lock);
}

static void settle(void *user)
{
    (void)user;
    pthread_mutex_lock(&loop.lock);
    loop.settled++;
    pthread_mutex_unlock(&loop.lock);
}

static void work(struct lp_admission_item *item, void *worker)
{
    struct piece *p = (struct piece *)(void *)item;

    (void)worker;
    pthread_mutex_lock(&loop.lock);
    p->by = pthread_self();
    p->started = true;
    pthread_cond_broadcast(&loop.changed);
    while (p->slow && !loop.gate)
        wait_changed();
    p->done = true;
    pthread_cond_broadcast(&loop.changed);
    pthread_mutex_unlock(&loop.lock);
    lp_admission_finish(a);
}

static void drop(struct lp_admission_item *item, const char *reason)
{
    (void)item, (void)reason;
    lp_admission_finish(a);
}

static void *make_worker(void *user)
{
    pthread_mutex_lock(&loop.lock);
    loop.workers++;
    pthread_mutex_unlock(&loop.lock);
    return user;
}

static void start(unsigned slots)
{
    const struct lp_admission_options o = { .slots = slots,
                                            .queue_limit = MAX_ITEMS,
                                            .work = work,
                                            .drop = drop,
                                            .make_worker = make_worker,
                                            .user = &loop };
    const struct lp_admission_loop l = { turn, watch, await, wake, settle, NULL };

    loop.n = loop.settled = loop.workers = loop.turning = loop.most_turning = 0;
    loop.watched = loop.woken = loop.gate = loop.has_turner = false;
    a = lp_admission_new(&o);
    ok(lp_admission_lead(a, &l, &err));
}

static void open_gate(void)
{
    pthread_mutex_lock(&loop.lock);
    loop.gate = true;
    pthread_cond_broadcast(&loop.changed);
    pthread_mutex_unlock(&loop.lock);
}

static void end(void)
{
    open_gate();
    assert_true(lp_admission_close(a, 20000));
    lp_admission_free(a);
    assert_int_equal(loop.most_turning, 1);
}

static void give_locked(struct piece *p)
{
    p->item.deadline_ms = lp_clock_ms() + 60000;
    loop.given[loop.n++] = p;
    pthread_cond_broadcast(&loop.changed);
}

static void give(struct piece *p)
{
    pthread_mutex_lock(&loop.lock);
    give_locked(p);
    pthread_mutex_unlock(&loop.lock);
}

/* Until it is worked on, or over. */
static void wait_for(const bool *state)
{
    pthread_mutex_lock(&loop.lock);
    while (!*state)
        wait_changed();
    pthread_mutex_unlock(&loop.lock);
}

static void wait_turner(pthread_t thread)
{
    pthread_mutex_lock(&loop.lock);
    while (!loop.has_turner || !pthread_equal(loop.turner, thread))
        wait_changed();
    pthread_mutex_unlock(&loop.lock);
}

/* Until somebody has left the loop to whoever comes back first. */
static void wait_watched(void)
{
    pthread_mutex_lock(&loop.lock);
    while (!loop.watched)
        wait_changed();
    pthread_mutex_unlock(&loop.lock);
}

/* The first item comes by the thread that stands in; then its worker has the loop. */
static pthread_t worker_at_loop(void)
{
    struct piece p = { .slow = true };

    give(&p);
    wait_for(&p.started);
    wait_watched();
    open_gate();
    wait_turner(p.by);
    pthread_mutex_lock(&loop.lock);
    loop.gate = false;
    pthread_mutex_unlock(&loop.lock);
    return p.by;
}

static void who_turns_the_loop_works_on_what_its_turn_brings(void **state)
{
    struct piece p[3] = { 0 };

    (void)state;
    start(4);
    pthread_t worker = worker_at_loop();
    for (int i = 0; i < 3; i++) {
        give(&p[i]);
        wait_for(&p[i].done);
        wait_turner(worker);
        assert_true(pthread_equal(p[i].by, worker));
    }
    assert_int_equal(loop.workers, 1);
    assert_int_equal(loop.settled, 0);
    end();
}

static void of_two_in_one_turn_another_worker_takes_one(void **state)
{
    struct piece p[2] = { { .slow = true }, { .slow = true } };

    (void)state;
    start(4);
    worker_at_loop();
    pthread_mutex_lock(&loop.lock);
    give_locked(&p[0]);
    give_locked(&p[1]);
    pthread_mutex_unlock(&loop.lock);
    wait_for(&p[0].started);
    wait_for(&p[1].started);
    assert_false(pthread_equal(p[0].by, p[1].by));
    assert_int_equal(loop.workers, 2);
    end();
}

static void while_it_works_another_thread_turns(void **state)
{
    struct piece slow = { .slow = true }, quick = { 0 };

    (void)state;
    start(4);
    pthread_t worker = worker_at_loop();
    give(&slow);
    wait_for(&slow.started);
    give(&quick);
    wait_for(&quick.done);
    assert_true(pthread_equal(slow.by, worker));
    assert_false(pthread_equal(quick.by, worker));
    assert_false(slow.done);
    end();
}

static void settles_where_the_next_item_comes_before_a_turn(void **state)
{
    struct piece slow = { .slow = true }, next = { 0 };

    (void)state;
    start(1);
    pthread_t worker = worker_at_loop();
    give(&slow);
    wait_for(&slow.started);
    give(&next);
    pthread_mutex_lock(&loop.lock);
    while (loop.n > 0)
        wait_changed();
    pthread_mutex_unlock(&loop.lock);
    wait_watched(); /* it is in the queue */
    open_gate();
    wait_for(&next.done);
    assert_true(pthread_equal(next.by, worker));
    end();
    assert_true(loop.settled >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_turns_the_loop_works_on_what_its_turn_brings),
        cmocka_unit_test(of_two_in_one_turn_another_worker_takes_one),
        cmocka_unit_test(while_it_works_another_thread_turns),
        cmocka_unit_test(settles_where_the_next_item_comes_before_a_turn),
    };
    return cmocka_run_group_tests_name("admission_lead", tests, NULL, NULL);
}
