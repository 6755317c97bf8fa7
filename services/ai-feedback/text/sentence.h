/* services/ai-feedback/text/sentence.h -- a sentence as tokens, which the rules change one after
 * another. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* What an edit is about; a learner sees the category's name. */
enum category {
    CATEGORY_NONE,
    CATEGORY_FILLER,
    CATEGORY_REPETITION,
    CATEGORY_SPELLING,
    CATEGORY_CAPITALS,
    CATEGORY_PUNCTUATION,
    CATEGORY_ARTICLE,
    CATEGORY_AGREEMENT,
    CATEGORY_TENSE,
    CATEGORY_VERB_FORM,
    CATEGORY_PREPOSITION,
    CATEGORY_COUNTABILITY,
    CATEGORY_GRAMMAR, /* what another engine names no closer */
    CATEGORY_WORD_CHOICE,
    CATEGORIES
};
const char *category_name(enum category c);

/* Why a token changed. `rule` is borrowed, mostly a literal; the first reason of a token is the one
 * that is answered. Of a word that was misspelt the message of another change follows ("received"
 * is not what the speller proposed). */
struct reason {
    enum category category;
    const char *rule;
    double confidence;   /* 0..1 */
    const char *message; /* a literal or `own` */
    char *own;           /* owned; NULL for a literal */
};

/* MARK: punctuation. OPAQUE: what span_length() and span_list_mark() find; no rule changes it. */
enum token_kind { TOKEN_WORD, TOKEN_NUMBER, TOKEN_MARK, TOKEN_OPAQUE };

/*
 * `at` and `len` are bytes of the original sentence; `space` says that white space stood before it.
 * `now` is what it became: NULL while unchanged, "" where it is deleted. `glued` takes the space
 * before it away, `after` is text added behind it.
 */
struct token {
    enum token_kind kind;
    size_t at, len;
    bool space, glued, spaced;
    bool kept;     /* right, as a phrase tells: no rule but the speller changes it */
    char *now;     /* owned */
    char after[4]; /* "." or "?"; "" for nothing */
    struct reason reason, after_reason, space_reason;
};

/* Borrowed text of one sentence and its tokens. Belongs to one thread. */
struct sentence {
    const char *text;
    size_t len;
    struct token *tokens; /* owned */
    size_t n;
};

/* Cuts `len` bytes of valid UTF-8 into tokens. */
void sentence_init(struct sentence *s, const char *text, size_t len);
void sentence_done(struct sentence *s);
#define auto_sentence __attribute__((cleanup(sentence_done)))

/* The token's text as it is now, into `out` (cut between characters, at most size - 1 bytes),
 * lower-cased in ASCII, with ' for a typographic apostrophe. Returns its length, 0 for a deleted
 * token. */
size_t token_lower(const struct sentence *s, size_t i, char *out, size_t size);
bool token_is(const struct sentence *s, size_t i, const char *lower);

/* Whether `word` ("": no) is one of the words of `list`, with a space between each two. */
bool word_is_among(const char *word, const char *list);

/* True where both are words that differ in nothing but case and the form of apostrophes. */
bool token_same(const struct sentence *s, size_t i, size_t j);

/* The next/previous token that is not deleted; s->n where there is none. */
size_t sentence_next(const struct sentence *s, size_t i);
size_t sentence_previous(const struct sentence *s, size_t i);

/* Says why, where nothing was said before; `message` is a literal. */
void reason_say(struct reason *r, enum category category, const char *rule, double confidence,
                const char *message);

/* Changes token i to `now` (copied; "" deletes it); an opaque one stays as it is. */
__attribute__((format(printf, 7, 8))) void token_change(struct sentence *s, size_t i,
                                                        const char *now, enum category category,
                                                        const char *rule, double confidence,
                                                        const char *message, ...);

/* The corrected sentence, appended to `out`. */
void sentence_write(const struct sentence *s, struct lp_buf *out);
