/* test/unit/test_heartbeat.c -- a thread that does not go on is named. */
#include "base/heartbeat.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/stop.h"
#include "unit/check.h"
#include "work/queue.h"

#define LIMIT_MS 20

struct patient {
    pthread_t thread;
    sem_t begun, go;
    int64_t limit_ms;
    struct lp_queue *queue; /* NULL: hangs */
    struct lp_stop *stop;   /* NULL: does not wait for it */
};

static void *live(void *user)
{
    struct patient *p = user;
    lp_heartbeat_begin("patient", p->limit_ms);
    sem_post(&p->begun);
    if (p->queue)
        free(lp_queue_take(p->queue));
    else if (p->stop)
        lp_stop_wait(p->stop, 60000);
    else
        sem_wait(&p->go); /* a wait that tells nobody */
    lp_heartbeat_end();
    return NULL;
}

static void start(struct patient *p)
{
    sem_init(&p->begun, 0, 0);
    sem_init(&p->go, 0, 0);
    assert_int_equal(pthread_create(&p->thread, NULL, live, p), 0);
    sem_wait(&p->begun);
}

static void end(struct patient *p)
{
    sem_post(&p->go);
    pthread_join(p->thread, NULL);
    sem_destroy(&p->begun);
    sem_destroy(&p->go);
}

/* True as soon as a probe says so, false after `most_ms`. */
static bool turns_bad(int64_t most_ms, char why[128])
{
    for (int64_t give_up = lp_clock_ms() + most_ms; lp_clock_ms() < give_up;)
        if (!lp_heartbeats_good(why, 128))
            return true;
    return false;
}

static void a_thread_that_hangs_is_named_until_it_ends(void **state)
{
    struct patient p = { .limit_ms = LIMIT_MS };
    char why[128] = "";
    (void)state;
    start(&p);
    assert_true(turns_bad(30000, why));
    assert_non_null(strstr(why, "thread patient has not moved for "));
    end(&p);
    assert_true(lp_heartbeats_good(why, sizeof why));
}

static void a_wait_for_work_or_the_stop_is_no_silence(void **state)
{
    struct patient waits = { .limit_ms = LIMIT_MS, .queue = lp_queue_new("heartbeat", NULL) };
    struct patient sleeps = { .limit_ms = LIMIT_MS, .stop = lp_stop_new() };
    char why[128] = "";
    (void)state;
    start(&waits);
    start(&sleeps);
    /* Each may still be on its way from the begin into its wait: one that is good after the limit
     * has come there. */
    int64_t over = lp_clock_ms() + LIMIT_MS + 1;
    while (lp_clock_ms() < over || !lp_heartbeats_good(why, sizeof why))
        assert_true(lp_clock_ms() < over + 30000);
    assert_false(turns_bad(500, why));
    lp_queue_shut_down(waits.queue);
    lp_stop_request(sleeps.stop);
    end(&waits);
    end(&sleeps);
    lp_queue_free(waits.queue);
    lp_stop_free(sleeps.stop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_that_hangs_is_named_until_it_ends),
        cmocka_unit_test(a_wait_for_work_or_the_stop_is_no_silence),
    };
    return cmocka_run_group_tests_name("heartbeat", tests, NULL, NULL);
}
