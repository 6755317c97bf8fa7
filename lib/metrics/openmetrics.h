/* lib/metrics/openmetrics.h -- the page of metrics as OpenMetrics 1.0
 * (https://github.com/prometheus/OpenMetrics, specification/OpenMetrics.md), with exemplars. */
#pragma once

#include <stdbool.h>

#include "metrics/metrics.h"

#define LP_OPENMETRICS_CONTENT_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* True where a request's Accept (NULL: it has none) names OpenMetrics 1.0 with a quality above 0
 * that is not below that of text/plain. A wildcard does not: who does not know the format gets the
 * text. RFC 9110, 12.5.1. */
bool lp_openmetrics_is_wanted(const char *accept);

/*
 * As lp_metrics_write, in the other format: a counter's family is named without _total, an exemplar
 * follows its bucket, the end is "# EOF". Counters whose name does not end in _total are of type
 * unknown. There are no _created samples: Prometheus before 3.0 keeps each as one more series.
 */
LP_MUST_USE int lp_openmetrics_write(struct lp_buf *b, struct lp_error *err);

/*
 * lp_metric_observe, and `trace_id` (32 hex digits) becomes the exemplar of the bucket, unless
 * that has one that is less than a second old. One a bucket is kept, so at most 25 a series. Any
 * thread.
 */
void lp_metric_observe_trace(struct lp_metric *m, double v, const char *trace_id);
