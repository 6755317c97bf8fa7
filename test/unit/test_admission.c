/* test/unit/test_admission.c -- what is worked on, what waits, what is dropped and why. */
#include "service/admission.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "metrics/metrics.h"
#include "unit/check.h"

/* A piece of work that waits until the test opens the gate. */
struct piece {
    struct lp_admission_item item; /* first */
    bool gone, later;              /* gone: its client's socket is closed on the other side */
    char result[16];               /* "done" or why it was dropped; under `lock` */
    pthread_t by;                  /* who worked on it */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct lp_admission *a;
static int started, workers;
static bool open_gate;

static void set_result(struct piece *p, const char *text)
{
    pthread_mutex_lock(&lock);
    strncpy(p->result, text, sizeof p->result - 1);
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void work(struct lp_admission_item *item, void *worker)
{
    struct piece *p = (struct piece *)(void *)item;
    assert_ptr_equal(worker, &workers);
    pthread_mutex_lock(&lock);
    p->by = pthread_self();
    started++;
    pthread_cond_broadcast(&changed);
    while (!open_gate && !p->later)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    if (p->later)
        return; /* the test finishes it */
    set_result(p, "done");
    lp_admission_finish(a);
}

static void drop(struct lp_admission_item *item, const char *reason)
{
    set_result((struct piece *)(void *)item, reason);
    lp_admission_finish(a);
}

static int gone_fd; /* a socket whose other end is closed */

static int client_fd(const struct lp_admission_item *item)
{
    return ((const struct piece *)(const void *)item)->gone ? gone_fd : -1;
}

static void *make_worker(void *user)
{
    pthread_mutex_lock(&lock);
    workers++;
    pthread_mutex_unlock(&lock);
    return user;
}

static void free_worker(void *worker)
{
    (void)worker;
    pthread_mutex_lock(&lock);
    workers--;
    pthread_mutex_unlock(&lock);
}

static void start(unsigned slots, unsigned queue_limit)
{
    struct lp_admission_options o = { .slots = slots,
                                      .queue_limit = queue_limit,
                                      .work = work,
                                      .drop = drop,
                                      .client_fd = client_fd,
                                      .make_worker = make_worker,
                                      .free_worker = free_worker,
                                      .user = &workers };
    started = workers = 0;
    open_gate = false;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    close(pair[1]);
    gone_fd = pair[0];
    a = lp_admission_new(&o);
}

static void end(void)
{
    pthread_mutex_lock(&lock);
    open_gate = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    assert_true(lp_admission_close(a, 20000));
    lp_admission_free(a);
    close(gone_fd);
    assert_int_equal(workers, 0);
}

static bool put(struct piece *p, int64_t ms)
{
    p->item.deadline_ms = lp_clock_ms() + ms;
    return lp_admission_put(a, &p->item);
}

static void wait_started(int n)
{
    pthread_mutex_lock(&lock);
    while (started < n)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void wait_result(struct piece *p, const char *want)
{
    pthread_mutex_lock(&lock);
    while (p->result[0] == '\0')
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    assert_string_equal(p->result, want);
}

static double gauge(const char *name)
{
    return lp_metric_value(
        lp_metric_single(lp_metric_family(LP_METRIC_GAUGE, name, "", "", NULL, 0)));
}

static void takes_as_many_as_fit_and_no_more(void **state)
{
    struct piece p[6] = { 0 };
    (void)state;
    start(2, 3);
    for (int i = 0; i < 5; i++)
        assert_true(put(&p[i], 60000));
    wait_started(2);
    assert_false(put(&p[5], 60000));
    assert_true(gauge("lp_requests_in_flight") == 2);
    assert_true(gauge("lp_requests_waiting") == 3);
    assert_true(gauge("lp_request_slots") == 2);
    end();
    for (int i = 0; i < 5; i++)
        assert_string_equal(p[i].result, "done");
    assert_string_equal(p[5].result, "");
    assert_true(gauge("lp_requests_in_flight") == 0);
}

static void works_without_any_queue(void **state)
{
    struct piece p[3] = { 0 };
    (void)state;
    start(2, 0);
    assert_true(put(&p[0], 60000));
    assert_true(put(&p[1], 60000));
    assert_false(put(&p[2], 60000));
    end();
}

static void makes_threads_only_when_there_is_work_for_them(void **state)
{
    struct piece p[2] = { 0 };
    (void)state;
    start(8, 8);
    assert_true(put(&p[0], 60000));
    wait_started(1);
    assert_int_equal(workers, 1);
    assert_true(put(&p[1], 60000));
    wait_started(2);
    assert_int_equal(workers, 2);
    end();
}

static void drops_what_nobody_waits_for_any_more(void **state)
{
    struct piece busy = { 0 }, gone = { .gone = true }, late = { 0 }, good = { 0 };
    (void)state;
    start(1, 8);
    assert_true(put(&busy, 60000));
    wait_started(1);
    assert_true(put(&gone, 60000));
    assert_true(put(&late, -1));
    assert_true(put(&good, 60000));
    lp_admission_sweep(a); /* while the only worker is busy */
    wait_result(&gone, "client_gone");
    wait_result(&late, "deadline");
    assert_true(gauge("lp_requests_waiting") == 1);
    end();
    assert_string_equal(good.result, "done");
}

static void asks_again_just_before_work_starts(void **state)
{
    struct piece busy = { 0 }, gone = { .gone = true }, late = { 0 };
    (void)state;
    start(1, 8);
    assert_true(put(&busy, 60000));
    wait_started(1);
    assert_true(put(&gone, 60000));
    assert_true(put(&late, -1));
    end();
    assert_string_equal(gone.result, "client_gone");
    assert_string_equal(late.result, "deadline");
    assert_int_equal(started, 1);
}

static void counts_what_is_answered_later_as_in_flight(void **state)
{
    struct piece p[2] = { { .later = true }, { .later = true } };
    (void)state;
    start(1, 1);
    assert_true(put(&p[0], 60000));
    wait_started(1);
    assert_true(put(&p[1], 60000)); /* the slot is free again, the answer is not there yet */
    wait_started(2);
    assert_false(lp_admission_close(a, 1));
    assert_true(gauge("lp_requests_in_flight") == 2);
    lp_admission_finish(a);
    lp_admission_finish(a);
    end();
}

static void takes_nothing_once_closed(void **state)
{
    struct piece p = { 0 };
    (void)state;
    start(1, 1);
    assert_true(lp_admission_close(a, 0));
    assert_false(put(&p, 60000));
    end();
}

/* How many of `pieces` one thread worked on, at most; those of `but` aside. */
static int most_of_one(const struct piece *pieces, int n, const pthread_t *but, pthread_t *ret_by)
{
    int most = 0;

    for (int i = 0; i < n; i++) {
        int count = 0;
        for (int j = 0; j < n; j++)
            count += pthread_equal(pieces[j].by, pieces[i].by) != 0;
        if (count > most && !(but && pthread_equal(*but, pieces[i].by))) {
            most = count;
            *ret_by = pieces[i].by;
        }
    }
    return most;
}

/* Eight threads are there from a burst. What comes one by one has those that were free last: one,
 * or two where the next piece comes before the first has gone to rest. In turns each has 25. */
static void the_thread_that_became_free_last_is_called(void **state)
{
    enum { THREADS = 8, PIECES = 200 };
    struct piece burst[THREADS] = { 0 };
    static struct piece pieces[PIECES];
    pthread_t first = pthread_self(), second;
    (void)state;
    start(THREADS, PIECES);
    for (int i = 0; i < THREADS; i++)
        assert_true(put(&burst[i], 60000));
    wait_started(THREADS);
    pthread_mutex_lock(&lock);
    open_gate = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < PIECES; i++) {
        assert_true(put(&pieces[i], 60000));
        wait_result(&pieces[i], "done");
    }
    int most = most_of_one(pieces, PIECES, NULL, &first);
    most += most_of_one(pieces, PIECES, &first, &second);
    end();
    assert_in_range(most, PIECES / 2, PIECES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_as_many_as_fit_and_no_more),
        cmocka_unit_test(works_without_any_queue),
        cmocka_unit_test(makes_threads_only_when_there_is_work_for_them),
        cmocka_unit_test(drops_what_nobody_waits_for_any_more),
        cmocka_unit_test(asks_again_just_before_work_starts),
        cmocka_unit_test(counts_what_is_answered_later_as_in_flight),
        cmocka_unit_test(takes_nothing_once_closed),
        cmocka_unit_test(the_thread_that_became_free_last_is_called),
    };
    return cmocka_run_group_tests_name("admission", tests, NULL, NULL);
}
