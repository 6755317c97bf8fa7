/* platform/spec_monitoring.h -- spec.monitoring: its table of fields, and what spans them. */
#pragma once

#include "base/error.h"
#include "json/decode.h"
#include "platform/spec.h"

/* Of a struct monitoring_spec. */
extern const struct lp_json_field monitoring_fields[];

/* What a spec.monitoring that is there has where it does not say. */
void spec_monitoring_defaults(struct monitoring_spec *m);

/* LP_E_INVALID with path, value seen and value wanted. */
LP_MUST_USE int spec_check_monitoring(const struct platform_spec *spec, struct lp_error *err);
