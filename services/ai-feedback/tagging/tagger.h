/* services/ai-feedback/tagging/tagger.h -- where a sentence ends that has no mark, and whether it
 * asks something. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "services/ai-feedback/spelling/spelling.h"
#include "services/ai-feedback/text/sentence.h"

/* Sizes of the tables of weights, as powers of two. */
#define BOUNDARY_BITS 18
#define QUESTION_BITS 16

/* The tokens of `s` that begin a new sentence, the first one not among them, into `ret_tokens`
 * (room for s->n); how many. `unmarked`: the text has hardly any marks, as a transcript; otherwise
 * only what is nearly certain counts. No gap with a mark in it is looked at: the writer has decided
 * there. Takes time in proportion to s->n. Any thread. */
size_t tagger_boundaries(const struct sentence *s, const struct spelling *speller, bool unmarked,
                         size_t *ret_tokens);

/* True where the sentence asks something. Any thread. */
bool tagger_is_question(const struct sentence *s);
