/* cli/options.h -- what the command line asks for. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "cli/command/format.h"
#include "kube/config_flags.h"
#include "platform/images.h"

#define CLI_MAX_FILES 64
#define CLI_MAX_GROUPS 64
#define CLI_MAX_LIMITS 32

struct cli_options {
    const char *command;                  /* one of cli/command/commands.c */
    const char *name;                     /* of one platform; NULL: all */
    const char *ns;                       /* -n; NULL: the context's */
    bool all_namespaces;                  /* -A */
    bool watch;                           /* -w */
    int64_t interval_ms;                  /* --interval, in seconds 1..60; default 1 s, of dashboard
                                             2 s */
    int64_t port;                         /* of dashboard: --port 0..65,535, in thousandths; 0: a
                                             free one */
    bool no_open;                         /* --no-open */
    bool desktop;                         /* DISPLAY or WAYLAND_DISPLAY is in the environment */
    enum cli_format format;               /* -o; one that the command has */
    const char *files[CLI_MAX_FILES + 1]; /* -f, each time; "-": standard input; ends with NULL */
    const char *at;                       /* of render and why: --at, RFC 3339; NULL: now */
    int64_t at_ms;                        /* the same, wall clock; 0: now */
    const char *since;                    /* of why and record: --since, as 1h; or NULL */
    int64_t since_ms;                     /* the same, up to 24 h; 0: it was not given */
    const char *service;                  /* --service, or a second name; or NULL */
    bool pre, wait;                       /* of check: --pre, --wait */
    int64_t wait_ms;                      /* --wait-timeout, in seconds 1..86,400; default 300 s */
    const char *trace;                    /* of simulate: --trace ("-" as for file) */
    const char *compare;                  /* --compare: another file; NULL: none */
    int64_t sync_ms;                      /* --sync-period, in seconds 1..300; default 15 s */
    int64_t ready_after_ms;               /* --ready-after, in seconds 0..3600; default 30 s */
    bool as_recorded;                     /* of simulate: --as-recorded */
    int64_t usage_delay_ms;               /* --cpu-delay, in seconds 0..60; default 10 s */
    int64_t max_pod_hours;                /* --max-pod-hours, in thousandths; -1: any */
    int64_t target_wait_ms;               /* --target-wait, in seconds 0..60; default 250 ms */
    int64_t max_differences;              /* --max-differences, in thousandths; -1: any */
    bool looks;                           /* of record: --looks */
    const char *length;                   /* of record --looks: --for, as 10m; or NULL */
    int64_t length_ms;                    /* the same, up to 24 h; default 24 h */
    int64_t max_minutes_over;             /* --max-minutes-over-target, in thousandths; -1: any */
    const char *start;                    /* of simulate: --start, RFC 3339; or NULL */
    int64_t start_ms;                     /* the same, wall clock; 0: it was not given */
    int64_t max_over_target;              /* --max-seconds-over-target, in ms; -1: any */
    const char *url;                      /* of load: --url */
    const char *prometheus;               /* of slo: --prometheus, http:// or https://; or NULL */
    const char *load_email, *load_password; /* LP_LOAD_EMAIL, LP_LOAD_PASSWORD, or NULL */
    int64_t learners;                       /* --learners 1..10,000, in thousandths; default 20,
                                               with --arrival-rate 1,000 */
    int64_t duration_ms;                    /* --duration, in seconds 1..86,400; default 30 s */
    int64_t pause_ms;                       /* --pause, in seconds 0..3,600; default 2 s */
    int64_t arrival_rate;                   /* --arrival-rate 0.001..100,000 rounds a second, in
                                               thousandths; -1: a closed model */
    int64_t seed;                           /* --seed 0..1,000,000,000, in thousandths; default 1 */
    int64_t progress_ms;                    /* --progress, in seconds 0..3,600; default 10 s */
    const char *scenario, *shape;           /* --scenario ("-" as for file), --shape, or NULL */
    const char *fail_if[CLI_MAX_LIMITS + 1]; /* --fail-if, each time; ends with NULL */
    bool yes_this_is_mine;                   /* --yes-this-is-mine: any target */
    /* Of install, each or NULL: --registry, --tag and so on. */
    const char *registry, *tag, *pull_policy, *postgres_image, *mongo_image, *mongodb_auth;
    const char *watch_namespaces, *class_name, *metrics_api;
    const char *images[IMAGES_VARIABLES]; /* values of platform/images.h's variables in the
                                             environment, or NULL */
    const char *kubeconfig; /* --kubeconfig, else $KUBECONFIG or ~/.kube/config; owned strings
                               live in `buffer` */
    bool kubeconfig_list;   /* it was not named by --kubeconfig: kube/config.h */
    const char *as, *as_uid, *as_groups[CLI_MAX_GROUPS + 1]; /* --as, --as-uid, --as-group */
    const char *context;                                     /* --context */
    struct lp_kube_flags flags;                              /* --server and the others */
    const char *request_timeout;                             /* --request-timeout, or NULL */
    int64_t request_timeout_ms;                              /* the same, 1 s..1 h; default 10 s */
    /* Of the environment, or NULL: where a pod finds its API server, and proxies. */
    const char *service_host, *service_port, *https_proxy, *http_proxy, *no_proxy;
    char buffer[4096];
};

/* Reads words as far as they are an unfinished command line of this program, and leaves out what
 * is wrong: for completion. */
void cli_options_read(int argc, char **argv, struct cli_options *ret_options);

/* Strings are borrowed from argv and the environment. LP_E_INVALID names option, value and what is
 * allowed; LP_E_CANCELED:
 * --help or --version was asked for and printed. */
LP_MUST_USE int cli_options_parse(int argc, char **argv, struct cli_options *ret_options,
                                  struct lp_error *err);
