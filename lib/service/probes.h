/* lib/service/probes.h -- /metrics, /livez and /readyz on a port and a thread of their own. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Answers even where all workers and the traffic port are busy. Any thread. */
struct lp_probes;

struct lp_probes_options {
    const char *address; /* NULL: all */
    uint16_t port;       /* 0: chosen by the system */
    /* Called in the probes' thread for each /readyz; must not block; NULL: ready. */
    bool (*ready)(void *user, char why[128]);
    void *user;
    /* /livez is 503 where lp_probes_beat was not called for so long; 0: it need not be. */
    int64_t beat_limit_ms;
};

/* Not ready ("starting") until lp_probes_set_state(p, NULL). LP_E_UNAVAILABLE where the port cannot
 * be had. */
LP_MUST_USE int lp_probes_start(const struct lp_probes_options *options,
                                struct lp_probes **ret_probes, struct lp_error *err);
uint16_t lp_probes_port(const struct lp_probes *p);

/* Why /readyz is 503 whatever `ready` says ("draining"), a literal; NULL: ask `ready`. */
void lp_probes_set_state(struct lp_probes *p, const char *why);

/* The program's main loop is alive. */
void lp_probes_beat(struct lp_probes *p);

void lp_probes_stop(struct lp_probes *p); /* NULL is fine */
