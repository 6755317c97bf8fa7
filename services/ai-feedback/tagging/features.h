/* services/ai-feedback/tagging/features.h -- what the taggers look at; training and use share it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/ai-feedback/spelling/model.h"
#include "services/ai-feedback/tagging/network.h"
#include "services/ai-feedback/text/sentence.h"

/* Of words: "um"; "is"; "isn't"; "what"; "they"; "and"; "yes". The others have no name. */
enum {
    KIND_SOUND = 1,
    KIND_AUXILIARY,
    KIND_NEGATED,
    KIND_ASKING,
    KIND_PRONOUN,
    KIND_JOINING = 8,
    KIND_ANSWER = 10
};

/* A word of a text without its marks. */
struct tag_word {
    uint64_t hash, ending; /* of the word in lower case, of its last three letters */
    int id;                /* in the trigram model */
    unsigned kind;         /* 0: any other */
    size_t token;
    bool marked; /* a mark stands in front of it */
};

/* The words of a sentence but for sounds ("um"); the caller frees *ret_words. `model` may be NULL
 * where only questions are asked for. */
size_t tag_words(const struct sentence *s, const struct model *model, struct tag_word **ret_words);

/* Reads a word anew whose token has changed. */
void tag_again(const struct sentence *s, const struct model *model, struct tag_word *word);

#define GAP_FEATURES 16
#define QUESTION_FEATURES 48

/* Pairs and triples of words about the gap before word i (0 < i < n) of n. Returns how many. */
size_t gap_features(const struct tag_word *w, size_t n, size_t i,
                    uint64_t ret_features[GAP_FEATURES]);

/* How many words at i can be a filler: 1 for "like", 2 for "you know" and "i mean", else 0. */
size_t filler_at(const struct tag_word *w, size_t n, size_t i);

/* Of such words, `len` of them. */
size_t filler_features(const struct model *m, const struct tag_word *w, size_t n, size_t i,
                       size_t len, uint64_t ret_features[GAP_FEATURES]);

/* What the trigram model, NULL where it was not asked, says of word i of n as the begin of a
 * sentence, and as what follows the words before it. */
void word_views(const struct model *m, const struct tag_word *w, size_t n, size_t i,
                float ret_views[NETWORK_VIEWS]);

/* Of n words that are one sentence. */
size_t question_features(const struct tag_word *w, size_t n,
                         uint64_t ret_features[QUESTION_FEATURES]);
