/* services/gateway/gateway.h -- the gateway as a whole. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/stop.h"
#include "services/gateway/config.h"

/* The workers and what they share. Opaque: hides threads. */
struct gateway;

/*
 * Listens on config->common.port (0: chosen) when it returns; probes are not part of it. `config`
 * is borrowed until _free. LP_E_INVALID for a config that does not hold together, LP_E_UNAVAILABLE
 * where the port cannot be had.
 */
LP_MUST_USE int gateway_start(const struct gateway_config *config, struct gateway **ret_gateway,
                              struct lp_error *err);
uint16_t gateway_port(const struct gateway *g);

/* False with a reason until the issuer's keys have been fetched once, well or not. */
bool gateway_ready(struct gateway *g, char why[128]);

/* True where every worker's loop has turned since the last call but two. Call it every second or
 * so. */
bool gateway_turns(struct gateway *g);

/* Answers say Connection: close from now on; everything is still served. */
void gateway_close_politely(struct gateway *g);

/* No new connections; waits up to `grace_ms` for what is under way, then ends it. Frees `g`; NULL
 * is fine. */
void gateway_free(struct gateway *g, int64_t grace_ms);

/* Checks what gateway_start would refuse, without a port. */
LP_MUST_USE int gateway_check(const struct gateway_config *config, struct lp_error *err);
