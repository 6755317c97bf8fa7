/* services/ai-worker/speech/dictionary.h -- how English words are said: cmudict-en-us.dict. */
#pragma once

#include <stddef.h>

#include "base/error.h"

#define DICTIONARY_WAYS 4
#define DICTIONARY_PHONES 120 /* bytes of one way, with its NUL */

/* The file, mapped: read-only, any thread. */
struct dictionary;

/* LP_E_NOT_FOUND names the file. */
LP_MUST_USE int dictionary_new(const char *path, struct dictionary **ret_dictionary,
                               struct lp_error *err);
void dictionary_free(struct dictionary *d); /* NULL is fine */

struct dictionary_entry {
    const char *word; /* in lower case; borrowed */
    unsigned n;       /* of `ways`; 0: the dictionary has no such word */
    char ways[DICTIONARY_WAYS][DICTIONARY_PHONES]; /* "DH AH" */
};

/* Fills in how the `n` words are said, each `n` being 0 before. Reads the file once: about 10 ms.
 */
void dictionary_find(const struct dictionary *d, struct dictionary_entry *entries, size_t n);
