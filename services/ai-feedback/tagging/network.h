/* services/ai-feedback/tagging/network.h -- a recurrent network that reads the words of a text from
 * both ends, as bench/ai/train wrote it: gated recurrent units (Cho et al. 2014), beside them a
 * linear sum over pairs and triples of words. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "services/ai-feedback/tagging/linear.h"

enum {
    NETWORK_WORD = 24, /* numbers that stand for a word */
    NETWORK_VIEWS = 8, /* numbers that others say of it */
    NETWORK_INPUT = NETWORK_WORD + NETWORK_VIEWS,
    NETWORK_STATE = 48, /* what is remembered of the words so far */
    NETWORK_GATES = 3 * NETWORK_STATE,
    NETWORK_MIX = 32, /* what the memories of both sides come to */
    NETWORK_ENDING_BITS = 11
};

/* Scales of what is stored: a step of a byte and of two bytes. */
#define NETWORK_BYTE (1.0F / 48)
#define NETWORK_WIDE (1.0F / 32)
#define NETWORK_SHORT (1.0F / 4096)
#define NETWORK_SCORE 100 /* a score of this is one nat */

/* The weights that every word is multiplied with; of floats alone. */
struct network_dense {
    struct network_way {
        float input[NETWORK_INPUT][NETWORK_GATES], state[NETWORK_STATE][NETWORK_GATES];
        float bias[NETWORK_GATES];
    } ways[2]; /* from the first word on, and from the last one back */
    float mix[2 * NETWORK_STATE][NETWORK_MIX], mix_bias[NETWORK_MIX];
    float out[NETWORK_MIX], out_bias;
};

#define NETWORK_DENSE (sizeof(struct network_dense) / sizeof(float))

/* Bytes of a file: thresholds, 4 each with the low one first; dense weights, 2 each, likewise; then
 * a byte each: NETWORK_WORD of every word, of every ending, and one of every wide feature. */
#define NETWORK_BYTES(word_bits, wide_bits)                                             \
    (4 * (size_t)LINEAR_CARES + 2 * NETWORK_DENSE +                                     \
     NETWORK_WORD * (((size_t)1 << (word_bits)) + ((size_t)1 << NETWORK_ENDING_BITS)) + \
     ((size_t)1 << (wide_bits)))

/* What the program carries: read-only, any number of threads. */
struct network {
    const unsigned char *bytes; /* NETWORK_BYTES(word_bits, wide_bits), borrowed */
    unsigned word_bits, wide_bits;
};

/* What one way remembers at each word, the first one at the left; training looks at the rest. */
struct network_step {
    float update[NETWORK_STATE], reset[NETWORK_STATE], fresh[NETWORK_STATE];
    float before[NETWORK_STATE]; /* what `reset` is multiplied with */
    float state[NETWORK_STATE];
};

/* What a score must exceed, in hundredths of a nat. */
int network_threshold(const struct network *x, enum linear_care care);

/* The dense weights, for one text. */
void network_dense_read(const struct network *x, struct network_dense *ret);

/* The numbers of a word, by the hashes of itself and of its last letters. */
void network_word(const struct network *x, uint64_t hash, uint64_t ending, float ret[NETWORK_WORD]);

/* The place of a word or an ending among 2^bits. */
size_t network_place(uint64_t hash, unsigned bits);

/* Goes over n words one way (0: forth, 1: back). Rounds alike wherever no steps are fused. */
void network_run(const struct network_way *way, int back, size_t n,
                 const float (*input)[NETWORK_INPUT], struct network_step *steps);

/* In nats, how likely something stands between the words that `left` and `right` remember; ret_mix
 * is for training. */
float network_mix(const struct network_dense *d, const float left[NETWORK_STATE],
                  const float right[NETWORK_STATE], float ret_mix[NETWORK_MIX]);

/* The sum of n wide features, in nats. */
float network_wide(const struct network *x, const uint64_t *features, size_t n);

/* Between -1 and 1. */
float network_tanh(float x);

/* to[k] += by * from[k]; n is a multiple of 8. */
static inline void network_add(float *restrict to, float by, const float *restrict from, size_t n)
{
    for (size_t i = 0; i < n; i += 8)
        for (size_t k = 0; k < 8; k++)
            to[i + k] += by * from[i + k];
}
