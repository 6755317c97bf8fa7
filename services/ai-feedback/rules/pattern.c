/* services/ai-feedback/rules/pattern.c -- compares patterns with the words of a sentence. No state.
 */
#include "services/ai-feedback/rules/pattern.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "services/ai-feedback/rules/forms.h"
#include "services/ai-feedback/rules/rules.h"

#define ELEMENTS 6
#define WORD 48

/* A word of the sentence that a pattern may look at, read once. */
struct item {
    size_t token;
    char word[WORD]; /* lower case; the mark itself for marks; "" for what is no word */
    bool is_word, changed;
    int verb, noun;
    unsigned forms;
    bool plural;
};

static void read_item(const struct sentence *s, size_t i, struct item *item)
{
    const struct token *t = &s->tokens[i];

    *item = (struct item){ .token = i, .verb = -1, .noun = -1 };
    item->is_word = t->kind == TOKEN_WORD;
    item->changed = t->now && !*t->now;
    if (t->kind == TOKEN_WORD || t->kind == TOKEN_MARK)
        token_lower(s, i, item->word, sizeof item->word);
    if (!item->is_word)
        return;
    item->verb = verb_find(item->word, &item->forms);
    item->noun = noun_find(item->word, &item->plural);
}

/* True where `word` is one of the words of `list`, "|" between them. */
static bool is_listed(const char *list, size_t len, const char *word)
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

static bool is_of_class(const struct item *i, const char *name)
{
    if (strcmp(name, ":base") == 0)
        return has(i, VERB_BASE) && !has(i, VERB_PAST);
    if (strcmp(name, ":third") == 0)
        return has(i, VERB_THIRD);
    if (strcmp(name, ":past") == 0)
        return has(i, VERB_PAST) && !has(i, VERB_BASE);
    if (strcmp(name, ":simple") == 0)
        return has(i, VERB_PAST) && !has(i, VERB_PARTICIPLE);
    if (strcmp(name, ":ing") == 0)
        return has(i, VERB_ING);
    if (strcmp(name, ":noun") == 0)
        return i->noun >= 0 && !i->plural;
    if (strcmp(name, ":nouns") == 0)
        return i->noun >= 0 && i->plural;
    return strcmp(name, ":uncountable") == 0 && is_uncountable(i->word);
}

/* The element at *at into `out`, *at behind it; false at the end. */
static bool next_element(const char **at, char *out, size_t size)
{
    size_t n = strcspn(*at, " ");

    if (n == 0)
        return false;
    snprintf(out, size, "%.*s", (int)n, *at);
    *at += n + ((*at)[n] == ' ');
    return true;
}

static size_t match_at(const struct pattern *p, const struct item *items, size_t n)
{
    const char *at = p->match;
    char element[256];
    size_t i = 0;

    for (; next_element(&at, element, sizeof element); i++) {
        if (i == n || i == ELEMENTS || !items[i].is_word || items[i].changed)
            return 0;
        bool fits = *element == ':' ? is_of_class(&items[i], element)
                                    : is_listed(element, strlen(element), items[i].word);
        if (!fits)
            return 0;
    }
    return i;
}

static bool fits_before(const struct pattern *p, const struct item *items, size_t i)
{
    if (!p->before)
        return true;
    if (i == 0 || strcmp(items[i - 1].word, ",") == 0)
        return strchr(p->before, '^');
    return is_listed(p->before, strlen(p->before), items[i - 1].word);
}

static bool fits_after(const struct pattern *p, const struct item *items, size_t n, size_t i)
{
    bool end = i == n || !items[i].is_word;

    if (p->not_after && !end && is_listed(p->not_after, strlen(p->not_after), items[i].word))
        return false;
    if (!p->after)
        return true;
    return end ? strchr(p->after, '$') != NULL
               : is_listed(p->after, strlen(p->after), items[i].word);
}

static void write_form(const struct item *item, const char *name, char *out)
{
    static const char *const verb_forms[] = { ":base", ":third", ":past", ":participle", ":ing" };

    for (size_t f = 0; f < LP_COUNT(verb_forms); f++)
        if (strcmp(verb_forms[f], name) == 0)
            verb_write(item->verb, (enum verb_form)f, out);
    if (strcmp(name, ":one") == 0 || strcmp(name, ":many") == 0)
        noun_write(item->noun, strcmp(name, ":many") == 0, out);
}

static void change(struct sentence *s, const struct pattern *p, const struct item *item,
                   const char *to)
{
    char text[128] = "";

    if (strcmp(to, "=") == 0)
        return;
    if (*to == ':')
        write_form(item, to, text);
    else if (*to == '=')
        snprintf(text, sizeof text, "%s%s", item->word, to + 1);
    else if (strcmp(to, "-") != 0)
        snprintf(text, sizeof text, "%s", to);
    for (char *c = text; *c; c++)
        if (*c == '_')
            *c = ' ';
    if (isupper((unsigned char)s->text[s->tokens[item->token].at]))
        *text = (char)toupper((unsigned char)*text);
    token_change(s, item->token, text, p->category, p->id, p->confidence, "%s", p->message);
}

static bool apply(struct sentence *s, const struct pattern *p, struct item *items, size_t n,
                  size_t i)
{
    size_t len = match_at(p, items + i, n - i);
    const char *at = p->to;
    char to[128];

    if (len == 0 || !fits_before(p, items, i) || !fits_after(p, items, n, i + len))
        return false;
    for (size_t k = 0; k < len && next_element(&at, to, sizeof to); k++) {
        change(s, p, &items[i + k], to);
        read_item(s, items[i + k].token, &items[i + k]);
        items[i + k].changed = items[i + k].changed || strcmp(to, "=") != 0;
    }
    return true;
}

static void apply_list(struct sentence *s, const struct pattern_list *list, struct item *items,
                       size_t n)
{
    for (size_t i = 0; i < n; i++)
        read_item(s, items[i].token, &items[i]); /* what the list before made of it */
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; items[i].is_word && k < list->n; k++)
            if (apply(s, &list->patterns[k], items, n, i))
                break;
}

void rule_patterns(struct sentence *s)
{
    lp_auto_free struct item *items = lp_calloc(s->n + 1, sizeof *items);
    size_t n = 0;

    for (size_t i = sentence_next(s, (size_t)-1); i < s->n; i = sentence_next(s, i))
        read_item(s, i, &items[n++]);
    apply_list(s, &pattern_confusables, items, n);
    apply_list(s, &pattern_verbs, items, n);
    apply_list(s, &pattern_words, items, n);
}

void rule_regularised(struct sentence *s)
{
    for (size_t i = sentence_next(s, (size_t)-1); i < s->n; i = sentence_next(s, i)) {
        char word[WORD], past[FORM_ROOM];
        if (s->tokens[i].kind != TOKEN_WORD || token_lower(s, i, word, sizeof word) == 0)
            continue;
        int verb = verb_of_regularised(word);
        if (verb < 0)
            continue;
        verb_write(verb, VERB_PAST, past);
        token_change(s, i, past, CATEGORY_TENSE, "irregular-past", 0.92,
                     "The past of this verb is irregular: \"%s\".", past);
    }
}
