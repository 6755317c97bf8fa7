/* services/ai-feedback/engines/grammar_apply.c -- matches of a LanguageTool server as changes of
 * tokens. No state. */
#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "services/ai-feedback/engines/grammar.h"

#define NEAR 3 /* tokens on either side of a match that must be as the server saw them */

/* Tokens `first` to `last`, which a match covers exactly. */
struct place {
    size_t first, last;
};

static bool find_place(const struct sentence *s, size_t at, size_t len, struct place *p)
{
    size_t i = 0;

    while (i < s->n && s->tokens[i].at < at)
        i++;
    if (i == s->n || s->tokens[i].at != at)
        return false;
    p->first = i;
    while (i < s->n && s->tokens[i].at + s->tokens[i].len < at + len)
        i++;
    p->last = i;
    return i < s->n && s->tokens[i].at + s->tokens[i].len == at + len;
}

static bool is_free(const struct token *t)
{
    bool kind = t->kind == TOKEN_WORD || t->kind == TOKEN_MARK;
    return kind && !t->now && !t->after[0] && !t->glued && !t->spaced &&
           t->reason.category == CATEGORY_NONE;
}

/* A change of ours that the server did not see, and that may make another of its words right or
 * wrong: the number of a noun, the form of a verb. */
static bool is_changed_grammar(const struct token *t)
{
    return t->now && t->reason.category >= CATEGORY_ARTICLE;
}

static bool is_near_change(const struct sentence *s, const struct place *p)
{
    size_t from = p->first < NEAR ? 0 : p->first - NEAR;

    for (size_t i = from; i <= p->last + NEAR && i < s->n; i++)
        if (is_changed_grammar(&s->tokens[i]))
            return true;
    return false;
}

/* An unknown word that may be a name, or one that we know, perhaps in another dialect. */
static bool is_no_typo(const struct sentence *s, const struct place *p,
                       const struct spelling *speller)
{
    for (size_t i = p->first; i <= p->last; i++) {
        char word[64];
        if (isupper((unsigned char)s->text[s->tokens[i].at]) ||
            (token_lower(s, i, word, sizeof word) > 0 && spelling_knows(speller, word)))
            return true;
    }
    return false;
}

/* Leaves out the words that stay at the begin and the end; `to` is cut in place. */
static char *shorten(const struct sentence *s, struct place *p, char *to)
{
    for (; p->first < p->last; p->first++) {
        const struct token *t = &s->tokens[p->first];
        if (strncmp(to, s->text + t->at, t->len) != 0 || to[t->len] != ' ' || !t[1].space)
            break;
        to += t->len + 1;
    }
    for (; p->first < p->last; p->last--) {
        const struct token *t = &s->tokens[p->last];
        size_t len = strlen(to);
        if (!t->space || len < t->len + 2 || to[len - t->len - 1] != ' ' ||
            memcmp(to + len - t->len, s->text + t->at, t->len) != 0)
            break;
        to[len - t->len - 1] = '\0';
    }
    return to;
}

static bool may_change(const struct sentence *s, const struct place *p, const char *to)
{
    const struct token *first = &s->tokens[p->first], *last = &s->tokens[p->last];
    size_t len = last->at + last->len - first->at;

    for (size_t i = p->first; i <= p->last; i++)
        if (!is_free(&s->tokens[i]))
            return false;
    if (strlen(to) == len && memcmp(to, s->text + first->at, len) == 0)
        return false;
    return *to || p->last - p->first + 1 < s->n;
}

static void apply_match(struct sentence *s, const struct spelling *speller, size_t at,
                        const struct grammar_match *m)
{
    struct place p;
    char copy[sizeof m->replacement];

    if (!find_place(s, at, m->len, &p) || is_near_change(s, &p) ||
        (m->category == CATEGORY_SPELLING && is_no_typo(s, &p, speller)))
        return;
    memcpy(copy, m->replacement, sizeof copy);
    const char *to = shorten(s, &p, copy);
    if (!may_change(s, &p, to))
        return;
    for (size_t i = p.first; i <= p.last; i++)
        token_change(s, i, i == p.first ? to : "", m->category, m->rule, m->confidence, "%s",
                     m->message);
}

void grammar_apply(struct sentence *s, const struct spelling *speller,
                   const struct grammar_matches *m)
{
    if (m->n == 0)
        return;
    size_t base = (size_t)(s->text - m->text);
    for (size_t i = 0; i < m->n; i++)
        if (m->list[i].at >= base && m->list[i].at + m->list[i].len <= base + s->len)
            apply_match(s, speller, m->list[i].at - base, &m->list[i]);
}
