/* operator/status/decisions.h -- what was decided for each service, as metrics for dashboards and
 * alerts.
 */
#pragma once

#include <jansson.h>

/*
 * Sets lp_platform_ready{namespace,platform}, lp_service_replicas{namespace,platform,service,state}
 * (state ready or desired) from `status`, and counts moves of `desired` since `before` in
 * lp_decision_changes_total{namespace,platform,service,direction} (direction up or down). Both may
 * be NULL. Only the leader calls this. Any thread.
 */
void decisions_publish(const char *ns, const char *name, const json_t *before,
                       const json_t *status);

/* Takes the gauges of a platform that is gone out of the exposition. */
void decisions_forget(const char *ns, const char *name);
