/* services/ai-feedback/rules.h -- what is looked for in a sentence, in the order in which it is
 * applied. */
#pragma once

#include "services/ai-feedback/sentence.h"
#include "services/ai-feedback/spelling.h"

void rule_fillers(struct sentence *s);      /* "um", "uh", ", you know," */
void rule_repetitions(struct sentence *s);  /* "the the", "I want I want" */
void rule_contractions(struct sentence *s); /* "dont" */

/* Unknown words by the speller; `budget` counts down with every look-up of suggestions, and none is
 * made at 0. */
void rule_spelling(struct sentence *s, struct spelling *speller, unsigned *budget);

void rule_names(struct sentence *s);    /* capitals of days, months, languages, places */
void rule_articles(struct sentence *s); /* "a apple" */
void rule_capitals(struct sentence *s); /* first word, "i" */
void rule_marks(struct sentence *s); /* spaces around marks, repeated marks, the mark at the end */
