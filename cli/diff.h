/* cli/diff.h -- what the operator would change, asked of the API server. */
#pragma once

#include "base/buf.h"
#include "cli/options.h"
#include "kube/client.h"

/*
 * Appends, for each platform of options->file (or the one of options->name, or all of `ns`), the
 * changes of the platform itself and of its children. A file says the whole spec: what it does not
 * name has its default. *ret_changes is their number, *ret_errors those that the API server
 * refuses.
 */
LP_MUST_USE int diff_platforms(struct lp_kube_client *client, const struct cli_options *options,
                               const char *ns, struct lp_buf *out, int64_t *ret_changes,
                               int64_t *ret_errors, struct lp_error *err);
