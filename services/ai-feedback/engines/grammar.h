/* services/ai-feedback/engines/grammar.h -- the second opinion of a LanguageTool server
 * (GRAMMAR_URL, its HTTP API: POST /v2/check). */
#pragma once

#include <stddef.h>

#include "services/ai-feedback/engines/engine.h"
#include "services/ai-feedback/text/sentence.h"
#include "services/ai-feedback/spelling/spelling.h"

#define GRAMMAR_WINDOW 16384             /* bytes of text that are asked about at once */
#define GRAMMAR_ANSWER ((size_t)2 << 20) /* bytes of its answer */
#define GRAMMAR_MATCHES 1000             /* of one answer; more are passed over */

struct grammar_settings {
    const char *url;     /* GRAMMAR_URL; "": none. Borrowed */
    int64_t timeout_ms;  /* GRAMMAR_TIMEOUT */
    int64_t concurrency; /* GRAMMAR_CONCURRENCY */
};
/* The server that these name, for as long as the caller wants (engine_free); NULL stays NULL where
 * they name none. Errors as engine_new. */
LP_MUST_USE int grammar_open(const struct grammar_settings *settings, struct engine **ret_engine,
                             struct lp_error *err);

/* What it would change: `len` bytes at `at`. */
struct grammar_match {
    size_t at, len;
    char replacement[128];
    char rule[80];     /* "languagetool:HE_VERB_AGR" */
    char message[320]; /* as it was worded there, cut */
    enum category category;
    double confidence; /* it gives none: .8 with one replacement, .6 with several */
};

/* In the order of their places, none of which overlap. `text` is borrowed. Zeroed is none. */
struct grammar_matches {
    const char *text;
    struct grammar_match *list; /* owned */
    size_t n;
};
void grammar_matches_done(struct grammar_matches *m);

/* Asks about `len` bytes of valid UTF-8 in `dialect` ("any" asks as en-US); *ret_matches is set
 * where it answered. */
enum engine_outcome grammar_check(struct engine *e, const char *dialect, const char *text,
                                  size_t len, int64_t deadline_ms,
                                  struct grammar_matches *ret_matches);

/*
 * Reads an answer of /v2/check about the bytes of m->text, of which there are `len`. Offsets there
 * count UTF-16 code units. A match is passed over where it lies outside of the text or cuts a
 * character, where its context shows another place than its offset, where it is a matter of style
 * or layout, where it has no replacement or one that is no plain text. LP_E_INVALID where the
 * answer is no JSON object with a list of matches.
 */
LP_MUST_USE int grammar_read(const char *answer, size_t answer_len, size_t len,
                             struct grammar_matches *m, struct lp_error *err);

/*
 * Makes the changes that lie in the sentence, which is part of m->text: on whole words that nothing
 * of ours has changed, nor a word's grammar next to them, never in a protected span or a number,
 * never a word that is right in a dialect of ours or has a capital for one that is spelt another
 * way. The matches stay alive as long as the sentence's reasons.
 */
void grammar_apply(struct sentence *s, const struct spelling *speller,
                   const struct grammar_matches *m);
