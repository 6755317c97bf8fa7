/* services/ai-feedback/feedback.h -- a text into corrected sentences with a reason for each edit.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/stop.h"
#include "services/ai-feedback/engines/engine.h"
#include "services/ai-feedback/level.h"
#include "services/ai-feedback/spelling/spelling.h"
#include "services/ai-feedback/text/sentence.h"

/* What one request may cost. Where one of the last four ends the work, the rest of the text is left
 * unread and "limits" in the answer names which. */
#define FEEDBACK_SENTENCE_BYTES 2000 /* a longer run without an end is cut at a word */
#define FEEDBACK_SUGGESTIONS 300     /* unknown words looked up; more are left as they are */
#define FEEDBACK_SENTENCES 2000
#define FEEDBACK_EDITS 10000
#define FEEDBACK_ANSWER (4 << 20) /* bytes */
#define FEEDBACK_PIECE                                                       \
    (64 << 10) /* bytes of an answer that are kept before they are handed on \
                */

struct feedback_request {
    const char *text;       /* borrowed, ends with a NUL; what is no UTF-8 in it counts as '?' */
    int64_t deadline_ms;    /* lp_clock_ms() value */
    struct engine *grammar; /* a second opinion; borrowed; NULL: none */
    const char *dialect;    /* of that; borrowed */
    enum level level;       /* LEVEL_NONE: all is said */
    const char *heard_by;   /* the engine that made `text` of audio, a literal; NULL: none did */
    size_t *by_category;    /* CATEGORIES counts, borrowed: edits are added; NULL: nobody asks */
    const struct lp_stop *stop; /* ends the work after a sentence, with LP_E_CANCELED; or NULL */
    /* Takes what is in `out` once FEEDBACK_PIECE is reached and more is to come, and empties it; a
     * negative result ends the work with that result. NULL: everything stays in `out`. */
    int (*hand_on)(struct lp_buf *out, void *user, struct lp_error *err);
    void *user;
};

/*
 * Checks a text and writes the answer to `out` sentence by sentence:
 * {"sentence_pairs":[{"original","corrected","distance","edits":[{"start","end",
 * "original","replacement","category","rule","message","confidence"}]}],"stats":{"average
 * distance","corrected sentences","total sentences"},"engine":"local"}. "engine" is
 * "local+languagetool" where `grammar` answered, and "fallback":{"languagetool":why} tells that it
 * did not, or not about the whole text (engine_outcome_name()). start and end count
 * characters of the pair's original; an insertion has start = end. A sentence of another language
 * is left as it is, and "language" in its pair names it (sentence_language()). At a level, a pair
 * explains the level_edits() edits that matter most, and "untold" counts the others, which are made
 * too. "scores" and "advice": scores_json(), scores_advice(). "level", and "transcription":{"text",
 * "engine"} of audio, where they were given. "limits" is there where a limit was met:
 * {"<which>":<limit>, …, "characters read":n}. ret_score: 0..100, 100 for a text that needs no
 * change. LP_E_INVALID: no word in it. LP_E_TIMEOUT: the deadline passed before anything was handed
 * on; after that it is a limit ("deadline"). Any thread; memory grows with a sentence and a piece,
 * not with the text.
 */
LP_MUST_USE int feedback_check(const struct spelling *speller,
                               const struct feedback_request *request, struct lp_buf *out,
                               int *ret_score, struct lp_error *err);

/* How many edits of each category there were, as lp-progress takes it: at most FEEDBACK_EDITS of
 * one, which are as many as it allows. Owned by the caller. */
json_t *feedback_counts(const size_t by_category[CATEGORIES]);
