/* autoscaler/registration/registration_objects.h -- the two APIServices, one at a time: for
 * registration.c and chain_redirect.c. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "autoscaler/base/group.h"
#include "autoscaler/registration/registration_options.h"
#include "kube/client.h"

#define REGISTRATION_NO_DEFINITION "there are no LearningPlatforms: their definition is gone"
#define REGISTRATION_REMOVED "the operator is being removed"

/* "v1beta2.custom.metrics.k8s.io"; a literal. */
const char *registration_name(enum metrics_version v);

/* *ret_have, the caller's: NULL where there is none. */
LP_MUST_USE int registration_read(struct lp_kube_client *c, enum metrics_version v,
                                  json_t **ret_have, struct lp_error *err);

bool registration_is_ours(const json_t *have, const struct registration *g); /* leads to us */
bool registration_is_chained(const json_t *have); /* says what it was before */

/*
 * The ClusterRoleBinding that lets us write APIServices owns them: where it goes before we could
 * give them back, nobody can any more, and the garbage collector takes them. (Not the namespace: it
 * does not go while an APIService that leads into it does not answer.) Where there is none of its
 * name, or we may not see it, the CustomResourceDefinition does. *ret_owner, the caller's: NULL
 * where the CustomResourceDefinition is not there, or is being deleted.
 */
LP_MUST_USE int registration_owner(struct lp_kube_client *c, const struct registration *g,
                                   json_t **ret_owner, struct lp_error *err);

/* Server-side apply of ours, where it is not so already. `have`: what registration_read said. */
LP_MUST_USE int registration_make(struct lp_kube_client *c, const struct registration *g,
                                  enum metrics_version v, const char *ca_bundle,
                                  const json_t *owner, const json_t *have, struct lp_error *err);

/* One that leads to us becomes again what it was before, or is deleted where it was not there.
 * Both: first what they are, then whose their fields are. */
LP_MUST_USE int registration_give_back(struct lp_kube_client *c, const struct registration *g,
                                       enum metrics_version v, const char *why,
                                       struct lp_error *err);
LP_MUST_USE int registration_give_back_all(struct lp_kube_client *c, const struct registration *g,
                                           const char *why, struct lp_error *err);
