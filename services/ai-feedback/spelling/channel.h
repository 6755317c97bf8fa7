/* services/ai-feedback/spelling/channel.h -- how a word is likely to be miswritten. */
#pragma once

#include <stddef.h>

/* The cost in nats of writing `typed` for `meant`, both in lower case: the cheapest way of
 * insertions, deletions, substitutions and swaps, where what learners do often costs less (a letter
 * doubled or not, one vowel for another, letters that sound alike, a left-out apostrophe).
 * Symmetric in nothing. Lengths below LEXICON_WORD; INFINITY above. Pure. */
double channel_cost(const char *typed, size_t typed_len, const char *meant, size_t meant_len);
