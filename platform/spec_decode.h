/* platform/spec_decode.h -- a LearningPlatform into its spec, with the same defaults and checks as
 * the CRD. */
#pragma once

#include "base/error.h"
#include "json/decode.h"
#include "platform/spec.h"

/* The table behind spec_decode; a test holds it equal to crds/learningplatform.yaml. */
extern const struct lp_json_field spec_fields[];

/*
 * Decodes the spec of `platform` (a whole LearningPlatform; an absent spec is an empty one) and
 * checks what spans fields. LP_E_INVALID with path, value seen and value wanted.
 */
LP_MUST_USE int spec_decode(const json_t *platform, struct platform_spec *ret_spec,
                            struct lp_error *err);

/* As spec_decode, and refuses fields that the schema does not have: for files that no API server
 * has seen. */
LP_MUST_USE int spec_decode_strict(const json_t *platform, struct platform_spec *ret_spec,
                                   struct lp_error *err);
