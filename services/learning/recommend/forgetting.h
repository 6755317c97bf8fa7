/* services/learning/recommend/forgetting.h -- how one learner forgets, beside the memory model with
 * its parameters for all: by proportional hazards (Cox, Regression Models and Life-Tables, 1972),
 * with recall = exp(-h) by the model and exp(-h') by the learner, ln h' = ln h + a rate + a shape
 * times ln h + what repetition brings times ln reviews. Learned from each answer. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FORGETTING_MODEL "ph-1" /* terms, prior and bounds; another one begins anew */
#define FORGETTING_AFTER_MS ((int64_t)43200000) /* an answer sooner says next to nothing of it */
#define FORGETTING_NUMBERS 9                    /* as they are stored */

/*
 * RATE: over 0 they forget faster. SHAPE: over 0 forgetting comes late and then fast. REPEATED:
 * under 0 each review brings more than the model says, and the first ones little.
 */
enum forgetting_term { FORGETTING_RATE, FORGETTING_SHAPE, FORGETTING_REPEATED, FORGETTING_TERMS };

/* All 0: nothing is known, recall is that of the model. All values are finite and bounded. */
struct forgetting {
    double weights[FORGETTING_TERMS];
    double evidence[FORGETTING_TERMS][FORGETTING_TERMS]; /* Fisher information, which fades */
};

/* The recall of an item that was reviewed `seen` times (1 or more), of which the model says
 * `recall` (0..1). */
double forgetting_recall(const struct forgetting *f, double recall, int seen);
/* So it was answered; `recall` and `seen` of before. */
void forgetting_learn(struct forgetting *f, double recall, int seen, bool recalled);

/* As numbers in a row, to be stored; what is no number or out of bounds comes back as nothing
 * known. */
void forgetting_pack(const struct forgetting *f, double ret_packed[FORGETTING_NUMBERS]);
void forgetting_unpack(const double packed[FORGETTING_NUMBERS], struct forgetting *ret_forgetting);
