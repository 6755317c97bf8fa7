/* operator/floor_history.c -- a sorted array. One thread: that of the floors. */
#include "operator/floor_history.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct entry {
    char *key;
    struct floor_history *history;
    bool seen; /* in this round */
};

struct floor_histories {
    struct entry *entries;
    unsigned n, cap, limit, left_out;
};

static void forget(struct entry *e)
{
    free(e->key);
    free(e->history);
}

struct floor_histories *floor_histories_new(unsigned limit)
{
    struct floor_histories *m = lp_alloc(sizeof *m);
    m->limit = limit;
    return m;
}

void floor_histories_free(struct floor_histories *m)
{
    if (!m)
        return;
    for (unsigned i = 0; i < m->n; i++)
        forget(&m->entries[i]);
    free(m->entries);
    free(m);
}

void floor_histories_begin(struct floor_histories *m)
{
    for (unsigned i = 0; i < m->n; i++)
        m->entries[i].seen = false;
    m->left_out = 0;
}

/* Where `key` is, or where it would go. */
static unsigned position(const struct floor_histories *m, const char *key, bool *ret_there)
{
    unsigned low = 0, high = m->n;

    *ret_there = false;
    while (low < high && !*ret_there) {
        unsigned middle = low + (high - low) / 2;
        int order = strcmp(m->entries[middle].key, key);
        *ret_there = order == 0;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return high;
}

struct floor_history *floor_histories_of(struct floor_histories *m, const char *key)
{
    bool there;
    unsigned at = position(m, key, &there);

    if (!there) {
        if (m->n == m->limit) {
            m->left_out++;
            return NULL;
        }
        if (m->n == m->cap) {
            m->cap = m->cap ? 2 * m->cap : 16;
            m->entries = lp_realloc(m->entries, m->cap * sizeof *m->entries);
        }
        memmove(m->entries + at + 1, m->entries + at, (m->n - at) * sizeof *m->entries);
        m->entries[at] = (struct entry){ .key = lp_strdup(key),
                                         .history = lp_alloc(sizeof *m->entries[at].history) };
        m->n++;
    }
    m->entries[at].seen = true;
    return m->entries[at].history;
}

unsigned floor_histories_end(struct floor_histories *m)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < m->n; i++) {
        if (m->entries[i].seen)
            m->entries[kept++] = m->entries[i];
        else
            forget(&m->entries[i]);
    }
    m->n = kept;
    return m->left_out;
}
