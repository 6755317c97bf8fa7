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
    t->prev = lane->last;
    if (t->prev)
        t->prev->next = t;
    else
        lane->first = t;
    lane->last = t;
    t->waits = true;
    lane->waiting++;
    return ADMISSION_WAITS;
}

static void leave_queue(struct admission_lane *lane, struct admission_ticket *t)
{
    if (t->prev)
        t->prev->next = t->next;
    else
        lane->first = t->next;
    if (t->next)
        t->next->prev = t->prev;
    else
        lane->last = t->prev;
    t->prev = t->next = NULL;
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
