/* lib/service/routes.h -- which route a path means. */
#pragma once

#include "base/buf.h"
#include "service/request.h"

#define LP_ROUTE_PARAMS 4

/*
 * A path as sent, cut at its slashes and decoded; repeated slashes are not collapsed, one at the
 * end does not count. The pointers go into `bytes`, which _done frees.
 */
struct lp_route_path {
    struct lp_buf bytes;
    const char *segments[16];
    unsigned n;
    const char *params[LP_ROUTE_PARAMS];
};
void lp_route_path_done(struct lp_route_path *p);

/* False for a bad escape, an encoded NUL, no slash at the start, or more than 16 segments. */
bool lp_route_path_read(const char *raw, struct lp_route_path *ret_path);

/* The first route of this method and path, `params` filled; NULL where there is none. */
const struct lp_route *lp_route_find(const struct lp_route *routes, const char *method,
                                     struct lp_route_path *path);
