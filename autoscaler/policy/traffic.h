/* autoscaler/policy/traffic.h -- what a service has to do, as its pods tell. */
#pragma once

#include <stdint.h>

/* In thousandths; -1: not known. */
struct traffic {
    int64_t arrivals;   /* requests a second, with those that were turned away */
    int64_t service_ms; /* milliseconds that a request holds a slot; 0: none was served */
    int64_t queue;      /* requests waiting and in flight */
};

/* What was measured of a service over minutes. */
struct measured {
    int64_t peak_milli; /* greatest demand of the last whole minute, in thousandths of pods; -1: not
                           known */
    int64_t learners;   /* active in the last one to two minutes, of a gateway; -1: not known */
    int64_t starts;     /* of pods that are remembered */
    int64_t start_s;    /* 95 % of them took at most so long from creation to Ready */
};
