/*
 * What the pods of others report of a service: requests that wait for it, which count only where
 * the service has no Ready pod that reports itself, and workers that leave it alone.
 *
 * Threads: none of its own; under the lock of the table.
 */
#include <string.h>

#include "autoscaler/samples/samples_parts.h"
#include "base/hash.h"
#include "base/alloc.h"

/* The service as others name it that wait for it: without "<part-of>-"; NULL: not of theirs. */
static const char *component_of(const struct service *v, const struct pod *waiting)
{
    const char *platform = lp_labels_get(waiting->labels, "app.kubernetes.io/part-of");
    size_t n = platform ? strlen(platform) : 0;
    return n > 0 && strncmp(v->name, platform, n) == 0 && v->name[n] == '-' ? v->name + n + 1
                                                                            : NULL;
}

/* A gateway names its upstreams by their paths. */
static bool is_named(const char *component, uint64_t upstream_hash)
{
    return upstream_hash == lp_hash(component) ||
           (strcmp(component, "ai-feedback") == 0 && upstream_hash == lp_hash("ai"));
}

/* -1: the pod tells nothing of it. */
static int64_t sum_of(const struct service *v, const struct pod *p, const struct of_upstream *list,
                      unsigned n)
{
    const char *name = n > 0 ? component_of(v, p) : NULL; /* most pods tell of nobody */
    int64_t sum = -1;

    for (unsigned i = 0; name && i < n; i++)
        if (is_named(name, list[i].upstream_hash))
            sum = (sum > 0 ? sum : 0) + list[i].milli;
    return sum;
}

static int64_t awaited_of(const struct service *v, const struct pod *p)
{
    return sum_of(v, p, p->awaited, p->n_awaited);
}

static int64_t circuits_of(const struct service *v, const struct pod *p)
{
    return sum_of(v, p, p->circuits, p->n_circuits);
}

/* The sum over the pods of the namespace that tell of the service; -1: none does. `zero_counts`:
 * `oldest_ms` is that of pods that tell 0, too. */
static int64_t sum_over_pods(const struct samples *s, const struct service *v, int64_t now_ms,
                             int64_t told_by(const struct service *v, const struct pod *p),
                             bool zero_counts, int64_t *oldest_ms)
{
    lp_auto_free char *prefix = lp_sprintf("%.*s", (int)(v->name - v->key), v->key);
    int64_t sum = -1;

    for (unsigned i = table_find(&s->pods, prefix);
         i < s->pods.n && table_begins(s->pods.items[i], prefix); i++) {
        const struct pod *p = (const struct pod *)s->pods.items[i];
        bool is_known = p->at_ms != 0 && now_ms - p->at_ms <= SAMPLES_MAX_AGE_MS;
        int64_t more = samples_is_asked(p) && is_known ? told_by(v, p) : -1;
        if (more < 0)
            continue;
        sum = (sum > 0 ? sum : 0) + more;
        if ((more > 0 || zero_counts) && p->at_ms < *oldest_ms)
            *oldest_ms = p->at_ms;
    }
    return sum;
}

int64_t samples_awaited(const struct samples *s, const struct service *v, int64_t now_ms,
                        int64_t *oldest_ms)
{
    int64_t depth = sum_over_pods(s, v, now_ms, awaited_of, false, oldest_ms);

    return depth > 0 ? depth : 0;
}

int64_t samples_circuits(const struct samples *s, const struct service *v, int64_t now_ms,
                         int64_t *oldest_ms)
{
    return sum_over_pods(s, v, now_ms, circuits_of, true, oldest_ms);
}
