/* operator/config.h -- the operator's configuration: defaults, then the environment, then flags. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "platform/scope.h"

/* Strings are borrowed from the environment and from argv; `scope` is the caller's to end. */
struct operator_config {
    const char *image_registry, *image_tag, *image_pull_policy;
    const char *postgres_image, *mongo_image;
    bool mongodb_auth;
    const char *pod_name, *ns;
    const char *log_level;
    const char *kubeconfig;                               /* "": in-cluster */
    const char *context;                                  /* "": the current one */
    const char *watch_namespaces, *selector, *class_name; /* as given; `scope` is what they say */
    struct scope scope;
    const char *service_host, *service_port; /* of the API server, in-cluster */
    int64_t workers;
    int64_t resync_s;             /* how often every platform is looked at anew */
    int64_t silent_s;             /* of the API server, then we are not ready */
    int64_t port;                 /* probes and metrics */
    const char *metrics_cert_dir; /* "": plain */
    int64_t adapter_port;         /* custom metrics API */
    const char *metrics_api;      /* "Own", "Chain" or "None" */
    const char *chain_connect_to; /* "": the other adapter's DNS name */
    int64_t adapter_warm_up_ms;
    int64_t ca_s, leaf_s;     /* how long its CA and certificate last */
    int64_t pod_metrics_port; /* of the services' pods */
    bool adapter;             /* serve it at all */
    const char *journal;      /* "": none */
};

/*
 * Fills `config`. Returns -1 to go on, else the exit status of --help, --version (0) or of a
 * mistake (2), which has been reported.
 */
int config_load(int argc, char **argv, struct operator_config *config);
