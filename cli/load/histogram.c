/* cli/load/histogram.c -- see histogram.h. */
#include "cli/load/histogram.h"

/* 64 buckets for each doubling: below 64 us each value has its own. */
static unsigned bucket_of(uint64_t us)
{
    if (us < 64)
        return (unsigned)us;
    unsigned shift = 57U - (unsigned)__builtin_clzll(us);
    unsigned i = (shift + 1) * 64 + (unsigned)(us >> shift) - 64;
    return i < HISTOGRAM_BUCKETS ? i : HISTOGRAM_BUCKETS - 1;
}

/* The greatest value of a bucket. */
static uint64_t bucket_top(unsigned i)
{
    if (i < 64)
        return i;
    unsigned shift = i / 64 - 1;
    return ((uint64_t)(i % 64 + 65) << shift) - 1;
}

void histogram_add(struct histogram *h, uint64_t us)
{
    h->min_us = h->count == 0 || us < h->min_us ? us : h->min_us;
    h->max_us = us > h->max_us ? us : h->max_us;
    h->sum_us += us;
    h->count++;
    h->buckets[bucket_of(us)]++;
}

double histogram_ms(const struct histogram *h, double percent)
{
    uint64_t rank = (uint64_t)(percent / 100 * (double)h->count + 0.999999), seen = 0;

    if (h->count == 0)
        return 0;
    for (unsigned i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen >= rank && seen > 0) {
            uint64_t us = bucket_top(i);
            return (double)(us < h->max_us ? us : h->max_us) / 1000;
        }
    }
    return (double)h->max_us / 1000;
}

double histogram_mean_ms(const struct histogram *h)
{
    return h->count ? (double)h->sum_us / (double)h->count / 1000 : 0;
}
