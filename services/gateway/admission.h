/* services/gateway/admission.h -- calls under way to each upstream, and the queue before each. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/gateway/config.h"

/* Part of what waits; zeroed at first. */
struct admission_ticket {
    struct admission_ticket *prev, *next; /* of those that wait */
    size_t upstream;
    bool holds_place, waits;
};

/* Of one upstream. */
struct admission_lane {
    int64_t used, waiting;
    struct admission_ticket *first, *last;
};

/*
 * The gateway itself works on whatever has come; a request waits for its upstream only. So each
 * upstream has places of its own: `places` calls under way, `queue_limit` requests that wait for
 * one in the order they came. What waits for one upstream is nothing to another. One worker, one
 * thread.
 */
struct admission {
    int64_t places, queue_limit;
    struct admission_lane lanes[GATEWAY_MAX_UPSTREAMS];
};

enum admission_result { ADMISSION_GRANTED, ADMISSION_WAITS, ADMISSION_FULL };

/* `may_wait`: false where it is ADMISSION_FULL rather than to wait. */
enum admission_result admission_enter(struct admission *a, struct admission_ticket *t,
                                      size_t upstream, bool may_wait);

/* Gives back the place, or leaves the queue; nothing where it holds neither. */
void admission_leave(struct admission *a, struct admission_ticket *t);

/* The next waiting ticket of this upstream that has a place now; NULL: none. Call it after _leave
 * until NULL. */
struct admission_ticket *admission_next(struct admission *a, size_t upstream);
