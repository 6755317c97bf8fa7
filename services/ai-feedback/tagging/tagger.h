/* services/ai-feedback/tagging/tagger.h -- where a sentence ends that has no mark, and whether it
 * asks something. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "services/ai-feedback/spelling/spelling.h"
#include "services/ai-feedback/text/sentence.h"

/* Sizes of the tables of weights, as powers of two: words, and wide features. */
#define BOUNDARY_WORD_BITS 15
#define BOUNDARY_BITS 18
#define QUESTION_WORD_BITS 13
#define QUESTION_BITS 16
#define FILLER_WORD_BITS 13
#define FILLER_BITS 16

#define TAGGER_SHORT 15 /* words: fewer are as likely one sentence */

/* The tokens of `s` that begin a new sentence, the first one not among them, into `ret_tokens`
 * (room for s->n); how many. `unmarked`: the text has hardly any marks, as a transcript; otherwise
 * only what is nearly certain counts. No gap with a mark in it is looked at: the writer has decided
 * there. Takes time in proportion to s->n. Any thread. */
size_t tagger_boundaries(const struct sentence *s, const struct spelling *speller, bool unmarked,
                         size_t *ret_tokens);

/* True where the sentence asks something. Any thread. */
bool tagger_is_question(const struct sentence *s);

/* The tokens of "like", "you know" and "I mean" that only fill a pause, in a sentence without
 * commas, into `ret_tokens` (room for s->n); how many. Takes time in proportion to s->n. Any
 * thread. */
size_t tagger_fillers(const struct sentence *s, const struct spelling *speller, size_t *ret_tokens);
