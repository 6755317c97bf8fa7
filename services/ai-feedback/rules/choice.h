/* services/ai-feedback/rules/choice.h -- words that are taken for each other: which of them is
 * meant where one stands, by a classifier per set. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/ai-feedback/tagging/features.h"
#include "services/ai-feedback/text/sentence.h"

#define CHOICE_WORDS 10 /* in a set */
#define CHOICE_ROOM 32  /* bytes of a word with its NUL */
#define CHOICE_FEATURES 24
#define CHOICE_SETS 64 /* margins in front of the weights: at least as many as there are sets */
#define CHOICE_BITS 20

/* A set; `words` NULL: the forms of a verb, or of a noun. */
struct choice_set {
    const char *id;
    enum category category;
    const char
        *words[CHOICE_WORDS + 1]; /* ends with a NULL; the first is NULL where it is of forms */
    const char *message;
    const char *not_before;  /* the word in front of which a pattern decides; NULL: none */
    const char *examples[5]; /* "wrong => right"; what stays; ends with a NULL */
};
extern const struct choice_set choice_sets[];
extern const size_t choice_set_count;

/* The words that could stand where `word` stands, itself among them. */
struct choice_slot {
    size_t set, n, written; /* written: which of them stands there */
    char words[CHOICE_WORDS][CHOICE_ROOM];
    uint64_t labels[CHOICE_WORDS]; /* what they are to the classifier: themselves, or a form */
    double nats[CHOICE_WORDS];     /* choice_weigh(): log-likelihood in this place */
};

/* False where `word` (lower case) is in no such set or all its forms are alike. */
bool choice_slot(size_t set, const char *word, struct choice_slot *ret_slot);

/* Fills slot->nats for word i of n. */
void choice_weigh(struct choice_slot *slot, const struct model *m, const struct tag_word *w,
                  size_t n, size_t i);

/* Features of candidate c of a weighed slot; how many. */
size_t choice_features(const struct choice_slot *slot, const struct tag_word *w, size_t n, size_t i,
                       size_t c, uint64_t ret_features[CHOICE_FEATURES]);

/* What a classifier does not see of the word at i speaks for it as it is written. */
bool choice_is_left_alone(const struct sentence *s, const struct tag_word *w, size_t n, size_t i,
                          const struct choice_set *of);

/* "a soccer match": whether `other`, a plural in place of the word at i, would follow what tells
 * one. */
bool choice_breaks_number(const struct sentence *s, const struct tag_word *w, size_t i,
                          const struct choice_set *of, const char *other);
