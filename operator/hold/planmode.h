/* operator/hold/planmode.h -- mode Plan: what Active would change, in a ConfigMap. */
#pragma once

#include "operator/status/notices.h"
#include "operator/state/context.h"

/*
 * Dry-runs every child where the spec, a child (but its status) or what `notices` says of kinds
 * that the cluster may lack has changed since the last time, and writes what would change to the
 * ConfigMap <platform>-plan where that says something else: data "plan.json" (platform/preview.h)
 * and "plan.txt". Nothing else is written. A ConfigMap of that name that is somebody else's is left
 * alone (condition NameConflict). `notices` borrows the preview from ctx->state. A failure is noted
 * in ctx.
 */
void planmode_run(struct reconcile_context *ctx, const struct observed *observed,
                  const struct plan *plan, struct notices *notices);
