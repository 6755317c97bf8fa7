/* operator/health.h -- /livez, /readyz, /metrics and /debug/stats on one port, answered by a thread
 * of its own. */
#pragma once

#include <jansson.h>
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

#define HEALTH_MAX_CHECKS 12

/* Opaque: hides a lock and the server. */
struct health;
struct health_options {
    uint16_t port;
    /* With tls.crt and tls.key, as a Secret of type kubernetes.io/tls mounted as a volume: HTTPS.
     * NULL: plain. Borrowed. */
    const char *tls_dir;
};
LP_MUST_USE int health_start(const struct health_options *options, struct health **ret_health,
                             struct lp_error *err);
uint16_t health_port(const struct health *h);
/* Call every few seconds: takes over a certificate that has been replaced. */
void health_upkeep(struct health *h);
/* What /debug/stats answers; `stats` gives an object, the server's. Who does not ask on the
 * loopback (as kubectl port-forward does) is answered 404. */
void health_debug(struct health *h, json_t *(*stats)(void *user), void *user);
/* Checks may be added at any time; `check` must stay valid until health_stop. */
void health_add(struct health *h, const struct health_check *check);
void health_stop(struct health *h); /* NULL is fine */
