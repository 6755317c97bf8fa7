/* cli/slo.h -- `kubectl lp slo`: what is left of the error budgets of platforms, and what spends
 * them. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/stop.h"
#include "cli/options.h"
#include "kube/client.h"

/*
 * Writes the answer for the platforms that the options choose, as a table or JSON. `*ret_used_up`:
 * of one a budget is known to be used up. A Prometheus that does not answer, or not as its HTTP API
 * does, is an error that names it; a metrics API that does not is told in the answer, as without
 * it the goals are still known.
 */
LP_MUST_USE int slo_platforms(struct lp_kube_client *client, const struct cli_options *options,
                              const char *ns, struct lp_stop *stop, struct lp_buf *out,
                              bool *ret_used_up, struct lp_error *err);
