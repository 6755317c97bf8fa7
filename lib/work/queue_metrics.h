/* lib/work/queue_metrics.h -- the workqueue_* metrics of one queue; for queue.c only. */
#pragma once

#include <stdint.h>

#include "metrics/metrics.h"

/* Names and meanings as client-go's and controller-runtime's (pkg/metrics/workqueue.go). */
struct lp_queue_metrics {
    struct lp_metric *depth, *adds, *retries, *waited, *worked, *unfinished, *longest;
};

void lp_queue_metrics_init(struct lp_queue_metrics *m, const char *queue);
