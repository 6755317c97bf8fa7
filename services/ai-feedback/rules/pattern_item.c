/* services/ai-feedback/rules/pattern_item.c -- compares elements of patterns with words. No state.
 */
#include "services/ai-feedback/rules/pattern_item.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

#define MASS                                                                                  \
    "family|difference|skill|activity|opportunity|cake|egg|culture|tradition|disease|school|" \
    "university|advantage|noodle|company"

/* A small letter before a capital. */
static bool is_mixed(const char *text, size_t len)
{
    for (size_t i = 1; i < len; i++)
        if (islower((unsigned char)text[i - 1]) && isupper((unsigned char)text[i]))
            return true;
    return false;
}

void item_read(const struct sentence *s, size_t i, struct item *item)
{
    const struct token *t = &s->tokens[i];

    *item = (struct item){ .token = i, .verb = -1, .noun = -1, .adjective = -1 };
    item->is_word = t->kind == TOKEN_WORD;
    item->is_number = t->kind == TOKEN_NUMBER && t->len <= 3 && s->text[t->at] > '0' &&
                      s->text[t->at] <= '9' && (t->len > 1 || s->text[t->at] != '1');
    item->changed = t->kept || (t->now && !*t->now);
    if (t->kind == TOKEN_WORD || t->kind == TOKEN_MARK)
        token_lower(s, i, item->word, sizeof item->word);
    if (!item->is_word)
        return;
    item->capital = isupper((unsigned char)(t->now ? *t->now : s->text[t->at]));
    const char *now = t->now ? t->now : s->text + t->at;
    item->is_mixed = is_mixed(now, t->now ? strlen(now) : t->len);
    item->is_name = t->len > 1 && isupper((unsigned char)*now) && !isupper((unsigned char)now[1]);
    item->verb = verb_find(item->word, &item->forms);
    item->noun = noun_find(item->word, &item->plural);
    item->adjective = adjective_find(item->word);
}

/* True where `word` is one of the words of `list`, "|" between them. */
bool item_is_listed(const char *list, size_t len, const char *word)
{
    size_t n = strlen(word);
    const char *end = list + len;

    while (list < end) {
        const char *bar = memchr(list, '|', (size_t)(end - list));
        size_t part = (size_t)((bar ? bar : end) - list);
        if (part == n && memcmp(list, word, n) == 0)
            return true;
        list += part + 1;
    }
    return false;
}

static bool has(const struct item *i, enum verb_form form)
{
    return i->verb >= 0 && i->forms >> form & 1;
}

/* A noun of people where `person`, else any. */
static bool is_noun(const struct item *i, bool plural, bool person)
{
    return i->noun >= 0 && i->plural == plural && (!person || noun_is_person(i->noun));
}

/* Nouns that stand behind "a lot of" and "more" as they are: "a lot of family", "more skill". */
static bool is_mass(const char *word)
{
    return item_is_listed(MASS, strlen(MASS), word);
}

static bool is_short(const struct item *i)
{
    char comparative[FORM_ROOM] = "";

    if (i->adjective >= 0)
        adjective_write(i->adjective, comparative);
    return *comparative != '\0';
}

/* ":v :vs :vd :vn :vg": a form of any verb that we know; ":vb": a base that is no past as well,
 * ":vp": a past that is nothing else. */
static bool is_of_verb(const char *word, const char *name)
{
    static const char letters[] = {
        [VERB_THIRD] = 's', [VERB_PAST] = 'd', [VERB_PARTICIPLE] = 'n', [VERB_ING] = 'g'
    };
    const unsigned base = 1u << VERB_BASE, past = 1u << VERB_PAST;
    unsigned forms = 0;

    if (verb_find_any(word, &forms) < 0)
        return false;
    if (name[2] == 'b')
        return forms & base && !(forms & past);
    if (name[2] == 'p')
        return forms == past;
    if (!name[2])
        return forms & base;
    const char *at = memchr(letters + 1, name[2], sizeof letters - 1);
    return at && forms >> (at - letters) & 1 && !(forms & base);
}

