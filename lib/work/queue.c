/* lib/work/queue.c -- the work queue: a hash table holds every known key once; a key that can be
 * worked on is also in one of two lists, one that waits for its time is in a binary heap. One mutex
 * and one condition guard all of it. Gauges of work under way are computed at a scrape, over the
 * list of live queues. */
#include "work/queue.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/heartbeat.h"
#include "base/limits.h"
#include "base/log.h"
#include "work/backoff.h"
#include "work/queue_metrics.h"

#define FAILED_BASE_MS 5
#define REFUSED_LOG_MS 60000
#define LEVELS 2
#define NOT_IN_HEAP SIZE_MAX

/*
 * `where` says which one structure holds the item besides the table. `again` is set while it is
 * under work and was added anew: `due_ms` and `priority` then hold for its next round.
 */
struct item {
    struct item *bucket_next;     /* in the hash table */
    struct item *next, *previous; /* in a ready list */
    enum { IDLE, READY, DELAYED, WORKING } where;
    bool again;
    enum lp_queue_priority priority;
    unsigned failures;
    size_t heap_index;
    int64_t due_ms, since_ns; /* since: ready or under work */
    char key[];
};

struct lp_queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool down;
    struct item **buckets;
    size_t n_buckets, n_items;
    struct item *head[LEVELS], *tail[LEVELS];
    size_t n_ready;
    struct item **heap;
    size_t n_heap, cap_heap;
    struct lp_queue_metrics metrics;
    struct lp_stop *stop;
    struct lp_stop_waker waker;
    const char *name;
    int64_t refused_log_ms; /* when that was last logged; 0: never */
    struct lp_queue *live_next;
};

static pthread_mutex_t live_lock = PTHREAD_MUTEX_INITIALIZER;
static struct lp_queue *live;

/* ---- table ---- */

static struct item **slot_locked(struct lp_queue *q, const char *key)
{
    struct item **at = &q->buckets[lp_hash(key) & (q->n_buckets - 1)];
    while (*at && strcmp((*at)->key, key) != 0)
        at = &(*at)->bucket_next;
    return at;
}

static void grow_locked(struct lp_queue *q)
{
    size_t n = q->n_buckets * 2;
    struct item **buckets = lp_calloc(n, sizeof(struct item *));

    for (size_t i = 0; i < q->n_buckets; i++) {
        for (struct item *it = q->buckets[i], *next; it; it = next) {
            struct item **at = &buckets[lp_hash(it->key) & (n - 1)];
            next = it->bucket_next;
            it->bucket_next = *at;
            *at = it;
        }
    }
    free(q->buckets);
    q->buckets = buckets;
    q->n_buckets = n;
}

static struct item *find_or_add_locked(struct lp_queue *q, const char *key)
{
    struct item **at = slot_locked(q, key);

    if (*at || q->n_items >= LP_LIMIT_QUEUE_KEYS)
        return *at;
    if (q->n_items >= q->n_buckets) {
        grow_locked(q);
        at = slot_locked(q, key);
    }
    size_t n = strlen(key) + 1;
    struct item *it = lp_alloc(sizeof *it + n);
    memcpy(it->key, key, n);
    it->heap_index = NOT_IN_HEAP;
    *at = it;
    q->n_items++;
    return it;
}

/* An idle item stays only for the failures that it remembers. */
static void drop_if_idle_locked(struct lp_queue *q, struct item *it)
{
    if (it->where != IDLE || it->failures > 0)
        return;
    struct item **at = slot_locked(q, it->key);
    *at = it->bucket_next;
    q->n_items--;
    free(it);
}

/* ---- ready lists ---- */

static void push_ready_locked(struct lp_queue *q, struct item *it, int64_t now_ns)
{
    it->where = READY;
    it->since_ns = now_ns;
    it->next = NULL;
    it->previous = q->tail[it->priority];
    *(it->previous ? &it->previous->next : &q->head[it->priority]) = it;
    q->tail[it->priority] = it;
    q->n_ready++;
    lp_metric_add(q->metrics.adds, 1);
    lp_metric_add(q->metrics.depth[it->priority], 1);
}

static void unlink_ready_locked(struct lp_queue *q, struct item *it)
{
    *(it->previous ? &it->previous->next : &q->head[it->priority]) = it->next;
    *(it->next ? &it->next->previous : &q->tail[it->priority]) = it->previous;
    q->n_ready--;
    lp_metric_add(q->metrics.depth[it->priority], -1);
}

/* ---- heap of delayed items, the earliest first ---- */

static void heap_place(struct lp_queue *q, size_t i, struct item *it)
{
    q->heap[i] = it;
    it->heap_index = i;
}

static void heap_up_locked(struct lp_queue *q, size_t i)
{
    struct item *it = q->heap[i];
    for (; i > 0 && q->heap[(i - 1) / 2]->due_ms > it->due_ms; i = (i - 1) / 2)
        heap_place(q, i, q->heap[(i - 1) / 2]);
    heap_place(q, i, it);
}

