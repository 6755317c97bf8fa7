/* cli/load/learners.h -- a class of learners against a gateway: each logs in, sends a sentence,
 * asks for a recommendation, looks whether the platform is well, and pauses. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/stop.h"
#include "cli/load/stats.h"

#define LEARNERS_ROUTES 4

/* Strings are borrowed until learners_run returns. */
struct learners_options {
    const char *url;              /* of the gateway, without a path: "http://127.0.0.1:30080" */
    const char *email, *password; /* one account for all */
    int64_t learners;             /* 1..10,000 at once, each with its own connection */
    int64_t duration_ms;          /* no round begins later */
    int64_t pause_ms;             /* between two rounds of a learner */
    bool any_target;              /* not only loopback and private addresses */
    struct lp_stop *stop;         /* ends it at once; what was counted stays. NULL: nothing does */
};

struct learners_result {
    struct stats_route routes[LEARNERS_ROUTES];
    uint64_t iterations; /* rounds that were ended, in time or not */
    double seconds;      /* from the first round to the end of the last */
};

/*
 * Runs the load, one thread, by libcurl's multi interface. A closed model: a learner sends the next
 * request when the last one is answered. A request ends after 60 s; rounds that are under way at
 * the end have 30 s more, then they are cut and do not count. LP_E_DENIED: the target is not
 * private; LP_E_UNAVAILABLE: the first login, before the load, was not answered 200; LP_E_INVALID:
 * the URL.
 */
LP_MUST_USE int learners_run(const struct learners_options *options,
                             struct learners_result *ret_result, struct lp_error *err);
