/* autoscaler/api/answer.h -- the bodies that we answer with: MetricValueList and Status. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "autoscaler/api/query.h"
#include "base/buf.h"

#define ANSWER_STAMPS 32 /* values are of the last 30 seconds */

/*
 * A MetricValueList on its way into `out` (custom.metrics.k8s.io, types.go of k8s.io/metrics), for
 * the Pods or Services of one namespace. What is equal in all items is put together once: `head`
 * goes before the name of an object, `tail` between it and the value. Namespace, names and metric
 * go in as they are: they must be names that Kubernetes allows (samples_name_ok), or ours.
 */
struct answer {
    struct lp_buf *out;
    unsigned n;
    size_t head_len, tail_len;
    size_t stamp; /* where the time stands in `tail` */
    char head[320], tail[320];
    struct {
        int64_t second;
        char text[20];
    } stamps[ANSWER_STAMPS]; /* texts of the last seconds, by second modulo */
};

void answer_begin(struct answer *a, const struct query *query, struct lp_buf *out);

/* `wall_ms` when the value was read; `milli` is capped at what an HPA takes. */
void answer_item(struct answer *a, const char *name, int64_t wall_ms, int64_t milli);
void answer_end(struct answer *a);

/*
 * A metav1.Status failure with the reason word of `code` (400 BadRequest, 401 Unauthorized, 403
 * Forbidden, 404 NotFound, 405 MethodNotAllowed, 406 NotAcceptable, 503 ServiceUnavailable, else
 * InternalError), appended to `out`. An HPA shows `message` in its condition; bytes that are not
 * printable ASCII become '?'.
 */
void answer_status(int code, const char *message, struct lp_buf *out);
