/* operator/reconcile/monitors.h -- what spec.monitoring asks for: its kinds are looked for only
 * where a platform asks for one, and the condition Monitored says what became of it. */
#pragma once

#include "operator/reconcile/optional_kind.h"

#define N_MONITORS 2 /* kinds: PodMonitor, PrometheusRule */

/* Of one reconcile. */
struct monitors {
    struct optional_kind kinds[N_MONITORS];
};

/* Before the children of `plan` are looked at, as optional_kind_prepare; `status`: that is there,
 * or NULL. */
void monitors_prepare(struct reconcile_context *ctx, const json_t *status, struct plan *plan,
                      struct monitors *ret_monitors, struct notices *notices);

/* After them: whether they are there. */
void monitors_notice(struct reconcile_context *ctx, const struct monitors *m,
                     const struct plan *plan, const struct observed *observed,
                     struct notices *notices);
