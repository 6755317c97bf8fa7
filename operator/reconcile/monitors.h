/* operator/reconcile/monitors.h -- what spec.monitoring asks for: its kinds are looked for only
 * where a platform asks for one, and the condition Monitored says what became of it. */
#pragma once

#include "operator/state/context.h"
#include "operator/status/notices.h"

#define N_MONITORS 2 /* kinds: PodMonitor, PrometheusRule */

/* Of one reconcile. */
struct monitors {
    int child[N_MONITORS];    /* in the plan, or -1: not asked for */
    bool watched[N_MONITORS]; /* the cache knows of that kind */
};

/*
 * Before the children of `plan` are looked at. Where the spec asks for one of the kinds, or
 * `status` (that is there, or NULL) says that it did, the kind is watched from now on. While that
 * cannot be, the child is left alone, as one that is paused, the condition says why, and the
 * platform is looked at again.
 */
void monitors_prepare(struct reconcile_context *ctx, const json_t *status, struct plan *plan,
                      struct monitors *ret_monitors, struct notices *notices);

/* After them: whether they are there. */
void monitors_notice(struct reconcile_context *ctx, const struct monitors *m,
                     const struct plan *plan, const struct observed *observed,
                     struct notices *notices);
