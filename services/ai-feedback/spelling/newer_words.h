/* services/ai-feedback/spelling/newer_words.h -- words beside those of the dictionaries. */
#pragma once

extern const char newer_words[]; /* in lower case, a space behind each */
