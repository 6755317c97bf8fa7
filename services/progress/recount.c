/*
 * services/progress/recount.c -- the sums of an hour that are added while it lasts may lack what a
 * killed process had in memory; so once it is over it is counted from the activities, by the same
 * function, and stays as it is. The same brings in what was logged before there were sums. Days are
 * put together from hours, so what is wrong in one is mended with its hour.
 *
 * Threads: `counter` alone has the state of a round; `woken` is under `lock`.
 */
#include "services/progress/recount.h"

#include <pthread.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"
#include "metrics/metrics.h"
#include "services/progress/store_days.h"
#include "services/progress/store_rollup.h"

#define ROUND_MS 60000 /* between two looks */
#define BEHIND_MS 500  /* between two rounds while there is more */
#define AGAIN_MS 5000  /* after a failure: the database may not be there yet */
#define CLAIM_MS 60000

struct recount {
    struct store *store;
    struct lp_stop *stop;
    struct lp_stop_waker waker;
    pthread_t counter;
    pthread_mutex_t lock;
    pthread_cond_t wanted;
    bool woken, ended;
    int64_t looked_ms; /* hour up to which no day was left to be made; -1: look */
    struct lp_metric *counted, *activities, *days;
};

/* ---- a round ---- */

struct round {
    struct recount *recount;
    struct rollup hour; /* of which activities came last; hour_ms -1: none yet */
    int64_t n, put;
};

static int put(struct round *round, struct lp_error *err)
{
    if (round->hour.hour_ms < 0)
        return 0;
    lp_metric_add(round->recount->counted, 1);
    round->put++;
    return store_rollup_put(round->recount->store, &round->hour, err);
}

static int count(const struct rollup_activity *a, void *user, struct lp_error *err)
{
    struct round *round = user;
    int64_t hour = rollup_hour(a->at_ms);

    if (hour != round->hour.hour_ms) {
        int r = put(round, err);
        if (r < 0)
            return r;
        round->hour = (struct rollup){ .hour_ms = hour };
    }
    rollup_add(&round->hour, a);
    round->n++;
    return lp_stop_requested(round->recount->stop)
               ? lp_error_set(err, LP_E_CANCELED, "the program ends")
               : 0;
}

/* One that has more activities than a round reads, whole. *until_ms: its end. */
static int count_whole(struct recount *c, int64_t from_ms, int64_t hour_ms, int64_t *until_ms,
                       struct lp_error *err)
{
    struct round round = { .recount = c, .hour = { .hour_ms = -1 } };

    if (hour_ms >= 0) { /* else none of what a round reads was an activity: all there is */
        from_ms = hour_ms;
        *until_ms = hour_ms + ROLLUP_HOUR_MS;
    }
    int r = store_rollup_activities(c->store, from_ms, *until_ms, 0, count, &round, NULL, err);
    lp_metric_add(c->activities, (double)round.n);
    return r < 0 ? r : put(&round, err);
}

/* All hours that are over from `from_ms` on, or as many as a round has: the last one that it read
 * of may have more, and is left to the next round. *ret_more: there are more. */
static int count_hours(struct recount *c, int64_t from_ms, int64_t to_ms, bool *ret_more,
                       struct lp_error *err)
{
    struct round round = { .recount = c, .hour = { .hour_ms = -1 } };
    int64_t until = to_ms, read = 0;

    int r =
        store_rollup_activities(c->store, from_ms, to_ms, RECOUNT_ROUND, count, &round, &read, err);
    lp_metric_add(c->activities, (double)round.n);
    if (r < 0)
        return r;
    bool full = read == RECOUNT_ROUND;
    if (!full)
        r = put(&round, err);
    else if (round.put > 0)
        until = round.hour.hour_ms;
    else
        r = count_whole(c, from_ms, round.hour.hour_ms, &until, err);
    if (r == 0)
        r = store_rollup_clear(c->store, from_ms, until, err);
    if (r == 0)
        r = store_rollup_set_until(c->store, until, err);
    *ret_more = full && until < to_ms;
    return r;
}

/* ---- hours of an erasure ---- */

static int count_marked(struct recount *c, int64_t hour_ms, int64_t mark_ms, struct lp_error *err)
{
    struct round round = { .recount = c, .hour = { .hour_ms = -1 } };

    int r = store_rollup_activities(c->store, hour_ms, hour_ms + ROLLUP_HOUR_MS, 0, count, &round,
                                    NULL, err);
    lp_metric_add(c->activities, (double)round.n);
    if (r == 0)
        r = put(&round, err);
    return r < 0 ? r : store_rollup_unmark(c->store, hour_ms, mark_ms, round.n == 0, err);
}

static int count_all_marked(struct recount *c, int64_t now_ms, bool *ret_more, struct lp_error *err)
{
    int64_t until_ms, days_ms, hour_ms = 0, mark_ms;

    int r = store_rollup_until(c->store, &until_ms, &days_ms, err);
    for (int n = 0; r == 0 && n < RECOUNT_MARKED; n++) {
        r = store_rollup_marked(c->store, now_ms, until_ms, &hour_ms, &mark_ms, err);
        if (r < 0 || hour_ms < 0)
            return r;
        c->looked_ms = -1;
        r = count_marked(c, hour_ms, mark_ms, err);
    }
    *ret_more = r == 0;
    return r;
}

/* ---- days ---- */

