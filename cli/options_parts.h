/* cli/options_parts.h -- the pieces of options.c. */
#pragma once

#include "cli/options.h"

/* What the command asks of its options beside that it takes them; fills those that are made of
 * others (at_ms, since_ms, request_timeout_ms) and those that were not given. LP_E_INVALID names
 * option, value and what is allowed. */
LP_MUST_USE int cli_options_check(struct cli_options *o, struct lp_error *err);