/* ":n :ns": one, many of any noun that we know. */
static bool is_of_noun(const char *word, const char *name)
{
    bool plural;
    return noun_find_any(word, &plural) >= 0 && plural == (name[2] == 's');
}

static bool is_of_class(const struct item *i, const char *name)
{
    if (name[1] == 'v' && strlen(name) <= 3)
        return is_of_verb(i->word, name);
    if (name[1] == 'n' && strlen(name) <= 3)
        return is_of_noun(i->word, name);
    const struct {
        const char *name;
        bool is;
    } classes[] = {
        { ":base", has(i, VERB_BASE) && !has(i, VERB_PAST) },
        { ":third", has(i, VERB_THIRD) },
        { ":past", has(i, VERB_PAST) && !has(i, VERB_BASE) },
        { ":simple", has(i, VERB_PAST) && !has(i, VERB_PARTICIPLE) },
        { ":participle", has(i, VERB_PARTICIPLE) },
        { ":ing", has(i, VERB_ING) },
        { ":noun", is_noun(i, false, false) },
        { ":nouns", is_noun(i, true, false) },
        { ":counted", is_noun(i, false, false) && !is_mass(i->word) },
        { ":person", is_noun(i, false, true) },
        { ":persons", is_noun(i, true, true) },
        { ":adjective", i->adjective >= 0 },
        { ":any", i->is_word },
        { ":number", i->is_number },
        { ":name", i->is_name },
    };

    for (size_t k = 0; k < LP_COUNT(classes); k++)
        if (strcmp(classes[k].name, name) == 0)
            return classes[k].is;
    return (strcmp(name, ":short") == 0 && is_short(i)) ||
           (strcmp(name, ":uncountable") == 0 && is_uncountable(i->word));
}

static bool fits_one(const struct item *item, const char *one, size_t len)
{
    char name[16];

    if (*one != ':')
        return strlen(item->word) == len && memcmp(item->word, one, len) == 0;
    snprintf(name, sizeof name, "%.*s", (int)len, one);
    return is_of_class(item, name);
}

bool item_fits(const struct item *item, const char *element, size_t len)
{
    bool not = *element == '!', found = false;
    const char *end = element + len;

    for (const char *at = element + not ; at < end && !found;) {
        const char *bar = memchr(at, '|', (size_t)(end - at));
        size_t n = (size_t)((bar ? bar : end) - at);
        found = fits_one(item, at, n);
        at += n + 1;
    }
    return not ? item->is_word && !found : found;
}

/* ":v" and its kin, ":n" and ":ns". */
static void write_any_form(const struct item *item, const char *name, char out[FORM_ROOM])
{
    static const char *const names[] = { ":v", ":vs", ":vd", ":vn", ":vg" };
    unsigned forms;
    bool plural;
    int verb = verb_find_any(item->word, &forms), noun = noun_find_any(item->word, &plural);

    for (size_t f = 0; f < LP_COUNT(names) && verb >= 0; f++)
        if (strcmp(names[f], name) == 0)
            verb_write(verb, (enum verb_form)f, out);
    if (noun >= 0 && (strcmp(name, ":n") == 0 || strcmp(name, ":ns") == 0))
        noun_write(noun, name[2] == 's', out);
}

void item_write_form(const struct item *item, const char *name, char out[FORM_ROOM])
{
    static const char *const verb_forms[] = { ":base", ":third", ":past", ":participle", ":ing" };

    *out = '\0';
    for (size_t f = 0; f < LP_COUNT(verb_forms) && item->verb >= 0; f++)
        if (strcmp(verb_forms[f], name) == 0)
            verb_write(item->verb, (enum verb_form)f, out);
    write_any_form(item, name, out);
    if (item->noun >= 0 && (strcmp(name, ":one") == 0 || strcmp(name, ":many") == 0))
        noun_write(item->noun, strcmp(name, ":many") == 0, out);
    if (item->adjective >= 0 && strcmp(name, ":er") == 0)
        adjective_write(item->adjective, out);
}
