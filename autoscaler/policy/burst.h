/* autoscaler/policy/burst.h -- autoscaling.burst: pods for a crowd that comes within seconds, as a
 * floor under the HPA. After the Knative Pod Autoscaler's panic mode (knative/serving
 * pkg/autoscaler/scaling), with a floor that decays instead of one that ends. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BURST_STEP_MS 60000   /* a floor goes down a step in so much time */
#define BURST_SIZING_MS 10000 /* in which a mean over 5 s shows how large a crowd is */
#define BURST_STARTING 3      /* while pods start: at most so many times those that are ready */

struct burst_rule {
    int64_t factor_milli;   /* need over current, in thousandths, over 1000; 0: there is no rule */
    int64_t target_wait_ms; /* over 0 */
    int64_t hold_ms;        /* that a floor stays after the last reason for it */
};

/* What is known of a service at a moment. */
struct burst_input {
    bool known;         /* need and wait are */
    int64_t need_milli; /* pods that the load of the last 5 s needs, in thousandths */
    int64_t wait_ms;    /* of a request that comes now; -1: not known */
    int64_t current;    /* pods that its Deployment asks for; -1: not known */
    int64_t ready;      /* pods that are */
    int64_t min, max;   /* of the HPA without a burst; 1 <= min <= max */
    int64_t floor;      /* minReplicas of the HPA as it is */
    bool paused;        /* scaling up is: no floor rises */
};

enum burst_reason {
    BURST_NONE,    /* there is no floor */
    BURST_RESTART, /* what this process found when it began: nobody knows yet whether it is needed
                    */
    BURST_NEED,    /* the load needs `factor` times as many pods as there are */
    BURST_WAIT,    /* a request waits longer than targetWait */
};

/* Of one service; all zero: this process has just begun. */
struct burst_state {
    bool begun;
    int64_t floor;                    /* 0: none */
    enum burst_reason reason;         /* of the floor, as of when it last rose */
    int64_t began_ms, asked_ms;       /* of the burst, and its last moment; 0: none */
    int64_t until_ms;                 /* from then on the floor goes down */
    int64_t need_milli, wait_ms, had; /* when the floor last rose: the reason's figures, and pods */
};

/*
 * The floor from now on, over min and at most max; 0: none. It rises at once to the need; in
 * BURST_SIZING_MS from the first moment of a burst as far as the need goes, and from then on, while
 * pods start, to BURST_STARTING times those that are ready. Where only the wait is too long and no
 * pod starts, one more. A new process begins with the current count. It stays hold_ms after the
 * last reason, then goes down by a quarter, at least by one, each BURST_STEP_MS, and not below the
 * need. Where the figures are not known, or scaling up is paused, it stays. `now_ms` never falls.
 */
int64_t burst_next(struct burst_state *s, const struct burst_rule *rule,
                   const struct burst_input *in, int64_t now_ms);

/* A floor one step of BURST_STEP_MS lower, and not below `least`. 0 where that is no more than
 * `min`: there is no floor any more. */
int64_t burst_step_down(int64_t floor, int64_t least, int64_t min);
