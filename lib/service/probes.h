/* lib/service/probes.h -- /livez, /readyz, /metrics and /debug/stats on a port and a thread of
 * their own. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

/* Answers even where all workers and the traffic port are busy. Any thread. */
struct lp_probes;

/* One thing that must hold; `check` runs in the probes' thread, must not block, and fills `why`
 * with a sentence where it does not hold. It must stay valid until lp_probes_stop. */
struct lp_probes_check {
    const char *name; /* a literal */
    bool live;        /* of /livez too: only what a restart would repair */
    bool (*check)(void *user, char why[128]);
    void *user;
};

#define LP_PROBES_MAX_CHECKS 12

struct lp_probes_options {
    uint16_t port; /* 0: chosen by the system */
    /* Why /readyz is 503 at first ("starting"), as lp_probes_set_state has it; NULL: ask the
     * checks. */
    const char *state;
    /* /livez is 503 where lp_probes_beat was not called for so long; 0: it need not be. */
    int64_t beat_limit_ms;
    /* With tls.crt and tls.key, as a Secret of type kubernetes.io/tls mounted as a volume: HTTPS.
     * NULL: plain. Borrowed. */
    const char *tls_dir;
};

/* LP_E_UNAVAILABLE where the port cannot be had; the errors of lp_file_read for `tls_dir`. */
LP_MUST_USE int lp_probes_start(const struct lp_probes_options *options,
                                struct lp_probes **ret_probes, struct lp_error *err);
uint16_t lp_probes_port(const struct lp_probes *p);

/* At any time; more than LP_PROBES_MAX_CHECKS are left out. */
void lp_probes_add(struct lp_probes *p, const struct lp_probes_check *check);

/* Why /readyz is 503 whatever the checks say ("draining"), a literal; NULL: ask the checks. */
void lp_probes_set_state(struct lp_probes *p, const char *why);

/* The program's main loop is alive. */
void lp_probes_beat(struct lp_probes *p);

/* What /debug/stats answers from now on; `stats` gives an object, the server's. Who does not ask on
 * the loopback (as kubectl port-forward does) is answered 404. */
void lp_probes_debug(struct lp_probes *p, json_t *(*stats)(void *user), void *user);

/* What GET `path` (a literal, "/targets") answers whoever reaches the port from now on: JSON text
 * that `write` appends, in the probes' thread; 503 where it gives false, as it is not known. One
 * such page. */
void lp_probes_page(struct lp_probes *p, const char *path,
                    bool (*write)(void *user, struct lp_buf *out), void *user);

/* Call every few seconds, always in one thread: takes over a certificate that has been replaced. */
void lp_probes_upkeep(struct lp_probes *p);

void lp_probes_stop(struct lp_probes *p); /* NULL is fine */
