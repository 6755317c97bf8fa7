/*
 * The admission queue: what keeps an overloaded service answering.
 *
 * Items wait in order of arrival in one list. A thread is made when more wait than threads are
 * free, up to the number of slots, so a pod with little to do stays small.
 *
 * Threads: `lock` guards everything; workers wait on `work_there`, lp_admission_close on
 * `all_done`.
 */
#include "service/admission.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "metrics/metrics.h"

/* Enough for jansson's deepest document; pages that are not touched cost nothing. */
#define WORKER_STACK ((size_t)1024 * 1024)

/* waiting: in the list; working: in a thread; open: both, and those whose answer comes later. */
struct lp_admission {
    struct lp_admission_options options;
    pthread_mutex_t lock;
    pthread_cond_t work_there, all_done;
    struct lp_admission_item *first, **last;
    unsigned waiting, working, open, made;
    bool closed, ending;
    pthread_t *threads;
    struct lp_metric *gauge_in_flight, *gauge_waiting, *gauge_slots;
};

static struct lp_metric *gauge(const char *name, const char *help)
{
    return lp_metric_single(lp_metric_family(LP_METRIC_GAUGE, name, help, "", NULL, 0));
}

static void show_locked(struct lp_admission *a)
{
    lp_metric_set(a->gauge_waiting, a->waiting);
    lp_metric_set(a->gauge_in_flight, a->open - a->waiting);
}

struct lp_admission *lp_admission_new(const struct lp_admission_options *options)
{
    struct lp_admission *a = lp_alloc(sizeof *a);
    a->options = *options;
    a->last = &a->first;
    a->threads = lp_calloc(options->slots, sizeof *a->threads);
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->work_there, NULL);
    pthread_cond_init(&a->all_done, NULL);
    a->gauge_in_flight = gauge("lp_requests_in_flight", "Requests under work, not yet answered");
    a->gauge_waiting = gauge("lp_requests_waiting", "Requests that wait for a slot");
    a->gauge_slots = gauge("lp_request_slots", "Requests that are worked on at once at most");
    lp_metric_set(a->gauge_slots, options->slots);
    show_locked(a);
    return a;
}

static struct lp_admission_item *take_locked(struct lp_admission *a)
{
    struct lp_admission_item *item = a->first;
    a->first = item->next;
    if (!a->first)
        a->last = &a->first;
    a->waiting--;
    show_locked(a);
    return item;
}

/* Why nobody should work on it any more; NULL: somebody should. */
static const char *reason_to_drop(const struct lp_admission *a, const struct lp_admission_item *i)
{
    if (lp_clock_ms() >= i->deadline_ms)
        return "deadline";
    return a->options.gone && a->options.gone(i) ? "client_gone" : NULL;
}

static void *run(void *user)
{
    struct lp_admission *a = user;
    const struct lp_admission_options *o = &a->options;
    void *worker = o->make_worker ? o->make_worker(o->user) : NULL;

    pthread_mutex_lock(&a->lock);
    for (;;) {
        while (!a->first && !a->ending)
            pthread_cond_wait(&a->work_there, &a->lock);
        if (!a->first)
            break;
        struct lp_admission_item *item = take_locked(a);
        a->working++;
        pthread_mutex_unlock(&a->lock);
        const char *reason = reason_to_drop(a, item);
        if (reason)
            o->drop(item, reason);
        else
            o->work(item, worker);
        pthread_mutex_lock(&a->lock);
        a->working--;
    }
    pthread_mutex_unlock(&a->lock);
    if (worker && o->free_worker)
        o->free_worker(worker);
    return NULL;
}

/* One thread more; false where the system has none for us. */
static bool grow_locked(struct lp_admission *a)
{
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, WORKER_STACK);
    int r = pthread_create(&a->threads[a->made], &attr, run, a);
    pthread_attr_destroy(&attr);
    if (r == 0)
        a->made++;
    else
        lp_log_debug("a worker thread cannot be made");
    return r == 0;
}

bool lp_admission_put(struct lp_admission *a, struct lp_admission_item *item)
{
    pthread_mutex_lock(&a->lock);
    unsigned room = a->options.slots + a->options.queue_limit;
    bool taken = !a->closed && a->waiting + a->working < room;
    if (taken && a->waiting + a->working >= a->made && a->made < a->options.slots)
        taken = grow_locked(a) || a->made > 0;
    if (taken) {
        item->next = NULL;
        *a->last = item;
        a->last = &item->next;
        a->waiting++;
        a->open++;
        show_locked(a);
        pthread_cond_signal(&a->work_there);
    }
    pthread_mutex_unlock(&a->lock);
    return taken;
}

void lp_admission_finish(struct lp_admission *a)
{
    pthread_mutex_lock(&a->lock);
    a->open--;
    show_locked(a);
    if (a->open == 0)
        pthread_cond_broadcast(&a->all_done);
    pthread_mutex_unlock(&a->lock);
}

void lp_admission_sweep(struct lp_admission *a)
{
    struct lp_admission_item *dropped = NULL;

    pthread_mutex_lock(&a->lock);
    struct lp_admission_item **at = &a->first;
    while (*at) {
        struct lp_admission_item *item = *at;
        if (reason_to_drop(a, item)) {
            *at = item->next;
            a->waiting--;
            item->next = dropped;
            dropped = item;
        } else {
            at = &item->next;
        }
    }
    a->last = at;
    show_locked(a);
    pthread_mutex_unlock(&a->lock);

    while (dropped) {
        struct lp_admission_item *next = dropped->next;
        const char *reason = reason_to_drop(a, dropped);
        a->options.drop(dropped, reason ? reason : "client_gone");
        dropped = next;
    }
}

bool lp_admission_close(struct lp_admission *a, int64_t ms)
{
    struct timespec until = lp_clock_deadline(ms);
    int r = 0;

    pthread_mutex_lock(&a->lock);
    a->closed = true;
    while (a->open > 0 && r == 0)
        r = pthread_cond_clockwait(&a->all_done, &a->lock, CLOCK_MONOTONIC, &until);
    bool done = a->open == 0;
    pthread_mutex_unlock(&a->lock);
    return done;
}

void lp_admission_free(struct lp_admission *a)
{
    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    a->ending = true;
    pthread_cond_broadcast(&a->work_there);
    pthread_mutex_unlock(&a->lock);
    for (unsigned i = 0; i < a->made; i++)
        pthread_join(a->threads[i], NULL);
    pthread_cond_destroy(&a->work_there);
    pthread_cond_destroy(&a->all_done);
    pthread_mutex_destroy(&a->lock);
    free(a->threads);
    free(a);
}
