/* autoscaler/api/answer.h -- the bodies that we answer with: MetricValueList and Status. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "autoscaler/api/query.h"
#include "autoscaler/samples/samples.h"
#include "base/buf.h"

/*
 * Appends a MetricValueList (custom.metrics.k8s.io, types.go of k8s.io/metrics) for the Pods or
 * Services of one namespace. Namespace, names and metric go in as they are: they are names that
 * Kubernetes allows (samples_name_ok), or ours. Values are capped at what an HPA takes.
 */
void answer_list(const struct query *query, const struct samples_values *values,
                 struct lp_buf *out);

/*
 * A metav1.Status failure with the reason word of `code` (400 BadRequest, 401 Unauthorized, 403
 * Forbidden, 404 NotFound, 405 MethodNotAllowed, 406 NotAcceptable, 503 ServiceUnavailable, else
 * InternalError), appended to `out`. An HPA shows `message` in its condition; bytes that are not
 * printable ASCII become '?'.
 */
void answer_status(int code, const char *message, struct lp_buf *out);
