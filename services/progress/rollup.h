/* services/progress/rollup.h -- what all learners did in one hour, as sums: no learner stands in
 * it. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sketch.h"
#include "services/progress/feedback.h"

#define ROLLUP_HOUR_MS 3600000LL
#define ROLLUP_QUARTERS 4 /* zones differ from UTC by whole quarters of an hour */
#define ROLLUP_NAMES 50   /* activities with figures of their own, the first that come */
#define ROLLUP_NAME 128   /* bytes; what is longer is cut */
/* A score beyond it counts as none: one of 1e300 would leave nothing of all others. */
#define ROLLUP_SCORE 1e6

struct rollup_figures {
    int64_t count, scored; /* activities, those with a score */
    double sum;            /* of the scores */
};

struct rollup_name {
    char name[ROLLUP_NAME + 1];
    struct rollup_figures figures;
};

struct rollup {
    int64_t hour_ms; /* its begin, wall time, a whole hour of UTC */
    int64_t quarters[ROLLUP_QUARTERS];
    uint8_t learners[SKETCH_REGISTERS]; /* how many different ones */
    size_t n_names;
    struct rollup_name names[ROLLUP_NAMES];
    struct rollup_figures others; /* whose names have no place */
    struct feedback feedback;     /* of all activities */
};

/* The begin of the hour that `at_ms` (1970 and later) lies in. */
int64_t rollup_hour(int64_t at_ms);

/* One activity, at `at_ms` within the hour. */
struct rollup_activity {
    const char *user_id, *name; /* borrowed */
    int64_t at_ms;
    bool has_score;
    double score;
    const struct feedback *feedback; /* NULL: none */
};
void rollup_add(struct rollup *r, const struct rollup_activity *a);

/* How many activities. */
int64_t rollup_count(const struct rollup *r);

/* All sums to 0; hour and names stay, so that the hour never has more than ROLLUP_NAMES. */
void rollup_reset(struct rollup *r);
