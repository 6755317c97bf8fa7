/* operator/floor_history.c -- a sorted array, and what follows from a history. One thread: that of
 * the floors. */
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

static void note_need(struct floor_history *m, int64_t need, int64_t now_ms)
{
    int64_t slot = now_ms / FLOOR_SLOT_MS;
    for (int64_t i = m->slot + 1; i <= slot && i <= m->slot + FLOOR_SLOTS; i++)
        m->needs[i % FLOOR_SLOTS] = 0;
    if (slot > m->slot + FLOOR_SLOTS)
        memset(m->needs, 0, sizeof m->needs);
    m->slot = slot;
    if (need > m->needs[slot % FLOOR_SLOTS])
        m->needs[slot % FLOOR_SLOTS] = need;
}

int64_t floor_next(struct floor_history *m, const struct floor_input *in, int64_t now_ms)
{
    int64_t greatest = in->min, depth = in->paused ? -1 : in->depth_milli;
    bool first = m->slot == 0;
    if (depth >= 0)
        note_need(m, depth / in->target_milli + (depth % in->target_milli > 0), now_ms);
    if (first || depth < 0) /* what an earlier leader saw counts as seen now */
        note_need(m, in->now, now_ms);
    for (unsigned i = 0; i < FLOOR_SLOTS; i++)
        if (m->needs[i] > greatest)
            greatest = m->needs[i];
    return greatest < in->max ? greatest : in->max;
}

static int by_last_attempt(const void *a, const void *b)
{
    int64_t first = ((const struct floor_later *)a)->history->tried_ms;
    int64_t second = ((const struct floor_later *)b)->history->tried_ms;

    return (first > second) - (first < second);
}

void floor_later_sort(struct floor_later *later, size_t n)
{
    if (n > 1)
        qsort(later, n, sizeof *later, by_last_attempt);
}
