/* operator/reconcile/measure.h -- what pods tell of a platform's services over minutes, for its
 * schedules. Threads: the worker's. */
#pragma once

#include "operator/state/context.h"

/* ctx->figures: those of `status` (or NULL) and what was measured since. While learners are active,
 * or the spec expects some, it is looked at again in a minute. */
void measure(struct reconcile_context *ctx, const struct platform *platform, const json_t *status,
             int64_t now_ms);
