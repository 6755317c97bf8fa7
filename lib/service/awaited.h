/* lib/service/awaited.h -- calls of ours that reached nobody: a service that went to 0 pods must
 * hear that somebody needs it, also where no learner's request waits (results on their way,
 * erasures). lp_calls_awaiting_upstream{upstream} is 1 for LP_AWAITED_MS after such a call, and 0
 * from the next one that is answered; the operator reads it (autoscaler/samples). Any thread.
 */
#pragma once

#include <stdbool.h>

#define LP_AWAITED_MS 60000
#define LP_AWAITED_MAX 4 /* upstreams of one process */

/* Its series is there from now on; `upstream` is a literal, as the operator names the service. */
void lp_awaited_announce(const char *upstream);

/* A call was answered, whatever the status, or reached nobody. The upstream was announced. */
void lp_awaited_note(const char *upstream, bool answered);
