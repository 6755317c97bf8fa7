/* lib/kube/quantity.h -- Kubernetes quantities: "250m", "128Mi", "4". */
#pragma once

#include <stdint.h>

#include "base/error.h"

/* Milli units, rounded up (as Quantity.MilliValue). Suffixes n u m k M G T P E Ki Mi Gi Ti Pi Ei
 * and decimal exponents; LP_E_INVALID names the text. Negative and over INT64_MAX / 1000 are
 * refused. */
LP_MUST_USE int lp_quantity_parse(const char *text, int64_t *ret_milli, struct lp_error *err);

#define LP_QUANTITY_TEXT 32
/* Canonical: integers plain, else "<n>m". */
void lp_quantity_format(int64_t milli, char ret_text[LP_QUANTITY_TEXT]);
