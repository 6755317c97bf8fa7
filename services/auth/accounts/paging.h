/* services/auth/accounts/paging.h -- numbers in a query string. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "service/service.h"

/* The decimal number of parameter `name`, `fallback` where it is absent or empty; false where it is
 * none, or not within min..max. */
bool paging_number(struct lp_service_request *r, const char *name, int64_t min, int64_t max,
                   int64_t fallback, int64_t *ret_number);
