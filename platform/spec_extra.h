/* platform/spec_extra.h -- what an item of spec.extraServices must not be. Pure. */
#pragma once

#include "base/error.h"
#include "platform/spec.h"

/* The item `i` by itself and beside those before it; `path` names it. LP_E_INVALID. */
LP_MUST_USE int spec_check_extra(const struct platform_spec *spec, unsigned i, const char *path,
                                 struct lp_error *err);
