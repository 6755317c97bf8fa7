/* services/learning/recommend/bandit.h -- linear Thompson sampling over features of new items
 * (Agrawal, Goyal: Thompson Sampling for Contextual Bandits with Linear Payoffs, ICML 2013), one
 * posterior for each learner, so that nobody's answers change what others are offered. Pure. */
#pragma once

#include <stdint.h>

#include "services/learning/recommend/features.h"

#define BANDIT_D 15 /* FEATURES, for the preprocessor */
#define BANDIT_PACKED (BANDIT_D * (BANDIT_D + 1) / 2 + BANDIT_D)
#define BANDIT_MODEL "lts-1" /* features, prior and rewards; another one begins anew */
#define BANDIT_DRAWS 128
#define BANDIT_UNIFORM 0.1 /* share of choices that are made by chance alone */

/* Precision matrix and its product with the mean. All values are finite and bounded: what was
 * learned fades by a hundredth with each answer. */
struct bandit {
    double precision[BANDIT_D][BANDIT_D], b[BANDIT_D];
};

/* What is believed before the first answer. */
void bandit_init(struct bandit *ret_bandit);
/* An item with features `x` (each -1..1) turned out worth `reward` (0..1; others are cut to it). */
void bandit_learn(struct bandit *bandit, const double x[BANDIT_D], double reward);
/* The expected reward. */
double bandit_expect(const struct bandit *bandit, const double x[BANDIT_D]);

/*
 * Chooses `k` of `n` items (1..64) with features x[i]: `chosen` gets their indices, the best first,
 * and `ret_propensity` for each of the n the probability that it is among the k, estimated from
 * BANDIT_DRAWS draws of which one is the choice, and never below BANDIT_UNIFORM k/n. `seed` is the
 * only source of chance.
 */
void bandit_choose(const struct bandit *bandit, const double (*x)[BANDIT_D], int n, int k,
                   uint64_t seed, int *chosen, double *ret_propensity);

/* As numbers in a row, to be stored. */
void bandit_pack(const struct bandit *bandit, double ret_packed[BANDIT_PACKED]);
/* Not all finite, or no precision matrix: as bandit_init. */
void bandit_unpack(const double packed[BANDIT_PACKED], struct bandit *ret_bandit);

/* SplitMix64 (Steele, Lea, Flood 2014): the next number, and one of [0, 1). */
uint64_t bandit_random(uint64_t *state);
double bandit_uniform(uint64_t *state);
