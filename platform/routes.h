/* platform/routes.h -- spec.services.gateway.routes: what single routes let pass, and for how long.
 * Pure. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "json/decode.h"
#include "platform/spec.h"

/* Of one item; equal to the CRD (test_platform_spec.c). */
extern const struct lp_json_field route_fields[];

/* Every item by itself, and that its service is there. LP_E_INVALID. */
LP_MUST_USE int routes_check(const struct platform_spec *spec, bool strict, struct lp_error *err);

/* What the gateway calls the route of a service, "ai" of "ai-feedback". */
const char *routes_name(const char *service);

/* As the gateway's ROUTE_RULES is written; nothing where no item says anything. `spec` is checked.
 */
void routes_text(const struct platform_spec *spec, struct lp_buf *out);
