/* platform/spec_fields.h -- the decode tables of services, equal to the CRD (test_platform_spec.c).
 * Constants. */
#pragma once

#include "json/decode.h"

/* Of a struct database_spec. */
extern const struct lp_json_field database_fields[];
/* Of spec.services into struct service_spec[N_OWN_SERVICES]. */
extern const struct lp_json_field services_fields[];
/* Of an item of spec.extraServices into a struct service_spec. */
extern const struct lp_json_field extra_service_fields[];
