/* cli/dashboard/dashboard.h -- the command `dashboard`. */
#pragma once

#include "base/stop.h"
#include "cli/connect.h"
#include "cli/options.h"

/*
 * Serves the page on 127.0.0.1 until the stop is requested; prints its URL on stdout, once it
 * listens, and opens it in a browser unless options->no_open. Writes nothing to the cluster. Fails
 * where it cannot listen; a cluster that does not answer is the page's to tell.
 */
LP_MUST_USE int dashboard_serve(const struct connection *connection,
                                const struct cli_options *options, struct lp_stop *stop,
                                struct lp_error *err);
