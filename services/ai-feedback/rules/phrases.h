/* services/ai-feedback/rules/phrases.h -- the patterns of phrases.rules, found by a word of theirs.
 * Read once, then read-only: any thread. */
#pragma once

#include "services/ai-feedback/rules/pattern_data.h"

/*
 * phrases.rules, a line each; "#" begins a comment:
 *   list NAME words       a list that patterns name as $NAME
 *   @id category sure why begins a rule: "verb-form", 0.85, what the learner is told
 *   @keep-id keep         begins one whose patterns have no brackets: what they find stays as it is
 *   + wrong => right      an example, which is a test
 *   = right               an example that must stay, likewise
 *   anything else         a pattern of the rule
 * A pattern is words as they stand in the text, with what changes as "[was>becomes]": "fed up
 * [of>with]", "[>a] few days ago", "[like to|likes to>=]". A word is an element of struct pattern's
 * `match`, and may have among its alternatives "$NAME" and "~verb" (its five forms); "word?" may be
 * missing. In front may stand "^", "<list" (the word before is one of these) or "<!list" (none of
 * these words and classes), at the end "$", "$|list", ">list" or "!>list", as struct pattern's
 * `before` and `after`. What it becomes are words of struct pattern's `to`; "~verb" there is its
 * form as that of the word that it replaces, "@1~verb" as that of the first, and "~x|as+y" the
 * word that is where the word replaced is in its list ("+" is a space). Rules about spelling come
 * before the speller, the others behind the other patterns.
 */
struct phrase {
    struct pattern pattern;
    const char *not_before; /* the word before is none of these; NULL: anything */
    bool keeps;             /* it changes nothing: what it finds is right */
};

struct phrase_key {
    const char *word;
    const struct phrase *phrase;
    size_t at; /* of the word in it */
};

/* Reads the rules, if nobody has: at the start, so that no learner waits for it. */
void phrases_load(void);

/* The keys of a word, in the order of the file; *ret_n of them. */
const struct phrase_key *phrases_of(const char *word, size_t *ret_n);

/* Examples by their rules, for tests; `wrong` NULL: `right` must stay. */
struct phrase_example {
    const char *id, *wrong, *right;
};
const struct phrase_example *phrases_examples(size_t *ret_n);

/* What is wrong with the first line that cannot be read, for tests; NULL: nothing. */
const char *phrases_fault(void);
