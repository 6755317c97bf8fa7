/* platform/spec_identity.h -- spec.identity: its table of fields, and what spans them. */
#pragma once

#include "base/error.h"
#include "json/decode.h"
#include "platform/spec.h"

/* Of the member `identity` of a struct platform_spec. */
extern const struct lp_json_field identity_fields[];

/* LP_E_INVALID with path, value seen and value wanted; `path`: "spec.identity.oidc". */
LP_MUST_USE int spec_check_oidc(const struct oidc_spec *s, const char *path, struct lp_error *err);
