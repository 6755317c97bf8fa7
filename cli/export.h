/* cli/export.h -- LearningPlatforms without what their cluster made of them, to be applied to
 * another one. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "cli/options.h"
#include "kube/client.h"

/*
 * Appends the platforms that the options name to `out`: a YAML stream, each after a comment that
 * names the Secrets it needs and which are not exported, or a List with -o json. A platform named
 * by the options that is not there is LP_E_NOT_FOUND.
 */
LP_MUST_USE int export_platforms(struct lp_kube_client *client, const struct cli_options *options,
                                 const char *ns, struct lp_buf *out, struct lp_error *err);

/* The comment for one platform. */
void export_comment(const json_t *platform, struct lp_buf *out);
