/* operator/floor_scale.h -- Deployments that are scaled without the HPA controller: at once in a
 * burst, and to 0 pods and from there. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kube/client.h"
#include "operator/cache/cache.h"

/*
 * In a burst. The HPA controller would do it too, within its period. The version makes it fail
 * where somebody wrote meanwhile, so that nobody is scaled down; then, and where it has as many or
 * is at 0, nothing is done, and the result is 0.
 */
LP_MUST_USE int floor_scale_up(struct lp_kube_client *client, struct informer_cache *cache,
                               const char *ns, const char *name, int64_t replicas,
                               struct lp_error *err);

/* It is at 0 by us: ANNOTATION_ZERO says so, and it has no pods to have. */
bool floor_is_asleep(struct informer_cache *cache, const char *ns, const char *name);

/* Whether all pods of the platform's gateway hold requests for the service, as the cache has them.
 */
bool floor_gateway_holds(struct informer_cache *cache, const char *ns, const char *gateway,
                         const char *service);

/* To 0 pods, with ANNOTATION_ZERO, or from there to `replicas`, without it. As above where somebody
 * wrote meanwhile. */
LP_MUST_USE int floor_scale_zero(struct lp_kube_client *client, struct informer_cache *cache,
                                 const char *ns, const char *name, int64_t replicas,
                                 struct lp_error *err);
