/* services/ai-feedback/tagging/tagger.c -- the weights that the program carries, and what they
 * decide. Read-only. */
#include "services/ai-feedback/tagging/tagger.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "services/ai-feedback/tagging/features.h"
#include "services/ai-feedback/tagging/linear.h"

#define SHORT 15 /* words: it is as likely one sentence */

extern const unsigned char boundary_weights[], question_weights[]; /* tagging/<name>.weights */

size_t tagger_boundaries(const struct sentence *s, const struct spelling *speller, bool unmarked,
                         size_t *ret_tokens)
{
    const struct linear x = { boundary_weights, LINEAR_CARES, BOUNDARY_BITS };
    const struct model *m = spelling_model(speller);
    lp_auto_free struct tag_word *w = NULL;
    size_t n = tag_words(s, m, &w), from = 0, found = 0;
    enum linear_care care = !unmarked   ? LINEAR_CERTAIN
                            : n < SHORT ? LINEAR_CAREFUL
                                        : LINEAR_BALANCED;
    int threshold = linear_threshold(&x, care);

    for (size_t i = 1; i < n; i++) {
        uint64_t features[GAP_FEATURES];
        if (w[i].marked)
            continue;
        size_t k = gap_features(m, w + from, n - from, i - from, features);
        if (linear_score(&x, features, k) <= threshold)
            continue;
        ret_tokens[found++] = w[i].token;
        from = i;
    }
    return found;
}

bool tagger_is_question(const struct sentence *s)
{
    const struct linear x = { question_weights, LINEAR_CARES, QUESTION_BITS };
    uint64_t features[QUESTION_FEATURES];
    lp_auto_free struct tag_word *w = NULL;
    size_t n = tag_words(s, NULL, &w);

    bool asks = n > 0 && w[0].kind >= KIND_AUXILIARY && w[0].kind <= KIND_ASKING;
    if (n < 3 && !asks)
        return false; /* "Next line": too little to tell by */
    return linear_score(&x, features, question_features(w, n, features)) >
           linear_threshold(&x, LINEAR_CAREFUL);
}
