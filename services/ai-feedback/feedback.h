/* services/ai-feedback/feedback.h -- a text into corrected sentences with a reason for each edit.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "services/ai-feedback/spelling.h"

#define FEEDBACK_SENTENCE_BYTES 2000 /* a longer run without an end is cut at a word */
#define FEEDBACK_SUGGESTIONS 300     /* unknown words looked up per request */

/*
 * Checks `len` bytes. The reply, the caller's:
 * {"sentence_pairs":[{"original","corrected","distance","edits":[{"start","end",
 * "original","replacement","category","rule","message","confidence"}]}],"stats":{"average
 * distance","corrected sentences","total sentences"},"engine":"local"}. start and end count
 * characters of the pair's original; an insertion has start = end. "limits" is there where
 * FEEDBACK_SUGGESTIONS was reached. ret_score: 0..100, 100 for a text that needs no change.
 * LP_E_INVALID: no word in it. LP_E_TIMEOUT: lp_clock_ms() passed `deadline_ms`.
 */
LP_MUST_USE int feedback_check(struct spelling *speller, const char *text, size_t len,
                               int64_t deadline_ms, json_t **ret_reply, int *ret_score,
                               struct lp_error *err);
