/* services/ai-feedback/rules/pattern.c -- compares patterns with the words of a sentence. No state.
 */
#include "services/ai-feedback/rules/pattern.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "services/ai-feedback/rules/forms.h"
#include "services/ai-feedback/rules/pattern_item.h"
#include "services/ai-feedback/rules/phrases.h"
#include "services/ai-feedback/rules/rules.h"

#define ELEMENTS 8
#define PART 2048 /* one of what an element becomes */

/* Bytes of the element at *at, *at behind it; 0 at the end. */
static size_t next_element(const char **at)
{
    size_t n = strcspn(*at, " ");

    *at += n + ((*at)[n] == ' ');
    return n;
}

static size_t match_at(const struct pattern *p, const struct item *items, size_t n)
{
    const char *at = p->match, *element = at;
    size_t i = 0;

    for (size_t len; (len = next_element(&at)) > 0; i++, element = at) {
        if (i == n || i == ELEMENTS || items[i].changed ||
            !(items[i].is_word || items[i].is_number))
            return 0;
        if (!item_fits(&items[i], element, len))
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
    return item_is_listed(p->before, strlen(p->before), items[i - 1].word);
}

static bool fits_after(const struct pattern *p, const struct item *items, size_t n, size_t i)
{
    bool end = i == n || !items[i].is_word;

    if (p->not_after && i < n && item_fits(&items[i], p->not_after, strlen(p->not_after)))
        return false;
    if (!p->after)
        return true;
    if (i < n && !items[i].is_word && item_fits(&items[i], p->after, strlen(p->after)))
        return true; /* a mark that is named */
    return end ? strchr(p->after, '$') != NULL : item_fits(&items[i], p->after, strlen(p->after));
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

/* The word of `forms` that is where the item's word is in element `k` of the match; "+" there is a
 * space. */
static void add_same_form(struct lp_buf *text, const struct pattern *p, const struct item *item,
                          size_t k, const char *forms)
{
    const char *at = p->match, *element = at;

    for (size_t i = 0; i <= k; i++) {
        element = at;
        next_element(&at);
    }
    while (*forms) {
        size_t n = strcspn(element, "| "), len = strcspn(forms, "|");
        bool same = strlen(item->word) == n && memcmp(item->word, element, n) == 0;
        if (same || element[n] != '|' || !forms[len]) {
            for (size_t space; len > 0; len -= space, forms += space) {
                space = strcspn(forms, "+|");
                space = space < len ? space : len;
                lp_buf_add(text, forms, space);
                if (space < len) {
                    lp_buf_char(text, ' ');
                    space++;
                }
            }
            return;
        }
        element += n + 1;
        forms += len + 1;
    }
}

/* One part of what item `k` becomes: a word, "=", "@2" or a form. */
static void add_part(struct lp_buf *text, const struct sentence *s, const struct pattern *p,
                     const struct item *items, size_t k, const char *part)
{
    char form[FORM_ROOM];
    bool named = *part == '@';

    if (named) {
        if (part[1] < '1' || part[1] > '0' + ELEMENTS)
            return;
        k = (size_t)(part[1] - '1');
        part += 2;
    }
    if (*part == ':') {
        char name[16];
        size_t n = strcspn(part, "'");
        snprintf(name, sizeof name, "%.*s", (int)n, part);
        item_write_form(&items[k], name, form);
        lp_buf_str(text, form);
        lp_buf_str(text, part + n); /* "'s" */
    } else if (*part == '~') {
        add_same_form(text, p, &items[k], k, part + 1);
    } else if (named) {
        add_word(text, s, &items[k]);
        lp_buf_str(text, part);
    } else if (strcmp(part, "=") == 0) {
        add_word(text, s, &items[k]);
    } else {
        lp_buf_str(text, part);
    }
}

static bool is_only(const char *text, size_t len, char c)
{
    return len == 1 && *text == c;
}

/* `items`: those of the match; item k becomes the `len` bytes of `to`. */
static void change(struct sentence *s, const struct pattern *p, const struct item *items, size_t k,
                   const char *to, size_t len)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(256);
    const struct item *item = &items[k];
    char part[PART];

    for (const char *at = to; at < to + len && !is_only(to, len, '-'); at += *at == '_') {
        size_t n = strcspn(at, "_ ");
        snprintf(part, sizeof part, "%.*s", (int)n, at);
        if (at != to)
            lp_buf_char(&text, ' ');
        add_part(&text, s, p, items, k, part);
        at += n;
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
    const char *at = p->to, *to = at;
    struct item was[ELEMENTS] = { 0 };

    if (len == 0 || !fits_before(p, items, i) || !fits_after(p, items, n, i + len))
        return false;
    memcpy(was, items + i, len * sizeof *was);
    for (size_t k = 0, n_to; k < len && (n_to = next_element(&at)) > 0; k++, to = at) {
        if (is_only(to, n_to, '='))
            continue;
        change(s, p, was, k, to, n_to);
        item_read(s, items[i + k].token, &items[i + k]);
        items[i + k].changed = true;
    }
    return true;
}

static void apply_list(struct sentence *s, const struct pattern_list *list, struct item *items,
                       size_t n)
{
    for (size_t i = 0; i < n; i++)
        item_read(s, items[i].token, &items[i]); /* what the list before made of it */
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; (items[i].is_word || items[i].is_number) && k < list->n; k++)
            if (apply(s, &list->patterns[k], items, n, i))
                break;
}

/* The words of a sentence, the caller's. */
static struct item *read_items(const struct sentence *s, size_t *ret_n)
{
    struct item *items = lp_calloc(s->n + 1, sizeof *items);
    size_t n = 0;

    for (size_t i = sentence_next(s, (size_t)-1); i < s->n; i = sentence_next(s, i))
        item_read(s, i, &items[n++]);
    *ret_n = n;
    return items;
}

/* True where the word before `first` is one of `list`. */
static bool is_behind(const char *list, const struct item *items, size_t first)
{
    return list && first > 0 && item_fits(&items[first - 1], list, strlen(list));
}

/* More than half of its long words have a capital. */
static bool is_title(const struct item *items, size_t n)
{
    size_t words = 0, capitals = 0;

    for (size_t i = 0; i < n; i++) {
        words += items[i].is_word && strlen(items[i].word) > 3;
        capitals += items[i].capital && strlen(items[i].word) > 3;
    }
    return 2 * capitals > words;
}

/* Of the phrases that change nothing: what they find is right. */
static void keep_phrase(struct sentence *s, const struct phrase_key *key, const struct item *items,
                        size_t n, size_t i)
{
    size_t first = i - key->at;
    const struct pattern *p = &key->phrase->pattern;

    if (!key->phrase->keeps || key->at > i || is_behind(key->phrase->not_before, items, first))
        return;
    size_t len = match_at(p, items + first, n - first);
    if (len == 0 || !fits_before(p, items, first) || !fits_after(p, items, n, first + len))
        return;
    for (size_t k = first; k < first + len; k++)
        s->tokens[items[k].token].kept = true;
}

/* "We had Rose over", "Didn't Drew call": names that are forms of verbs, too. */
static void keep_names(struct sentence *s, const struct item *items, size_t n)
{
    static const char names[] = "drew|rose|will|bill|mark|pat|sue|grant|grace|faith|hope|joy|dawn|"
                                "chase|frank|art|jack|rob|don|gene|miles|woods|brooks|bush|gates";

    for (size_t i = 1; i < n && !is_title(items, n); i++)
        if (items[i].is_name && items[i - 1].is_word &&
            item_is_listed(names, sizeof names - 1, items[i].word))
            s->tokens[items[i].token].kept = true;
}

void rule_keep(struct sentence *s)
{
    size_t n;
    lp_auto_free struct item *items = read_items(s, &n);

    keep_names(s, items, n);
    for (size_t i = 0; i < n; i++) {
        size_t found = 0;
        const struct phrase_key *keys = items[i].is_word ? phrases_of(items[i].word, &found) : NULL;
        for (size_t k = 0; k < found; k++)
            keep_phrase(s, &keys[k], items, n, i);
    }
}

static bool is_quote(const struct item *item)
{
    static const char *const quotes[] = { "\"", "'", "`", "\xe2\x80\x9c", "\xe2\x80\x9d" };

    for (size_t i = 0; i < LP_COUNT(quotes); i++)
        if (strcmp(item->word, quotes[i]) == 0)
            return true;
    return false;
}

/* "Can Will come", "the My Account page", "The Who": with a capital they are no helpers. */
static bool is_also_a_name(const char *word)
{
    static const char names[] = "will|may|my|your|our|who|can|her|his|their";
    return item_is_listed(names, sizeof names - 1, word);
}

/* What stands in quotes alone is told of, not said.
 * "call it Quit", "on the Your Stars page": a capital where no sentence begins is that of a name,
 * but in a title. */
static bool is_named(const struct item *items, size_t n, size_t first, const struct pattern *p)
{
    size_t k = first;

    if (is_title(items, n))
        return false;
    const char *match = p->match, *was = match;
    for (const char *at = p->to, *to = at; next_element(&at) > 0 && k < n; to = at, k++) {
        bool begins = k == 0 || !items[k - 1].is_word;
        bool any_name = strncmp(was, ":name", 5) == 0 || strncmp(was, ":any", 4) == 0;
        bool quoted = k > 0 && k + 1 < n && is_quote(&items[k - 1]) && is_quote(&items[k + 1]);
        bool name = items[k].is_name && !begins && !any_name;
        if (name && (*to != '=' || is_also_a_name(items[k].word)))
            return true;
        if (*to != '=' && quoted)
            return true;
        next_element(&match);
        was = match;
    }
    return false;
}

static bool apply_phrase(struct sentence *s, const struct phrase_key *key, struct item *items,
                         size_t n, size_t i, bool spelt)
{
    if (key->at > i || items[i].is_mixed || key->phrase->keeps ||
        (key->phrase->pattern.category == CATEGORY_SPELLING) != spelt)
        return false;
    size_t first = i - key->at;
    return !is_behind(key->phrase->not_before, items, first) &&
           !is_named(items, n, first, &key->phrase->pattern) &&
           apply(s, &key->phrase->pattern, items, n, first);
}

static void apply_phrases(struct sentence *s, struct item *items, size_t n, bool spelt)
{
    for (size_t i = 0; i < n; i++)
        item_read(s, items[i].token, &items[i]);
    for (size_t i = 0; i < n; i++) {
        size_t found = 0;
        const struct phrase_key *keys = NULL;
        if (items[i].is_word && !items[i].changed)
            keys = phrases_of(items[i].word, &found);
        for (size_t k = 0; k < found; k++)
            if (apply_phrase(s, &keys[k], items, n, i, spelt))
                break;
    }
}

void rule_spelt_phrases(struct sentence *s)
{
    size_t n;
    lp_auto_free struct item *items = read_items(s, &n);

    apply_phrases(s, items, n, true);
}

void rule_patterns(struct sentence *s)
{
    size_t n;
    lp_auto_free struct item *items = read_items(s, &n);

    apply_list(s, &pattern_confusables, items, n);
    apply_list(s, &pattern_order, items, n);
    apply_list(s, &pattern_subjects, items, n);
    apply_list(s, &pattern_phrases, items, n);
    apply_list(s, &pattern_verbs, items, n);
    apply_list(s, &pattern_words, items, n);
    apply_phrases(s, items, n, false);
}

void rule_regularised(struct sentence *s)
{
    for (size_t i = sentence_next(s, (size_t)-1); i < s->n; i = sentence_next(s, i)) {
        char word[ITEM_WORD], past[FORM_ROOM];
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
