/* autoscaler/samples/metric.h -- what is made of the pods' pages; autoscaler/README.md says how. */
#pragma once

/* Of a service, the queue depth of a pod too. Values are in thousandths of the unit. */
enum samples_metric {
    SAMPLES_QUEUE_DEPTH,  /* requests */
    SAMPLES_ARRIVAL_RATE, /* requests a second */
    SAMPLES_DEMAND,       /* pods */
    SAMPLES_ERROR_RATE,   /* answers of 5xx a second */
    SAMPLES_P50_LATENCY,  /* this and the next two: milliseconds */
    SAMPLES_P95_LATENCY,
    SAMPLES_P99_LATENCY,
    SAMPLES_CIRCUITS_OPEN, /* workers of others, as gateways, that leave the service alone */
    SAMPLES_SERVICE_TIME,  /* milliseconds that a request holds a slot; 0: none was served */
};
