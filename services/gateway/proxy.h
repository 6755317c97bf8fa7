/* services/gateway/proxy.h -- the upstream's side of an exchange. */
#pragma once

#include "services/gateway/exchange.h"

/* Starts the call, or waits for a place at its upstream, or answers that neither can be. The target
 * and the fields are the worker's. */
void proxy_send(struct exchange *x);

/* Gives the call up without a word to the breaker. */
void proxy_cancel(struct exchange *x);

/* Gives back the place and starts who waits for it. */
void proxy_release(struct exchange *x);

/* Goes on with what the call waits for, as far as there is room or there are bytes; true where it
 * did. */
bool proxy_resume(struct exchange *x);

/* Ends a WebSocket with tunnel_code, sent to the client where no frame is under way. */
void proxy_end_tunnel(struct exchange *x);

/* The upstream's time is up, or the wait for a place was too long. */
void proxy_overdue(struct exchange *x);
