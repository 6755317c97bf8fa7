/* operator/state/platform_state.c -- a short list under a lock: platforms are few. */
#include "operator/state/platform_state.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "operator/state/repairs.h"

#define SECRETS_OVERDUE_MS 10000
/* When missing Secrets are created: 10 s after the platform stops being ready, as pods that start
 * may lack one, and every 3 min while it is not ready. No Secret is ever read; creating one that is
 * there is refused. 1,000 platforms that are never ready cost 40 such requests a second. */
#define SECRETS_AGAIN_MS 180000
#define SECRETS_SOON_MS 10000
#define SECRETS_OLD_MS 120000

#define TOLD_MS 60000
#define TOLD_MAX 10

struct platform_states {
    pthread_mutex_t lock;
    unsigned epoch;
    struct platform_state *first;
};

struct platform_states *platform_states_new(void)
{
    struct platform_states *m = lp_alloc(sizeof *m);
    pthread_mutex_init(&m->lock, NULL);
    return m;
}

static void free_memory(struct platform_state *e)
{
    json_decref(e->status);
    json_decref(e->rewritten);
    free(e->children);
    repairs_free(e->repairs);
    free(e->status_version);
    json_decref(e->preview);
    json_decref(e->dry_runs);
    json_decref(e->decisions);
    free(e->preview_digest);
    free(e->key);
    free(e->events);
    free(e);
}

void platform_states_free(struct platform_states *m)
{
    if (!m)
        return;
    while (m->first) {
        struct platform_state *e = m->first;
        m->first = e->next;
        free_memory(e);
    }
    pthread_mutex_destroy(&m->lock);
    free(m);
}

void platform_states_expire(struct platform_states *m)
{
    pthread_mutex_lock(&m->lock);
    m->epoch++;
    pthread_mutex_unlock(&m->lock);
}

struct platform_state *platform_states_of(struct platform_states *m, const char *key)
{
    pthread_mutex_lock(&m->lock);
    struct platform_state *e = m->first;
    while (e && strcmp(e->key, key) != 0)
        e = e->next;
    if (!e) {
        e = lp_alloc(sizeof *e);
        e->key = lp_strdup(key);
        e->rewritten = json_object();
        e->next = m->first;
        m->first = e;
    } else if (e->epoch != m->epoch) {
        json_decref(lp_take(e->status));
        json_object_clear(e->rewritten);
        e->n_children = 0;
        e->pruned_generation = 0;
    }
    e->epoch = m->epoch;
    pthread_mutex_unlock(&m->lock);
    return e;
}

json_t *platform_states_undelivered(struct platform_states *m)
{
    json_t *keys = json_array();

    pthread_mutex_lock(&m->lock);
    for (const struct platform_state *e = m->first; e; e = e->next)
        if (json_array_size(e->decisions) > 0)
            json_array_append_new(keys, json_string(e->key));
    pthread_mutex_unlock(&m->lock);
    return keys;
}

struct child_state *platform_state_child(struct platform_state *m, const char *kind_and_name)
{
    uint64_t key = lp_hash(kind_and_name);

    for (unsigned i = 0; i < m->n_children; i++)
        if (m->children[i].key == key)
            return &m->children[i];
    m->children = lp_realloc(m->children, (m->n_children + 1) * sizeof *m->children);
    m->children[m->n_children] = (struct child_state){ .key = key };
    return &m->children[m->n_children++];
}

bool platform_states_forget(struct platform_states *m, const char *key)
{
    struct platform_state *found = NULL;

    pthread_mutex_lock(&m->lock);
    for (struct platform_state **at = &m->first; *at; at = &(*at)->next) {
        if (strcmp((*at)->key, key) == 0) {
            found = *at;
            *at = found->next;
            break;
        }
    }
    pthread_mutex_unlock(&m->lock);
    if (found)
        free_memory(found);
    return found != NULL;
}

bool platform_state_may_emit(struct platform_state *m, int64_t now_ms)
{
    if (m->repair_events == 0 || now_ms - m->repair_events_ms >= TOLD_MS) {
        m->repair_events_ms = now_ms;
        m->repair_events = 0;
    }
    if (m->repair_events == TOLD_MAX)
        return false;
    m->repair_events++;
    return true;
}

void platform_state_recreated(struct platform_state *m, int64_t now_ms)
{
    if (m->recreated_ms != 0)
        return;
    m->recreated_ms = now_ms;
    if (m->secrets_wait_ms > SECRETS_SOON_MS)
        m->secrets_wait_ms = SECRETS_SOON_MS;
}

void platform_state_secrets_tried(struct platform_state *m, int64_t now_ms, bool soon)
{
    soon = soon || (m->recreated_ms != 0 && now_ms < m->recreated_ms + SECRETS_OLD_MS);
    m->secrets_wait_ms = soon ? SECRETS_SOON_MS : SECRETS_AGAIN_MS;
    m->secrets_tried_ms = now_ms;
}

void platform_state_secrets_failed(struct platform_state *m)
{
    m->secrets_wait_ms = 0;
}

bool platform_state_secrets_due(const struct platform_state *m, int64_t now_ms)
{
    return m->secrets_tried_ms == 0 || now_ms >= m->secrets_tried_ms + m->secrets_wait_ms;
}

int64_t platform_state_secrets_ms(const struct platform_state *m, int64_t now_ms)
{
    int64_t left = m->secrets_tried_ms + m->secrets_wait_ms - now_ms;

    return left > 0 ? left : SECRETS_OVERDUE_MS;
}
