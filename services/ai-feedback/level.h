/* services/ai-feedback/level.h -- a learner's level by the Common European Framework, and how much
 * is said at it. */
#pragma once

#include <stddef.h>

#include "base/error.h"

enum level { LEVEL_NONE, LEVEL_A1, LEVEL_A2, LEVEL_B1, LEVEL_B2, LEVEL_C1, LEVEL_C2 };

/* "A1" to "C2", in any case. LP_E_INVALID names field, value and what is allowed. */
LP_MUST_USE int level_read(const char *text, enum level *ret_level, struct lp_error *err);

const char *level_name(enum level level); /* "A1"; not of LEVEL_NONE */

/* Edits of one sentence that are explained, SIZE_MAX for all: 2 at A1, 3 at A2, 4 at B1, 6 at B2.
 */
size_t level_edits(enum level level);

/* Sentences of advice on a whole text: 1 at A1 and A2, 2 at B1 and B2, 3 else. */
size_t level_advice(enum level level);
