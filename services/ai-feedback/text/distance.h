/* services/ai-feedback/text/distance.h -- Levenshtein distance over characters. */
#pragma once

#include <stddef.h>

/* Insertions, deletions and substitutions of Unicode characters between two valid UTF-8 texts. Time
 * grows with length times distance (Ukkonen's band). */
size_t distance_characters(const char *a, size_t a_len, const char *b, size_t b_len);

/* Characters in `len` bytes of valid UTF-8. */
size_t distance_length(const char *text, size_t len);
