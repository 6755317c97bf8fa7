/* services/ai-feedback/text/sentence.c -- cutting text into sentences and tokens, and writing them
 * back. No state. Bytes over 0x7f count as letters but for the typographic punctuation in
 * mark_length().
 */
#include "services/ai-feedback/text/sentence.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "services/ai-feedback/text/span.h"

const char *category_name(enum category c)
{
    static const char *const names[] = { "none",     "filler",      "repetition",  "spelling",
                                         "capitals", "punctuation", "article",     "agreement",
                                         "tense",    "verb form",   "preposition", "countability",
                                         "grammar",  "word choice" };
    return names[c];
}

/* U+2018 and U+2019 read as an apostrophe. */
static bool is_curly_apostrophe(const char *s, size_t left)
{
    return left >= 3 && memcmp(s, "\xe2\x80", 2) == 0 && (s[2] == '\x98' || s[2] == '\x99');
}

/* Bytes of the punctuation mark at `s`: ASCII, U+2010 to U+203F (dashes, quotes, ellipsis), or
 * those of Chinese and Japanese; 0 where it is none. */
static size_t mark_length(const char *s, size_t left)
{
    unsigned char c = (unsigned char)*s;
    if (c < 0x80)
        return ispunct(c) ? 1 : 0;
    if (left < 3)
        return 0;
    bool general = memcmp(s, "\xe2\x80", 2) == 0 && (unsigned char)s[2] >= 0x90;
    bool cjk = memcmp(s, "\xe3\x80", 2) == 0 && (unsigned char)s[2] <= 0x91;
    bool wide = memcmp(s, "\xef\xbc", 2) == 0 &&
                ((unsigned char)s[2] <= 0x8f || (unsigned char)s[2] >= 0x9a);
    return general || cjk || wide ? 3 : 0;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static bool is_letter_at(const char *s, size_t left)
{
    return left > 0 && !is_space(*s) && mark_length(s, left) == 0;
}

/* Bytes of the word at `s`: letters and digits, and apostrophes and hyphens between them. */
static size_t word_length(const char *s, size_t left)
{
    size_t n = 0;
    while (n < left) {
        if (is_letter_at(s + n, left - n)) {
            n++;
            continue;
        }
        size_t joiner = is_curly_apostrophe(s + n, left - n) ? 3 : (s[n] == '\'' || s[n] == '-');
        if (joiner == 0 || n == 0 || !is_letter_at(s + n + joiner, left - n - joiner))
            break;
        n += joiner;
    }
    return n;
}

/* "3.5", "1,000", "10:30": digits with a mark between digits. */
static size_t number_length(const char *s, size_t left)
{
    size_t n = 0;
    while (n < left) {
        bool digit = isdigit((unsigned char)s[n]);
        bool inner =
            n > 0 && n + 1 < left && strchr(".,:/", s[n]) && isdigit((unsigned char)s[n + 1]);
        if (!digit && !inner)
            break;
        n++;
    }
    return n;
}

/* A run of full stops is one mark. */
static size_t ellipsis_length(const char *s, size_t left)
{
    size_t n = 0;
    while (n < left && s[n] == '.')
        n++;
    return n > 1 ? n : 0;
}

static size_t token_length(const char *s, size_t left, size_t before, enum token_kind *ret_kind)
{
    size_t n = before == 0 ? span_list_mark(s, left) : 0;
    while (n > 0 && is_space(s[n - 1]))
        n--;
    if (n == 0)
        n = span_length(s, left, before);
    *ret_kind = TOKEN_OPAQUE;
    if (n > 0)
        return n;
    n = number_length(s, left);
    *ret_kind = TOKEN_NUMBER;
    if (n > 0 && !is_letter_at(s + n, left - n))
        return n;
    n = word_length(s, left);
    *ret_kind = TOKEN_WORD;
    if (n > 0)
        return n;
    *ret_kind = TOKEN_MARK;
    n = ellipsis_length(s, left);
    if (n == 0)
        n = mark_length(s, left);
    return n > 0 ? n : 1;
}

void sentence_init(struct sentence *s, const char *text, size_t len)
{
    size_t at = 0, cap = 0;

    *s = (struct sentence){ .text = text, .len = len };
    while (at < len) {
        bool space = false;
        for (; at < len && is_space(text[at]); at++)
            space = true;
        if (at == len)
            break;
        if (s->n == cap) {
            cap = cap ? cap * 2 : 32;
            s->tokens = lp_realloc(s->tokens, cap * sizeof *s->tokens);
        }
        struct token t = { .at = at, .space = space };
        t.len = token_length(text + at, len - at, at, &t.kind);
        s->tokens[s->n++] = t;
        at += t.len;
    }
}

void sentence_done(struct sentence *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct token *t = &s->tokens[i];
        free(t->now);
        free(t->reason.own);
        free(t->after_reason.own);
        free(t->space_reason.own);
    }
    free(s->tokens);
    s->tokens = NULL;
    s->n = 0;
}

/* Bytes of the character at `s`, of which `left` are there; bytes that belong to none count one by
 * one. */
