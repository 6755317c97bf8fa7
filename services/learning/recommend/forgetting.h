/* services/learning/recommend/forgetting.h -- how one learner forgets, beside the memory model with
 * its parameters for all. Two ways are believed in as far as each foretold the learner's answers
 * (Bayesian model averaging: Hoeting and others, Statistical Science 14, 1999), and each is learned
 * from every answer. Pure.
 *
 * As the model: recall falls by a power of time, with proportional hazards (Cox, Regression Models
 * and Life-Tables, 1972): recall = exp(-h) by the model and exp(-h') by the learner, ln h' = ln h +
 * a rate + a shape times ln h + what repetition brings times ln reviews.
 *
 * Exponentially: recall halves in a half-life, whose logarithm grows with the roots of the reviews
 * and of those that were recalled (half-life regression: Settles, Meeder, A Trainable Spaced
 * Repetition Model for Language Learning, ACL 2016). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FORGETTING_MODEL "mix-1" /* terms, priors and bounds; another one begins anew */
#define FORGETTING_AFTER_MS ((int64_t)43200000) /* an answer sooner says next to nothing of it */
#define FORGETTING_NUMBERS 19                   /* as they are stored */
#define FORGETTING_SURE 12.0                    /* `for_exponential` is within +- of it */
/* Logarithm of how much rather the model is believed before any answer, and how much
 * `for_exponential` weighs beside it: what fades, and is cut with each answer, says less than the
 * answers did, and who practises little would be known too late. SQL reads both, too. */
#define FORGETTING_DOUBT 4.0
#define FORGETTING_WEIGHT 2.5

/*
 * As the model. RATE: over 0 they forget faster. SHAPE: over 0 forgetting comes late and then fast.
 * REPEATED: under 0 each review brings more than the model says, and the first ones little.
 * Exponentially, in this order: the first half-life, what a review adds, what a recalled one adds
 * to it, each beside what is usual.
 */
enum forgetting_term { FORGETTING_RATE, FORGETTING_SHAPE, FORGETTING_REPEATED, FORGETTING_TERMS };

struct forgetting_fit {
    double weights[FORGETTING_TERMS];
    double evidence[FORGETTING_TERMS][FORGETTING_TERMS]; /* Fisher information, which fades */
};

/* All 0: nothing is known, and recall is next to that of the model. All values are finite and
 * bounded. */
struct forgetting {
    struct forgetting_fit model, exponential;
    double for_exponential; /* logarithm of how much better that foretold the answers; fades */
};

/* An item as it was before an answer, or will be. */
struct forgetting_item {
    double recall;      /* what the memory model says, 0..1 */
    double days;        /* since it was practised last */
    int seen, recalled; /* reviews so far, 1 or more, and those of them that were recalled */
};

/* How far they are believed to forget exponentially, 0..1. */
double forgetting_exponential(const struct forgetting *f);
double forgetting_recall(const struct forgetting *f, const struct forgetting_item *item);
/* So it was answered. */
void forgetting_learn(struct forgetting *f, const struct forgetting_item *item, bool recalled);

/*
 * Who forgets exponentially has next to nothing of the first reviews of an item and much of those
 * that follow. By how much more each of the next reviews adds to recall `ahead_days` after them, if
 * the item gets as many as pay best (one a day at most), than one review alone does; 0 or more.
 * `item` as it is now (seen 0: new), which is recalled now with `chance`.
 */
double forgetting_invest(const struct forgetting *f, const struct forgetting_item *item,
                         double chance, double ahead_days);

/* As numbers in a row, to be stored; what is no number or out of bounds comes back as nothing
 * known. */
void forgetting_pack(const struct forgetting *f, double ret_packed[FORGETTING_NUMBERS]);
void forgetting_unpack(const double packed[FORGETTING_NUMBERS], struct forgetting *ret_forgetting);
