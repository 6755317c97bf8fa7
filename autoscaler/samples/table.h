/* autoscaler/samples/table.h -- a sorted array of what begins with a key. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Pointers to what begins with a key, in the order of the keys. */
struct keyed {
    char *key;
};
struct table {
    struct keyed **items;
    unsigned n, cap;
};

/* Index of the first item whose key is not before `key`. */
unsigned table_find(const struct table *t, const char *key);
void *table_get(const struct table *t, const char *key); /* NULL where absent */
void table_add(struct table *t, void *item);
void table_remove(struct table *t, const char *key);

/* Its key begins so. */
bool table_begins(const struct keyed *item, const char *prefix);
