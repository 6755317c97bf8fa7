/* autoscaler/policy/lift.h -- what minReplicas of an HPA is lifted to, from second to second, and
 * by what: the greatest of what the spec and its schedules, the queue depth, a burst and the
 * fallback ask for. Pure: state in, state out.
 */
#pragma once

#include "autoscaler/policy/burst.h"
#include "autoscaler/policy/fallback.h"
#include "base/buf.h"

/* In the order in which equal ones win. */
enum lift_source { LIFT_SPEC, LIFT_QUEUE_DEPTH, LIFT_BURST, LIFT_FALLBACK, N_LIFT_SOURCES };
/* "Spec", "QueueDepth", "Burst", "Fallback". */
extern const char *const lift_sources[N_LIFT_SOURCES];

struct lift_rule {
    int64_t min, max; /* of the spec, min with its schedules; 1 <= min <= max */
    struct burst_rule burst;
    struct fallback_rule fallback;
};

struct lift_input {
    bool known;         /* the figures of the load are */
    int64_t need_milli; /* as in burst.h */
    int64_t wait_ms;
    int64_t current, ready;
    int64_t floor;       /* minReplicas of the HPA as it is */
    int64_t queue_floor; /* that the queue depth asks for where no HPA can; 0: none */
    bool paused;         /* scaling up is */
};

/* Of one service; all zero: this process has just begun. */
struct lift_state {
    struct burst_state burst;
    struct fallback_state fallback;
};

struct lift {
    int64_t replicas; /* minReplicas from now on */
    enum lift_source source;
    int64_t candidates[N_LIFT_SOURCES]; /* what each asks for; 0: nothing */
    bool at_once;                       /* the Deployment is to be scaled now, not by the HPA */
};

void lift_next(struct lift_state *s, const struct lift_rule *rule, const struct lift_input *in,
               int64_t now_ms, struct lift *ret_lift);

/* Appends one sentence about a lift by burst or fallback, nothing for others: "burst: the load
 * needed 6.2 pods and there were 2". */
void lift_text(const struct lift_state *s, const struct lift_rule *rule, const struct lift *lift,
               struct lp_buf *out);
