/* services/gateway/front.h -- a worker's thread: its loop, and the connections of its clients. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "services/gateway/worker.h"

/* Listens on `port` (0: chosen; *io_port is set) and starts the thread. LP_E_UNAVAILABLE where the
 * port cannot be had. */
LP_MUST_USE int front_start(struct worker *w, struct gateway_shared *shared, uint16_t *io_port,
                            struct lp_error *err);

/* Frees what the worker holds, but not `w`; its thread has ended (quiesce or abort was set). */
void front_free(struct worker *w);
