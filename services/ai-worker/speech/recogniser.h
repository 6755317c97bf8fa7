/* services/ai-worker/speech/recogniser.h -- pocketsphinx: which of the ways that a grammar allows
 * was taken, which phones that are when, and what phones there are if anything is allowed. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/stop.h"

#define RECOGNISER_RATE 16000 /* samples a second */
#define RECOGNISER_FRAME_MS 10
#define RECOGNISER_ARCS 20000 /* of a grammar, at most */
#define RECOGNISER_NEVER 1e9  /* a cost */

/* Not for two threads at a time. */
struct recogniser;

/* `folder` is an acoustic model (mdef, means, variances, sendump, …), which must be one: the
 * library ends the process on others. LP_E_NOT_FOUND names the file that is missing, LP_E_INVALID.
 */
LP_MUST_USE int recogniser_new(const char *folder, struct recogniser **ret_recogniser,
                               struct lp_error *err);
void recogniser_free(struct recogniser *r); /* NULL is fine */

/* A way from one state to another, by saying phones ("HH EH L OW"). Costs are natural logarithms of
 * how unlikely it is, 0 and more. */
struct recogniser_arc {
    unsigned from, to;
    const char *phones;
    double cost;
};

/* From state 0 to the last one. Silence and noise may come at each. */
struct recogniser_grammar {
    const struct recogniser_arc *arcs;
    size_t n;            /* at most RECOGNISER_ARCS */
    const double *skips; /* of a way from state i to state j > i without saying anything, at
                          * i * states + j, or RECOGNISER_NEVER; two in a row are not taken */
    unsigned states;
};

struct heard_phone {
    const char *name; /* as in the dictionary, "SIL" and "+…+" for noise; the recogniser's */
    int start, frames;
    double
        score; /* mean of the frames: logarithm of how much less likely than the best, 0 or less */
};

#define HEARD_SILENCE (-1)
#define HEARD_NOISE (-2) /* speech that no arc has, breath, a knock */

struct heard_part {
    int arc; /* or one of these */
    int start, frames;
    size_t phone, n_phones; /* where its phones are in `aligned` */
};

struct heard {
    struct heard_part *parts; /* the whole time, one after another; none where nothing fits */
    size_t n_parts;
    struct heard_phone *aligned; /* the phones of the parts */
    size_t n_aligned;
    struct heard_phone *free; /* the most likely phones, whatever the grammar says */
    size_t n_free;
};
#define auto_heard __attribute__((cleanup(heard_done)))
void heard_done(struct heard *heard);

struct recogniser_limits {
    const struct lp_stop *stop; /* NULL: none */
    int64_t deadline_ms;
};

/* Listens to `n` samples. LP_E_TIMEOUT, LP_E_CANCELED, within a tenth of a second of CPU or so;
 * LP_E_INTERNAL. Initialise *ret_heard with {0}. */
LP_MUST_USE int recogniser_listen(struct recogniser *r, const int16_t *samples, size_t n,
                                  const struct recogniser_grammar *grammar,
                                  const struct recogniser_limits *limits, struct heard *ret_heard,
                                  struct lp_error *err);
