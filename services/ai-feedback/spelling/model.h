/* services/ai-feedback/spelling/model.h -- the trigram model of pocketsphinx-en-us: how likely a
 * word is after two others. */
#pragma once

#include <stddef.h>

#include "base/error.h"

#define MODEL_UNKNOWN (-1) /* a word that the model does not have */
#define MODEL_FLOOR (-20)  /* what such a word is reckoned at, in nats */

/* The file, mapped: read-only, any number of threads. */
struct model;

/* `folder` holds en-us.lm.bin in the binary trie format of sphinxbase and pocketsphinx 5
 * (src/lm/ngram_model_trie.c, lm_trie.c). LP_E_NOT_FOUND: it is not there. LP_E_INVALID: it is
 * something else. */
LP_MUST_USE int model_open(const char *folder, struct model **ret_model, struct lp_error *err);
void model_close(struct model *m); /* NULL is fine */

/* Gives the pages of it that were read back to the kernel; they come again where they are read. */
void model_let_go(const struct model *m);

/* The number of a word in lower case, or MODEL_UNKNOWN. */
int model_word(const struct model *m, const char *word, size_t len);
int model_start(const struct model *m); /* <s> */
int model_end(const struct model *m);   /* </s> */

/* Natural logarithm of the probability of `word` after `before`, which comes after `before2`. */
double model_score(const struct model *m, int word, int before, int before2);
