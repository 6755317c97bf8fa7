/* services/ai-feedback/rules/fluency_like.h -- "in like two days". Any thread. */
#pragma once

#include "services/ai-feedback/text/sentence.h"

/* Whether the word at i is a "like" that is in the way of what belongs together. */
bool like_is_filler(const struct sentence *s, size_t i);

/* Whether its neighbours tell that the one at i is none: "her like for cats". */
bool like_is_meant(const struct sentence *s, size_t i);
