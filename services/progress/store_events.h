/* services/progress/store_events.h -- activities that lp-learning is still to hear of. Each is
 * marked in its own document as it is stored (member `learningAt`, when to tell it next), so none
 * is lost with a process. */
#pragma once

#include "services/progress/store.h"

/* What is told of an activity; end it with _done. */
struct store_event {
    bson_oid_t id;
    char *user_id, *name; /* owned */
    int64_t at_ms;        /* wall time at which it was logged */
    bool has_score;
    double score;
    struct feedback feedback;
};
void store_event_done(struct store_event *e);
#define auto_store_event __attribute__((cleanup(store_event_done)))

/*
 * Takes the one that is due longest at `now_ms`: nobody else gets it before `until_ms`, and nobody
 * any more after store_events_told(). LP_E_NOT_FOUND: none is due. Errors as in store.h.
 */
LP_MUST_USE int store_events_take(struct store *s, int64_t now_ms, int64_t until_ms,
                                  struct store_event *ret_event, struct lp_error *err);
LP_MUST_USE int store_events_told(struct store *s, const bson_oid_t *id, struct lp_error *err);
