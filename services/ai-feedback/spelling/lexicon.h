/* services/ai-feedback/spelling/lexicon.h -- the words of the accepted dialects in a minimal
 * acyclic automaton: looked up by letters, and searched for those within two edits of a word. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* How a word is written; a bit each, as "bill" and "Bill" are both words. */
#define LEXICON_LOWER 1 /* "tea" */
#define LEXICON_NAME 2  /* "Monday" */
#define LEXICON_OTHER 4 /* "NATO", "iPad" */
#define LEXICON_SHY 8   /* not to be proposed */

#define LEXICON_WORD 25 /* room for a word that is searched for or found, with its NUL */

/* Read-only once made: any number of threads. */
struct lexicon;

/* The words of en_US and en_GB in `folder` ("any"), or of one ("en-US", "en-GB"). LP_E_NOT_FOUND
 * names the file that is missing. */
LP_MUST_USE int lexicon_new(const char *dialect, const char *folder, struct lexicon **ret_lexicon,
                            struct lp_error *err);
void lexicon_free(struct lexicon *x); /* NULL is fine */

/* The bits of a word in lower case, 0 where it is none. */
unsigned lexicon_find(const struct lexicon *x, const char *word, size_t len);

/* A word found: in lower case, alive during the call; its bits; edits counted as insertions,
 * deletions, substitutions and swaps of neighbours. */
typedef void lexicon_each(const char *word, size_t len, unsigned bits, unsigned edits, void *user);

/* Calls `each` for every word within `max` (at most 2) edits of `word` in lower case, `len` below
 * LEXICON_WORD; where the first letter differs, within one. */
void lexicon_near(const struct lexicon *x, const char *word, size_t len, unsigned max,
                  lexicon_each *each, void *user);
