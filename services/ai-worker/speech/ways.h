/* services/ai-worker/speech/ways.h -- how a text may be read aloud: as it stands, with words left
 * out, said again, a filler between them, or a sound for which learners often say another. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "services/ai-feedback/recording/reference.h"
#include "services/ai-worker/speech/dictionary.h"
#include "services/ai-worker/speech/recogniser.h"

enum way_kind {
    WAY_RIGHT,
    WAY_OTHER,  /* one phone is another */
    WAY_AGAIN,  /* the word once more */
    WAY_FILLER, /* "um", "uh" */
    WAY_NOISE,  /* a sound of something else */
};

struct way {
    enum way_kind kind;
    unsigned word;    /* of the reference, but for fillers and noise */
    unsigned phone;   /* WAY_OTHER: which of the word, from 0 */
    const char *said; /* WAY_OTHER: the phone instead; WAY_FILLER: the word */
    char *phones;     /* owned */
};

struct ways {
    struct way *ways; /* of each arc */
    struct recogniser_arc *arcs;
    double *skips;
    size_t n;
    unsigned states; /* words of the reference + 1 */
};
#define auto_ways __attribute__((cleanup(ways_done)))
void ways_done(struct ways *ways);

/* `entries` are those of the reference's words. A word without an entry may be passed over,
 * whatever is said in its place. Initialise *ret_ways with {0}. */
void ways_of(const struct reference *reference, const struct dictionary_entry *entries,
             struct ways *ret_ways);

/* The sound at the start of `phones` that is confused with others, as a constant; NULL: none is. */
const char *ways_expected(const char *phones);

/* Whether who learnt `language` ("id", "zh-CN", …) first often says `said` for `expected`. */
bool ways_is_usual(const char *language, const char *expected, const char *said);
