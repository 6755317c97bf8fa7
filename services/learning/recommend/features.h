/* services/learning/recommend/features.h -- what the bandit sees of a new item. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FEATURE_CLASSES 6

/* Each -1..1. Classes share six places by a hash of their name. */
enum feature {
    FEATURE_ONE,
    FEATURE_CLASS,
    FEATURE_HARDER = FEATURE_CLASS + FEATURE_CLASSES, /* level over the learner's, of two levels */
    FEATURE_DISTANCE,                                 /* its size */
    FEATURE_BUILDS,                                   /* has prerequisites, which are known */
    FEATURE_CONFUSABLES,                              /* of three that are being learned */
    FEATURE_PLACE,                                    /* among the candidates, by level and rank */
    FEATURE_LENGTH,       /* of the exercise, on a scale of logarithms */
    FEATURE_LONG_EVENING, /* long, and it is after 18 or before 6 */
    FEATURE_LONG_MORNING, /* long, and it is 6 to 12 */
    FEATURES,
};

struct item_facts {
    const char *class;
    int level;       /* 1 (A1) to 6 (C2) */
    int seconds;     /* what an exercise takes */
    int confusables; /* that the learner is learning now */
    int place;       /* 0: first of the candidates */
    bool builds;
};

/* `level` of the learner, on the same scale; `hour` 0..23, UTC. */
void features_of(const struct item_facts *item, double level, int hour, double ret_x[FEATURES]);

/* What an answer to a new item is worth: much where something was learned, little where it was
 * known or far too hard. `rating` 1..4. */
double features_reward(int rating);

/* The learner's level after the first answer to an item of level `item`: an Elo rating, between 0.5
 * and 6.5. */
double features_level(double level, int item, bool recalled);
/* The probability of recalling a new item. */
double features_known(double level, int item);
