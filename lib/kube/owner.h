/* lib/kube/owner.h -- the controller among metadata.ownerReferences, as metav1.GetControllerOf
 * finds it. Pure. */
#pragma once

#include <jansson.h>

/* The owner reference of the controller; `kind` NULL: of any kind. Borrowed; NULL: there is none.
 */
const json_t *lp_kube_controller(const json_t *object, const char *kind);
