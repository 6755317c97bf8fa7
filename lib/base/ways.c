/* lib/base/ways.c -- see the header. No state. */
#include "base/ways.h"

void *lp_way_of(void *set, size_t size, uint64_t key)
{
    struct lp_way *oldest = set;

    for (size_t i = 0; i < LP_WAYS; i++) {
        struct lp_way *way = (void *)((char *)set + i * size);
        if (way->key == key)
            return way;
        if (way->at_ms < oldest->at_ms)
            oldest = way;
    }
    return oldest;
}
