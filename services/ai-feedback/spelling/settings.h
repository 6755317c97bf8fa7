/* services/ai-feedback/spelling/settings.h -- the variables that say where a speller comes from. */
#pragma once

#include <stddef.h>

#include "config/env.h"
#include "services/ai-feedback/spelling/spelling.h"

/* Rows of an env table: DIALECT, DICTIONARY_DIR and MODEL_DIR into `member`, a struct
 * spelling_files of `owner`; names that no parentheses may stand around. */
// NOLINTBEGIN(bugprone-macro-parentheses)
#define SPELLING_ENV(owner, member)                                                          \
    {                                                                                        \
        .name = "DIALECT",                                                                   \
        .type = LP_ENV_STRING,                                                               \
        .offset = offsetof(owner, member.dialect),                                           \
        .fallback = "any",                                                                   \
        .one_of = spelling_dialects,                                                         \
        .help = "which spelling counts as right",                                            \
    },                                                                                       \
        {                                                                                    \
            .name = "DICTIONARY_DIR",                                                        \
            .type = LP_ENV_STRING,                                                           \
            .offset = offsetof(owner, member.dictionaries),                                  \
            .fallback = "/usr/share/hunspell",                                               \
            .min = 1,                                                                        \
            .max = 1024,                                                                     \
            .help = "folder of en_US and en_GB .aff and .dic",                               \
        },                                                                                   \
    {                                                                                        \
        .name = "MODEL_DIR", .type = LP_ENV_STRING, .offset = offsetof(owner, member.model), \
        .fallback = "/usr/share/pocketsphinx/model/en-us", .min = 1, .max = 1024,            \
        .help = "folder of en-us.lm.bin, the trigram model",                                 \
    }
// NOLINTEND(bugprone-macro-parentheses)
