/* services/ai-feedback/tagging/network.c -- see the header. Sums go element by element, in one
 * order, without fused steps, so that training gives the same weights wherever the compiler fuses
 * none. No state. */
#include "services/ai-feedback/tagging/network.h"

#include <string.h>

size_t network_place(uint64_t hash, unsigned bits)
{
    return linear_place(linear_feature(0, hash, 0), bits);
}

int network_threshold(const struct network *x, enum linear_care care)
{
    return linear_threshold(&(struct linear){ x->bytes, LINEAR_CARES, 0 }, care);
}

void network_dense_read(const struct network *x, struct network_dense *ret)
{
    const unsigned char *at = x->bytes + 4 * (size_t)LINEAR_CARES;
    float *to = (float *)ret;

    for (size_t i = 0; i < NETWORK_DENSE; i++)
        to[i] = NETWORK_SHORT * (float)(int16_t)(at[2 * i] | at[2 * i + 1] << 8);
}

static const signed char *words_at(const struct network *x)
{
    return (const signed char *)x->bytes + 4 * (size_t)LINEAR_CARES + 2 * NETWORK_DENSE;
}

void network_word(const struct network *x, uint64_t hash, uint64_t ending, float ret[NETWORK_WORD])
{
    const signed char *w = words_at(x) + NETWORK_WORD * network_place(hash, x->word_bits);
    const signed char *e =
        words_at(x) +
        NETWORK_WORD * (((size_t)1 << x->word_bits) + network_place(ending, NETWORK_ENDING_BITS));

    for (size_t k = 0; k < NETWORK_WORD; k++)
        ret[k] = NETWORK_BYTE * (float)(w[k] + e[k]);
}

float network_wide(const struct network *x, const uint64_t *features, size_t n)
{
    const signed char *wide = words_at(x) + NETWORK_WORD * (((size_t)1 << x->word_bits) +
                                                            ((size_t)1 << NETWORK_ENDING_BITS));
    int sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += wide[linear_place(features[i], x->wide_bits)];
    return NETWORK_WIDE * (float)sum;
}

/* A quotient of polynomials, exact to some 1e-6 (as in Eigen). */
float network_tanh(float x)
{
    x = x > 7.9F ? 7.9F : x < -7.9F ? -7.9F : x;
    float y = x * x;
    float p = -2.76076847742355e-16F;
    p = p * y + 2.00018790482477e-13F;
    p = p * y + -8.60467152213735e-11F;
    p = p * y + 5.12229709037114e-08F;
    p = p * y + 1.48572235717979e-05F;
    p = p * y + 6.37261928875436e-04F;
    p = p * y + 4.89352455891786e-03F;
    float q = 1.19825839466702e-06F;
    q = q * y + 1.18534705686654e-04F;
    q = q * y + 2.26843463243900e-03F;
    q = q * y + 4.89352518554385e-03F;
    return x * p / q;
}

static float sigmoid(float x)
{
    return 0.5F + 0.5F * network_tanh(0.5F * x);
}

/* Two rows at a time: what is added to is loaded and stored half as often. */
static void multiply(float *restrict to, const float *by, const float (*rows)[NETWORK_GATES],
                     size_t n)
{
    for (size_t k = 0; k + 1 < n; k += 2)
        for (size_t i = 0; i < NETWORK_GATES; i++)
            to[i] += by[k] * rows[k][i] + by[k + 1] * rows[k + 1][i];
}

static void step(const struct network_way *w, const float *input, const float *state,
                 struct network_step *to)
{
    float gates[NETWORK_GATES], kept[NETWORK_GATES] = { 0 };

    memcpy(gates, w->bias, sizeof gates);
    multiply(gates, input, w->input, NETWORK_INPUT);
    if (state)
        multiply(kept, state, w->state, NETWORK_STATE);
    const size_t fresh = (size_t)2 * NETWORK_STATE;
    for (size_t k = 0; k < NETWORK_STATE; k++) {
        to->update[k] = sigmoid(gates[k] + kept[k]);
        to->reset[k] = sigmoid(gates[NETWORK_STATE + k] + kept[NETWORK_STATE + k]);
        to->before[k] = kept[fresh + k];
        to->fresh[k] = network_tanh(gates[fresh + k] + to->reset[k] * to->before[k]);
        to->state[k] = (1 - to->update[k]) * to->fresh[k] + (state ? to->update[k] * state[k] : 0);
    }
}

void network_run(const struct network_way *way, int back, size_t n,
                 const float (*input)[NETWORK_INPUT], struct network_step *steps)
{
    const float *state = NULL;

    for (size_t i = 0; i < n; i++) {
        size_t at = back ? n - 1 - i : i;
        step(way, input[at], state, &steps[at]);
        state = steps[at].state;
    }
}

float network_mix(const struct network_dense *d, const float left[NETWORK_STATE],
                  const float right[NETWORK_STATE], float ret_mix[NETWORK_MIX])
{
    float sum = d->out_bias;

    memcpy(ret_mix, d->mix_bias, sizeof d->mix_bias);
    for (size_t k = 0; k < NETWORK_STATE; k++) {
        network_add(ret_mix, left[k], d->mix[k], NETWORK_MIX);
        network_add(ret_mix, right[k], d->mix[NETWORK_STATE + k], NETWORK_MIX);
    }
    for (size_t k = 0; k < NETWORK_MIX; k++) {
        ret_mix[k] = network_tanh(ret_mix[k]);
        sum += d->out[k] * ret_mix[k];
    }
    return sum;
}
