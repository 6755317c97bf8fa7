/* operator/status/floors.h -- what lifts minReplicas and what is paused, in status and Events.
 * Threads: the worker's.
 */
#pragma once

#include <jansson.h>

#include "autoscaler/policy/calendar.h"
#include "operator/state/context.h"
#include "operator/status/conditions.h"

/*
 * status.services[].scaling of a service with an HPA (NULL: it has none), the caller's: what
 * scaling_explain says of it, and as `floor` what lifts its minReplicas, where the HPA has it
 * already: {replicas, source, why} of a burst or the fallback, {replicas, source, schedule, until}
 * of a schedule; and `pausedUntil` in the same way. `before` as there. `calendar` NULL: no
 * schedules. Pure.
 */
json_t *floors_explain(const struct platform *p, const struct calendar *calendar,
                       enum service_id id, const json_t *hpa, const json_t *before);

/* The condition LearnersUnmeasured, while it is True. Pure. */
void floors_set_unmeasured(const struct calendar *calendar, const struct conditions *c);

/* The same of one that platform_is_asleep says so of: {why, zeroSince}. Pure. */
json_t *floors_asleep(const struct service_spec *s, const json_t *deployment);

/* status.activations: the windows that are not over, where there are any. Pure. */
void floors_set_activations(const struct calendar *calendar, json_t *status);

/* Events where floors and pauses in status.services[] differ between the two. */
void floors_tell(const struct reconcile_context *ctx, const json_t *before, const json_t *now);
