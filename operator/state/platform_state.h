/* operator/state/platform_state.h -- what a process remembers of a platform between two reconciles.
 * Losing it costs a few requests. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "operator/state/event_series.h"

/* Of one child, known by the hash (lp_hash) of its "Kind/name". */
struct child_state {
    uint64_t key, applied; /* lp_hash of the hash of the intent that was applied last; 0: none */
    int64_t generation;    /* metadata.generation that our last write gave; 0: not known */
};

/* Belongs to the worker that holds the platform's key. */
struct platform_state {
    char *key;
    json_t *status;           /* as last written, or NULL */
    char *status_version;     /* resourceVersion of that write */
    uint64_t uid;             /* lp_hash of the platform's; 0: none yet */
    int64_t recreated_ms;     /* when it was seen that its name was another's before, 0: never */
    int64_t secrets_tried_ms; /* when the Secrets were last tried, 0: never */
    int64_t secrets_wait_ms;  /* how long after it again */
    bool was_ready;           /* after the last reconcile that did not fail */
    struct child_state *children;
    unsigned n_children;
    json_t *rewritten;      /* "Kind/name": {mark: hash of an intent and digest of what an
                             admission policy made of it, what: the same for a user} */
    struct repair *repairs; /* children whose fields others took (repairs.h) */
    unsigned repair_events; /* Events "Repaired" of the minute that began then */
    int64_t repair_events_ms;
    unsigned failures; /* reconciles in a row that failed for a cause that may end by itself */
    struct event_series *events; /* NULL: none yet */
    int64_t
        pruned_generation; /* of the last look for children to delete that found none; 0: none */
    int64_t pruned_ms;
    unsigned epoch;       /* in which it was remembered */
    json_t *preview;      /* of mode Plan, or NULL */
    char *preview_digest; /* what it was made of, or NULL */
    json_t *dry_runs;     /* "Kind/name": what upgrade.c knows of it, or NULL */
    bool upgrade_logged;  /* the log has the line */
    json_t *decisions;    /* not in the ring yet (status/history.h), or NULL */
    int64_t decisions_ms; /* when they were last to be written, 0: never */
    struct platform_state *next;
};

/* All platforms'. Opaque: hides a lock; any thread. */
struct platform_states;
struct platform_states *platform_states_new(void);
void platform_states_free(struct platform_states *m);

/* Never NULL; lives until platform_states_forget with this key, which only the key's worker calls.
 */
struct platform_state *platform_states_of(struct platform_states *m, const char *key);
/* True where there was one. */
bool platform_states_forget(struct platform_states *m, const char *key);

/* Never NULL; until the next call. */
struct child_state *platform_state_child(struct platform_state *m, const char *kind_and_name);

/* Keys of platforms with decisions that are not in the ring yet; the caller's array. */
json_t *platform_states_undelivered(struct platform_states *m);

/* What is remembered up to now may no longer hold: platform_states_of gives it out empty. */
void platform_states_expire(struct platform_states *m);

/* True where one more Event of a repair may be written: ten in a minute, or somebody who changes a
 * child again and again would fill etcd with them. Counts the one it allows. */
bool platform_state_may_emit(struct platform_state *m, int64_t now_ms);

/* Another had its name before: the garbage collector takes the Secrets of that one when it learns
 * of its end, so missing ones are tried for every 10 s for the next two minutes. Only the first
 * call counts. */
void platform_state_recreated(struct platform_state *m, int64_t now_ms);

/* Missing Secrets were tried for, or the platform stopped being ready (`soon`): when next. */
void platform_state_secrets_tried(struct platform_state *m, int64_t now_ms, bool soon);
/* One could not be made: the next reconcile tries again. */
void platform_state_secrets_failed(struct platform_state *m);
bool platform_state_secrets_due(const struct platform_state *m, int64_t now_ms);

/* Milliseconds until missing Secrets are to be tried for again, at least 1. 10 s where the time
 * came after this reconcile had looked: not at once, as one may end before it comes to the Secrets.
 */
int64_t platform_state_secrets_ms(const struct platform_state *m, int64_t now_ms);
