/* services/gateway/target.h -- from a request target to a route. Pure functions. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "services/gateway/config.h"

/*
 * Splits the path and query of a request target (`raw`, `n` bytes; empty: "/"): the path goes to
 * `path` with repeated slashes collapsed and everything else byte for byte, the query with its "?"
 * to `query`. False where it begins with neither "/" nor "?", or is over the buffers' limits.
 */
bool target_split(const char *raw, size_t n, struct lp_buf *path, struct lp_buf *query);

/* True where a segment is "..", with its dots written as they are or as %2e, or where a NUL is
 * written as %00: an upstream may take it for another path than we did. */
bool target_is_doubtful(const char *path);

/* Paths that need no token: the document, what begins with /auth/, or with /health where that is no
 * upstream's. Case counts in the last two. */
bool target_is_open(const struct gateway_routes *r, const char *path);

/* The health route: /health or /health/, any case. */
bool target_is_health(const char *path);

/* The OpenAPI document, /openapi.json, any case, where that is no upstream's. */
bool target_is_document(const struct gateway_routes *r, const char *path);

/* The upstream of `path` and where in it the rest begins ("" for the prefix alone, all of `path`
 * for one of ROUTE_PATHS, which go first); NULL: none. Any case. */
const struct gateway_upstream *target_upstream(const struct gateway_routes *r, const char *path,
                                               const char **ret_rest);
