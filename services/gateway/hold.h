/* services/gateway/hold.h -- first requests for a service that has no pod yet: they are held,
 * within a number and a time, while the operator starts one. They hold no slot, and count in
 * lp_requests_awaiting_upstream, by which the operator sees that somebody waits. One thread. */
#pragma once

#include "services/gateway/exchange.h"

/* A request comes, and its upstream is asleep with a probe out: it need not try by itself. */
bool hold_is_asleep(const struct exchange *x);

/* Its call reached nobody, or need not be made: true where it is held, and comes back by
 * hold_overdue. False: its route holds none, HOLD_LIMIT of them are, BUFFER_MAX is used up, or its
 * time is. */
bool hold_begin(struct exchange *x);

/* A held request looks again; true where it is to be sent now, and is not held any more. */
bool hold_overdue(struct exchange *x);

/* Its time was up at the last look. */
bool hold_is_over(const struct exchange *x);

/* Nobody wants it any more, or its call is over. */
void hold_end(struct exchange *x);

/* Its upstream answered: it is awake. */
void hold_wake(struct exchange *x);
