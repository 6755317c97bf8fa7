/* lib/base/siphash.h -- SipHash-2-4 (Aumasson, Bernstein 2012): a keyed hash of short texts, for
 * tables whose keys strangers choose. Who does not know the key finds no two texts of one hash. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct lp_siphash_key {
    uint64_t half[2];
};

/* A random key of this process. */
void lp_siphash_key_make(struct lp_siphash_key *ret_key);

uint64_t lp_siphash(const struct lp_siphash_key *key, const void *bytes, size_t n);

/* The variant of 128 bits: where a text stands for itself no more, but for what is known of it. */
void lp_siphash_128(const struct lp_siphash_key *key, const void *bytes, size_t n, uint64_t ret[2]);
