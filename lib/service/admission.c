/*
 * The admission queue: what keeps an overloaded service answering.
 *
 * Items wait in order of arrival in one list. A thread is made when more wait than threads are
 * free, up to the number of slots, so a pod with little to do stays small. Of the threads that are
 * free the one that became so last is called: its stack, its memory and its connection are still in
 * the processor's caches, and those of a burst that is over stay out of them.
 *
 * Where its threads turn the event loop (lp_admission_lead): a free worker does, and takes the
 * first item of its turn itself. While it works nobody turns; then whatever comes wakes `stand_in`,
 * which turns until the loop is free for a worker again, that is until one has work to come back
 * from.
 *
 * Threads: `lock` guards everything; a worker waits on its own `called`, lp_admission_close on
 * `all_done`, who turns or stands in inside the loop.
 */
#include "service/admission.h"

#include <poll.h>
#include <pthread.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "metrics/metrics.h"

/* Enough for jansson's deepest document; pages that are not touched cost nothing. */
#define WORKER_STACK ((size_t)1024 * 1024)

/* As an event loop of lib/http/server. */
#define STAND_IN_STACK ((size_t)512 * 1024)

/* A worker's place among those that are free, on its stack. */
struct rest {
    pthread_cond_t called;
    bool resting; /* in the list: nobody has called it */
    struct rest *next;
};

/* waiting: in the list; working: in a thread; open: both, and those whose answer comes later. */
struct lp_admission {
    struct lp_admission_options options;
    pthread_mutex_t lock;
    pthread_cond_t all_done;
    struct rest *resting; /* the one that became free last comes first */
    struct lp_admission_item *first, **last;
    unsigned waiting, working, open, made;
    uint64_t numbers;
    bool closed, ending;
    pthread_t *threads;
    struct lp_admission_loop loop; /* turn NULL: none */
    pthread_t stand_in;
    bool turning, worker_turns; /* somebody is in loop.turn; it is a worker */
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

/* The client has closed its connection, or the whole of it is broken. */
static bool is_gone(const struct pollfd *client)
{
    return client->fd >= 0 && client->revents != 0;
}

static struct pollfd client_of(const struct lp_admission *a, const struct lp_admission_item *i)
{
    return (struct pollfd){ .fd = a->options.client_fd ? a->options.client_fd(i) : -1,
                            .events = POLLRDHUP };
}

/* Why nobody should work on it any more; NULL: somebody should. */
static const char *reason_to_drop(const struct lp_admission_item *i, const struct pollfd *client)
{
    if (lp_clock_ms() >= i->deadline_ms)
        return "deadline";
    return is_gone(client) ? "client_gone" : NULL;
}

static void work_on(struct lp_admission *a, struct lp_admission_item *item, void *worker)
{
    struct pollfd client = { .fd = -1 };

    if (!item->at_once) {
        client = client_of(a, item);
        poll(&client, 1, 0);
    }
    const char *reason = reason_to_drop(item, &client);
    if (reason)
        a->options.drop(item, reason);
    else
        a->options.work(item, worker);
}

/* Until it is called. */
static void rest_locked(struct lp_admission *a, struct rest *r)
{
    r->resting = true;
    r->next = a->resting;
    a->resting = r;
    while (r->resting)
        pthread_cond_wait(&r->called, &a->lock);
}

/* Takes the one that became free last out of the list; NULL: all have something to do. Call it. */
static struct rest *next_rest_locked(struct lp_admission *a)
{
    struct rest *r = a->resting;

