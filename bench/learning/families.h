/* bench/learning/families.h -- simulated learners: what they remember, by one of four models of the
 * literature. Times are seconds since the course began. Pure but for the state of chance. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "services/learning/model/fsrs.h"

/*
 * fsrs: FSRS-6 with its default parameters, forgetting faster or slower by a factor of each
 *   learner, log-normal(0, 0.3) (ours).
 * hlr: half-life regression (Settles, Meeder: A Trainable Spaced Repetition Model for Language
 *   Learning, ACL 2016), p = 2^(-days/h), h = 2^(w.x) between 15 minutes and 274 days, x the square
 *   roots of 1 + attempts and 1 + right, each less 1, and 1; w as Reddy, Levine, Dragan sample
 *   them (Accelerating Human Learning with Deep Reinforcement Learning, 2017): 1 for attempts and
 *   for right ones, normal(0, 1) for each item.
 * dash: difficulty, ability and study history (Lindsey, Shroyer, Pashler, Mozer: Improving
 *   Students' Long-Term Knowledge Retention Through Personalized Review, 2014) with forgetting by a
 *   power of time, as the same authors sample it: difficulty normal(1, 1), exponents of decay
 *   exp(-exp(normal(1, 1))), weights 1/w^2 of five windows of the course, the newest first.
 * actr: ACT-R (Pavlik, Anderson: Practice and Forgetting Effects on Vocabulary Memory, Cognitive
 *   Science 29, 2005): decay 0.217 e^m + 0.177, threshold -0.704, noise 0.255, time between
 *   sessions counts 0.025.
 */
enum family { FAMILY_FSRS, FAMILY_HLR, FAMILY_DASH, FAMILY_ACTR, FAMILIES };
extern const char *const family_names[FAMILIES];

#define FAMILY_PAST 96    /* presentations that are kept of an item; older ones are let go */
#define FAMILY_WINDOWS 5  /* of the course, in DASH */
#define FAMILY_FIRST 0.15 /* who never saw an item knows it with this chance */

/* One learner's memory of one item; all 0 before it begins. */
struct memory {
    int seen, right;
    double last_s;
    struct fsrs_state fsrs;
    double bias;  /* of the item, for this learner */
    double decay; /* DASH: exponent */
    int window_seen[FAMILY_WINDOWS], window_right[FAMILY_WINDOWS];
    float at[FAMILY_PAST], power[FAMILY_PAST]; /* ACT-R: when, and how fast it decays */
};

/* One learner. */
struct mind {
    enum family family;
    double speed; /* of forgetting, FSRS */
    double course_s;
    struct fsrs model;
};
void mind_init(struct mind *m, enum family family, double course_days, uint64_t *chance);
/* Draws what is peculiar to one item. */
void memory_init(const struct mind *m, struct memory *item, uint64_t *chance);
/* The probability of recall at `now_s`. */
double mind_recall(const struct mind *m, const struct memory *item, double now_s);
/* The item was practised. `rating` 1..4. */
void mind_practise(const struct mind *m, struct memory *item, int rating, double now_s);

/* A normal number, mean 0, variance 1. */
double chance_normal(uint64_t *chance);