static int make_days(struct recount *c, bool *ret_more, struct lp_error *err)
{
    int64_t until_ms, days_ms, due[RECOUNT_DAYS];
    size_t n = 0;

    int r = store_rollup_until(c->store, &until_ms, &days_ms, err);
    if (r == 0)
        r = store_days_due(c->store, day_begin(until_ms), RECOUNT_DAYS, due, &n, err);
    for (size_t i = 0; r == 0 && i < n; i++) {
        r = lp_stop_requested(c->stop) ? lp_error_set(err, LP_E_CANCELED, "the program ends")
                                       : store_days_make(c->store, due[i], err);
        if (r == 0)
            lp_metric_add(c->days, 1);
    }
    *ret_more = n == RECOUNT_DAYS;
    if (r == 0 && !*ret_more && days_ms != day_begin(until_ms))
        r = store_rollup_set_days(c->store, day_begin(until_ms), err);
    return r;
}

/* ---- the thread ---- */

static int count_claimed(struct recount *c, int64_t now_ms, bool *ret_more, struct lp_error *err)
{
    int64_t until, days, over = rollup_hour(now_ms - RECOUNT_DELAY_MS);
    bool more = false;

    int r = store_rollup_until(c->store, &until, &days, err);
    if (r == 0 && until < over)
        r = count_hours(c, until, over, &more, err);
    if (r == 0)
        r = count_all_marked(c, now_ms, &more, err);
    if (r == 0 && !more && c->looked_ms != over) {
        r = make_days(c, &more, err);
        c->looked_ms = r == 0 && !more ? over : -1;
    }
    *ret_more = more;
    return r;
}

/* *ret_more: another round is to follow soon. */
static int count_round(struct recount *c, bool *ret_more, struct lp_error *err)
{
    int64_t now_ms = lp_clock_wall_ms();
    bool mine = false;
    struct lp_error late;

    *ret_more = false;
    int r = store_rollup_claim(c->store, now_ms, now_ms + CLAIM_MS, &mine, err);
    if (r < 0 || !mine)
        return r;
    r = count_claimed(c, now_ms, ret_more, err);
    /* The claim is given back; where that fails it ends by itself. */
    if (store_rollup_unclaim(c->store, now_ms + CLAIM_MS, &late) < 0)
        lp_log_debug("the claim to count hours ends by itself", "error", late.msg);
    return r;
}

/* True: the end. */
static bool rest(struct recount *c, int64_t ms)
{
    struct timespec end = lp_clock_deadline(ms);
    int timed_out = 0;

    pthread_mutex_lock(&c->lock);
    while (!c->woken && !c->ended && timed_out == 0)
        timed_out = pthread_cond_clockwait(&c->wanted, &c->lock, CLOCK_MONOTONIC, &end);
    c->woken = false;
    bool ended = c->ended;
    pthread_mutex_unlock(&c->lock);
    return ended;
}

static void *recount_run(void *user)
{
    struct recount *c = user;
    struct lp_error err;
    bool more = false, failed = false;
    int r;

    do {
        r = count_round(c, &more, &err);
        if (r < 0 && !failed && !lp_stop_requested(c->stop))
            lp_log_warn("hours are not counted, tried again every 5 s", "error", err.msg);
        failed = r < 0;
    } while (!rest(c, failed ? AGAIN_MS : more ? BEHIND_MS : ROUND_MS));
    return NULL;
}

void recount_wake(struct recount *c)
{
    pthread_mutex_lock(&c->lock);
    c->woken = true;
    pthread_cond_signal(&c->wanted);
    pthread_mutex_unlock(&c->lock);
}

static void end(void *user)
{
    struct recount *c = user;

    pthread_mutex_lock(&c->lock);
    c->ended = true;
    pthread_cond_signal(&c->wanted);
    pthread_mutex_unlock(&c->lock);
}

int recount_new(struct store *store, struct recount **ret_recount, struct lp_error *err)
{
    struct recount *c = lp_alloc(sizeof *c);

    c->store = store;
    c->counted = lp_metric_single(lp_metric_family(
        LP_METRIC_COUNTER, "lp_hourly_rollups_counted_total",
        "Hours whose sums were counted from the activities themselves", "", NULL, 0));
    c->activities =
        lp_metric_single(lp_metric_family(LP_METRIC_COUNTER, "lp_rollup_activities_read_total",
                                          "Activities read to count hours", "", NULL, 0));
    c->days =
        lp_metric_single(lp_metric_family(LP_METRIC_COUNTER, "lp_daily_rollups_made_total",
                                          "Days put together from their hours' sums", "", NULL, 0));
    c->looked_ms = -1;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->wanted, NULL);
    c->stop = lp_stop_new();
    c->waker = (struct lp_stop_waker){ .wake = end, .user = c };
    lp_stop_add_waker(c->stop, &c->waker);
    *ret_recount = c;
    if (pthread_create(&c->counter, NULL, recount_run, c) == 0)
        return 0;
    *ret_recount = NULL;
    lp_stop_free(c->stop);
    free(c);
    return lp_error_set(err, LP_E_UNAVAILABLE, "no thread that counts hours");
}

void recount_free(struct recount *c)
{
    if (!c)
        return;
    lp_stop_request(c->stop);
    pthread_join(c->counter, NULL);
    lp_stop_remove_waker(c->stop, &c->waker);
    lp_stop_free(c->stop);
    pthread_cond_destroy(&c->wanted);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
