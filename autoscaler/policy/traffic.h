/* autoscaler/policy/traffic.h -- what a service has to do, as its pods tell. */
#pragma once

#include <stdint.h>

/* In thousandths; -1: not known. */
struct traffic {
    int64_t arrivals;   /* requests a second, with those that were turned away */
    int64_t service_ms; /* milliseconds that a request holds a slot; 0: none was served */
    int64_t queue;      /* requests waiting and in flight */
};
