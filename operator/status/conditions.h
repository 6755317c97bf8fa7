/* operator/status/conditions.h -- status.conditions by the Kubernetes API conventions. Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* What all conditions of one status share. `before`: the status that is there, or NULL. */
struct conditions {
    json_t *list; /* borrowed: of the status that is being built */
    const json_t *before;
    int64_t generation;
    int64_t now_ms; /* wall clock */
};

/* `status` "True", "False" or "Unknown". lastTransitionTime is kept while the status is the same.
 */
void conditions_set(const struct conditions *c, const char *type, const char *status,
                    const char *reason, const char *message);

/*
 * Reconciling and Stalled from the Ready that is set (kstatus: sigs.k8s.io/cli-utils, which Flux,
 * Helm's --wait and kpt wait by): Reconciling is True while the operator goes on by itself, Stalled
 * where `stalled`, as a person is needed. Never both; where Ready is True neither. Only where there
 * is or was one; the last ones to be set.
 */
void conditions_set_kstatus(const struct conditions *c, bool stalled);
