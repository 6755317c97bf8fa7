/* services/ai-worker/speech/pronunciation.h -- how a learner read a text aloud. */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/stop.h"

/* The acoustic model and the dictionary, loaded once. Any number of threads; one recording is
 * listened to at a time, the others wait. */
struct pronunciation;

/*
 * `model` is a folder with en-us/ (the acoustic model) and cmudict-en-us.dict, as Debian's
 * pocketsphinx-en-us has them. Takes about a tenth of a second. LP_E_NOT_FOUND names the file that
 * is missing, LP_E_INVALID the one that is something else.
 */
LP_MUST_USE int pronunciation_new(const char *model, struct pronunciation **ret_pronunciation,
                                  struct lp_error *err);
void pronunciation_free(struct pronunciation *p); /* NULL is fine */

/* All borrowed during the call. */
struct pronunciation_request {
    const void *wav; /* a file: recording/wav.h says what is taken */
    size_t size;
    const char *text;           /* what was to be read: recording/reference.h */
    const char *first_language; /* "id", "zh", …: a hint may go by it; NULL: not known */
    const struct lp_stop *stop; /* NULL: nobody stops it */
    int64_t deadline_ms;        /* as lp_clock_ms */
};

/*
 * What was heard, owned by the caller:
 *   {"recognitionStatus": "Success" or "NoMatch" (no speech, or none that fits the text),
 *    "displayText", "engine": "local",
 *    "pronScore", "accuracyScore", "fluencyScore", "completenessScore": 0..100,
 *    "words": [{"word", "offsetMs", "durationMs", "accuracyScore", "errorType": "None", "Omission",
 *               "Insertion" or "Mispronunciation", "phonemes": [{"phoneme", "offsetMs",
 *               "durationMs", "accuracyScore"}]}],
 *    "hints": [{"word", "expected", "heard", "message", "offsetMs"}], at most two a sentence,
 *    "pace": words a minute, "pauses": [{"offsetMs", "durationMs"}], "durationMs", "speechMs",
 *    "notInDictionary": words that were not judged}
 * An insertion that is neither a filler nor a word of the text has the word "". The accuracyScore
 * of insertions and of words that the dictionary does not have is null. pronScore is three parts
 * accuracy and one part fluency, times completeness.
 * LP_E_INVALID: the recording or the text is none that can be judged, with field, value and limit;
 * it will never be. LP_E_TIMEOUT: the deadline; LP_E_CANCELED: the stop; LP_E_INTERNAL.
 */
LP_MUST_USE int pronunciation_assess(struct pronunciation *p,
                                     const struct pronunciation_request *request,
                                     json_t **ret_result, struct lp_error *err);
