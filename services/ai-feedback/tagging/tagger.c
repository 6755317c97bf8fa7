/* services/ai-feedback/tagging/tagger.c -- the weights that the program carries, and what they
 * decide. Read-only. */
#include "services/ai-feedback/tagging/tagger.h"

#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "services/ai-feedback/tagging/features.h"
#include "services/ai-feedback/tagging/network.h"
#include "services/ai-feedback/tagging/reader.h"

extern const unsigned char boundary_weights[], question_weights[],
    filler_weights[]; /* tagging/<name>.weights */

size_t tagger_boundaries(const struct sentence *s, const struct spelling *speller, bool unmarked,
                         size_t *ret_tokens)
{
    const struct network x = { boundary_weights, BOUNDARY_WORD_BITS, BOUNDARY_BITS };
    const struct model *m = spelling_model(speller);
    lp_auto_free struct tag_word *w = NULL;
    size_t n = tag_words(s, m, &w), found = 0;
    bool has_marks = false;
    for (size_t i = 1; i < n; i++)
        has_marks = has_marks || w[i].marked;
    /* Who sets commas in a short text would have set the others. */
    enum linear_care care = !unmarked || (n < TAGGER_SHORT && has_marks) ? LINEAR_CERTAIN
                            : n < TAGGER_SHORT                           ? LINEAR_CAREFUL
                                                                         : LINEAR_BALANCED;
    int threshold = network_threshold(&x, care);
    auto_reading struct reading r = { 0 };

    if (n < 2)
        return 0;
    reading_init(&r, &x, m, w, n);
    for (size_t i = 1; i < n; i++) {
        uint64_t features[GAP_FEATURES];
        if (!w[i].marked &&
            reading_score(&r, i - 1, i, features, gap_features(w, n, i, features)) > threshold)
            ret_tokens[found++] = w[i].token;
    }
    return found;
}

static bool asks(const struct tag_word *w)
{
    return w->kind >= KIND_AUXILIARY && w->kind <= KIND_ASKING;
}

bool tagger_is_question(const struct sentence *s)
{
    const struct network x = { question_weights, QUESTION_WORD_BITS, QUESTION_BITS };
    uint64_t features[QUESTION_FEATURES];
    lp_auto_free struct tag_word *w = NULL;
    size_t n = tag_words(s, NULL, &w);
    auto_reading struct reading r = { 0 };

    if (n == 0 || (n < 3 && !asks(w)))
        return false; /* "Next line": too little to tell by */
    /* "they busy today", "students who work hard": some ask in that order, but more tell. Two words
     * in the first token are one that was written and one that a rule put there. */
    char first[48];
    token_lower(s, w[0].token, first, sizeof first);
    bool tells = (w[0].kind >= KIND_PRONOUN && w[0].kind < KIND_JOINING) || strchr(first, ' ') ||
                 (w[0].kind == 0 && n > 1 && w[1].kind == KIND_ASKING);
    reading_init(&r, &x, NULL, w, n);
    return reading_score(&r, n - 1, 0, features, question_features(w, n, features)) >
           network_threshold(&x, tells ? LINEAR_CERTAIN : LINEAR_CAREFUL);
}

size_t tagger_fillers(const struct sentence *s, const struct spelling *speller, size_t *ret_tokens)
{
    const struct network x = { filler_weights, FILLER_WORD_BITS, FILLER_BITS };
    const struct model *m = spelling_model(speller);
    lp_auto_free struct tag_word *w = NULL;
    size_t n = tag_words(s, m, &w), found = 0;
    auto_reading struct reading r = { 0 };

    for (size_t i = 0; i < n; i++) {
        uint64_t features[GAP_FEATURES];
        size_t len = filler_at(w, n, i);
        if (len == 0 || len == n)
            continue;
        if (!r.dense)
            reading_init(&r, &x, m, w, n);
        size_t k = filler_features(m, w, n, i, len, features);
        if (reading_score(&r, i + len - 1, i, features, k) <= network_threshold(&x, LINEAR_CERTAIN))
            continue;
        for (size_t j = i; j < i + len; j++)
            ret_tokens[found++] = w[j].token;
        i += len - 1;
    }
    return found;
}
