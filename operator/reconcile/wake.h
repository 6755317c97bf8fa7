/* operator/reconcile/wake.h -- services that went to 0 pods and may not any more. Threads: the
 * worker's. */
#pragma once

#include "operator/state/context.h"

/* Each Deployment that is at 0 by ANNOTATION_ZERO though the plan has it awake gets minReplicas
 * pods again. Who may sleep is woken by operator/floor.c. Where somebody else scaled it from 0 the
 * annotation is taken away: who scales it to 0 then wants it there. */
void wake(struct reconcile_context *ctx, const struct plan *plan, const struct observed *observed);
