/* lib/metrics/exemplars.c -- one exemplar a bucket of a histogram. A series gets room for them with
 * its first one; a mutex each, as they are written about once a second. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "metrics/metrics_parts.h"
#include "metrics/openmetrics.h"

#define KEPT_MS 1000

/* `lock` guards all but `since_ms` of a place, which says without it whether it is time for
 * another. Memory goes with the process, as that of series. */
struct lp_exemplars {
    pthread_mutex_t lock;
    struct place {
        atomic_int_least64_t since_ms; /* 0: none yet */
        struct lp_exemplar kept;
    } places[];
};

static struct lp_exemplars *exemplars_of(struct lp_metric *m)
{
    struct lp_exemplars *e = atomic_load(&m->exemplars), *none = NULL;

    if (e)
        return e;
    e = lp_alloc(sizeof *e + (m->family->n_buckets + 1) * sizeof e->places[0]);
    pthread_mutex_init(&e->lock, NULL);
    if (atomic_compare_exchange_strong(&m->exemplars, &none, e))
        return e;
    pthread_mutex_destroy(&e->lock);
    free(e);
    return none;
}

void lp_metric_observe_trace(struct lp_metric *m, double v, const char *trace_id)
{
    lp_metric_observe(m, v);
    if (!*trace_id)
        return;
    unsigned i = lp_metric_bucket(m->family, v);
    int64_t now = lp_clock_ms();
    struct lp_exemplars *e = exemplars_of(m);
    struct place *p = &e->places[i];
    int64_t since = atomic_load(&p->since_ms);
    if (since != 0 && now - since < KEPT_MS)
        return;
    if (!atomic_compare_exchange_strong(&p->since_ms, &since, now))
        return; /* another was faster */
    pthread_mutex_lock(&e->lock);
    snprintf(p->kept.trace_id, sizeof p->kept.trace_id, "%s", trace_id);
    p->kept.value = v;
    p->kept.wall_ms = lp_clock_wall_ms();
    pthread_mutex_unlock(&e->lock);
}

bool lp_metric_exemplar(const struct lp_metric *m, unsigned bucket, struct lp_exemplar *ret)
{
    struct lp_exemplars *e = atomic_load(&m->exemplars);

    if (!e)
        return false;
    pthread_mutex_lock(&e->lock);
    *ret = e->places[bucket].kept;
    pthread_mutex_unlock(&e->lock);
    return ret->trace_id[0] != '\0';
}

void lp_metric_forget_exemplars(struct lp_metric *m)
{
    struct lp_exemplars *e = atomic_load(&m->exemplars);

    if (!e)
        return;
    pthread_mutex_lock(&e->lock);
    for (unsigned i = 0; i <= m->family->n_buckets; i++) {
        atomic_store(&e->places[i].since_ms, 0);
        e->places[i].kept.trace_id[0] = '\0';
    }
    pthread_mutex_unlock(&e->lock);
}
