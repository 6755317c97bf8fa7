/* cli/load/load.h -- kubectl lp load: a class of learners against a gateway. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/stop.h"
#include "cli/options.h"

/*
 * Loads the gateway at --url as the options say, with the account of LP_LOAD_EMAIL and
 * LP_LOAD_PASSWORD, and writes the summary to `out` as a table or as JSON (cli/load/stats.h).
 * `scenario` is the text of --scenario; NULL: what a class does (cli/load/scenario.h).
 * *ret_failures, the caller's, has a sentence for each limit of --fail-if that is not kept. Fails
 * as scenario_parse(), threshold_parse() and learners_run() do, and with LP_E_INVALID where the
 * scenario needs an account and none is given, or where no shape has the name of --shape.
 */
LP_MUST_USE int load_command(const struct cli_options *o, const struct lp_buf *scenario,
                             struct lp_stop *stop, struct lp_buf *out, json_t **ret_failures,
                             struct lp_error *err);
