/* autoscaler/samples/measured.h -- what is measured of a service over minutes: for schedules. */
#pragma once

#include <stdint.h>

#define MEASURED_STARTS 32 /* of pods, the last ones of a service that are remembered */

struct samples;

struct samples_measured {
    int64_t peak_milli; /* greatest demand of the last whole minute, in thousandths of pods; -1: not
                           known */
    int64_t learners; /* active in the last one to two minutes, as its pods say; -1: they do not */
    unsigned starts;  /* of pods that are remembered */
    int64_t start_s;  /* 95 % of them took at most so long from creation to Ready */
};
void samples_measured(struct samples *s, const char *ns, const char *service, int64_t now_ms,
                      struct samples_measured *ret_measured);
