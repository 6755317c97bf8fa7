/* cli/load/learners.h -- a class of learners against a gateway, as a scenario says. */
#pragma once

#include "base/error.h"
#include "cli/load/learners_options.h"
#include "cli/load/stats.h"

/*
 * Runs the load, one thread. Closed model: a learner sends the next request when the last one is
 * answered and its time to think is over; the shape says how many of the learners take part. Open
 * model: rounds arrive by the rate, whether or not those before are done, and a request's time
 * counts from when it was meant to begin; at most `learners` are under way, the others wait and
 * their wait counts. A request ends after 60 s; rounds that are under way or wait at the end have
 * `grace_ms` more, then requests are cut and count as failed by time-out, and rounds that never
 * began are counted. A stop cuts without counting. The setup's requests come first, 16 at a time,
 * for 600 s at most, and do not count either. Adds to `stats`. LP_E_DENIED: the target is not
 * private; LP_E_UNAVAILABLE: the setup was not answered as expected; LP_E_TIMEOUT, LP_E_CANCELED:
 * it did not end; LP_E_INVALID: the URL, the account, or too few open files.
 */
LP_MUST_USE int learners_run(const struct learners_options *options, struct stats *stats,
                             struct lp_error *err);

/* The routes of a scenario, in the order of its steps. */
void learners_routes(const struct scenario *scenario, struct stats *stats);
