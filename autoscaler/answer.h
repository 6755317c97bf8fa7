/* autoscaler/answer.h -- the bodies that we answer with: MetricValueList and Status. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "autoscaler/query.h"
#include "base/buf.h"

/*
 * A MetricValueList on its way into `out` (custom.metrics.k8s.io, types.go of k8s.io/metrics).
 * Namespace, name, kind and metric go in as they are: they must be names that Kubernetes allows
 * (samples_name_ok), or ours.
 */
struct answer {
    struct lp_buf *out;
    enum query_version version;
    unsigned n;
    int64_t second; /* that `timestamp` holds as text */
    char timestamp[32];
};

void answer_begin(struct answer *a, enum query_version version, struct lp_buf *out);

/* `kind` "Pod" or "Service"; `wall_ms` when the value was read; `milli` is capped at what an HPA
 * takes. */
void answer_item(struct answer *a, const char *kind, const char *ns, const char *name,
                 const char *metric, int64_t wall_ms, int64_t milli);
void answer_end(struct answer *a);

/*
 * A metav1.Status failure with the reason word of `code` (400 BadRequest, 401 Unauthorized, 403
 * Forbidden, 404 NotFound, 405 MethodNotAllowed, 406 NotAcceptable, 503 ServiceUnavailable, else
 * InternalError), appended to `out`. An HPA shows `message` in its condition; bytes that are not
 * printable ASCII become '?'.
 */
void answer_status(int code, const char *message, struct lp_buf *out);
