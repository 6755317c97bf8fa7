/* autoscaler/policy/fallback.h -- autoscaling.fallback: how many pods at least while nobody knows
 * the load. A floor and never an order: what CPU and memory ask for above it is done. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FALLBACK_MINUTES 60 /* that the 95th percentile looks back over */

struct fallback_rule {
    int64_t replicas; /* 1 to 1000; 0: there is no rule */
    int64_t after_ms; /* that the figures are lost before it holds */
};

struct fallback_input {
    bool known;      /* the figures of the load are */
    int64_t current; /* pods that the Deployment asks for; -1: not known */
    int64_t min, max;
};

/* Of one service; all zero: this process has just begun. */
struct fallback_state {
    bool was_known;   /* once: what was never there is not lost */
    bool holds;       /* they are lost for so long that the floor was set */
    int64_t lost_ms;  /* since when they are lost; 0: they are not */
    int64_t floor;    /* 0: none */
    int64_t until_ms; /* of a floor whose figures are there again: when it goes down next */
    int64_t p95;      /* when the floor was set */
    int64_t minute;   /* number of the newest of: */
    int16_t counts[FALLBACK_MINUTES]; /* the most pods of each minute; 0: not known */
};

/*
 * The floor from now on, over min and at most max; 0: none. In the first after_ms nothing is done
 * (an HPA does not scale down by a metric that it lacks, and no floor decays). Then it is set once,
 * to the greatest of the current count, rule->replicas and the 95th percentile of the counts of the
 * last hour: pods that CPU asks for later come and go above it. Once the figures are there again,
 * it goes down as a burst's does. `now_ms` never falls.
 */
int64_t fallback_next(struct fallback_state *s, const struct fallback_rule *rule,
                      const struct fallback_input *in, int64_t now_ms);
