/*
 * operator/controller.c -- the only place where watches and workers meet: a watch thread puts a key
 * into the queue, a worker takes it, reconciles and decides: done, later, or back-off and one log
 * line. Threads: `workers` named worker-N; the cache's watches call platform_changed and
 * child_changed.
 */
#include "operator/controller.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/heartbeat.h"
#include "base/log.h"
#include "json/json.h"
#include "operator/state/platform_state.h"
#include "operator/reconcile/reconcile.h"
#include "operator/reconcile/reconcile_metrics.h"
#include "work/backoff.h"
#include "work/queue.h"

#define WRITERS 3         /* write children of one platform beside its worker */
#define CHILD_DELAY_MS 50 /* children change in bursts: one reconcile for all of them */
#define STUCK_MS 120000
#define SUSPECT_MS 3000    /* for the others, after a death */
#define FAILED_MS 300000   /* the longest wait after a failure */
#define TRANSIENT_MS 10000 /* where it lay with the API server or the way to it */
#define ID_SIZE 37
#define REQUEST_MS 10000 /* on a dead connection; every write may be sent again */
#define FINISH_MS 5000   /* after a stop, for what is under work */
#define FLUSH_MS 3000    /* and then for the rings of decisions */

struct worker {
    struct controller *controller;
    pthread_t thread;
    struct lp_kube_client *client;
    _Atomic int64_t busy_since_ms; /* 0: waits for a key */
    unsigned number;
    char name[16];
    bool started;
};

struct controller {
    struct controller_options options;
    struct informer_cache *cache;
    struct platform_states *states;
    struct lp_queue *queue;
    atomic_bool leading;
    struct lp_thread_pool *pool;
    struct lp_kube_client *writers[WRITERS]; /* of the pool */
    struct lp_stop *cut_off; /* ends the workers' requests, FINISH_MS after the drain began */
    pthread_mutex_t lock;    /* guards `running` */
    pthread_cond_t ended;
    unsigned running; /* workers */
    unsigned n;
    struct worker workers[];
};

static void platform_changed(const char *key, void *user)
{
    struct controller *c = user;
    lp_queue_add(c->queue, key, LP_QUEUE_HIGH);
}

static void child_changed(const char *owner_key, bool deleted, void *user)
{
    struct controller *c = user;
    lp_queue_add_after(c->queue, owner_key, LP_QUEUE_LOW, deleted ? 0 : CHILD_DELAY_MS);
}

/* Behind what users change meanwhile; what may end us comes last. */
static void add_platform(const char *key, void *user)
{
    struct controller *c = user;
    bool suspect = journal_deaths(c->options.journal, key) > 0;
    lp_queue_add_after(c->queue, key, LP_QUEUE_LOW, suspect ? SUSPECT_MS : 0);
}

static void synced(struct informer_cache *cache, void *user)
{
    struct controller *c = user;
    if (atomic_load(&c->leading))
        cache_platform_keys(cache, add_platform, c);
}

static void requeue(struct controller *c, const char *key, int r,
                    const struct reconcile_result *result, const struct lp_error *err)
{
    if (r == 0) {
        lp_queue_forget(c->queue, key);
        if (result->gone)
            return; /* or the keys of all platforms that ever were would stay in the queue */
        int64_t next_ms = c->options.resync_ms;
        if (result->again_ms > 0 && result->again_ms < next_ms)
            next_ms = result->again_ms;
        lp_queue_add_after(c->queue, key, LP_QUEUE_LOW, lp_jitter(next_ms, 10));
        return;
    }
    if (r == LP_E_CANCELED)
        return;
    int64_t delay =
        lp_queue_add_failed(c->queue, key, lp_error_is_transient(r) ? TRANSIENT_MS : FAILED_MS);
    lp_auto_free char *wait = lp_sprintf("%lld ms", (long long)delay);
    lp_log_error("reconcile failed", "error", err->msg, "again_in", wait);
}

/* Random, in the form of RFC 9562, section 5.4 (UUID version 4). */
static void make_id(char ret_id[ID_SIZE])
{
    unsigned char b[16] = { 0 };

    if (getrandom(b, sizeof b, GRND_NONBLOCK) != (ssize_t)sizeof b)
        lp_log_debug("no random bytes for a reconcileID");
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    for (unsigned i = 0, at = 0; i < sizeof b; i++) {
        bool dash = i == 4 || i == 6 || i == 8 || i == 10;
        at += (unsigned)snprintf(ret_id + at, ID_SIZE - at, "%s%02x", dash ? "-" : "", b[i]);
    }
}

