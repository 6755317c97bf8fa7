/* services/ai-feedback/spelling/affix.h -- all word forms of a hunspell dictionary. */
#pragma once

#include <stdbool.h>

#include "base/error.h"

#define AFFIX_WORD 64 /* bytes of a form with its NUL; longer ones are left out */

/* A form in UTF-8, alive during the call. `shy`: a word to accept and never to propose. */
typedef void affix_each(const char *word, bool shy, void *user);

/*
 * Calls `each` for every stem of `dic` and every form that the rules of `aff` make of it: prefixes,
 * suffixes, and both where the rules may be crossed (hunspell(5), "AFFIX FILE OPTIONS"). Left out:
 * forms in 's, which are looked up without it, compounds, and affixes of affixes, which the English
 * dictionaries of Debian do not have. The same form may come more than once. LP_E_NOT_FOUND names a
 * file that cannot be read.
 */
LP_MUST_USE int affix_expand(const char *aff, const char *dic, affix_each *each, void *user,
                             struct lp_error *err);
