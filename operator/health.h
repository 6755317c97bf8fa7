/* operator/health.h -- /livez, /readyz and /metrics on one port, answered by a thread of its own.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* One thing that must hold; `check` fills `why` with a sentence where it does not. Any thread. */
struct health_check {
    const char *name;
    bool live; /* asked for /livez too: only what a restart would repair */
    bool (*check)(void *user, char why[128]);
    void *user;
};

#define HEALTH_MAX_CHECKS 8

/* Opaque: hides a lock and the server. */
struct health;
LP_MUST_USE int health_start(uint16_t port, struct health **ret_health, struct lp_error *err);
/* Checks may be added at any time; `check` must stay valid until health_stop. */
void health_add(struct health *h, const struct health_check *check);
void health_stop(struct health *h); /* NULL is fine */
