/* operator/reconcile_metrics.h -- the operator's metrics, named as controller-runtime names them.
 */
#pragma once

#include "base/error.h"

void reconcile_metrics_init(unsigned workers);

void reconcile_metrics_begin(void);
/* `code` of the reconcile, 0 for success; */
void reconcile_metrics_end(double seconds, int code, unsigned writes);
