/* cli/load/stats.h -- what came of the requests of a load test, by route. One thread. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "cli/load/histogram.h"

#define STATS_ROUTES 32
#define STATS_CURL_CODES 128
#define STATS_STATUSES 1000

/* Start from {0}. */
struct stats_route {
    const char *name;      /* borrowed */
    struct histogram time; /* of the requests, answered or not */
    uint64_t failed;       /* no answer, a status that was not expected, a wrong answer */
    uint64_t wrong;        /* of them: the status was right, and the answer not what was expected */
    uint32_t status[STATS_STATUSES];        /* answers by RFC 9110 status */
    uint32_t failed_status[STATS_STATUSES]; /* of them: not expected */
    uint32_t no_answer[STATS_CURL_CODES];   /* by CURLcode */
};

struct stats {
    struct stats_route routes[STATS_ROUTES], all; /* `all` has no statuses */
    unsigned n;
    struct histogram clock;  /* how much later than meant the loader began a request */
    struct histogram recent; /* since the last line of progress */
    uint64_t recent_failed;
    uint64_t iterations;  /* rounds that were ended, in time or not */
    uint64_t not_started; /* rounds of an open model that no learner was free for */
    double seconds;       /* from the first round to the end of the last */
    double cpu_seconds;   /* of this program meanwhile */
};

/* One request of route `i` took `us`. `curl_code` 0: it was answered by `status` (100..999).
 * `expected`: so was that status; `good`: and the answer is what it should be. */
void stats_add(struct stats *s, unsigned i, uint64_t us, int curl_code, int status, bool expected,
               bool good);

/* The number of the route of this name, which is added where it is not there. Names are at most
 * STATS_ROUTES, as a scenario's steps are. */
unsigned stats_route(struct stats *s, const char *name);

/*
 * The summary, the caller's: {"metrics":{"http_reqs","iterations","http_req_failed",
 * "http_req_duration{name:R}","http_req_failed{name:R}"},"causes":{R:{cause:count}},
 * "status":{R:{code:count}},"clock":{"p50","p99","max"},"notStarted","seconds","cpuSeconds"},
 * durations in ms, "passes" of http_req_failed the failed ones.
 */
json_t *stats_summary(const struct stats *s);

/* The same as a table for people. */
void stats_table(const struct stats *s, struct lp_buf *out);

/* A line of what was since the last one, which begins anew: "12 s: 310 requests/s, …". */
void stats_progress(struct stats *s, double at, double seconds, int64_t busy, struct lp_buf *out);
