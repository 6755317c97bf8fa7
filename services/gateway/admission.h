/* services/gateway/admission.h -- slots for requests under way, and the queue before them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/gateway/config.h"

/* Part of what waits; zeroed at first. */
struct admission_ticket {
    struct admission_ticket *next;
    size_t upstream;
    uint64_t order;
    bool holds_slot, waits;
};

struct admission_lane {
    int64_t used;
    struct admission_ticket *first, *last;
};

/*
 * `slots` requests under way, at most `per_upstream` of them to one upstream, so that a slow one
 * cannot take them all; `queue_limit` waiting, served in the order they came as far as their
 * upstream has room. One worker, one thread.
 */
struct admission {
    int64_t slots, used, per_upstream, queue_limit, waiting;
    uint64_t next_order;
    struct admission_lane lanes[GATEWAY_MAX_UPSTREAMS];
};

enum admission_result { ADMISSION_GRANTED, ADMISSION_WAITS, ADMISSION_FULL };

enum admission_result admission_enter(struct admission *a, struct admission_ticket *t,
                                      size_t upstream);

/* Gives back the slot, or leaves the queue; nothing where it holds neither. */
void admission_leave(struct admission *a, struct admission_ticket *t);

/* The next waiting ticket that has a slot now; NULL: none. Call it after _leave until NULL. */
struct admission_ticket *admission_next(struct admission *a);
