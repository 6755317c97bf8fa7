/* services/gateway/admission.c -- places and one FIFO per upstream. */
#include "services/gateway/admission.h"

static void grant(struct admission_lane *lane, struct admission_ticket *t)
{
    lane->used++;
    t->holds_place = true;
}

enum admission_result admission_enter(struct admission *a, struct admission_ticket *t,
                                      size_t upstream, bool may_wait)
{
    struct admission_lane *lane = &a->lanes[upstream];

    *t = (struct admission_ticket){ .upstream = upstream };
    if (!lane->first && lane->used < a->places) {
        grant(lane, t);
        return ADMISSION_GRANTED;
    }
    if (!may_wait || lane->waiting >= a->queue_limit)
        return ADMISSION_FULL;
    if (lane->last)
        lane->last->next = t;
    else
        lane->first = t;
    lane->last = t;
    t->waits = true;
    lane->waiting++;
    return ADMISSION_WAITS;
}

static void leave_queue(struct admission_lane *lane, struct admission_ticket *t)
{
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
    lane->waiting--;
}

void admission_leave(struct admission *a, struct admission_ticket *t)
{
    struct admission_lane *lane = &a->lanes[t->upstream];

    if (t->waits)
        leave_queue(lane, t);
    if (t->holds_place) {
        lane->used--;
        t->holds_place = false;
    }
}

struct admission_ticket *admission_next(struct admission *a, size_t upstream)
{
    struct admission_lane *lane = &a->lanes[upstream];
    struct admission_ticket *t = lane->first;

    if (!t || lane->used >= a->places)
        return NULL;
    leave_queue(lane, t);
    grant(lane, t);
    return t;
}
