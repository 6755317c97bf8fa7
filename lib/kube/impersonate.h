/* lib/kube/impersonate.h -- acting as somebody else (Kubernetes: "user impersonation"), by
 * kubeconfig and by --as. For config.c. */
#pragma once

#include <jansson.h>

#include "base/error.h"

/* All NULL: nobody. `groups` ends with NULL. Borrowed. */
struct lp_kube_as {
    const char *user, *uid;
    const char *const *groups;
};

/*
 * The request header fields that say so, a list of the caller's that ends with NULL and is freed
 * entry by entry; NULL where nobody is impersonated. `as` wins over
 * as, as-groups and as-uid of `user` (a user of a kubeconfig, or NULL), whose as-user-extra goes
 * along. LP_E_INVALID: groups, uid or extra without a user, or a value that no header may hold.
 */
LP_MUST_USE int lp_kube_impersonate(const struct lp_kube_as *as, const json_t *user,
                                    char ***ret_fields, struct lp_error *err);
