/*
 * services/progress/tally.c -- one document has a whole hour of all learners, so each pod adds to
 * it a few times a second at most, not with each activity. What a process that is killed had in
 * memory, and what the database did not take, is missing until the hour is over and counted
 * (recount.c).
 *
 * Threads: `hours` is under `lock`; `flusher` copies what it writes.
 */
#include "services/progress/tally.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/stop.h"
#include "metrics/metrics.h"
#include "services/progress/store_rollup.h"

struct tally {
    struct store *store;
    struct lp_stop *stop;
    struct lp_stop_waker waker;
    pthread_t flusher;
    pthread_mutex_t lock;
    pthread_cond_t something;
    bool dirty, ended;
    struct rollup hours[TALLY_HOURS];
    struct lp_metric *written, *failed, *dropped;
};

/* The hour's sums; where there are none those of another hour give way that are written already. */
static struct rollup *place_locked(struct tally *t, int64_t hour_ms)
{
    struct rollup *free_one = NULL;

    for (size_t i = 0; i < TALLY_HOURS; i++) {
        struct rollup *r = &t->hours[i];
        if (r->hour_ms == hour_ms)
            return r;
        if (rollup_count(r) == 0 && (!free_one || r->hour_ms < free_one->hour_ms))
            free_one = r;
    }
    if (free_one)
        *free_one = (struct rollup){ .hour_ms = hour_ms };
    return free_one;
}

void tally_add(struct tally *t, const struct rollup_activity *a)
{
    pthread_mutex_lock(&t->lock);
    struct rollup *r = place_locked(t, rollup_hour(a->at_ms));
    if (r) {
        rollup_add(r, a);
        t->dirty = true;
        pthread_cond_signal(&t->something);
    }
    pthread_mutex_unlock(&t->lock);
    if (!r)
        lp_metric_add(t->dropped, 1);
}

/* Takes one hour's sums out; false: there are none. */
static bool take(struct tally *t, struct rollup *ret)
{
    bool taken = false;

    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < TALLY_HOURS && !taken; i++) {
        if (rollup_count(&t->hours[i]) == 0)
            continue;
        *ret = t->hours[i];
        rollup_reset(&t->hours[i]);
        taken = true;
    }
    if (!taken)
        t->dirty = false;
    pthread_mutex_unlock(&t->lock);
    return taken;
}

/* Whether what failed was added is not known, so it is not tried again. */
static void flush(struct tally *t)
{
    struct rollup r;
    struct lp_error err;

    while (take(t, &r)) {
        double n = (double)rollup_count(&r);
        if (store_rollup_add(t->store, &r, &err) == 0) {
            lp_metric_add(t->written, n);
            continue;
        }
        lp_metric_add(t->failed, n);
        lp_log_warn("sums of an hour were not written; it is counted when it is over", "error",
                    err.msg);
    }
}

/* False: the end. */
static bool wait_for_something(struct tally *t)
{
    pthread_mutex_lock(&t->lock);
    while (!t->dirty && !t->ended)
        pthread_cond_wait(&t->something, &t->lock);
    bool ended = t->ended;
    pthread_mutex_unlock(&t->lock);
    return !ended;
}

static void *tally_run(void *user)
{
    struct tally *t = user;

    while (wait_for_something(t) && !lp_stop_wait(t->stop, TALLY_PAUSE_MS))
        flush(t);
    flush(t);
    return NULL;
}

static void wake(void *user)
{
    struct tally *t = user;

    pthread_mutex_lock(&t->lock);
    t->ended = true;
    pthread_cond_signal(&t->something);
    pthread_mutex_unlock(&t->lock);
}

int tally_new(struct store *store, struct tally **ret_tally, struct lp_error *err)
{
    struct lp_metric_family *f = lp_metric_family(
        LP_METRIC_COUNTER, "lp_rollup_activities_total",
        "Activities added to an hour's sums, by what became of it", "result", NULL, 0);
    struct tally *t = lp_alloc(sizeof *t);

    t->store = store;
    t->written = lp_metric_with(f, "written");
    t->failed = lp_metric_with(f, "failed");
    t->dropped = lp_metric_with(f, "dropped");
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->something, NULL);
    t->stop = lp_stop_new();
    t->waker = (struct lp_stop_waker){ .wake = wake, .user = t };
    lp_stop_add_waker(t->stop, &t->waker);
    *ret_tally = t;
    if (pthread_create(&t->flusher, NULL, tally_run, t) == 0)
        return 0;
    *ret_tally = NULL;
    lp_stop_free(t->stop);
    free(t);
    return lp_error_set(err, LP_E_UNAVAILABLE, "no thread that writes sums");
}

void tally_free(struct tally *t)
{
    if (!t)
        return;
    lp_stop_request(t->stop);
    pthread_join(t->flusher, NULL);
    lp_stop_remove_waker(t->stop, &t->waker);
    lp_stop_free(t->stop);
    pthread_cond_destroy(&t->something);
    pthread_mutex_destroy(&t->lock);
    free(t);
}
