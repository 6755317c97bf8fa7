/*
 * One informer for each kind and namespace: list, then watch. Every event goes to the samples as it
 * comes.
 *
 * Threads: one for each informer; _start and _join in one other.
 */
#include "autoscaler/informers/informers.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "kube/kinds.h"
#include "kube/watch.h"

#define MANAGED "app.kubernetes.io/managed-by=lp-operator"
#define OF_SERVICES MANAGED ",app.kubernetes.io/component=service"

struct informer {
    struct informers *all;
    const char *name;
    bool needed; /* its first list is part of samples_synced */
    struct lp_kube_watch *watch;
};

struct informers {
    struct informers_options o;
    struct informer *items;
    unsigned n;
    atomic_uint unsynced; /* first lists that are still to come */
};

static void on_pod(enum lp_kube_event event, json_t *object, void *user)
{
    struct informers *all = ((struct informer *)user)->all;
    if (samples_pod(all->o.samples, object, event == LP_KUBE_DELETED, lp_clock_ms(),
                    lp_clock_wall_ms()))
        scraper_wake(all->o.scraper);
}

static void on_replica_set(enum lp_kube_event event, json_t *object, void *user)
{
    struct informers *all = ((struct informer *)user)->all;
    if (samples_replica_set(all->o.samples, object, event == LP_KUBE_DELETED, lp_clock_ms()))
        scraper_wake(all->o.scraper);
}

static void on_deployment(enum lp_kube_event event, json_t *object, void *user)
{
    struct informers *all = ((struct informer *)user)->all;
    if (samples_deployment(all->o.samples, object, event == LP_KUBE_DELETED, lp_clock_ms()))
        scraper_wake(all->o.scraper);
}

static void on_hpa(enum lp_kube_event event, json_t *object, void *user)
{
    struct informers *all = ((struct informer *)user)->all;
    samples_hpa(all->o.samples, object, event == LP_KUBE_DELETED);
}

static void on_synced(void *user)
{
    struct informer *i = user;
    if (i->needed && atomic_fetch_sub(&i->all->unsynced, 1) == 1)
        samples_synced(i->all->o.samples, lp_clock_ms());
}

static void on_failed(const struct lp_error *err, int64_t retry_ms, void *user)
{
    const struct informer *i = user;
    lp_auto_free char *retry = lp_sprintf("%lld", (long long)retry_ms);
    lp_log_warn("a watch of the metrics adapter failed", "watch", i->name, "why", err->msg,
                "retry_ms", retry);
}

static const struct kind {
    const char *name;
    const struct lp_kube_kind *kind;
    const char *label_selector;
    bool needed; /* an answer without it would be wrong */
    void (*event)(enum lp_kube_event event, json_t *object, void *user);
} kinds[] = {
    { "adapter-pods", &lp_kube_pods, OF_SERVICES, true, on_pod },
    { "adapter-sets", &lp_kube_replica_sets, OF_SERVICES, true, on_replica_set },
    { "adapter-deploys", &lp_kube_deployments, OF_SERVICES, true, on_deployment },
    { "adapter-hpas", &lp_kube_hpas, MANAGED, false, on_hpa },
};

static int start(struct informers *all, const struct kind *k, const char *ns, struct lp_error *err)
{
    struct informer *i = &all->items[all->n];
    *i = (struct informer){ .all = all, .name = k->name, .needed = k->needed };
    const struct lp_kube_watch_options options = {
        .kind = k->kind,
        .ns = ns,
        .label_selector = k->label_selector,
        .name = k->name,
        .cached_first = true,
        .sink = { .event = k->event, .synced = on_synced, .failed = on_failed, .user = i },
    };
    int r = lp_kube_watch_start(all->o.kube, all->o.stop, &options, &i->watch, err);
    all->n += r == 0;
    return r;
}

int informers_start(const struct informers_options *options, struct informers **ret_informers,
                    struct lp_error *err)
{
    struct informers *all = *ret_informers = lp_alloc(sizeof *all);
    unsigned n_needed = 0, n_namespaces = options->n_namespaces ? options->n_namespaces : 1;
    all->o = *options;
    all->items = lp_calloc(n_namespaces * LP_COUNT(kinds), sizeof *all->items);
    for (unsigned k = 0; k < LP_COUNT(kinds); k++)
        n_needed += kinds[k].needed;
    atomic_store(&all->unsynced, n_needed * n_namespaces);
    int r = 0;
    for (unsigned i = 0; r == 0 && i < n_namespaces; i++)
        for (unsigned k = 0; r == 0 && k < LP_COUNT(kinds); k++)
            r = start(all, &kinds[k], options->n_namespaces ? options->namespaces[i] : NULL, err);
    return r;
}

void informers_join(struct informers *all)
{
    if (!all)
        return;
    for (unsigned i = 0; i < all->n; i++)
        lp_kube_watch_join(all->items[i].watch);
    free(all->items);
    free(all);
}
