/* operator/hold/upgrade.h -- an upgrade of the operator does not restart pods by itself. */
#pragma once

#include "operator/status/notices.h"
#include "operator/state/context.h"

/*
 * `status` is the one that is there. Where this generation of the spec has been carried out before,
 * a workload whose intent is another now gets it from us and not from the user. Those whose pods
 * that would restart (a dry run tells) are held back, with the ConfigMap of their service, by
 * child->paused, and named in `notices`, until a maintenance window is open or the annotation
 * approves. A workload that cannot be dry-run is held back for this reconcile and noted as a
 * failure of it.
 */
void upgrade_hold(struct reconcile_context *ctx, const json_t *status, struct plan *plan,
                  const struct observed *observed, struct notices *notices);

/* After the children were applied: true where each workload that is not paused has its intent, or
 * is held back. */
bool upgrade_is_applied(const struct plan *plan, const struct observed *observed);
