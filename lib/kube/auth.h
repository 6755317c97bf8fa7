/* lib/kube/auth.h -- where a cluster is and who we are, as config.c fills it and request.c uses it.
 * For lib/kube. */
#pragma once

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/stop.h"
#include "http/client/client.h"
#include "kube/connection.h"

/* An exec credential plugin: client.authentication.k8s.io/v1 or v1beta1, ExecConfig of
 * kubeconfig(v1). */
struct lp_kube_exec {
    char *api_version;
    char **argv; /* argv[0] is the command; ends with NULL */
    char **env;  /* "NAME=value", besides our own environment; ends with NULL */
    char *install_hint;
    bool cluster_info; /* provideClusterInfo */
    bool interactive;  /* it gets our standard input, a terminal (interactiveMode) */
};

/*
 * `server` to `exec` never change after the load. What follows `lock` is guarded by it: the
 * credentials that are in use now. Files are read again every 60 s, a plugin is asked again when
 * its answer expires; what cannot be renewed stays as it is. `generation` counts changes of what a
 * TLS connection is made with.
 */
struct lp_kube_config {
    char *path; /* for messages: the kubeconfig, or the in-cluster folder */
    char *server, *tls_server_name, *proxy, *ns;
    char *no_proxy;     /* hosts that are reached without `proxy`; NULL: none */
    char **impersonate; /* header fields, ends with NULL; NULL: none */
    bool insecure;
    const char *user_agent; /* a literal */
    char *ca_file, *cert_file, *key_file, *token_file;
    struct lp_kube_exec *exec; /* NULL: none */
    struct lp_http_share *share;

    /* When the request began that was last left without any answer: what other connections have not
     * heard from since may be dead too. 0: none. */
    _Atomic int64_t unanswered_ms;

    atomic_uint audit_n; /* requests under any id of a caller */

    pthread_mutex_t lock;
    bool renewing; /* by one thread, without the lock; `renewed` tells of its end */
    pthread_cond_t renewed;
    char *ca_pem, *cert_pem, *key_pem, *token;
    unsigned generation;
    int64_t read_ms;         /* lp_clock_ms() of the last look at the files; 0: never */
    int64_t expires_wall_ms; /* of the plugin's answer; INT64_MAX: never, 0: it was not asked yet */
};

/* Copies for one request; freed by lp_kube_credentials_done. */
struct lp_kube_credentials {
    char *token; /* NULL: none */
    unsigned generation;
};
void lp_kube_credentials_done(struct lp_kube_credentials *c);
#define lp_auto_kube_credentials __attribute__((cleanup(lp_kube_credentials_done)))

/*
 * What to use now. `refused`: the token that got a 401, or NULL; where it is still the current one,
 * files are read and the plugin is asked at once. Fails only where there is nothing to go on with
 * (a plugin that never answered).
 */
LP_MUST_USE int lp_kube_auth_get(struct lp_kube_config *c, const char *refused,
                                 struct lp_stop *stop, struct lp_kube_credentials *ret,
                                 struct lp_error *err);

/* True where a 401 may be cured by asking again. */
bool lp_kube_auth_renewable(const struct lp_kube_config *c);

/* What a plugin printed: ExecCredential.status. Strings are the caller's, NULL where absent. */
struct lp_kube_exec_result {
    char *token, *cert_pem, *key_pem;
    int64_t expires_wall_ms; /* INT64_MAX: never */
};

/*
 * Runs the plugin: at most 60 s (10 min where it may ask on the terminal) and 1 MiB of output,
 * killed beyond that or at the stop, with its whole process group where it has one of its own.
 * `info` is the cluster of ExecCredential.spec (NULL: none). LP_E_DENIED with the command, what
 * went wrong and the install hint.
 */
LP_MUST_USE int lp_kube_exec_run(const struct lp_kube_exec *exec, const json_t *info,
                                 struct lp_stop *stop, struct lp_kube_exec_result *ret,
                                 struct lp_error *err);
