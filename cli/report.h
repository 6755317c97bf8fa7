/* cli/report.h -- what a bug report needs, in one YAML stream. */
#pragma once

#include "base/buf.h"
#include "cli/options.h"
#include "kube/client.h"

/*
 * Appends platforms, their children, pods and Events, and Deployment, pods and the end
 * of the logs of each operator that takes one of them, and the settings of the others. Secrets are
 * not read; credentials in variables, annotations and log lines are taken out (platform/redact.h).
 * What may not be read is named in a comment.
 */
LP_MUST_USE int report_platforms(struct lp_kube_client *client, const struct cli_options *options,
                                 const char *ns, struct lp_buf *out, struct lp_error *err);
