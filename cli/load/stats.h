/* cli/load/stats.h -- what came of the requests of a load test, by route. One thread. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define STATS_BUCKETS 2048
#define STATS_CURL_CODES 128
#define STATS_STATUSES 1000

/*
 * Durations in buckets of constant relative width: a percentile is at most 1.6 % too high, in 8 kB,
 * however many there are. Start from {0}.
 */
struct stats_route {
    const char *name;                /* borrowed literal */
    uint32_t buckets[STATS_BUCKETS]; /* of microseconds */
    uint64_t count, sum_us, min_us, max_us;
    uint64_t failed;                      /* no answer, another status than 200, a wrong answer */
    uint64_t wrong;                       /* of them: 200, and not what the contract says */
    uint32_t status[STATS_STATUSES];      /* answers by RFC 9110 status */
    uint32_t no_answer[STATS_CURL_CODES]; /* by CURLcode */
};

/* One request took `us`. `curl_code` 0: it was answered by `status` (100..999); `good`: 200, and
 * the answer is what the contract says. */
void stats_add(struct stats_route *r, uint64_t us, int curl_code, int status, bool good);

/* The duration that `percent` (0..100) of the requests did not exceed, in ms; 0 without any. */
double stats_percentile_ms(const struct stats_route *r, double percent);

/*
 * The summary, the caller's: {"metrics":{"http_reqs","iterations","http_req_failed",
 * "http_req_duration{name:R}","http_req_failed{name:R}"},"causes":{R:{cause:count}}}, durations in
 * ms, "passes" of http_req_failed the failed ones.
 */
json_t *stats_summary(const struct stats_route *routes, unsigned n, uint64_t iterations);

/* The same as a table for people. */
void stats_table(const struct stats_route *routes, unsigned n, uint64_t iterations, double seconds,
                 struct lp_buf *out);
