/* services/ai-feedback/text/cut.h -- where a sentence ends in a text. */
#pragma once

#include <stddef.h>

/*
 * The length of the first sentence of `text` with the white space behind it: up to . ! ? or their
 * Chinese and Japanese forms (with closing quotes), a line end, or `max` bytes at a word's end. An
 * abbreviation, the mark of a list, an ellipsis or a quoted question before a small letter ends
 * none. At least 1 for len > 0.
 */
size_t sentence_cut(const char *text, size_t len, size_t max);
