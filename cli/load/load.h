/* cli/load/load.h -- kubectl lp load: a class of learners against a gateway. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/stop.h"
#include "cli/options.h"

/*
 * Loads the gateway at --url as the options say, with the account of LP_LOAD_EMAIL and
 * LP_LOAD_PASSWORD, and writes the summary to `out` as a table or as JSON (cli/load/stats.h). Fails
 * as learners_run() does, and with LP_E_INVALID where the account is not given.
 */
LP_MUST_USE int load_command(const struct cli_options *o, struct lp_stop *stop, struct lp_buf *out,
                             struct lp_error *err);
