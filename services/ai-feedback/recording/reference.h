/* services/ai-feedback/recording/reference.h -- the text that a learner reads aloud, as words. */
#pragma once

#include <stddef.h>

#include "base/error.h"

#define REFERENCE_BYTES 2000 /* of the text */
#define REFERENCE_WORDS 120  /* more are not read in WAV_SECONDS */
#define REFERENCE_WORD 33    /* bytes of one, with its NUL */

struct reference {
    size_t n; /* 1..REFERENCE_WORDS */
    struct reference_word {
        char text[REFERENCE_WORD]; /* a to z and ': in lower case, ’ as ' */
        unsigned sentence;         /* counted from 0 */
    } words[REFERENCE_WORDS];
};

/*
 * The words of `text`, a NUL-terminated string of any bytes. What stands between hyphens are words
 * of their own. LP_E_INVALID names what is allowed: no word, too many, too long a text or word, a
 * digit (numbers are to be spelt out: who reads "1990" may say either), a letter that English words
 * do not have. Thread: any.
 */
LP_MUST_USE int reference_read(const char *text, struct reference *ret_reference,
                               struct lp_error *err);
