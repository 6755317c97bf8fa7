/* operator/telemetry.h -- the operator's metrics, named as controller-runtime names them. */
#pragma once

#include "base/error.h"

void telemetry_init(unsigned workers);

void telemetry_begin(void);
/* `code` of the reconcile, 0 for success; */
void telemetry_end(double seconds, int code, unsigned writes);
