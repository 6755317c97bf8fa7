/* services/ai-feedback/answer.h -- a changed sentence as JSON: what it was, what it became, and
 * each edit with its reason. */
#pragma once

#include <jansson.h>

#include "services/ai-feedback/text/sentence.h"

/* What is answered for one sentence; `pair` is the caller's. Lengths count characters. */
struct answer_pair {
    json_t *pair;
    size_t distance, characters, edits;
    size_t by_category[CATEGORIES]; /* edits */
};

/* A sentence with at least one token. At most `max_edits` edits are listed; the others are made,
 * and count in `edits` only. Of those, the `told` that matter most are explained, and "untold" in
 * the pair counts the others. */
struct answer_pair answer_pair(const struct sentence *s, size_t max_edits, size_t told);
