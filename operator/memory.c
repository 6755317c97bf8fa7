/* operator/memory.c -- a short list under a lock: platforms are few. */
#include "operator/memory.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "operator/hold/repairs.h"

#define TOLD_MS 60000
#define TOLD_MAX 10

struct memories {
    pthread_mutex_t lock;
    unsigned epoch;
    struct memory *first;
};

struct memories *memories_new(void)
{
    struct memories *m = lp_alloc(sizeof *m);
    pthread_mutex_init(&m->lock, NULL);
    return m;
}

static void free_memory(struct memory *e)
{
    json_decref(e->status);
    json_decref(e->settled);
    free(e->children);
    repairs_free(e->repairs);
    free(e->status_version);
    json_decref(e->preview);
    json_decref(e->held);
    free(e->preview_mark);
    free(e->well_children);
    free(e->key);
    free(e->events);
    free(e);
}

void memories_free(struct memories *m)
{
    if (!m)
        return;
    while (m->first) {
        struct memory *e = m->first;
        m->first = e->next;
        free_memory(e);
    }
    pthread_mutex_destroy(&m->lock);
    free(m);
}

void memories_expire(struct memories *m)
{
    pthread_mutex_lock(&m->lock);
    m->epoch++;
    pthread_mutex_unlock(&m->lock);
}

struct memory *memories_of(struct memories *m, const char *key)
{
    pthread_mutex_lock(&m->lock);
    struct memory *e = m->first;
    while (e && strcmp(e->key, key) != 0)
        e = e->next;
    if (!e) {
        e = lp_alloc(sizeof *e);
        e->key = lp_strdup(key);
        e->settled = json_object();
        e->next = m->first;
        m->first = e;
    } else if (e->epoch != m->epoch) {
        json_decref(lp_take(e->status));
        json_object_clear(e->settled);
        e->n_children = 0;
        e->prune_mark = e->well_mark = 0;
    }
    e->epoch = m->epoch;
    pthread_mutex_unlock(&m->lock);
    return e;
}

struct child_memory *memory_child(struct memory *m, const char *kind_and_name)
{
    uint64_t key = lp_hash(kind_and_name);

    for (unsigned i = 0; i < m->n_children; i++)
        if (m->children[i].key == key)
            return &m->children[i];
    m->children = lp_realloc(m->children, (m->n_children + 1) * sizeof *m->children);
    m->children[m->n_children] = (struct child_memory){ .key = key };
    return &m->children[m->n_children++];
}

void memories_forget(struct memories *m, const char *key)
{
    struct memory *found = NULL;

    pthread_mutex_lock(&m->lock);
    for (struct memory **at = &m->first; *at; at = &(*at)->next) {
        if (strcmp((*at)->key, key) == 0) {
            found = *at;
            *at = found->next;
            break;
        }
    }
    pthread_mutex_unlock(&m->lock);
    if (found)
        free_memory(found);
}

bool memory_may_tell(struct memory *m, int64_t now_ms)
{
    if (m->repairs_told == 0 || now_ms - m->told_ms >= TOLD_MS) {
        m->told_ms = now_ms;
        m->repairs_told = 0;
    }
    if (m->repairs_told == TOLD_MAX)
        return false;
    m->repairs_told++;
    return true;
}
