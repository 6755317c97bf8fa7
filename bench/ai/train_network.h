/* bench/ai/train_network.h -- teaches a network of services/ai-feedback/tagging/network.h. The same
 * lessons in the same order make the same weights. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/ai-feedback/spelling/model.h"
#include "services/ai-feedback/tagging/features.h"
#include "services/ai-feedback/tagging/network.h"

#define LESSON_FEATURES QUESTION_FEATURES

/* Whether something stands between two words of a text. */
struct lesson_answer {
    size_t left, right;
    uint64_t features[LESSON_FEATURES];
    size_t n_features;
    bool yes;
};

struct learner;
struct learner *learner_new(unsigned word_bits, unsigned wide_bits);
void learner_free(struct learner *l);

/* Learns from a text of n words. `rate` falls from one to zero over the whole training. */
void learner_learn(struct learner *l, const struct model *m, const struct tag_word *w, size_t n,
                   const struct lesson_answer *answers, size_t n_answers, float rate);

/* NETWORK_BYTES(word_bits, wide_bits) with thresholds of zero, owned by the caller. */
unsigned char *learner_bytes(const struct learner *l);
