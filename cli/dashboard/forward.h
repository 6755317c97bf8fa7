/* cli/dashboard/forward.h -- a way to the gateway of a platform, by `kubectl port-forward`. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/stop.h"
#include "cli/options.h"

/* A port of 127.0.0.1 while its process runs. */
struct forward {
    pid_t pid;
    int fd; /* what it prints; open as long as it runs, for else its next line would end it */
    uint16_t port;
};

/*
 * Starts kubectl of PATH, under which the plugin runs, with the caller's own flags for cluster and
 * identity, and waits until it listens, for up to 15 s or until the stop. LP_E_UNAVAILABLE with the
 * last line that it printed (no such Service, no right, no pod), or where there is no kubectl;
 * LP_E_TIMEOUT, LP_E_CANCELED, LP_E_TOO_LARGE.
 */
LP_MUST_USE int forward_start(const struct cli_options *options, const char *ns,
                              const char *service, struct lp_stop *stop, struct forward *ret,
                              struct lp_error *err);
void forward_end(struct forward *f);
