/* services/progress/api.h -- the HTTP routes of lp-progress. */
#pragma once

#include "service/service.h"
#include "services/progress/store.h"

extern const struct lp_route api_routes[];

/* The `user` of the service is its store. */
#define API_MAX_BODY ((size_t)100 * 1024)
