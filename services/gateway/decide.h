/* services/gateway/decide.h -- what becomes of a request, by its head alone. */
#pragma once

#include "services/gateway/exchange.h"

/*
 * Preflight, token, rate limit, route, breaker, admission, in this order. Afterwards either
 * x->response is the answer, or the request is on its way to x->upstream, or waits for a slot.
 */
void decide(struct exchange *x, const struct head *head);
