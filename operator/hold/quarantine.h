/*
 * operator/hold/quarantine.h -- a platform that ended the operator twice is set aside, so that the
 * others go on. The condition Quarantined in its status is the record, which every later leader
 * honours. Pure.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define QUARANTINE_DEATHS 2
/* Annotation: the lastTransitionTime of the condition that it lifts. */
#define QUARANTINE_LIFT "learningplatform.io/lift-quarantine"

/* True until its generation changes or it is lifted. `status` is that of now; may be NULL. */
bool quarantine_holds(const json_t *platform, const json_t *status);

/* lp_platform_quarantined{namespace,platform}, 1 or not there. Only the leader calls this. Any
 * thread. */
void quarantine_publish(const char *ns, const char *name, bool quarantined);

/* The status that sets the platform aside; the caller's. `before` may be NULL. */
json_t *quarantine_status(const json_t *before, const json_t *platform, unsigned deaths,
                          int64_t now_ms);
