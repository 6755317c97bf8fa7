/* services/ai-feedback/rules/pattern.h -- rules as data: what stands where it should not, and what
 * stands there instead. Their examples are their tests. */
#pragma once

#include <stddef.h>

#include "services/ai-feedback/text/sentence.h"

/*
 * `match`: elements between spaces, each for one word: "a|b" (one of these, lower case), or a
 * class:
 * ":base :third :past" (forms of known verbs; :past is no base or participle of its verb, :third no
 * base), ":ing", ":simple" (a past that is no participle), ":noun :nouns" (one, many),
 * ":uncountable". `to`: for each element "=" (stays), "-" (goes), a form of its verb or noun
 * (":base :third :past :participle :ing :one :many"), words, or "=_words" (stays, with words behind
 * it); "_" is a space. `before`, `after`: which words may stand there, "^" the begin of the
 * sentence or of a part behind a comma, "$" the end or a mark; NULL: anything. `not_after`: which
 * may not. `examples`: "wrong => right", and without an arrow what must stay; ends with NULL.
 */
struct pattern {
    const char *id;
    enum category category;
    double confidence;
    const char *message;
    const char *before, *match, *to, *after, *not_after;
    const char *examples[8];
};

struct pattern_list {
    const struct pattern *patterns;
    size_t n;
};
extern const struct pattern_list pattern_verbs, pattern_words, pattern_confusables;

/* "runned", "goed": the past of irregular verbs. Before the speller, which takes them for others.
 */
void rule_regularised(struct sentence *s);

/* Applies every pattern to every place of the sentence where nothing has changed yet. */
void rule_patterns(struct sentence *s);
