/* operator/status/events.h -- events.k8s.io/v1 about a LearningPlatform, on transitions only. */
#pragma once

#include "operator/state/context.h"

/* `type` "Normal" or "Warning"; `note` at most 1,024 bytes go out. Where the same was said less
 * than EVENT_SERIES_MS ago, that Event's series is counted up. A failure is logged and changes
 * nothing.
 */
void events_emit(const struct reconcile_context *ctx, const char *type, const char *reason,
                 const char *action, const char *note);

/* The same once, about another `object`, which has apiVersion, kind and metadata. */
void events_emit_about(const struct reconciler *r, const json_t *object, const char *type,
                       const char *reason, const char *action, const char *note);

/* One Event for each condition that changed between two statuses (`before` may be NULL). */
void events_of_transitions(const struct reconcile_context *ctx, const json_t *before,
                           const json_t *now);
