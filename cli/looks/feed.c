/*
 * cli/looks/feed.c -- see the header.
 *
 * Threads: the watches' one puts, the command's takes; both under the lock.
 */
#include "cli/looks/feed.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "kube/watch.h"

#define WATCHES 3
#define MOST_WAITING 64 /* changes of an HPA that nobody has taken: then the oldest goes */

struct feed {
    struct lp_stop *stop;
    struct lp_stop_waker waker;
    struct lp_kube_watch *watches[WATCHES];
    unsigned n_watches;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned synced;
    json_t *pods; /* by name */
    int64_t spec, spec_before;
    struct feed_item first, waiting[MOST_WAITING]; /* the oldest first */
    size_t n_waiting;
    bool gone;   /* the HPA */
    bool listed; /* first was taken: what comes is a change */
    struct lp_error failure;
    bool stopped;
};

void feed_item_done(struct feed_item *item)
{
    json_decref(item->hpa);
    json_decref(item->pods);
    *item = (struct feed_item){ .hpa = NULL };
}

static struct feed_item item_locked(struct feed *f, json_t *hpa)
{
    return (struct feed_item){ .hpa = json_incref(hpa),
                               .pods = json_copy(f->pods),
                               .gone = f->gone,
                               .at_ms = lp_clock_wall_ms(),
                               .spec = f->spec,
                               .spec_before = f->spec_before };
}

/* One more that waits; of too many the oldest goes. */
static void put_locked(struct feed *f, json_t *hpa)
{
    if (f->n_waiting == MOST_WAITING) {
        feed_item_done(&f->waiting[0]);
        memmove(f->waiting, f->waiting + 1, --f->n_waiting * sizeof *f->waiting);
    }
    f->waiting[f->n_waiting++] = item_locked(f, hpa);
    pthread_cond_broadcast(&f->changed);
}

static void on_hpa(enum lp_kube_event event, json_t *object, void *user)
{
    struct feed *f = user;

    pthread_mutex_lock(&f->lock);
    f->gone = event == LP_KUBE_DELETED;
    if (f->gone) {
        if (!f->listed)
            feed_item_done(&f->first);
        pthread_cond_broadcast(&f->changed);
    } else if (f->listed) {
        put_locked(f, object);
    } else {
        feed_item_done(&f->first);
        f->first = item_locked(f, object);
    }
    pthread_mutex_unlock(&f->lock);
}

static void on_deployment(enum lp_kube_event event, json_t *object, void *user)
{
    struct feed *f = user;
    int64_t spec = lp_json_int(-1, object, "spec", "replicas", NULL);

    pthread_mutex_lock(&f->lock);
    if (event != LP_KUBE_DELETED && spec >= 0 && spec != f->spec) {
        f->spec_before = f->spec;
        f->spec = spec;
    }
    pthread_mutex_unlock(&f->lock);
}

static void on_pod(enum lp_kube_event event, json_t *object, void *user)
{
    struct feed *f = user;
    const char *name = lp_json_str(object, "metadata", "name", NULL);

    if (!name)
        return;
    pthread_mutex_lock(&f->lock);
    if (event == LP_KUBE_DELETED)
        json_object_del(f->pods, name);
    else
        json_object_set(f->pods, name, object);
    pthread_mutex_unlock(&f->lock);
}