static void heap_down_locked(struct lp_queue *q, size_t i)
{
    struct item *it = q->heap[i];
    for (size_t child = 2 * i + 1; child < q->n_heap; child = 2 * i + 1) {
        if (child + 1 < q->n_heap && q->heap[child + 1]->due_ms < q->heap[child]->due_ms)
            child++;
        if (q->heap[child]->due_ms >= it->due_ms)
            break;
        heap_place(q, i, q->heap[child]);
        i = child;
    }
    heap_place(q, i, it);
}

static void push_delayed_locked(struct lp_queue *q, struct item *it)
{
    if (q->n_heap == q->cap_heap) {
        q->cap_heap = q->cap_heap ? q->cap_heap * 2 : 16;
        q->heap = lp_realloc(q->heap, q->cap_heap * sizeof(struct item *));
    }
    it->where = DELAYED;
    heap_place(q, q->n_heap++, it);
    heap_up_locked(q, it->heap_index);
}

static void unlink_delayed_locked(struct lp_queue *q, struct item *it)
{
    size_t i = it->heap_index;
    struct item *moved = q->heap[--q->n_heap];

    it->heap_index = NOT_IN_HEAP;
    if (moved == it)
        return;
    heap_place(q, i, moved);
    heap_up_locked(q, i);
    heap_down_locked(q, moved->heap_index);
}

/* ---- queue ---- */

static void schedule_locked(struct lp_queue *q, struct item *it)
{
    int64_t now_ns = lp_clock_ns();

    if (it->due_ms <= now_ns / 1000000)
        push_ready_locked(q, it, now_ns);
    else
        push_delayed_locked(q, it);
    pthread_cond_signal(&q->changed);
}

/* The earlier time and the higher priority win over what is known of the item. */
static void merge_locked(struct lp_queue *q, struct item *it, enum lp_queue_priority priority,
                         int64_t due_ms)
{
    bool fresh = it->where == IDLE || (it->where == WORKING && !it->again);

    if (it->where == READY)
        unlink_ready_locked(q, it);
    else if (it->where == DELAYED)
        unlink_delayed_locked(q, it);
    if (fresh || priority < it->priority)
        it->priority = priority;
    if (fresh || due_ms < it->due_ms)
        it->due_ms = due_ms;
    if (it->where == WORKING)
        it->again = true;
    else
        schedule_locked(q, it);
}

/* What is refused comes again with the next resync of whoever adds. */
static void refuse_locked(struct lp_queue *q)
{
    int64_t now = lp_clock_ms();

    lp_metric_add(q->metrics.refused, 1);
    if (q->refused_log_ms != 0 && now - q->refused_log_ms < REFUSED_LOG_MS)
        return;
    q->refused_log_ms = now;
    lp_log_warn("a key is not taken: the work queue is full", "queue", q->name);
}

static bool add_locked(struct lp_queue *q, const char *key, enum lp_queue_priority priority,
                       int64_t delay_ms)
{
    if (q->down)
        return false;
    struct item *it = find_or_add_locked(q, key);
    if (!it) {
        refuse_locked(q);
        return false;
    }
    if (it->where == READY && it->priority <= priority)
        return true; /* as good already; keeps its place in the list */
    merge_locked(q, it, priority, lp_clock_ms() + (delay_ms > 0 ? delay_ms : 0));
    return true;
}

bool lp_queue_add_after(struct lp_queue *q, const char *key, enum lp_queue_priority priority,
                        int64_t delay_ms)
{
    pthread_mutex_lock(&q->lock);
    bool added = add_locked(q, key, priority, delay_ms);
    pthread_mutex_unlock(&q->lock);
    return added;
}

bool lp_queue_add(struct lp_queue *q, const char *key, enum lp_queue_priority priority)
{
    return lp_queue_add_after(q, key, priority, 0);
}

int64_t lp_queue_add_failed(struct lp_queue *q, const char *key, int64_t max_ms)
{
    int64_t ms = FAILED_BASE_MS;

    pthread_mutex_lock(&q->lock);
    struct item *it = q->down ? NULL : find_or_add_locked(q, key);
    if (!it) {
        if (!q->down)
            refuse_locked(q);
        ms = -1;
    } else {
        for (unsigned i = 0; i < it->failures && ms < max_ms; i++)
            ms *= 2;
        ms = lp_jitter(ms < max_ms ? ms : max_ms, 10);
        it->failures++;
        lp_metric_add(q->metrics.retries, 1);
        add_locked(q, key, it->priority, ms);
    }
    pthread_mutex_unlock(&q->lock);
    return ms;
}

void lp_queue_forget(struct lp_queue *q, const char *key)
{
    pthread_mutex_lock(&q->lock);
    struct item *it = *slot_locked(q, key);
    if (it) {
        it->failures = 0;
        drop_if_idle_locked(q, it);
    }
    pthread_mutex_unlock(&q->lock);
}

/* Moves what is due to the ready lists; returns the ms until the next one is, -1 where none waits.
 */
static int64_t wake_delayed_locked(struct lp_queue *q)
{
    while (q->n_heap > 0) {
        int64_t now_ns = lp_clock_ns(), left = q->heap[0]->due_ms - now_ns / 1000000;
        struct item *it = q->heap[0];
        if (left > 0)
            return left;
        unlink_delayed_locked(q, it);
        push_ready_locked(q, it, now_ns);
    }
    return -1;
}

