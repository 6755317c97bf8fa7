/* services/ai-feedback/spelling/spelling.h -- which words there are, and which was meant by one
 * that is none. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define SPELLING_WORD 64 /* room for a suggestion and its NUL */

/* Loaded once, read-only: any number of threads, no lock. */
struct spelling;

/* What struct spelling_files takes as its dialect; ends with NULL. */
extern const char *const spelling_dialects[];

/* Where it comes from; borrowed during the call. */
struct spelling_files {
    const char *dialect;      /* "any" (a word of either is right), "en-US" or "en-GB" */
    const char *dictionaries; /* folder of en_US.aff and .dic, en_GB likewise */
    const char *model;        /* folder of en-us.lm.bin */
};

/* LP_E_NOT_FOUND names the file that is missing, LP_E_INVALID the one that is something else. */
LP_MUST_USE int spelling_new(const struct spelling_files *files, struct spelling **ret_speller,
                             struct lp_error *err);
void spelling_free(struct spelling *s); /* NULL is fine */

/* The trigram model, which lives as long. */
struct model;
const struct model *spelling_model(const struct spelling *s);

/* A word in lower case, with ' for an apostrophe: true where it or, without its 's, the rest of it
 * is a word of a dialect that counts, or each part between hyphens is. Names count as words. */
bool spelling_knows(const struct spelling *s, const char *word);

/* True for a word that is written with a small letter ("bill", but not "london"). */
bool spelling_knows_lower(const struct spelling *s, const char *word);

/* Natural logarithm of how frequent a word in lower case is: about -3 for "the", -20 for one that
 * the model does not have. */
double spelling_frequency(const struct spelling *s, const char *word);

/* Natural logarithm of the probability of `words` in a row, each in lower case; NULL as the first
 * or last one is the sentence's begin or end. `n` at most 8. Words before the first two are given,
 * not reckoned. */
double spelling_likelihood(const struct spelling *s, const char *const *words, size_t n);

/* A word that spelling_knows() not, and its neighbours in lower case; NULL where the sentence
 * begins or ends, "" where the neighbour is no word. */
struct spelling_place {
    const char *before2, *before, *word, *after, *after2;
    bool capital;        /* it is written with one, so it may be a name */
    bool beside_unknown; /* so is a neighbour: both may be of another language */
};

/* What was meant into `ret_word` ("a lot" for "alot"; names with their capital), and how sure that
 * is; 0 where nothing wins clearly. */
double spelling_suggest(const struct spelling *s, const struct spelling_place *place,
                        char ret_word[SPELLING_WORD]);