static void on_synced(void *user)
{
    struct feed *f = user;

    pthread_mutex_lock(&f->lock);
    f->synced++;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

/* Looks of the time until the next try are not seen as they come. */
static void on_failed(const struct lp_error *err, int64_t retry_ms, void *user)
{
    struct feed *f = user;

    (void)retry_ms;
    pthread_mutex_lock(&f->lock);
    f->failure = *err;
    pthread_cond_broadcast(&f->changed);
    if (f->listed)
        fprintf(stderr, "kubectl lp: a watch failed, looks may be missing: %s\n", err->msg);
    pthread_mutex_unlock(&f->lock);
}

static void on_stop(void *user)
{
    struct feed *f = user;

    pthread_mutex_lock(&f->lock);
    f->stopped = true;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

int feed_start(struct lp_kube_config *config, struct lp_stop *stop, const char *ns,
               const char *name, const char *selector, struct feed **ret_feed, struct lp_error *err)
{
    lp_auto_free char *field = lp_sprintf("metadata.name=%.253s", name);
    struct feed *f = *ret_feed = lp_alloc(sizeof *f);
    const struct {
        const char *name;
        const struct lp_kube_kind *kind;
        const char *label_selector, *field_selector;
        void (*event)(enum lp_kube_event event, json_t *object, void *user);
    } kinds[WATCHES] = { { "looks-pods", &lp_kube_pods, selector, NULL, on_pod },
                         { "looks-deploy", &lp_kube_deployments, NULL, field, on_deployment },
                         { "looks-hpa", &lp_kube_hpas, NULL, field, on_hpa } };
    int r = 0;

    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    f->stop = stop;
    f->pods = json_object();
    f->spec = f->spec_before = -1;
    f->waker = (struct lp_stop_waker){ .wake = on_stop, .user = f };
    lp_stop_add_waker(stop, &f->waker);
    for (size_t i = 0; r == 0 && i < WATCHES; i++) {
        const struct lp_kube_watch_options options = {
            .kind = kinds[i].kind,
            .ns = ns,
            .label_selector = kinds[i].label_selector,
            .field_selector = kinds[i].field_selector,
            .name = kinds[i].name,
            .sink = { kinds[i].event, on_synced, on_failed, f },
        };
        r = lp_kube_watch_start(config, stop, &options, &f->watches[i], err);
        f->n_watches += r == 0;
    }
    return r;
}

void feed_join(struct feed *f)
{
    if (!f)
        return;
    for (unsigned i = 0; i < f->n_watches; i++)
        lp_kube_watch_join(f->watches[i]);
    lp_stop_remove_waker(f->stop, &f->waker);
    for (size_t i = 0; i < f->n_waiting; i++)
        feed_item_done(&f->waiting[i]);
    feed_item_done(&f->first);
    json_decref(f->pods);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

/* Until something comes, at most until until_ms of the wall clock. False: it is over. */
static bool wait_locked(struct feed *f, int64_t until_ms)
{
    int64_t left_ms = until_ms - lp_clock_wall_ms();
    struct timespec deadline = lp_clock_deadline(left_ms > 0 ? left_ms : 0);

    if (f->stopped || left_ms <= 0)
        return false;
    return pthread_cond_clockwait(&f->changed, &f->lock, CLOCK_MONOTONIC, &deadline) != ETIMEDOUT;
}

/* No time helps. */
static bool is_refused(const struct feed *f)
{
    return f->failure.code == LP_E_DENIED;
}

static int first_locked(struct feed *f, struct feed_item *ret_first, struct lp_error *err)
{
    if (f->stopped)
        return lp_error_set(err, LP_E_CANCELED, "interrupted");
    if (f->synced < WATCHES)
        return lp_error_set(err, is_refused(f) ? LP_E_DENIED : LP_E_TIMEOUT,
                            "the API server has not told what there is: %s",
                            f->failure.code < 0 ? f->failure.msg : "no answer");
    if (!f->first.hpa)
        return lp_error_set(err, LP_E_NOT_FOUND, "there is no such HorizontalPodAutoscaler");
    *ret_first = f->first;
    f->first = (struct feed_item){ .hpa = NULL };
    f->listed = true;
    return 0;
}

int feed_wait(struct feed *feed, int64_t timeout_ms, struct feed_item *ret_first,
              struct lp_error *err)
{
    int64_t until_ms = lp_clock_wall_ms() + timeout_ms;

    pthread_mutex_lock(&feed->lock);
    while (feed->synced < WATCHES && !is_refused(feed) && wait_locked(feed, until_ms))
        ;
    int r = first_locked(feed, ret_first, err);
    pthread_mutex_unlock(&feed->lock);
    return r;
}

void feed_take(struct feed *feed, int64_t until_ms, struct feed_item *ret_item)
{
    pthread_mutex_lock(&feed->lock);
    while (feed->n_waiting == 0 && wait_locked(feed, until_ms))
        ;
    if (feed->n_waiting > 0) {
        *ret_item = feed->waiting[0];
        memmove(feed->waiting, feed->waiting + 1, --feed->n_waiting * sizeof *feed->waiting);
    } else {
        *ret_item = item_locked(feed, NULL);
    }
    pthread_mutex_unlock(&feed->lock);
}
