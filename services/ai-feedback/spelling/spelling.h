/* services/ai-feedback/spelling/spelling.h -- hunspell dictionaries of the accepted dialects. */
#pragma once

#include <stdbool.h>

#include "base/error.h"

#define SPELLING_WORD 64 /* room for a suggestion and its NUL */

/* Opaque: hides a lock, as a hunspell handle serves one thread at a time. Any thread. */
struct spelling;

/* `dialect`: "any" (a word of either is right), "en-US" or "en-GB"; `folder` holds en_US.aff and
 * .dic, en_GB likewise. LP_E_NOT_FOUND names the file that is missing. */
LP_MUST_USE int spelling_new(const char *dialect, const char *folder, struct spelling **ret_speller,
                             struct lp_error *err);
void spelling_free(struct spelling *s);

bool spelling_knows(struct spelling *s, const char *word);

/* The likeliest word for an unknown one into `ret_word`, and how sure that is (0: none is likely
 * enough). */
double spelling_suggest(struct spelling *s, const char *word, char ret_word[SPELLING_WORD]);
