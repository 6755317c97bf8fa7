/* cli/load/histogram.h -- durations in bounded memory, and their percentiles. Pure. */
#pragma once

#include <stdint.h>

#define HISTOGRAM_BUCKETS 2048

/*
 * Buckets of constant relative width (64 for each doubling, as HDR histograms have them): a
 * percentile is at most 1.6 % too high, in 8 kB, however many values there are. Start from {0}.
 */
struct histogram {
    uint32_t buckets[HISTOGRAM_BUCKETS]; /* of microseconds */
    uint64_t count, sum_us, min_us, max_us;
};

void histogram_add(struct histogram *h, uint64_t us);

/* What `percent` (0..100) of the values did not exceed, in ms; 0 without any. */
double histogram_ms(const struct histogram *h, double percent);

/* Their mean in ms; 0 without any. */
double histogram_mean_ms(const struct histogram *h);
