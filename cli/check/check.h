/* cli/check/check.h -- `kubectl lp check` and `kubectl lp version`. */
#pragma once

#include "base/buf.h"
#include "base/stop.h"
#include "cli/options.h"
#include "kube/client.h"

/*
 * Looks at cluster, operator and platforms, or with options->pre at what an installation needs;
 * with options->wait again every 2 s until nothing fails, up to options->wait_ms. *ret_status: 0
 * nothing fails, 1 something does. Fails only where the API server does not answer.
 */
LP_MUST_USE int check_cluster(struct lp_kube_client *client, const struct cli_options *options,
                              const char *ns, struct lp_stop *stop, struct lp_buf *out,
                              int *ret_status, struct lp_error *err);

/* Versions of plugin, API server, operators and definition; what cannot be read has the reason in
 * its place. Fails where the API server does not answer. */
LP_MUST_USE int version_show(struct lp_kube_client *client, const struct cli_options *options,
                             const char *ns, struct lp_buf *out, struct lp_error *err);
