/* services/ai-feedback/rules/rules.h -- what is looked for in a sentence, in the order in which it
 * is applied. */
#pragma once

#include <stdint.h>

#include "services/ai-feedback/text/sentence.h"
#include "services/ai-feedback/spelling/spelling.h"

void rule_fillers(struct sentence *s);      /* "um", "uh", ", you know," */
void rule_repetitions(struct sentence *s);  /* "the the", "I want I want" */
void rule_contractions(struct sentence *s); /* "dont" */

/* What a request may still spend: look-ups of suggestions are counted down, and none is made at 0
 * or after lp_clock_ms() has passed the deadline. */
struct budget {
    unsigned suggestions;
    int64_t deadline_ms;
};

/* Unknown words by the speller. */
void rule_spelling(struct sentence *s, struct spelling *speller, struct budget *budget);

void rule_names(struct sentence *s);    /* capitals of days, months, languages, places */
void rule_articles(struct sentence *s); /* "a apple" */
void rule_capitals(struct sentence *s); /* first word, "i" */
void rule_marks(struct sentence *s); /* spaces around marks, repeated marks, the mark at the end */
