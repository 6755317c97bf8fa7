/* services/gateway/admission.c -- one FIFO per upstream; the oldest head with room goes first. */
#include "services/gateway/admission.h"

static bool has_room(const struct admission *a, size_t upstream)
{
    return a->used < a->slots && a->lanes[upstream].used < a->per_upstream;
}

static void grant(struct admission *a, struct admission_ticket *t)
{
    a->used++;
    a->lanes[t->upstream].used++;
    t->holds_slot = true;
}

enum admission_result admission_enter(struct admission *a, struct admission_ticket *t,
                                      size_t upstream)
{
    struct admission_lane *lane = &a->lanes[upstream];

    *t = (struct admission_ticket){ .upstream = upstream, .order = a->next_order++ };
    if (!lane->first && has_room(a, upstream)) {
        grant(a, t);
        return ADMISSION_GRANTED;
    }
    if (a->waiting >= a->queue_limit)
        return ADMISSION_FULL;
    if (lane->last)
        lane->last->next = t;
    else
        lane->first = t;
    lane->last = t;
    t->waits = true;
    a->waiting++;
    return ADMISSION_WAITS;
}

static void leave_queue(struct admission *a, struct admission_ticket *t)
{
    struct admission_lane *lane = &a->lanes[t->upstream];
    struct admission_ticket *before = NULL;

    for (struct admission_ticket *at = lane->first; at != t; at = at->next)
        before = at;
    if (before)
        before->next = t->next;
    else
        lane->first = t->next;
    if (lane->last == t)
        lane->last = before;
    t->next = NULL;
    t->waits = false;
    a->waiting--;
}

void admission_leave(struct admission *a, struct admission_ticket *t)
{
    if (t->waits)
        leave_queue(a, t);
    if (t->holds_slot) {
        a->used--;
        a->lanes[t->upstream].used--;
        t->holds_slot = false;
    }
}

struct admission_ticket *admission_next(struct admission *a)
{
    struct admission_ticket *oldest = NULL;

    for (size_t i = 0; a->waiting > 0 && i < GATEWAY_MAX_UPSTREAMS; i++) {
        struct admission_ticket *t = a->lanes[i].first;
        if (t && has_room(a, i) && (!oldest || t->order < oldest->order))
            oldest = t;
    }
    if (oldest) {
        leave_queue(a, oldest);
        grant(a, oldest);
    }
    return oldest;
}
