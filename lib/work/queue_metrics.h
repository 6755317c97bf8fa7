/* lib/work/queue_metrics.h -- the workqueue_* metrics of one queue; for queue.c only. */
#pragma once

#include <stdint.h>

#include "metrics/metrics.h"

/* Names, labels and meanings as client-go's and controller-runtime's (pkg/metrics/workqueue.go). */
struct lp_queue_metrics {
    struct lp_metric *depth[2]; /* by enum lp_queue_priority; labels priority 0 and -100 */
    struct lp_metric *adds, *retries, *refused, *waited, *worked, *unfinished, *longest;
};

void lp_queue_metrics_init(struct lp_queue_metrics *m, const char *queue);
