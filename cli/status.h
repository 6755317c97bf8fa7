/* cli/status.h -- the state of the platforms, gathered and shown. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "cli/options.h"
#include "kube/client.h"

/*
 * Asks the API server for the platforms that the options choose, their HPAs, and each service's
 * queue depth. The result, the caller's, is
 * [{"namespace","name","phase","ready",
 *   "services":[{"name","ready","desired","min","max","queue","why"}]}];
 * min, max and queue are null where there is no HPA or the metrics API gives no value ("queueError"
 * says why). A platform named by the options that is not there is LP_E_NOT_FOUND.
 */
LP_MUST_USE int status_gather(struct lp_kube_client *client, const struct cli_options *options,
                              const char *ns, json_t **ret_platforms, struct lp_error *err);

/* The table for a terminal, appended to `out`. */
void status_table(const json_t *platforms, struct lp_buf *out);
