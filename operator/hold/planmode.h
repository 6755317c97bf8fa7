/* operator/hold/planmode.h -- mode Plan: what Active would change, in a ConfigMap. */
#pragma once

#include "operator/status/notices.h"
#include "operator/reconcile/reconcile.h"

/*
 * Dry-runs every child where the spec or a child (but its status) has changed since the last time,
 * and writes what would change to the ConfigMap <platform>-plan where that says something else:
 * data "plan.json" (platform/preview.h) and "plan.txt". Nothing else is written. `notices` borrows
 * the preview from pass->memory. A failure is noted in the pass.
 */
void planmode_run(struct pass *pass, const struct observed *observed, const struct plan *plan,
                  struct notices *notices);
