/* cli/dashboard/what_if.h -- what a service would have done with another spec, under the load that
 * was recorded. */
#pragma once

#include "base/buf.h"
#include "cli/options.h"
#include "http/server/server.h"

#define WHAT_IF_BODY ((size_t)20 << 20) /* bytes of a question: over it 413 */

/*
 * Answers a question, {"name", "namespace", "status", "spec": as it is, "changed": spec as it would
 * be, "service", "decisions": as detail.h has them, or "csv": a trace (trace.h)}, by the simulator
 * of kubectl lp simulate: {"before", "after"}, each {"time": [seconds], "pods", "ready", "queue",
 * "podHours", "most", "changes", "waitP95Ms", "minutesOver": minutes in which over 5 % of the
 * requests waited for more than "targetWaitMs"}; null where nothing is known.
 * LP_E_INVALID and LP_E_TOO_LARGE name field, value and limit. Asks no cluster; takes up to
 * seconds.
 */
LP_MUST_USE int what_if_answer(const char *question, size_t len, const struct cli_options *options,
                               struct lp_buf *out, struct lp_error *err);

/* The same for an exchange, which it answers. */
void what_if_reply(struct lp_http_exchange *x, const struct cli_options *options);
