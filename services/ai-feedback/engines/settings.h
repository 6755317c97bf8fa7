/* services/ai-feedback/engines/settings.h -- the variables that name a server for grammar. */
#pragma once

#include <stddef.h>

#include "config/env.h"
#include "services/ai-feedback/engines/grammar.h"

/* Rows of an env table: GRAMMAR_URL, GRAMMAR_TIMEOUT and GRAMMAR_CONCURRENCY into `member`, a
 * struct grammar_settings of `owner`; names that no parentheses may stand around. */
// NOLINTBEGIN(bugprone-macro-parentheses)
#define GRAMMAR_ENV(owner, member)                                                               \
    {                                                                                            \
        .name = "GRAMMAR_URL",                                                                   \
        .type = LP_ENV_URL,                                                                      \
        .offset = offsetof(owner, member.url),                                                   \
        .fallback = "",                                                                          \
        .max = 2048,                                                                             \
        .help = "a LanguageTool server (/v2/check) for a second opinion: texts are sent there; " \
                "empty: none",                                                                   \
    },                                                                                           \
        {                                                                                        \
            .name = "GRAMMAR_TIMEOUT",                                                           \
            .type = LP_ENV_DURATION,                                                             \
            .offset = offsetof(owner, member.timeout_ms),                                        \
            .fallback = "2s",                                                                    \
            .min = 100,                                                                          \
            .max = 30000,                                                                        \
            .help = "until an answer is without it",                                             \
        },                                                                                       \
    {                                                                                            \
        .name = "GRAMMAR_CONCURRENCY", .type = LP_ENV_INT,                                       \
        .offset = offsetof(owner, member.concurrency), .fallback = "4", .min = 1, .max = 64,     \
        .help = "texts that are there at once",                                                  \
    }
// NOLINTEND(bugprone-macro-parentheses)
