/* services/ai-feedback/scores.h -- a whole text in figures, and in a sentence or two. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "services/ai-feedback/level.h"
#include "services/ai-feedback/spelling/spelling.h"
#include "services/ai-feedback/text/sentence.h"

enum { BAND_1000, BAND_2000, BAND_5000, BAND_RARER, BANDS };

/* Counts over the English sentences of a text. Zeroed is empty. */
struct scores {
    size_t words, fillers;
    size_t bands[BANDS];            /* right words by how frequent the trigram model has them */
    size_t by_category[CATEGORIES]; /* edits; of all sentences */
};

/* Adds the words of a sentence whose rules were applied. */
void scores_count(struct scores *s, const struct sentence *sentence,
                  const struct spelling *speller);

/*
 * Of 100 words: how many need no edit for "fluency" (fillers, repetitions), "spelling", "mechanics"
 * (capitals, marks) and "grammar" (all else), how many are "fillers", how many right ones are
 * beyond the thousand most frequent ("vocabulary"), and "bands": how many right ones are among the
 * "1000", the next ("2000", "5000"), or "rarer". Bands of frequency, no CEFR list. Owned by the
 * caller; NULL without a word.
 */
json_t *scores_json(const struct scores *s);

/* What most edits are about, most first, in plain words: at most level_advice(level) sentences.
 * Owned by the caller. */
json_t *scores_advice(const struct scores *s, enum level level);
