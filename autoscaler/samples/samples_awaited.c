/*
 * Requests that wait for a service, as the pods of others report. They count only where the service
 * has no Ready pod that reports itself.
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

static int64_t awaited_of(const struct service *v, const struct pod *p)
{
    const char *name = component_of(v, p);
    int64_t depth = 0;
    if (!name)
        return 0;
    /* A gateway names its upstreams by their paths. */
    uint64_t hash = lp_hash(name);
    uint64_t path = strcmp(name, "ai-feedback") == 0 ? lp_hash("ai") : hash;
    for (unsigned i = 0; i < p->n_awaited; i++)
        if (p->awaited[i].upstream_hash == hash || p->awaited[i].upstream_hash == path)
            depth += p->awaited[i].depth;
    return depth;
}

int64_t samples_awaited(const struct samples *s, const struct service *v, int64_t now_ms,
                        int64_t *oldest_ms)
{
    lp_auto_free char *prefix = lp_sprintf("%.*s", (int)(v->name - v->key), v->key);
    int64_t depth = 0;
    for (unsigned i = table_find(&s->pods, prefix);
         i < s->pods.n && table_begins(s->pods.items[i], prefix); i++) {
        const struct pod *p = (const struct pod *)s->pods.items[i];
        bool is_known = p->at_ms != 0 && now_ms - p->at_ms <= SAMPLES_MAX_AGE_MS;
        int64_t more = samples_is_asked(p) && is_known ? awaited_of(v, p) : 0;
        depth += more;
        if (more > 0 && p->at_ms < *oldest_ms)
            *oldest_ms = p->at_ms;
    }
    return depth;
}
