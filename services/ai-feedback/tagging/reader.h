/* services/ai-feedback/tagging/reader.h -- the words of a text as a network remembers them; the
 * taggers ask it, and training whether it has learnt. */
#pragma once

#include "services/ai-feedback/tagging/features.h"
#include "services/ai-feedback/tagging/network.h"

/* Belongs to one thread. */
struct reading {
    const struct network *network;
    struct network_dense *dense;
    struct network_step *forth, *back; /* one a word */
};

/* Reads n words, at least one; the network is borrowed. `m` may be NULL (word_views()). Takes time
 * and memory in proportion to n. */
void reading_init(struct reading *r, const struct network *x, const struct model *m,
                  const struct tag_word *w, size_t n);
void reading_done(struct reading *r);
#define auto_reading __attribute__((cleanup(reading_done)))

/* How likely it is that what was learnt stands between the words `left` and `right`, in hundredths
 * of a nat, by n wide features too. */
int reading_score(const struct reading *r, size_t left, size_t right, const uint64_t *features,
                  size_t n);
