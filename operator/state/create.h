/* operator/state/create.h -- an object that must not be there yet. */
#pragma once

#include "kube/client.h"

/*
 * Server-side apply of `intent` that creates the object and never changes one: no object has the
 * resourceVersion that it names (etcd's first write makes 2). LP_E_CONFLICT: it is there, and whose
 * it is, platform/ownership.h says.
 */
LP_MUST_USE int create_only(struct lp_kube_client *client, const struct lp_kube_kind *kind,
                            const json_t *intent, json_t **ret_object, struct lp_error *err);
