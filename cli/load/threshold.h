/* cli/load/threshold.h -- what a load test must keep, for CI: "p95>300ms", "login:errors>1%". */
#pragma once

#include "base/error.h"
#include "cli/load/stats.h"

enum threshold_metric {
    THRESHOLD_PERCENTILE,
    THRESHOLD_MEAN,
    THRESHOLD_MAX,
    THRESHOLD_ERRORS,
    THRESHOLD_COUNT,
    THRESHOLD_CLOCK,
};

/* Fails where the metric is over (or, `below`, under) the limit. */
struct threshold {
    const char *text; /* as it was given; borrowed */
    char route[48];   /* "": all of them together */
    enum threshold_metric metric;
    double percent; /* of THRESHOLD_PERCENTILE, 0..100 */
    bool below;
    double limit; /* ms; percent of the requests; requests */
};

/*
 * Reads [ROUTE:]METRIC>LIMIT or <: p0 to p100, mean, max and clock (the 99th percentile of how late
 * the loader itself began) with ms or s, errors with %, count. LP_E_INVALID with the text and what
 * is wrong in it; "--fail-if" begins the message.
 */
LP_MUST_USE int threshold_parse(const char *text, struct threshold *ret, struct lp_error *err);

/* LP_E_INVALID where the route is none of the run's. */
LP_MUST_USE int threshold_check_route(const struct threshold *t, const struct stats *stats,
                                      struct lp_error *err);

/* False: a latency or a share of errors, and there was no request. */
bool threshold_measured(const struct threshold *t, const struct stats *stats);

/* Whether it fails; *ret_value is the metric's value, in its unit. What was not measured fails:
 * nothing shows that it is kept. */
bool threshold_fails(const struct threshold *t, const struct stats *stats, double *ret_value);

/* "ms", "%" or "requests". */
const char *threshold_unit(const struct threshold *t);
