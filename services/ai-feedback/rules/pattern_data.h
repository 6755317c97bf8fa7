/* services/ai-feedback/rules/pattern_data.h -- what a pattern is; its words stand in pattern_*.c
 * and phrases.rules. */
#pragma once

#include <stddef.h>

#include "services/ai-feedback/text/sentence.h"

/*
 * `match`: elements between spaces, each for one word: "a|b" (one of these, lower case), or a
 * class:
 * ":base :third :past" (forms of known verbs; :past is no base or participle of its verb, :third no
 * base), ":ing", ":simple" (a past that is no participle), ":participle", ":noun :nouns" (one,
 * many), ":counted" (one, but of what may stand behind "a lot of"), ":person :persons" (nouns of
 * people), ":adjective", ":short" (an adjective that has a comparative in -er), ":uncountable",
 * ":number" (in digits), ":name", ":any", and of forms_more.c, too, ":v :vs :vd :vn :vg" (base,
 * third, past, participle, -ing; but for ":v" no base), ":vb" (no past), ":vp" (a past and nothing
 * else) and ":n :ns" (one, many); "!a|b" is none of these. `to`: for each element "=" (stays), "-"
 * (goes), a form of its verb, noun or adjective (":base :third :past :participle :ing :one :many
 * :er"), words, "=_words" (stays, with words behind it) or "words_:form"; "@2" among words is what
 * element 2 was ("@2's" with that behind it); "_" is a space. `before`, `after`: which words may
 * stand there, "^" the begin of the sentence or of a part behind a comma, "0" that of the sentence
 * alone, "$" the end or a mark, "?" this mark; NULL: anything. `not_after`: which may not.
 * `examples`: "wrong => right", and without an arrow what must stay; ends with NULL.
 */
struct pattern {
    const char *id;
    enum category category;
    double confidence;
    const char *message;
    const char *before, *match, *to, *after, *not_after;
    const char *examples[8];
};

/* Patterns in one call each. */
#define PATTERN(id_, category_, sure_, say_, before_, match_, to_, after_, not_after_, ...) \
    {                                                                                       \
        .id = (id_), .category = (category_), .confidence = (sure_), .message = (say_),     \
        .before = (before_), .match = (match_), .to = (to_), .after = (after_),             \
        .not_after = (not_after_), .examples = {                                            \
            __VA_ARGS__                                                                     \
        }                                                                                   \
    }

struct pattern_list {
    const struct pattern *patterns;
    size_t n;
};
