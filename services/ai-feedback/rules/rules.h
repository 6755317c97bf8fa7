/* services/ai-feedback/rules/rules.h -- what is looked for in a sentence, in the order in which it
 * is applied. */
#pragma once

#include <stdint.h>

#include "services/ai-feedback/text/sentence.h"
#include "services/ai-feedback/spelling/spelling.h"

/* The language of a sentence: "en", that of another one (ISO 639-1) by its most frequent words or
 * its script, or "other" where it is none that we know. A literal. */
const char *sentence_language(const struct sentence *s, const struct spelling *speller);

/* "um", "uh", ", you know,", "w-what"; `unmarked`, in a transcript, "you know" without commas. */
void rule_fillers(struct sentence *s, const struct spelling *speller, bool unmarked);
void rule_repetitions(struct sentence *s);  /* "the the", "I want I want" */
void rule_contractions(struct sentence *s); /* "dont" */

/* What a request may still spend: look-ups of suggestions are counted down, and none is made at 0
 * or after lp_clock_ms() has passed the deadline. */
struct budget {
    unsigned suggestions;
    int64_t deadline_ms;
};

/* Unknown words by the speller. */
void rule_spelling(struct sentence *s, const struct spelling *speller, struct budget *budget);

/* Words taken for others of their set, where another wins clearly (choice_sets.c). */
void rule_choices(struct sentence *s, const struct spelling *speller);

/* What one part of a sentence asks of another: "although ... but", "yesterday I go". */
void rule_clauses(struct sentence *s);

/* A small word that is missing or needless, and forms of words that do not go together (mend.c). */
void rule_mends(struct sentence *s, const struct spelling *speller);

/* "I work in factory": an article that is missing. */
void rule_determiners(struct sentence *s, const struct spelling *speller);

void rule_names(struct sentence *s);    /* capitals of days, months, languages, places */
void rule_articles(struct sentence *s); /* "a apple" */
void rule_capitals(struct sentence *s); /* first word, "i" */
void rule_marks(struct sentence *s); /* spaces around marks, repeated marks, the mark at the end */
