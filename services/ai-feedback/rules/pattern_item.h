/* services/ai-feedback/rules/pattern_item.h -- a word of a sentence as patterns see it: what it is
 * and which elements it fits. Any thread. */
#pragma once

#include "services/ai-feedback/rules/forms.h"
#include "services/ai-feedback/text/sentence.h"

#define ITEM_WORD 48

/* A word of the sentence that a pattern may look at, read once. */
struct item {
    size_t token;
    char word[ITEM_WORD]; /* lower case; the mark itself for marks; "" for what is no word */
    bool is_word, changed, capital; /* capital: its first letter */
    int verb, noun, adjective;
    unsigned forms;
    bool plural, is_number; /* is_number: more than one, and no year */
    bool is_name;           /* one capital */
    bool is_mixed;          /* "inFront": of a program */
};

void item_read(const struct sentence *s, size_t i, struct item *item);

/* True where it is what the `len` bytes of an element ask for (pattern.h). */
bool item_fits(const struct item *item, const char *element, size_t len);

/* Its form by the name of a class, "" where it has none. */
void item_write_form(const struct item *item, const char *name, char ret_text[FORM_ROOM]);

/* True where `word` is one of the `len` bytes of `list`, "|" between words. */
bool item_is_listed(const char *list, size_t len, const char *word);