static void work_on(struct worker *w, const char *key)
{
    struct controller *c = w->controller;
    char id[ID_SIZE];
    struct reconciler r = { .client = w->client,
                            .pool = c->pool,
                            .id = id,
                            .cache = c->cache,
                            .states = c->states,
                            .images = c->options.images,
                            .instance = c->options.instance,
                            .metrics_conflict = c->options.metrics_conflict,
                            .traffic = c->options.traffic,
                            .measured = c->options.measured,
                            .metrics_user = c->options.metrics_user,
                            .stop = c->options.stop,
                            .deaths = journal_deaths(c->options.journal, key) };
    struct reconcile_result result = { 0 };
    struct lp_error err;
    int64_t begun = lp_clock_ns();

    make_id(id);
    lp_log_context("platform", key);
    lp_log_context_id("reconcileID", id);
    lp_kube_client_audit_id(w->client, id);
    journal_begin(c->options.journal, w->number, key);
    reconcile_metrics_begin();
    int code = reconcile(&r, key, &result, &err);
    reconcile_metrics_end((double)(lp_clock_ns() - begun) / 1e9, code, &result);
    journal_end(c->options.journal, w->number, key, code == 0);
    requeue(c, key, code, &result, &err);
    lp_log_debug("reconciled", "result", code < 0 ? lp_error_name(code) : "ok");
    lp_kube_client_audit_id(w->client, NULL);
    lp_log_context_id(NULL, NULL);
    lp_log_context(NULL, NULL);
}

/* While the lease is not renewed nothing could be written. */
static bool may_work(struct controller *c)
{
    return controller_leads(c) && cache_synced(c->cache) &&
           lp_clock_ms() < c->options.writes_until_ms(c->options.fence_user) &&
           !lp_stop_requested(c->options.stop);
}

static void *worker_main(void *user)
{
    struct worker *w = user;
    struct controller *c = w->controller;

    pthread_setname_np(pthread_self(), w->name);
    lp_heartbeat_begin(w->name, LP_HEARTBEAT_MS);
    for (;;) {
        lp_auto_free char *key = lp_queue_take(c->queue);
        if (!key)
            break;
        atomic_store(&w->busy_since_ms, lp_clock_ms());
        /* Who does not lead, or not know all yet, drops the key: controller_lead and synced put
         * every platform back. */
        if (may_work(c))
            work_on(w, key);
        else if (controller_leads(c) && cache_synced(c->cache) &&
                 !lp_stop_requested(c->options.stop))
            lp_queue_add_after(c->queue, key, LP_QUEUE_LOW, 250);
        if (!controller_leads(c)) /* it may have been lost in the middle of that one */
            reconcile_forget_all();
        lp_queue_done(c->queue, key);
        atomic_store(&w->busy_since_ms, 0);
    }
    lp_heartbeat_end();
    pthread_mutex_lock(&c->lock);
    c->running--;
    pthread_cond_signal(&c->ended);
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static int new_client(const struct controller *c, struct lp_kube_client **ret_client,
                      struct lp_error *err)
{
    struct lp_kube_client_options options = { .stop = c->cut_off,
                                              .total_timeout_ms = REQUEST_MS,
                                              .writes_until_ms = c->options.writes_until_ms,
                                              .fence_user = c->options.fence_user };

    return lp_kube_client_new(c->options.kube, &options, ret_client, err);
}

static int start_pool(struct controller *c, struct lp_error *err)
{
    void *contexts[WRITERS];

    for (unsigned i = 0; i < WRITERS; i++) {
        int r = new_client(c, &c->writers[i], err);
        if (r < 0)
            return r;
        contexts[i] = c->writers[i];
    }
    return lp_thread_pool_new("writer", WRITERS, contexts, &c->pool, err);
}

static int start_workers(struct controller *c, struct lp_error *err)
{
    for (unsigned i = 0; i < c->n; i++) {
        struct worker *w = &c->workers[i];
        w->controller = c;
        w->number = i;
        snprintf(w->name, sizeof w->name, "worker-%u", i + 1);
        int r = new_client(c, &w->client, err);
        if (r < 0)
            return r;
        pthread_mutex_lock(&c->lock);
        w->started = pthread_create(&w->thread, NULL, worker_main, w) == 0;
        c->running += w->started;
        pthread_mutex_unlock(&c->lock);
        if (!w->started)
            return lp_error_set(err, LP_E_INTERNAL, "cannot start thread %s", w->name);
    }
    return 0;
}

int controller_start(const struct controller_options *options, struct controller **ret_controller,
                     struct lp_error *err)
{
    struct controller *c = lp_alloc(sizeof *c + options->workers * sizeof c->workers[0]);
    struct cache_handler sink = { platform_changed, child_changed, synced, c };

    c->options = *options;
    c->n = options->workers;
    c->queue = lp_queue_new("learningplatform", options->stop);
    c->states = platform_states_new();
    c->cut_off = lp_stop_new();
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->ended, NULL);
    reconcile_metrics_init(c->n);
    reconcile_metrics_crashed(journal_cut_short(options->journal));
    int r = cache_start(options->kube, options->stop, options->scope, &sink, &c->cache, err);
    if (r == 0)
        r = start_pool(c, err);
    if (r == 0)
        r = start_workers(c, err);
    if (r < 0) {
        lp_stop_request(options->stop);
        controller_free(c);
        return r;
    }
    *ret_controller = c;
    return 0;
}