static struct item *next_ready_locked(struct lp_queue *q)
{
    for (;;) {
        int64_t ms = q->down ? -1 : wake_delayed_locked(q);
        struct item *it = q->head[LP_QUEUE_HIGH] ? q->head[LP_QUEUE_HIGH] : q->head[LP_QUEUE_LOW];
        if (it || q->down) {
            lp_heartbeat();
            return it;
        }
        lp_heartbeat_wait(INT64_MAX);
        if (ms < 0) {
            pthread_cond_wait(&q->changed, &q->lock);
        } else {
            struct timespec until = lp_clock_deadline(ms);
            pthread_cond_clockwait(&q->changed, &q->lock, CLOCK_MONOTONIC, &until);
        }
    }
}

char *lp_queue_take(struct lp_queue *q)
{
    char *key = NULL;

    pthread_mutex_lock(&q->lock);
    struct item *it = next_ready_locked(q);
    if (it) {
        int64_t now_ns = lp_clock_ns();
        unlink_ready_locked(q, it);
        lp_metric_observe(q->metrics.waited, (double)(now_ns - it->since_ns) / 1e9);
        it->where = WORKING;
        it->again = false;
        it->since_ns = now_ns;
        key = lp_strdup(it->key);
        if (q->n_ready > 0 || q->n_heap > 0)
            pthread_cond_signal(&q->changed); /* another taker minds the rest */
    }
    pthread_mutex_unlock(&q->lock);
    return key;
}

void lp_queue_done(struct lp_queue *q, const char *key)
{
    pthread_mutex_lock(&q->lock);
    struct item *it = *slot_locked(q, key);
    if (it && it->where == WORKING) {
        lp_metric_observe(q->metrics.worked, (double)(lp_clock_ns() - it->since_ns) / 1e9);
        it->where = IDLE;
        if (it->again && !q->down)
            schedule_locked(q, it);
        else
            drop_if_idle_locked(q, it);
    }
    pthread_mutex_unlock(&q->lock);
}

void lp_queue_shut_down(struct lp_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->down = true;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

size_t lp_queue_depth(struct lp_queue *q)
{
    pthread_mutex_lock(&q->lock);
    size_t n = q->n_ready;
    pthread_mutex_unlock(&q->lock);
    return n;
}

/* ---- life ---- */

static void collect_one(struct lp_queue *q)
{
    double sum = 0, longest = 0;

    pthread_mutex_lock(&q->lock);
    int64_t now_ns = lp_clock_ns();
    for (size_t i = 0; i < q->n_buckets; i++) {
        for (const struct item *it = q->buckets[i]; it; it = it->bucket_next) {
            double s = it->where == WORKING ? (double)(now_ns - it->since_ns) / 1e9 : 0;
            sum += s;
            longest = s > longest ? s : longest;
        }
    }
    pthread_mutex_unlock(&q->lock);
    lp_metric_set(q->metrics.unfinished, sum);
    lp_metric_set(q->metrics.longest, longest);
}

static void collect_all(void *user)
{
    (void)user;
    pthread_mutex_lock(&live_lock);
    for (struct lp_queue *q = live; q; q = q->live_next)
        collect_one(q);
    pthread_mutex_unlock(&live_lock);
}

static void register_collector(void)
{
    lp_metrics_on_collect(collect_all, NULL);
}

static void stop_requested(void *user)
{
    lp_queue_shut_down(user);
}

struct lp_queue *lp_queue_new(const char *name, struct lp_stop *stop)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct lp_queue *q = lp_alloc(sizeof *q);

    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->changed, NULL);
    q->n_buckets = 64;
    q->buckets = lp_calloc(q->n_buckets, sizeof(struct item *));
    q->name = name;
    lp_queue_metrics_init(&q->metrics, name);
    pthread_once(&once, register_collector);
    pthread_mutex_lock(&live_lock);
    q->live_next = live;
    live = q;
    pthread_mutex_unlock(&live_lock);
    q->stop = stop;
    q->waker = (struct lp_stop_waker){ .wake = stop_requested, .user = q };
    if (stop)
        lp_stop_add_waker(stop, &q->waker);
    return q;
}

void lp_queue_free(struct lp_queue *q)
{
    if (!q)
        return;
    if (q->stop)
        lp_stop_remove_waker(q->stop, &q->waker);
    pthread_mutex_lock(&live_lock);
    struct lp_queue **at = &live;
    while (*at != q)
        at = &(*at)->live_next;
    *at = q->live_next;
    pthread_mutex_unlock(&live_lock);
    for (unsigned i = 0; i < LEVELS; i++)
        lp_metric_set(q->metrics.depth[i], 0);
    for (size_t i = 0; i < q->n_buckets; i++) {
        for (struct item *it = q->buckets[i], *next; it; it = next) {
            next = it->bucket_next;
            free(it);
        }
    }
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->lock);
    free(q->heap);
    free(q->buckets);
    free(q);
}