    if (r) {
        a->resting = r->next;
        r->resting = false;
    }
    return r;
}

static bool may_turn_locked(const struct lp_admission *a)
{
    return a->loop.turn && !a->turning && !a->ending;
}

/* What was put meanwhile is the caller's to see to. */
static void turn_locked(struct lp_admission *a, bool worker)
{
    a->turning = true;
    a->worker_turns = worker;
    pthread_mutex_unlock(&a->lock);
    a->loop.turn(a->loop.user);
    pthread_mutex_lock(&a->lock);
    a->turning = false;
}

static void work_on_next_locked(struct lp_admission *a, void *worker)
{
    struct lp_admission_item *item = take_locked(a);
    bool watch = may_turn_locked(a);

    a->working++;
    pthread_mutex_unlock(&a->lock);
    if (watch)
        a->loop.watch(a->loop.user);
    work_on(a, item, worker);
    pthread_mutex_lock(&a->lock);
    a->working--;
    if (a->loop.turn && (a->first || !may_turn_locked(a))) {
        pthread_mutex_unlock(&a->lock);
        a->loop.settle(a->loop.user);
        pthread_mutex_lock(&a->lock);
    }
}

static void *admission_worker(void *user)
{
    struct lp_admission *a = user;
    const struct lp_admission_options *o = &a->options;
    void *worker = o->make_worker ? o->make_worker(o->user) : NULL;
    struct rest rest = { .called = PTHREAD_COND_INITIALIZER };

    pthread_mutex_lock(&a->lock);
    while (a->first || !a->ending) {
        if (a->first)
            work_on_next_locked(a, worker);
        else if (may_turn_locked(a))
            turn_locked(a, true);
        else
            rest_locked(a, &rest);
    }
    pthread_mutex_unlock(&a->lock);
    pthread_cond_destroy(&rest.called);
    if (worker && o->free_worker)
        o->free_worker(worker);
    return NULL;
}

/* A worker that has an item comes back to the loop. */
static void *admission_stand_in(void *user)
{
    struct lp_admission *a = user;

    pthread_mutex_lock(&a->lock);
    while (!a->ending) {
        if (!a->turning)
            turn_locked(a, false);
        bool watch = may_turn_locked(a);
        if (watch && a->waiting + a->working == 0)
            continue;
        pthread_mutex_unlock(&a->lock);
        if (watch)
            a->loop.watch(a->loop.user);
        a->loop.await(a->loop.user);
        pthread_mutex_lock(&a->lock);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

int lp_admission_lead(struct lp_admission *a, const struct lp_admission_loop *loop,
                      struct lp_error *err)
{
    pthread_attr_t attr;

    a->loop = *loop;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STAND_IN_STACK);
    int r = pthread_create(&a->stand_in, &attr, admission_stand_in, a);
    pthread_attr_destroy(&attr);
    if (r == 0)
        return 0;
    a->loop.turn = NULL;
    return lp_error_set(err, LP_E_UNAVAILABLE, "no thread for the event loop: error %d", r);
}

/* One thread more; false where the system has none for us. */
static bool grow_locked(struct lp_admission *a)
{
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, WORKER_STACK);
    int r = pthread_create(&a->threads[a->made], &attr, admission_worker, a);
    pthread_attr_destroy(&attr);
    if (r == 0)
        a->made++;
    else
        lp_log_debug("a worker thread cannot be made");
    return r == 0;
}

bool lp_admission_put(struct lp_admission *a, struct lp_admission_item *item)
{
    struct rest *r = NULL;

    pthread_mutex_lock(&a->lock);
    unsigned room = a->options.slots + a->options.queue_limit;
    bool taken = !a->closed && a->waiting + a->working < room;
    bool own = a->turning && a->worker_turns && a->waiting == 0; /* after its turn */
    if (taken && !own && a->waiting + a->working >= a->made && a->made < a->options.slots)
        taken = grow_locked(a) || a->made > 0;
    if (taken) {
        item->next = NULL;
        item->number = ++a->numbers;
        item->at_once = a->waiting + a->working < a->made;
        *a->last = item;
        a->last = &item->next;
        a->waiting++;
        a->open++;
        show_locked(a);
        r = own ? NULL : next_rest_locked(a);
    }
    pthread_mutex_unlock(&a->lock);
    if (r)
        pthread_cond_signal(&r->called); /* now, so that who wakes finds the lock free */
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

/* Numbers and sockets of those that wait now: the items may be worked on meanwhile. */
static unsigned list_waiters(struct lp_admission *a, uint64_t **ret_numbers,
                             struct pollfd **ret_clients)
{
    unsigned n = 0;

    pthread_mutex_lock(&a->lock);
    *ret_numbers = lp_calloc(a->waiting, sizeof **ret_numbers);
    *ret_clients = lp_calloc(a->waiting, sizeof **ret_clients);
    for (const struct lp_admission_item *i = a->first; i; i = i->next, n++) {
        (*ret_clients)[n] = client_of(a, i);
        (*ret_numbers)[n] = i->number;
    }
    pthread_mutex_unlock(&a->lock);
    return n;
}

/* Takes those out that are still there and have waited too long, or for nobody. An item that is
 * still there has been there all the time, so its socket was its client's when it was looked at.
 * Both lists are in order of arrival. */
static struct lp_admission_item *take_dropped_locked(struct lp_admission *a,
                                                     const uint64_t *numbers,
                                                     const struct pollfd *clients, unsigned n)
{
    struct lp_admission_item *dropped = NULL, **end = &dropped, **at = &a->first;
    unsigned w = 0;

    while (*at) {
        struct lp_admission_item *item = *at;
        while (w < n && numbers[w] < item->number)
            w++;
        if (w == n || numbers[w] != item->number || !reason_to_drop(item, &clients[w])) {
            at = &item->next;
            continue;
        }
        *at = item->next;
        a->waiting--;
        item->next = NULL;
        *end = item;
        end = &item->next;
    }
    a->last = at;
    show_locked(a);
    return dropped;
}

void lp_admission_sweep(struct lp_admission *a)
{
    lp_auto_free uint64_t *numbers = NULL;
    lp_auto_free struct pollfd *clients = NULL;
    unsigned n = list_waiters(a, &numbers, &clients);

    if (n == 0)
        return;
    poll(clients, n, 0);
    pthread_mutex_lock(&a->lock);
    struct lp_admission_item *dropped = take_dropped_locked(a, numbers, clients, n);
    pthread_mutex_unlock(&a->lock);
    while (dropped) {
        struct lp_admission_item *next = dropped->next;
        bool late = lp_clock_ms() >= dropped->deadline_ms;
        a->options.drop(dropped, late ? "deadline" : "client_gone");
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
    for (struct rest *r = next_rest_locked(a); r; r = next_rest_locked(a))
        pthread_cond_signal(&r->called);
    pthread_mutex_unlock(&a->lock);
    if (a->loop.turn) {
        a->loop.wake(a->loop.user);
        pthread_join(a->stand_in, NULL);
    }
    for (unsigned i = 0; i < a->made; i++)
        pthread_join(a->threads[i], NULL);
    pthread_cond_destroy(&a->all_done);
    pthread_mutex_destroy(&a->lock);
    free(a->threads);
    free(a);
}
