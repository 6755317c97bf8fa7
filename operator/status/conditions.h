/* operator/status/conditions.h -- status.conditions by the Kubernetes API conventions. Pure. */
#pragma once

#include <jansson.h>
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
