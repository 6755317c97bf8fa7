/* services/ai-feedback/rules/pattern.c -- compares patterns with the words of a sentence. No state.
 */
#include "services/ai-feedback/rules/pattern.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "services/ai-feedback/rules/forms.h"
#include "services/ai-feedback/rules/rules.h"

#define ELEMENTS 8
#define WORD 48
#define MASS                                                                                  \
    "family|difference|skill|activity|opportunity|cake|egg|culture|tradition|disease|school|" \
    "university|advantage|noodle|company"

/* A word of the sentence that a pattern may look at, read once. */
struct item {
    size_t token;
    char word[WORD]; /* lower case; the mark itself for marks; "" for what is no word */
    bool is_word, changed, capital; /* capital: its first letter */
    int verb, noun, adjective;
    unsigned forms;
    bool plural, is_number; /* is_number: more than one, and no year */
    bool is_name;           /* one capital */
};

static void read_item(const struct sentence *s, size_t i, struct item *item)
{
    const struct token *t = &s->tokens[i];

    *item = (struct item){ .token = i, .verb = -1, .noun = -1, .adjective = -1 };
    item->is_word = t->kind == TOKEN_WORD;
    item->is_number = t->kind == TOKEN_NUMBER && t->len <= 3 && s->text[t->at] > '0' &&
                      s->text[t->at] <= '9' && (t->len > 1 || s->text[t->at] != '1');
    item->changed = t->now && !*t->now;
    if (t->kind == TOKEN_WORD || t->kind == TOKEN_MARK)
        token_lower(s, i, item->word, sizeof item->word);
    if (!item->is_word)
        return;
    item->capital = isupper((unsigned char)(t->now ? *t->now : s->text[t->at]));
    const char *now = t->now ? t->now : s->text + t->at;
    item->is_name = t->len > 1 && isupper((unsigned char)*now) && !isupper((unsigned char)now[1]);
    item->verb = verb_find(item->word, &item->forms);
    item->noun = noun_find(item->word, &item->plural);
    item->adjective = adjective_find(item->word);
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

/* A noun of people where `person`, else any. */
static bool is_noun(const struct item *i, bool plural, bool person)
{
    return i->noun >= 0 && i->plural == plural && (!person || noun_is_person(i->noun));
}

/* Nouns that stand behind "a lot of" and "more" as they are: "a lot of family", "more skill". */
static bool is_mass(const char *word)
{
    return is_listed(MASS, strlen(MASS), word);
}

static bool is_short(const struct item *i)
{
    char comparative[FORM_ROOM] = "";

    if (i->adjective >= 0)
        adjective_write(i->adjective, comparative);
    return *comparative != '\0';
}

static bool is_of_class(const struct item *i, const char *name)
{
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

static bool fits(const struct item *item, const char *element)
{
    if (*element == ':')
        return is_of_class(item, element);
    if (*element == '!')
        return item->is_word && !is_listed(element + 1, strlen(element + 1), item->word);
    return is_listed(element, strlen(element), item->word);
}

static size_t match_at(const struct pattern *p, const struct item *items, size_t n)
{
    const char *at = p->match;
    char element[256];
    size_t i = 0;

    for (; next_element(&at, element, sizeof element); i++) {
        if (i == n || i == ELEMENTS || items[i].changed ||
            !(items[i].is_word || items[i].is_number))
            return 0;
        if (!fits(&items[i], element))
            return 0;
    }
    return i;
}

static bool fits_before(const struct pattern *p, const struct item *items, size_t i)
{
    if (!p->before)
        return true;
    if (i == 0)
        return strpbrk(p->before, "^0");
    if (strcmp(items[i - 1].word, ",") == 0)
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
    if (i < n && !items[i].is_word && is_listed(p->after, strlen(p->after), items[i].word))
        return true; /* a mark that is named */
    return end ? strchr(p->after, '$') != NULL
               : is_listed(p->after, strlen(p->after), items[i].word);
}

static void write_form(const struct item *item, const char *name, char out[FORM_ROOM])
{
    static const char *const verb_forms[] = { ":base", ":third", ":past", ":participle", ":ing" };

    *out = '\0';
    for (size_t f = 0; f < LP_COUNT(verb_forms) && item->verb >= 0; f++)
        if (strcmp(verb_forms[f], name) == 0)
            verb_write(item->verb, (enum verb_form)f, out);
    if (item->noun >= 0 && (strcmp(name, ":one") == 0 || strcmp(name, ":many") == 0))
        noun_write(item->noun, strcmp(name, ":many") == 0, out);
    if (item->adjective >= 0 && strcmp(name, ":er") == 0)
        adjective_write(item->adjective, out);
}

/* A word that moves keeps its capital, but for that of the sentence's begin. */
static void add_word(struct lp_buf *text, const struct sentence *s, const struct item *item)
{
    const struct token *t = &s->tokens[item->token];
    bool first = item->token == sentence_next(s, (size_t)-1);

    if (strcmp(item->word, "i") == 0)
        lp_buf_char(text, 'I');
    else if (first || (t->now && !item->capital))
        lp_buf_str(text, item->word);
    else if (t->now) {
        lp_buf_char(text, (char)toupper((unsigned char)*item->word));
        lp_buf_str(text, *item->word ? item->word + 1 : "");
    } else
        lp_buf_add(text, s->text + t->at, t->len);
}

/* One part of what item `k` becomes: a word, "=", "@2" or a form. */
static void add_part(struct lp_buf *text, const struct sentence *s, const struct item *items,
                     size_t k, const char *part)
{
    char form[FORM_ROOM];

    if (*part == ':') {
        write_form(&items[k], part, form);
        lp_buf_str(text, form);
    } else if (*part == '@') {
        add_word(text, s, &items[(size_t)(part[1] - '1')]);
        lp_buf_str(text, part + 2);
    } else if (strcmp(part, "=") == 0) {
        add_word(text, s, &items[k]);
    } else {
        lp_buf_str(text, part);
    }
}

/* `items`: those of the match; item k becomes `to`. */
static void change(struct sentence *s, const struct pattern *p, const struct item *items, size_t k,
                   const char *to)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(256);
    const struct item *item = &items[k];
    char part[WORD];

    if (strcmp(to, "=") == 0)
        return;
    for (const char *at = strcmp(to, "-") == 0 ? "" : to; *at; at += *at == '_') {
        snprintf(part, sizeof part, "%.*s", (int)strcspn(at, "_"), at);
        if (at != to)
            lp_buf_char(&text, ' ');
        add_part(&text, s, items, k, part);
        at += strcspn(at, "_");
    }
    bool first = item->token == sentence_next(s, (size_t)-1);
    bool stays = *to != '@' && strcmp(item->word, "i") != 0;
    const struct token *t = &s->tokens[item->token];
    bool shouted = t->len > 1 && isupper((unsigned char)s->text[t->at + 1]);
    if (text.len > 0 && (first || stays) && isupper((unsigned char)s->text[t->at]))
        *text.ptr = (char)toupper((unsigned char)*text.ptr);
    for (char *c = text.ptr; shouted && *c; c++)
        *c = (char)toupper((unsigned char)*c);
    token_change(s, item->token, text.ptr, p->category, p->id, p->confidence, "%s", p->message);
}

static bool apply(struct sentence *s, const struct pattern *p, struct item *items, size_t n,
                  size_t i)
{
    size_t len = match_at(p, items + i, n - i);
    const char *at = p->to;
    struct item was[ELEMENTS];
    char to[128];

    if (len == 0 || !fits_before(p, items, i) || !fits_after(p, items, n, i + len))
        return false;
    memcpy(was, items + i, len * sizeof *was);
    for (size_t k = 0; k < len && next_element(&at, to, sizeof to); k++) {
        change(s, p, was, k, to);
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
        for (size_t k = 0; (items[i].is_word || items[i].is_number) && k < list->n; k++)
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
    apply_list(s, &pattern_order, items, n);
    apply_list(s, &pattern_subjects, items, n);
    apply_list(s, &pattern_phrases, items, n);
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
