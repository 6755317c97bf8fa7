/* cli/load/learners_options.h -- a run of learners: target, accounts, how many, how long. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/stop.h"
#include "cli/load/scenario.h"
#include "cli/load/shape.h"

#define LEARNERS_GRACE_MS 30000
#define LEARNERS_MAX_ARRIVALS 100000000 /* of an open model, in a run */

/* Strings are borrowed until learners_run returns. */
struct learners_options {
    const char *url;              /* of the gateway, without a path: "http://127.0.0.1:30080" */
    const char *email, *password; /* of the account; with an account each: a+7@b of learner 7 */
    const struct scenario *scenario;
    const struct shape *shape;
    int64_t learners;     /* 1..10,000 at once, each with its own connection */
    int64_t duration_ms;  /* no round begins later */
    int64_t grace_ms;     /* for what is under way at the end, as LEARNERS_GRACE_MS */
    int64_t pause_ms;     /* between two rounds of a learner, in the closed model */
    double arrival_rate;  /* of rounds, a second; 0: a closed model */
    uint64_t seed;        /* of what is random */
    int64_t progress_ms;  /* a line on stderr as often; 0: none */
    bool any_target;      /* not only loopback and private addresses */
    struct lp_stop *stop; /* ends it at once; what was counted stays. NULL: nothing does */
};
