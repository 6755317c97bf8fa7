/* services/ai-feedback/tagging/reader.c -- see the header. No state. */
#include "services/ai-feedback/tagging/reader.h"

#include <stdlib.h>

#include "base/alloc.h"

void reading_init(struct reading *r, const struct network *x, const struct model *m,
                  const struct tag_word *w, size_t n)
{
    lp_auto_free float(*input)[NETWORK_INPUT] = lp_calloc(n, sizeof *input);

    for (size_t i = 0; i < n; i++) {
        network_word(x, w[i].hash, w[i].ending, input[i]);
        word_views(m, w, n, i, input[i] + NETWORK_WORD);
    }
    r->network = x;
    r->dense = lp_calloc(1, sizeof *r->dense);
    r->forth = lp_calloc(n, sizeof *r->forth);
    r->back = lp_calloc(n, sizeof *r->back);
    network_dense_read(x, r->dense);
    network_run(&r->dense->ways[0], 0, n, input, r->forth);
    network_run(&r->dense->ways[1], 1, n, input, r->back);
}

void reading_done(struct reading *r)
{
    free(r->dense);
    free(r->forth);
    free(r->back);
}

int reading_score(const struct reading *r, size_t left, size_t right, const uint64_t *features,
                  size_t n)
{
    float mix[NETWORK_MIX];
    float nats = network_mix(r->dense, r->forth[left].state, r->back[right].state, mix) +
                 network_wide(r->network, features, n);

    return (int)(NETWORK_SCORE * nats);
}