static size_t character_length(const char *s, size_t left)
{
    size_t n = 1;
    if ((unsigned char)*s >= 0xc0)
        while (n < left && n < 4 && ((unsigned char)s[n] & 0xc0) == 0x80)
            n++;
    return n;
}

static const char *text_now(const struct sentence *s, size_t i, size_t *ret_len)
{
    const struct token *t = &s->tokens[i];

    *ret_len = t->now ? strlen(t->now) : t->len;
    return t->now ? t->now : s->text + t->at;
}

/* The lower-case form of the character at *from, which moves behind it; its bytes go to `out`. */
static size_t lower_character(const char **from, size_t *left, char out[4])
{
    size_t n = is_curly_apostrophe(*from, *left) ? 3 : character_length(*from, *left);
    size_t made = 1;

    if (n == 3 && is_curly_apostrophe(*from, *left)) {
        out[0] = '\'';
    } else {
        memcpy(out, *from, n);
        made = n;
        if (*out >= 'A' && *out <= 'Z')
            *out |= 0x20;
    }
    *from += n;
    *left -= n;
    return made;
}

size_t token_lower(const struct sentence *s, size_t i, char *out, size_t size)
{
    size_t left, n = 0;
    const char *from = text_now(s, i, &left);

    while (left > 0) {
        char c[4];
        size_t made = lower_character(&from, &left, c);
        if (n + made >= size)
            break;
        memcpy(out + n, c, made);
        n += made;
    }
    out[n] = '\0';
    return n;
}

bool token_same(const struct sentence *s, size_t i, size_t j)
{
    size_t left, left2;

    if (i >= s->n || j >= s->n || s->tokens[i].kind != TOKEN_WORD ||
        s->tokens[j].kind != TOKEN_WORD)
        return false;
    const char *a = text_now(s, i, &left), *b = text_now(s, j, &left2);
    if (left == 0)
        return false;
    while (left > 0 && left2 > 0) {
        char x[4], y[4];
        size_t n = lower_character(&a, &left, x);
        if (n != lower_character(&b, &left2, y) || memcmp(x, y, n) != 0)
            return false;
    }
    return left == left2;
}

bool token_is(const struct sentence *s, size_t i, const char *lower)
{
    char word[32];
    return i < s->n && token_lower(s, i, word, sizeof word) > 0 && strcmp(word, lower) == 0;
}

bool word_is_among(const char *word, const char *list)
{
    size_t len = strlen(word);

    for (const char *at = list; len > 0 && *at; at += strcspn(at, " "), at += *at == ' ')
        if (strcspn(at, " ") == len && memcmp(at, word, len) == 0)
            return true;
    return false;
}

static bool deleted(const struct token *t)
{
    return t->now && !*t->now;
}

size_t sentence_next(const struct sentence *s, size_t i)
{
    for (i++; i < s->n && deleted(&s->tokens[i]); i++)
        ;
    return i < s->n ? i : s->n;
}

size_t sentence_previous(const struct sentence *s, size_t i)
{
    while (i > 0)
        if (!deleted(&s->tokens[--i]))
            return i;
    return s->n;
}

void reason_say(struct reason *r, enum category category, const char *rule, double confidence,
                const char *message)
{
    if (r->category != CATEGORY_NONE)
        return;
    *r = (struct reason){ category, rule, confidence, message, NULL };
}

/* printf into a string of the caller's; "" where a value cannot be written. */
__attribute__((format(printf, 1, 0))) static char *format(const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    char *text = lp_alloc(n > 0 ? (size_t)n + 1 : 1);
    if (n > 0)
        vsnprintf(text, (size_t)n + 1, fmt, args);
    return text;
}

void token_change(struct sentence *s, size_t i, const char *now, enum category category,
                  const char *rule, double confidence, const char *message, ...)
{
    struct token *t = &s->tokens[i];
    va_list args;

    bool about_letters = category == CATEGORY_SPELLING || category == CATEGORY_CAPITALS;
    if (t->kind == TOKEN_OPAQUE || (t->kept && !about_letters))
        return;
    va_start(args, message);
    lp_auto_free char *own = format(message, args);
    va_end(args);
    if (t->reason.category == CATEGORY_NONE) {
        t->reason = (struct reason){ category, rule, confidence, own, own };
        own = NULL;
    } else if (t->reason.category == CATEGORY_SPELLING && !about_letters) {
        char *both = lp_sprintf("%s %s", t->reason.message, own);
        free(t->reason.own);
        t->reason.message = t->reason.own = both;
    }
    char *copy = lp_strdup(now);
    free(t->now);
    t->now = copy;
}

void sentence_write(const struct sentence *s, struct lp_buf *out)
{
    bool first = true;
    for (size_t i = 0; i < s->n; i++) {
        const struct token *t = &s->tokens[i];
        if (deleted(t))
            continue;
        if (!first && ((t->space && !t->glued) || t->spaced))
            lp_buf_char(out, ' ');
        first = false;
        if (t->now)
            lp_buf_str(out, t->now);
        else
            lp_buf_add(out, s->text + t->at, t->len);
        lp_buf_str(out, t->after);
    }
}
