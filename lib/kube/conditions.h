/* lib/kube/conditions.h -- status.conditions, as most kinds have them (API conventions, "Typical
 * status properties"). Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* The condition of this type in a `status`; borrowed; NULL where there is none. */
const json_t *lp_kube_condition(const json_t *status, const char *type);

/* True where there is one and its status is `value`: "True", "False" or "Unknown". */
bool lp_kube_condition_is(const json_t *status, const char *type, const char *value);
