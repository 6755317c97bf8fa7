/* autoscaler/policy/zero.h -- a service that nobody asks anything of has no pods, where its spec
 * allows it (minReplicas 0), and has one again when somebody waits for it. The HPA keeps its least
 * number of 1, so that no gate of the cluster is needed: one whose Deployment is at 0 does nothing
 * (autoscaling/v2, condition ScalingDisabled). Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ZERO_LOST_MS 60000 /* that nobody knows who waits; then a pod is started */

struct zero_rule {
    int64_t idle_ms; /* without a request, before it goes to 0; 0: it does not, now */
};

/* What is known of a service at a moment. */
struct zero_input {
    bool quiet;      /* its pods say that nothing comes, waits or is under work */
    int64_t current; /* pods that its Deployment asks for; -1: not known */
    bool asleep;     /* they are 0, and by us */
    int64_t floor;   /* pods that anything else asks for, 1 and more */
    int64_t awaited; /* requests that wait for it elsewhere; -1: not known */
    bool paused;     /* scaling down is */
};

/* Of one service; all zero: this process has just begun. */
struct zero_state {
    int64_t quiet_ms, lost_ms; /* since when; 0: not so */
};

enum zero_action { ZERO_STAY, ZERO_SLEEP, ZERO_WAKE };

/* `now_ms` never falls. What a person scaled to 0 stays there. */
enum zero_action zero_next(struct zero_state *s, const struct zero_rule *rule,
                           const struct zero_input *in, int64_t now_ms);
