/* cli/record.h -- the load of a platform as a trace for `simulate`. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "cli/options.h"
#include "kube/client.h"

/*
 * The command: appends the load of the one platform that the options choose, of options->service or
 * of every service, since options->since_ms (0: of the whole day that is kept). LP_E_INVALID where
 * it is not one platform, or of less than two moments anything is known.
 */
LP_MUST_USE int record_platform(struct lp_kube_client *client, const struct cli_options *options,
                                const char *ns, struct lp_buf *out, struct lp_error *err);

/*
 * Decisions (autoscaler/policy/ring.h, in the order of time) as CSV: a row for each moment at which
 * one was made, in seconds since 1970, and columns for each service in them. What is not known of a
 * service is an empty cell; what was known of it last holds until its next decision. Returns the
 * number of rows.
 */
size_t record_csv(const json_t *decisions, const char *service, struct lp_buf *out);
