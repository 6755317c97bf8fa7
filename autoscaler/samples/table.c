/*
 * A sorted array of what begins with a key: found by halving, walked in order. Threads: the
 * caller's lock.
 */
#include "autoscaler/samples/table.h"

#include <string.h>

#include "base/alloc.h"

unsigned table_find(const struct table *t, const char *key)
{
    unsigned low = 0, high = t->n;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (strcmp(t->items[middle]->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void *table_get(const struct table *t, const char *key)
{
    unsigned i = table_find(t, key);
    return i < t->n && strcmp(t->items[i]->key, key) == 0 ? t->items[i] : NULL;
}

void table_add(struct table *t, void *item)
{
    struct keyed *k = item;
    unsigned i = table_find(t, k->key);
    if (t->n == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 16;
        t->items = lp_realloc(t->items, t->cap * sizeof(void *));
    }
    memmove(t->items + i + 1, t->items + i, (t->n - i) * sizeof(void *));
    t->items[i] = k;
    t->n++;
}

void table_remove(struct table *t, const char *key)
{
    unsigned i = table_find(t, key);
    if (i == t->n || strcmp(t->items[i]->key, key) != 0)
        return;
    t->n--;
    memmove(t->items + i, t->items + i + 1, (t->n - i) * sizeof(void *));
}

bool table_begins(const struct keyed *item, const char *prefix)
{
    return strncmp(item->key, prefix, strlen(prefix)) == 0;
}
