/* operator/floor_history.h -- what is known of each HPA that is lifted, by its key. One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autoscaler/policy/lift.h"
#include "autoscaler/policy/zero.h"

#define FLOOR_SLOT_MS 60000
#define FLOOR_SLOTS \
    5 /* a floor goes down a slot at a time, to the greatest need of the last five */

/* What a service needed, per slot of time, what its HPA says, and what was written last. All zero:
 * nothing is known.
 */
struct floor_history {
    int64_t slot; /* number of the newest */
    int64_t needs[FLOOR_SLOTS];
    struct lift_state lift;
    struct zero_state zero;
    /* Of the HPA, as of the version `read`. rule.min 0: it cannot be lifted. */
    uint64_t uid_hash;
    char read[64];
    char platform[128]; /* whose it is: namespace/name */
    char service[64];   /* its label app.kubernetes.io/name */
    struct lift_rule rule;
    int64_t target_milli; /* queue depth per pod; 0: does not count */
    struct zero_rule zero_rule;
    bool paused, paused_down; /* scaling up is, and down */
    int64_t now;              /* minReplicas, as it is or as we wrote it since */
    enum lift_source source;  /* by what it is lifted, as the HPA says it */
    int64_t tried_ms;         /* when we last tried to write; 0: never */
    char version[64];         /* of the HPA after our last write; "": nothing was written */
};

/* Sorted by key, at most `limit`. Used in rounds: _begin, _of for each HPA there is, _end. */
struct floor_histories;
struct floor_histories *floor_histories_new(unsigned limit);
void floor_histories_free(struct floor_histories *m); /* NULL is fine */

void floor_histories_begin(struct floor_histories *m);
/* Made where it is new; valid until a round in which nobody asked for it ends; NULL where there is
 * no room. */
struct floor_history *floor_histories_of(struct floor_histories *m, const char *key);
/* Forgets those that nobody asked for in this round. How many there was no room for in it. */
unsigned floor_histories_end(struct floor_histories *m);

/* What counts for one decision. Depths in thousandths. */
struct floor_input {
    int64_t min, max;     /* of the platform's spec, min <= max */
    int64_t now;          /* minReplicas of the HPA */
    int64_t depth_milli;  /* waiting and in flight over all pods, and the backlog; -1: not known */
    int64_t target_milli; /* per pod, over 0 */
    bool paused;          /* scaling up is: the depth does not count */
};

/*
 * minReplicas from now on: depth over target, at once where that is more, the greatest need of the
 * last FLOOR_SLOTS slots where it is less; min to max. Where the depth is not known, or scaling up
 * is paused, the floor stays. Pure.
 */
int64_t floor_next(struct floor_history *m, const struct floor_input *in, int64_t now_ms);

/* An HPA whose write can wait until others are written. Both are borrowed. */
struct floor_later {
    const char *key;
    struct floor_history *history;
};

/* By the time of the last attempt, the oldest first. `n` may be 0. */
void floor_later_sort(struct floor_later *later, size_t n);
