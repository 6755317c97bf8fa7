/* lib/base/ways.h -- a table of fixed size in sets of four, as processors' caches are: of a set the
 * entry that was used longest ago gives way. Who is forgotten begins anew. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define LP_WAYS 4

/* What each entry of the caller's begins with. */
struct lp_way {
    uint64_t key;  /* 0: free. By a keyed hash, where strangers choose it */
    int64_t at_ms; /* of the last use; the caller's to set */
};

/* Of the LP_WAYS entries of `set`, each of `size` bytes, that of `key`, or the one to give way: its
 * key is another. The caller's lock is held. */
void *lp_way_of(void *set, size_t size, uint64_t key);
