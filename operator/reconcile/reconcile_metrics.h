/* operator/reconcile/reconcile_metrics.h -- the operator's metrics, named as controller-runtime
 * names them.
 */
#pragma once

#include "operator/state/context.h"

/* Every series is there from now on, at 0. */
void reconcile_metrics_init(unsigned workers);

void reconcile_metrics_begin(void);
/* At the start: how many reconciles were under way when the process before this one died. */
void reconcile_metrics_crashed(unsigned times);
/* `code` of the reconcile, 0 for success. */
void reconcile_metrics_end(double seconds, int code, const struct reconcile_result *result);
/* One write of a child; both literals. */
void reconcile_metrics_write(const char *kind, const char *why);
