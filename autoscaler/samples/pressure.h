/* autoscaler/samples/pressure.h -- how much a service has to do, for decisions from second to
 * second.
 */
#pragma once

#include "autoscaler/samples/samples.h"

/* As of one moment. */
struct samples_pressure {
    bool known;         /* need and wait are, by the rules of SAMPLES_DEMAND */
    int64_t need_milli; /* pods that the load needs, over 5 s, in thousandths */
    int64_t wait_ms;    /* that a request which comes now waits for a slot; -1: not known */
    int64_t current;    /* pods that its Deployment asks for; -1: there is none */
    int64_t ready;
    int64_t arrivals_milli; /* a thousandth of a request a second; 0: the last one was half a minute
                               ago, or before */
};
void samples_pressure(struct samples *s, const char *ns, const char *service, int64_t now_ms,
                      struct samples_pressure *ret_pressure);
