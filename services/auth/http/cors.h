/* services/auth/http/cors.h -- which origins a browser lets read our answers (Fetch standard, 3.2).
 */
#pragma once

#include <stdbool.h>

#include "service/service.h"

/*
 * Adds the headers for `origins` ("*", or a list separated by commas). True where it answered the
 * request, which was a preflight: 204 whatever the path.
 */
bool cors_filter(struct lp_service_request *r, const char *origins);

/* True where `origin` is one of the comma-separated `list`, letter for letter. */
bool cors_is_listed(const char *list, const char *origin);
