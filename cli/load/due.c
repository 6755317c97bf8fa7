/* cli/load/due.c -- a binary heap; see due.h. */
#include "cli/load/due.h"

#include <stdlib.h>

#include "base/alloc.h"

void due_init(struct due *d, size_t room)
{
    *d = (struct due){ .entries = lp_calloc(room, sizeof *d->entries), .room = room };
}

void due_done(struct due *d)
{
    free(d->entries);
    *d = (struct due){ 0 };
}

void due_add(struct due *d, int64_t at_ns, uint32_t who)
{
    size_t i = d->n;

    if (d->n == d->room)
        abort(); /* a learner was added twice */
    d->n++;
    while (i > 0 && d->entries[(i - 1) / 2].at_ns > at_ns) {
        d->entries[i] = d->entries[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    d->entries[i] = (struct due_entry){ at_ns, who };
}

int64_t due_first(const struct due *d)
{
    return d->n > 0 ? d->entries[0].at_ns : INT64_MAX;
}

bool due_take(struct due *d, struct due_entry *ret)
{
    if (d->n == 0)
        return false;
    *ret = d->entries[0];
    struct due_entry last = d->entries[--d->n];
    size_t i = 0;
    for (size_t child = 1; child < d->n; child = 2 * i + 1) {
        child += child + 1 < d->n && d->entries[child + 1].at_ns < d->entries[child].at_ns;
        if (d->entries[child].at_ns >= last.at_ns)
            break;
        d->entries[i] = d->entries[child];
        i = child;
    }
    d->entries[i] = last;
    return true;
}
