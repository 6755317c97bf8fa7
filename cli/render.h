/* cli/render.h -- the objects of a platform without a cluster. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "cli/options.h"
#include "platform/plan.h"

/*
 * Appends what the operator makes of the platforms in options->file, with the CRD's defaults and
 * checks: a YAML stream, or a List with -o json. Without owner references, which only a cluster can
 * give, and without the Secrets, which a comment names. LP_E_INVALID with path, value seen and
 * value wanted.
 */
LP_MUST_USE int render_file(const struct cli_options *options, const struct plan_images *images,
                            struct lp_buf *out, struct lp_error *err);
