/* services/ai-worker/speech/judge.h -- from what was heard to scores, errors and hints. Pure
 * functions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "services/ai-feedback/recording/reference.h"
#include "services/ai-worker/speech/audio.h"
#include "services/ai-worker/speech/dictionary.h"
#include "services/ai-worker/speech/recogniser.h"
#include "services/ai-worker/speech/ways.h"

#define JUDGE_HINTS 2 /* of a sentence, at most */

enum judged_error { JUDGED_NONE, JUDGED_OMISSION, JUDGED_INSERTION, JUDGED_MISPRONUNCIATION };

struct judged_phone {
    const char *name; /* what was to be said; borrowed of what was judged */
    int start_ms, ms;
    double accuracy; /* 0..100 */
};

/* A word of the reference, or one that was said beside it, in the order of the time. */
struct judged_word {
    const char *text;  /* borrowed; NULL: said, but nobody knows what */
    unsigned sentence; /* insertions: that of the word before */
    bool known;        /* to the dictionary; what is not known is not judged */
    enum judged_error error;
    int start_ms, ms;
    double accuracy; /* 0..100; 0 for what was not said */
    struct judged_phone *phones;
    size_t n_phones;
    /* JUDGED_MISPRONUNCIATION: the sounds, and how clearly one was the other. */
    const char *expected, *said;
    double margin;
    bool hinted; /* it is one of the clearest of its sentence */
};

struct judged_pause {
    int start_ms, ms;
};

struct verdict {
    bool matched; /* the recording is of the text */
    struct judged_word *words;
    size_t n_words;
    struct judged_pause *pauses;
    size_t n_pauses;
    double accuracy, fluency, completeness, score; /* 0..100 */
    double pace;                                   /* words a minute, from the first to the last */
    int ms, speech_ms;
};
#define auto_verdict __attribute__((cleanup(verdict_done)))
void verdict_done(struct verdict *verdict);

/* All borrowed, and by *ret_verdict until it is done. */
struct evidence {
    const struct reference *reference;
    const struct dictionary_entry *entries; /* of its words */
    const struct ways *ways;
    const struct heard *heard;
    const struct audio *audio;
    const char *first_language; /* NULL: not known */
};

/* Initialise *ret_verdict with {0}. */
void judge(const struct evidence *evidence, struct verdict *ret_verdict);
