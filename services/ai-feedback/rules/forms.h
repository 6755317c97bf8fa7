/* services/ai-feedback/rules/forms.h -- the forms of the verbs, nouns and adjectives that learners
 * use most (forms_words.c). Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum verb_form { VERB_BASE, VERB_THIRD, VERB_PAST, VERB_PARTICIPLE, VERB_ING, VERB_FORMS };

#define FORM_ROOM 32 /* bytes of a form with its NUL */

/* Which verb `word` (lower case) is a form of, -1 where none; ret_forms: a bit for each form it is.
 */
int verb_find(const char *word, unsigned *ret_forms);
void verb_write(int verb, enum verb_form form, char ret_text[FORM_ROOM]);

/* The same, of the verbs and nouns of forms_more.c too, which only patterns with ":v" and ":n" look
 * at. */
int verb_find_any(const char *word, unsigned *ret_forms);
int noun_find_any(const char *word, bool *ret_plural);

/* The forms of a verb by its base; one that is in no list is regular ("plan+": its last letter
 * doubles). */
void verb_spell(const char *entry, char ret_forms[VERB_FORMS][FORM_ROOM]);

/* The past of an irregular verb that `word` makes regular ("runned", "goed"), -1 where none. */
int verb_of_regularised(const char *word);

/* Nouns that can be counted, and that are mostly no verbs: which one `word` is, -1 where none. */
int noun_find(const char *word, bool *ret_plural);
void noun_write(int noun, bool plural, char ret_text[FORM_ROOM]);
bool noun_is_person(int noun);

/* Adjectives in their base form; `ret_comparative` "" where "more" is put before it. */
int adjective_find(const char *word);
void adjective_write(int adjective, char ret_comparative[FORM_ROOM]);

/* "information", "money": what much goes with. */
bool is_uncountable(const char *word);
