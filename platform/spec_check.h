/* platform/spec_check.h -- what spans fields of a spec: the CEL rules of the CRD once more. */
#pragma once

#include "base/error.h"
#include "platform/spec.h"

/* LP_E_INVALID with path, value seen and value wanted. `name` is metadata.name. */
LP_MUST_USE int spec_check(const char *name, const struct platform_spec *spec,
                           struct lp_error *err);
