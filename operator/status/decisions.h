/* operator/status/decisions.h -- what was decided for each service, as metrics for dashboards and
 * alerts.
 */
#pragma once

#include <jansson.h>

#include "operator/state/context.h"

/*
 * Sets lp_platform_ready{namespace,platform}, lp_service_replicas{namespace,platform,service,state}
 * (state ready or desired) from `status`, and counts moves of `desired` since `before` in
 * lp_decision_changes_total{namespace,platform,service,direction} (direction up or down). Both may
 * be NULL. Only the leader calls this. Any thread.
 */
void decisions_publish(const char *ns, const char *name, const json_t *before,
                       const json_t *status);

/*
 * Sets lp_service_limited{namespace,platform,service,by}: 1 where the service has not the pods that
 * its load asks for. By "max": more than maxReplicas are asked for; by "fallback": the load is not
 * known, the spec's fallback is in force. A service without an HPA (`hpa` NULL) has no such series.
 * `scaling`: of its status. Any thread.
 */
void decisions_publish_limit(const char *ns, const char *name, const char *service,
                             const json_t *hpa, const json_t *scaling);
/* The same for each service of the status, with its HPA as observed. */
void decisions_publish_limits(const struct platform *p, const struct plan *plan,
                              const struct observed *observed, const json_t *status);

/* Sets lp_service_down{namespace,platform,service} of each service of the status that has no ready
 * pod and shall have one; a platform that is not Ready yet has such too. Any thread. */
void decisions_publish_down(const struct platform *p, const json_t *status);

/* Takes the gauges of a platform that is gone out of the exposition. */
void decisions_forget(const char *ns, const char *name);
/* Those of all platforms: who leads no longer knows nothing of them. Any thread. */
void decisions_forget_all(void);
