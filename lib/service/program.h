/* lib/service/program.h -- what every service's main() does. */
#pragma once

#include "base/error.h"
#include "base/stop.h"
#include "config/env.h"

struct lp_service_program {
    const char *name;           /* "lp-auth" */
    const char *summary;        /* one sentence, for --help */
    const char *port;           /* default of PORT */
    const struct lp_env *table; /* its variables beside the common ones; ends with name NULL */
    /* What one variable alone does not say; NULL: nothing. */
    int (*check)(void *config, struct lp_error *err);
    /* Serves until `stop`. LP_E_TIMEOUT as from lp_service_run: threads still use what there is, so
     * nothing was freed, and the process ends at once. */
    int (*run)(const void *config, struct lp_stop *stop, struct lp_error *err);
};

/*
 * main(): --help, --version, --check-config, else configuration, log level, signals, run. Returns
 * the exit status: 2 for a wrong argument or configuration, 1 where `run` failed (2 with
 * LP_E_INVALID). `config` begins with a struct lp_service_config (service/service.h) and outlives
 * the call.
 */
int lp_service_main(int argc, char **argv, const struct lp_service_program *p, void *config);

/* The configuration alone: the common variables and the program's own, read and checked. */
LP_MUST_USE int lp_service_load(const struct lp_service_program *p, void *config,
                                struct lp_error *err);