void controller_lead(struct controller *c)
{
    platform_states_expire(c->states); /* another may have led meanwhile */
    atomic_store(&c->leading, true);
    cache_platform_keys(c->cache, add_platform, c);
}

void controller_refresh(struct controller *c)
{
    if (atomic_load(&c->leading))
        cache_platform_keys(c->cache, add_platform, c);
}

void controller_follow(struct controller *c)
{
    atomic_store(&c->leading, false);
    reconcile_forget_all();
}

bool controller_leads(const struct controller *c)
{
    return atomic_load(&c->leading);
}

bool controller_synced(struct controller *c)
{
    return cache_synced(c->cache);
}

struct informer_cache *controller_cache(const struct controller *c)
{
    return c->cache;
}

bool controller_alive(struct controller *c, char why[128])
{
    for (unsigned i = 0; i < c->n; i++) {
        int64_t since = atomic_load(&c->workers[i].busy_since_ms);
        if (since != 0 && lp_clock_ms() - since > STUCK_MS) {
            snprintf(why, 128, "%s has been on one platform for %lld s", c->workers[i].name,
                     (long long)(lp_clock_ms() - since) / 1000);
            return false;
        }
    }
    return true;
}

bool controller_ready(struct controller *c, char why[128])
{
    return cache_healthy(c->cache, why);
}

json_t *controller_stats(struct controller *c)
{
    return lp_json_make("{s:b, s:{s:I}, s:o}", "leads", controller_leads(c), "queue", "ready",
                        (json_int_t)lp_queue_depth(c->queue), "cache", cache_stats(c->cache));
}

/* Gives the workers FINISH_MS for what they are at, then ends their requests. */
static void wait_for_workers(struct controller *c)
{
    struct timespec until = lp_clock_deadline(FINISH_MS);
    int r = 0;

    pthread_mutex_lock(&c->lock);
    while (c->running > 0 && r == 0)
        r = pthread_cond_clockwait(&c->ended, &c->lock, CLOCK_MONOTONIC, &until);
    pthread_mutex_unlock(&c->lock);
    lp_stop_request(c->cut_off);
}

/* What was decided since the last write of the rings; whoever leads next does not know it. */
static void flush(struct controller *c)
{
    const struct lp_kube_client_options options = { .total_timeout_ms = FLUSH_MS,
                                                    .writes_until_ms = c->options.writes_until_ms,
                                                    .fence_user = c->options.fence_user };
    json_auto_t *keys = platform_states_undelivered(c->states);
    int64_t until = lp_clock_ms() + FLUSH_MS;
    struct reconciler r = { .cache = c->cache,
                            .states = c->states,
                            .images = c->options.images,
                            .instance = c->options.instance };
    struct lp_error err;
    size_t i;
    json_t *key;

    if (!controller_leads(c) || json_array_size(keys) == 0 ||
        lp_kube_client_new(c->options.kube, &options, &r.client, &err) < 0)
        return;
    json_array_foreach(keys, i, key)
    {
        int kept = lp_clock_ms() < until ? reconcile_flush(&r, json_string_value(key), &err)
                                         : lp_error_set(&err, LP_E_TIMEOUT, "the time is over");
        if (kept < 0)
            lp_log_warn("the last decisions are not kept", "platform", json_string_value(key),
                        "error", err.msg);
    }
    lp_kube_client_free(r.client);
}

void controller_drain(struct controller *c)
{
    if (!c)
        return;
    bool ended = false;
    wait_for_workers(c);
    for (unsigned i = 0; i < c->n; i++) {
        if (c->workers[i].started)
            pthread_join(c->workers[i].thread, NULL);
        ended = ended || c->workers[i].started;
        c->workers[i].started = false;
    }
    if (ended)
        flush(c);
    lp_thread_pool_free(lp_take(c->pool));
}

void controller_free(struct controller *c)
{
    if (!c)
        return;
    controller_drain(c);
    for (unsigned i = 0; i < c->n; i++)
        lp_kube_client_free(c->workers[i].client);
    for (unsigned i = 0; i < WRITERS; i++)
        lp_kube_client_free(c->writers[i]);
    cache_join(c->cache);
    lp_queue_free(c->queue);
    platform_states_free(c->states);
    lp_stop_free(c->cut_off);
    pthread_cond_destroy(&c->ended);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
