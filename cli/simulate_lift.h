/* cli/simulate_lift.h -- burst and fallback of a simulated service, as operator/floor.c carries
 * them out: looks twice a second, by means over 5 s of what the metrics API has. Pure.
 */
#pragma once

#include "autoscaler/policy/lift.h"
#include "cli/cluster.h"
#include "platform/hpa/hpa.h"

#define LIFT_LOOK_MS 500

/* Start with the rule; all else zero. */
struct simulate_lift {
    struct lift_rule rule; /* factor 0 and replicas 0: nothing lifts */
    struct lift_state state;
    int64_t need_milli; /* mean over 5 s */
    int64_t next_ms;    /* of the next look; INT64_MAX: there is none */
};

/* From at_ms on. */
void simulate_lift_init(struct simulate_lift *l, int64_t at_ms);

/*
 * A look at the pods under the load of `row`, its time being there: rules->min, which is planned to
 * be planned_min, becomes what it is lifted to. Returns to how many pods the Deployment is scaled
 * at once; 0: it is left to the HPA.
 */
int32_t simulate_lift_look(struct simulate_lift *l, const struct cluster *c,
                           const struct trace_row *row, int32_t planned_min,
                           struct hpa_rules *rules);
