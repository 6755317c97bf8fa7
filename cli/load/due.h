/* cli/load/due.h -- who is due next: a heap of moments. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for `room` entries, each learner at most once. */
struct due {
    struct due_entry {
        int64_t at_ns;
        uint32_t who;
    } * entries;
    size_t n, room;
};

void due_init(struct due *d, size_t room);
void due_done(struct due *d);
void due_add(struct due *d, int64_t at_ns, uint32_t who);

/* The earliest moment; INT64_MAX: nobody is due. */
int64_t due_first(const struct due *d);

/* Takes the earliest out. False: nobody is there. */
bool due_take(struct due *d, struct due_entry *ret);
