/*
 * What the adapter knows from the API server, told to samples and auth as it comes.
 *
 * Pods, ReplicaSets and Deployments first: the first answer needs them, and nothing else is to take
 * the processor from them then. HPAs and the ConfigMap of trust, which is read once before, follow.
 *
 * Threads: one for each watch; _start, _more and _join in whatever thread, not at a time.
 */
#include "autoscaler/watched.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "autoscaler/auth/trust.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "kube/kinds.h"
#include "kube/watch.h"

#define TRUST_NAMESPACE "kube-system"
#define TRUST_NAME "extension-apiserver-authentication"

enum what { WATCH_PODS, WATCH_SETS, WATCH_DEPLOYMENTS, WATCH_HPAS, WATCH_TRUST, N_WATCHES };

static const char *const names[N_WATCHES] = { "adapter-pods", "adapter-sets", "adapter-deploys",
                                              "adapter-hpas", "adapter-trust" };

/* What a watch is told with. */
struct told {
    struct watched *all;
    enum what what;
    struct lp_kube_watch *watch;
};

struct watched {
    struct watched_options o;
    struct told watches[N_WATCHES * ADAPTER_NAMESPACES];
    unsigned n, n_hpas; /* of them, of HPAs */
    bool has_trust;
    atomic_uint unknown; /* lists of pods, ReplicaSets and Deployments that are still to come */
};

static void on_pod(enum lp_kube_event event, json_t *object, void *user)
{
    struct watched *w = ((struct told *)user)->all;
    if (samples_pod(w->o.samples, object, event == LP_KUBE_DELETED, lp_clock_ms(),
                    lp_clock_wall_ms()))
        scraper_wake(w->o.scraper);
}

static void on_set(enum lp_kube_event event, json_t *object, void *user)
{
    struct watched *w = ((struct told *)user)->all;
    samples_replica_set(w->o.samples, object, event == LP_KUBE_DELETED);
}

static void on_deployment(enum lp_kube_event event, json_t *object, void *user)
{
    struct watched *w = ((struct told *)user)->all;
    samples_deployment(w->o.samples, object, event == LP_KUBE_DELETED);
}

static void on_hpa(enum lp_kube_event event, json_t *object, void *user)
{
    struct watched *w = ((struct told *)user)->all;
    samples_hpa(w->o.samples, object, event == LP_KUBE_DELETED);
}

static void take_trust(struct watched *w, const json_t *config_map)
{
    struct trust *t;
    struct lp_error err = { 0 };
    if (trust_parse(config_map, &t, &err) < 0) {
        lp_log_error("whom to trust cannot be read; what was known before stays", "why", err.msg);
        return;
    }
    auth_set_trust(w->o.auth, t);
    trust_unref(t);
}

static void on_trust(enum lp_kube_event event, json_t *object, void *user)
{
    if (event != LP_KUBE_DELETED)
        take_trust(((struct told *)user)->all, object);
}

static void on_synced(void *user)
{
    struct told *told = user;
    struct watched *w = told->all;
    if (told->what > WATCH_DEPLOYMENTS)
        return;
    if (atomic_fetch_sub(&w->unknown, 1) == 1)
        samples_synced(w->o.samples);
}

static void on_failed(const struct lp_error *err, int64_t retry_ms, void *user)
{
    const struct told *told = user;
    lp_auto_free char *retry = lp_sprintf("%lld", (long long)retry_ms);
    lp_log_warn("a watch of the metrics adapter failed", "watch", names[told->what], "why",
                err->msg, "retry_ms", retry);
}

static int start(struct watched *w, enum what what, const char *ns, struct lp_error *err)
{
    static const char ours[] = "app.kubernetes.io/managed-by=lp-operator";
    static const char pods[] =
        "app.kubernetes.io/managed-by=lp-operator,app.kubernetes.io/component=service";
    static const struct lp_kube_watch_options watches[N_WATCHES] = {
        [WATCH_PODS] = { .kind = &lp_kube_pods, .label_selector = pods, .sink.event = on_pod },
        [WATCH_SETS] = { .kind = &lp_kube_replica_sets,
                         .label_selector = pods,
                         .sink.event = on_set },
        [WATCH_DEPLOYMENTS] = { .kind = &lp_kube_deployments,
                                .label_selector = pods,
                                .sink.event = on_deployment },
        [WATCH_HPAS] = { .kind = &lp_kube_hpas, .label_selector = ours, .sink.event = on_hpa },
        [WATCH_TRUST] = { .kind = &lp_kube_config_maps,
                          .field_selector = "metadata.name=" TRUST_NAME,
                          .sink.event = on_trust },
    };
    struct told *told = &w->watches[w->n];
    struct lp_kube_watch_options options = watches[what];
    *told = (struct told){ .all = w, .what = what };
    options.ns = ns;
    options.name = names[what];
    options.cached_first = true;
    options.sink.synced = on_synced;
    options.sink.failed = on_failed;
    options.sink.user = told;
    int r = lp_kube_watch_start(w->o.kube, w->o.stop, &options, &told->watch, err);
    w->n += r == 0;
    return r;
}

static unsigned n_spaces(const struct watched *w)
{
    return w->o.n_namespaces ? w->o.n_namespaces : 1;
}

static int start_in(struct watched *w, enum what what, unsigned i, struct lp_error *err)
{
    return start(w, what, w->o.n_namespaces ? w->o.namespaces[i] : NULL, err);
}

int watched_read_trust(struct watched *w, struct lp_kube_client *client, struct lp_error *err)
{
    json_auto_t *config_map = NULL;
    int r =
        lp_kube_get(client, &lp_kube_config_maps, TRUST_NAMESPACE, TRUST_NAME, &config_map, err);
    if (r == 0)
        take_trust(w, config_map);
    return r;
}

struct watched *watched_new(const struct watched_options *options)
{
    struct watched *w = lp_alloc(sizeof *w);
    w->o = *options;
    atomic_store(&w->unknown, (WATCH_DEPLOYMENTS + 1) * n_spaces(w));
    return w;
}

int watched_start(struct watched *w, struct lp_error *err)
{
    int r = 0;
    for (unsigned i = 0; r == 0 && i < n_spaces(w); i++)
        for (unsigned what = WATCH_PODS; r == 0 && what <= WATCH_DEPLOYMENTS; what++)
            r = start_in(w, what, i, err);
    return r;
}

int watched_more(struct watched *w, struct lp_error *err)
{
    int r = 0;
    if (w->o.auth && !w->has_trust) {
        r = start(w, WATCH_TRUST, TRUST_NAMESPACE, err);
        w->has_trust = r == 0;
    }
    for (; r == 0 && w->n_hpas < n_spaces(w); w->n_hpas += r == 0)
        r = start_in(w, WATCH_HPAS, w->n_hpas, err);
    return r;
}

void watched_join(struct watched *w)
{
    for (unsigned i = 0; w && i < w->n; i++)
        lp_kube_watch_join(w->watches[i].watch);
    free(w);
}
