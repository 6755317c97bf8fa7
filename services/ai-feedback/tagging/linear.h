/* services/ai-feedback/tagging/linear.h -- a linear classifier over hashed features, a byte a
 * weight, as bench/ai/train wrote it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Bytes of a table: thresholds, 4 each with the low one first, then the weights. */
#define LINEAR_BYTES(thresholds, bits) ((size_t)4 * (thresholds) + ((size_t)1 << (bits)))

/* What the program carries: read-only, any number of threads. */
struct linear {
    const unsigned char *bytes; /* LINEAR_BYTES(thresholds, bits), borrowed */
    unsigned thresholds, bits;
};

/* One feature: which kind, and of what. Pure, the same on every machine. */
uint64_t linear_feature(unsigned kind, uint64_t a, uint64_t b);

/* The place of a feature among 2^bits weights. */
size_t linear_place(uint64_t feature, unsigned bits);

/* The sum of the weights of `n` features. */
int linear_score(const struct linear *x, const uint64_t *features, size_t n);

/* The threshold number `i`. */
int linear_threshold(const struct linear *x, size_t i);

/* Of the taggers, what a score must exceed, as bench/ai/train chose it on text that was kept from
 * training: where it errs least (the best F1, the mean of dialogue and speeches); where 90 of 100
 * that it finds are right, or, of boundaries, where 3 of 100 short sentences that stand alone are
 * cut; and where 98 of 100 are right. */
enum linear_care { LINEAR_BALANCED, LINEAR_CAREFUL, LINEAR_CERTAIN, LINEAR_CARES };
