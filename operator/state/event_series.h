/* operator/state/event_series.h -- which Events of a platform were written lately: one that comes
 * again is counted in the series of the first (API reference, EventSeries v1 events.k8s.io). */
#pragma once

#include <stdint.h>

#define EVENT_SERIES_MAX 8     /* of one platform; the one that is quiet longest makes room */
#define EVENT_SERIES_MS 600000 /* so long after its last time an Event is a new one */

/* One platform's; belongs to the worker that holds the platform's key. Freed with free(). */
struct event_series {
    unsigned n;
    struct {
        uint64_t what;
        uint64_t id; /* part of the Event's name */
        int64_t last_ms;
        unsigned count;
    } recent[EVENT_SERIES_MAX];
};

/* Of what makes two Events the same: type, reason, action and note. */
uint64_t event_series_what(const char *type, const char *reason, const char *action,
                           const char *note);

/*
 * It happened now: how often in its series, 1 for the first time. *series is made where it is NULL;
 * *ret_id is `fresh_id`, or that of the first time.
 */
unsigned event_series_count(struct event_series **series, uint64_t what, uint64_t fresh_id,
                            int64_t now_ms, uint64_t *ret_id);

/* The Event is not there any more: the next one is a new one. */
void event_series_end(struct event_series *series, uint64_t what);
