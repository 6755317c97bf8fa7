/* services/ai-feedback/tagging/linear.c -- sums of weights. No state. */
#include "services/ai-feedback/tagging/linear.h"

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

uint64_t linear_feature(unsigned kind, uint64_t a, uint64_t b)
{
    return mix(mix(mix(kind + 1) + a) + b);
}

size_t linear_place(uint64_t feature, unsigned bits)
{
    return (size_t)(feature >> (64 - bits));
}

int linear_score(const struct linear *x, const uint64_t *features, size_t n)
{
    int sum = 0;

    for (size_t i = 0; i < n; i++)
        sum +=
            (signed char)x->bytes[(size_t)4 * x->thresholds + linear_place(features[i], x->bits)];
    return sum;
}

int linear_threshold(const struct linear *x, size_t i)
{
    const unsigned char *at = x->bytes + 4 * i;
    return (int)(at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24);
}
