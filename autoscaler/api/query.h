/* autoscaler/api/query.h -- which of our routes a request path names. */
#pragma once

#include <stdbool.h>

#include "autoscaler/base/group.h"
#include "base/error.h"

#define QUERY_NAME 254    /* of an object: a DNS subdomain and its NUL */
#define QUERY_SEGMENT 128 /* of a namespace, resource or metric */

enum query_route {
    QUERY_HEALTH,    /* /healthz, /livez, /readyz; `name` holds which */
    QUERY_VERSION,   /* /version */
    QUERY_METRICS,   /* /metrics */
    QUERY_APIS,      /* /apis */
    QUERY_API_GROUP, /* /apis/custom.metrics.k8s.io */
    QUERY_RESOURCES, /* /apis/custom.metrics.k8s.io/<version> */
    QUERY_METRIC,    /* …/namespaces/<ns>/<resource>/<name>/<metric> */
    QUERY_OTHER,   /* …/<resource>/<name>/<metric> or …/namespaces/<ns>/metrics/<metric>: shapes
                      in which we serve nothing, another adapter may */
    QUERY_UNKNOWN, /* well-formed, not ours */
};

/* ns, resource and metric only for QUERY_METRIC and, as an access review names them, QUERY_OTHER
 * (where some are ""). `name` may be "*". */
struct query {
    enum query_route route;
    enum metrics_version version;
    char ns[QUERY_SEGMENT], resource[QUERY_SEGMENT], metric[QUERY_SEGMENT], name[QUERY_NAME];
};

/*
 * `path` as it was sent, without the query. Each segment is decoded by itself, so that %2F cannot
 * make a segment out of two; one that decodes to a slash, ".", ".." or nothing is LP_E_INVALID. One
 * slash at the end is taken.
 */
LP_MUST_USE int query_parse(const char *path, struct query *ret_query, struct lp_error *err);
