/* operator/status/status.h -- the status of a LearningPlatform from what was seen. Pure; results
 * are the caller's. */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "operator/state/context.h"
#include "operator/state/repairs.h"

struct status_input {
    const json_t *before; /* the status that is there, or NULL */
    const struct platform *platform;
    const struct plan *plan;
    const struct observed *observed;
    const struct lp_error *failure; /* code 0: none */
    const char *failed_child;
    const struct repair *conflict;   /* somebody else keeps taking a field of ours; NULL: nobody */
    const char *rewritten;           /* what admission makes of an object of ours; NULL: nothing */
    const char *metrics_conflict;    /* whose the metrics API is instead of ours, or NULL */
    const struct notices *notices;   /* or NULL */
    const struct calendar *calendar; /* or NULL: no schedules */
    const struct figures *figures;   /* what was measured of services; NULL: nothing */
    /* The first object of somebody else under a child's name, and how many there are. */
    const char *name_conflict;
    unsigned name_conflicts;
    const char *stuck_pod; /* that only a user can take away, and how; NULL: none */
    int64_t now_ms;        /* wall clock */
};

json_t *status_build(const struct status_input *in);

/* What a status says of one service; borrowed; NULL: nothing. */
const json_t *status_service(const json_t *status, const char *name);

/* A copy of `before` (may be NULL) whose conditions of `types` (ends with NULL) are still to be
 * set; the others are kept. */
json_t *status_begin_from(const json_t *before, int64_t generation, const char *const *types);

/* The first write after a spec change: everything else stays, Ready is Unknown. */
json_t *status_new_generation(const json_t *before, int64_t generation, int64_t now_ms);

/* The spec cannot be acted on; children stay as they are. */
json_t *status_invalid(const json_t *before, int64_t generation, const char *why, int64_t now_ms);
