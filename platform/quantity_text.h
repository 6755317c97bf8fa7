/* platform/quantity_text.h -- quantities in the form in which the API server keeps them. */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/error.h"
#include "kube/quantity.h"

/* Milli units of a quantity that is a JSON string or integer. LP_E_INVALID names the text. */
LP_MUST_USE int quantity_milli(const json_t *value, int64_t *ret_milli, struct lp_error *err);

/*
 * The canonical form of apimachinery's Quantity ("1024Mi" is "1Gi", "0.5" is "500m"), so that what
 * we send equals what comes back. The value must have passed quantity_milli; what did not comes out
 * as "0".
 */
void quantity_canonical(const json_t *value, char ret_text[LP_QUANTITY_TEXT]);

/* A time to wait, "250ms" or "2s", in milliseconds; -1 where it is neither, or not 1 ms to 60 s. */
int64_t quantity_wait_ms(const char *text);
