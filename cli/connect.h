/* cli/connect.h -- the cluster that the options choose. */
#pragma once

#include "cli/options.h"
#include "kube/client.h"
#include "kube/config.h"

/* One client and the configuration under it; both are freed by connection_done. */
struct connection {
    struct lp_kube_config *config;
    struct lp_kube_client *client;
    const char *ns; /* -n, or the context's; borrowed */
};

/* Nothing is sent yet. `terminal`: a credential plugin may ask on standard input, where that is
 * one. Fails as lp_kube_config_load does. */
LP_MUST_USE int connection_open(const struct cli_options *o, bool terminal, struct lp_stop *stop,
                                struct connection *ret, struct lp_error *err);
void connection_done(struct connection *c);
#define connection_auto __attribute__((cleanup(connection_done)))
