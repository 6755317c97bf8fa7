/* autoscaler/serving.h -- what leads requests to our HTTPS server: its certificate, the
 * APIServices, and whether requests arrive. */
#pragma once

#include <stdbool.h>

#include "autoscaler/auth/auth.h"
#include "autoscaler/chain/chain.h"
#include "autoscaler/registration/registration.h"
#include "autoscaler/samples/samples.h"
#include "base/error.h"
#include "base/stop.h"
#include "http/server/server.h"

/* All borrowed until serving_free. */
struct serving_options {
    const struct registration *registration;
    struct lp_kube_config *kube;
    struct lp_stop *stop;
    struct samples *samples;
    struct auth *auth;
    struct chain *chain; /* NULL: another adapter's APIServices are left alone */
    bool registered;     /* false: no APIService leads to us, and one that did is given back */
    const char *address; /* of the server; NULL: all */
};

struct serving; /* one thread; opaque: hides a lock */
struct serving *serving_new(const struct serving_options *options);

/* A certificate of our own making, for until the Secret's is read; the caller's. */
LP_MUST_USE int serving_first_certificate(const struct registration *g, struct certs *ret_certs,
                                          struct lp_error *err);

/* Keeps certificate and APIServices from now on; `server` is borrowed until serving_join. */
LP_MUST_USE int serving_start(struct serving *s, struct lp_http_server *server,
                              struct lp_error *err);

/* As adapter_ready, adapter_serves, adapter_available and adapter_conflict of adapter.h; any
 * thread. */
bool serving_ready(struct serving *s, char why[128]);
bool serving_serves(struct serving *s, char why[128]);
bool serving_available(struct serving *s, char why[128]);
bool serving_conflict(struct serving *s, char why[REGISTRATION_CONFLICT]);

/* Before the others end: where our Deployment or namespace terminates, gives the APIServices back;
 * 5 s at most. */
void serving_withdraw(struct serving *s);

/* After the stop was requested: waits for the thread. */
void serving_join(struct serving *s);
void serving_free(struct serving *s); /* NULL is fine */
