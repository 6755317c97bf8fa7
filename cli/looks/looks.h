/* cli/looks/looks.h -- `kubectl lp record --looks`. */
#pragma once

#include "base/stop.h"
#include "cli/connect.h"
#include "cli/options.h"

/*
 * Writes what the HPA controller sees and decides of options->service of the one platform that the
 * options choose, row by row to stdout, for options->length_ms or until the stop is requested,
 * which it is when this returns. Writes nothing to the cluster. LP_E_INVALID where it is not one
 * platform, or no look was seen in that time.
 */
LP_MUST_USE int looks_record(const struct connection *connection, const struct cli_options *options,
                             struct lp_stop *stop, struct lp_error *err);
