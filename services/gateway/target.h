/* services/gateway/target.h -- from a request target to a route. Pure functions. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "services/gateway/config.h"

/*
 * Splits a request target (RFC 9112, 3.2: origin form, or absolute form whose scheme and authority
 * are dropped): the path goes to `path` with repeated slashes collapsed and everything else byte
 * for byte; *ret_query points into `raw` at "?" or the end. False for any other form, a control
 * byte or a space.
 */
bool target_split(const char *raw, struct lp_buf *path, const char **ret_query);

/* Paths that need no token; case-sensitive. */
bool target_is_open(const char *path);

/* The health route: /health or /health/, any case. */
bool target_is_health(const char *path);

/* The upstream of `path` and where in it the rest begins ("" for the prefix alone); NULL: none. Any
 * case. */
const struct gateway_upstream *target_upstream(const struct gateway_routes *r, const char *path,
                                               const char **ret_rest);
