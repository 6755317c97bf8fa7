/* services/ai-feedback/rules/forms_words.h -- the words that forms.c has the forms of. Data only.
 */
#pragma once

/* "base past participle", where they are irregular; each list ends with NULL. A "+" behind the
 * base: its last letter doubles before -ing and -ed. */
extern const char *const forms_irregular_verbs[], *const forms_regular_verbs[];

/* "one many", or one word whose plural is regular. Those of the first list are people. */
extern const char *const forms_people[], *const forms_things[];

/* "base comparative", or the base alone of those that go with "more". */
extern const char *const forms_adjectives[];

/* More of them, "," between entries: for patterns alone, so that the weights stay (forms_more.c).
 */
extern const char forms_more_verbs[], forms_more_nouns[];
