/* operator/status/history.h -- the decisions of a platform, kept for a day in its ConfigMap
 * (autoscaler/policy/ring.h). Threads: the worker's.
 */
#pragma once

#include <jansson.h>

#include "operator/state/context.h"

#define HISTORY_WRITE_MS 60000 /* at most one write in it */
#define HISTORY_PENDING 128    /* decisions between two writes; of more the oldest go */

/*
 * A decision as ring.h has it, of the service `id` whose part of the status is `service`; the
 * caller's. NULL where nothing was decided: there is no HPA, or it has not looked yet. `traffic`
 * NULL: nobody knows it. Pure.
 */
json_t *history_decision(const struct platform *p, enum service_id id, const json_t *hpa,
                         const json_t *service, const struct traffic *traffic, int64_t now_ms);

/* Notes a decision for each service of whose scaling `status` says something else than `before`
 * (or NULL). */
void history_note(const struct reconcile_context *ctx, const struct plan *plan,
                  const struct observed *observed, const json_t *before, const json_t *status);

/*
 * Writes what was noted, where the last write is HISTORY_WRITE_MS ago; else it is looked at again
 * then. Reads the ConfigMap, which is in no cache, adds, and applies it; it is the platform's, and
 * goes with it. A failure is logged and fails nothing; what is not transient is told by an Event,
 * and what was noted up to then is lost.
 */
void history_write(struct reconcile_context *ctx);

/* Writes what was noted, whenever the last write was: this process ends. */
LP_MUST_USE int history_flush(struct reconcile_context *ctx, struct lp_error *err);
