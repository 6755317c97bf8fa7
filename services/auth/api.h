/* services/auth/api.h -- the HTTP routes of lp-auth. */
#pragma once

#include "service/service.h"

extern const struct lp_route api_routes[];

/* The filter of the service: CORS headers on every answer, and the answer to every preflight. */
bool api_filter(struct lp_service_request *r);
