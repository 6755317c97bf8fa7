/* lib/kube/config.h -- kubeconfig files and the in-cluster files into one lp_kube_config. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "kube/client.h"
#include "kube/config_flags.h"
#include "kube/impersonate.h"

/*
 * `kubeconfig` is a path, or NULL for the in-cluster files below `in_cluster_root` (NULL:
 * /var/run/secrets/kubernetes.io/serviceaccount) with service_host and service_port. Where
 * `kubeconfig_list`, it is what KUBECONFIG may hold: several files, merged as kubectl does
 * (config_merge.h); where none of them is there, the in-cluster files count. `context` NULL:
 * current-context. Client certificates (data or files), token, tokenFile, exec plugins
 * (client.authentication.k8s.io/v1 and v1beta1), insecure-skip-tls-verify, tls-server-name,
 * proxy-url, impersonation. The message says which file, which field, what to do.
 */
struct lp_kube_config_source {
    const char *kubeconfig; /* path; NULL: in-cluster */
    bool kubeconfig_list;
    const char *context;
    const char *service_host,
        *service_port; /* in-cluster: values of KUBERNETES_SERVICE_HOST and _PORT */
    const char *in_cluster_root;
    struct lp_kube_as as;       /* which user to act as; {0}: as the kubeconfig says */
    struct lp_kube_flags flags; /* what counts before the kubeconfig; not in-cluster */
    /* Of the environment, for a cluster without proxy-url; NULL or "": none. Loopback addresses are
     * never asked for by a proxy, nor what no_proxy names (libcurl's form of it). */
    const char *https_proxy, *http_proxy, *no_proxy;
    bool terminal;          /* standard input is one: a credential plugin may ask there */
    const char *user_agent; /* of clients that name none; NULL: lp/<version>. Borrowed for ever */
};
LP_MUST_USE int lp_kube_config_load(const struct lp_kube_config_source *source,
                                    struct lp_kube_config **ret_config, struct lp_error *err);
void lp_kube_config_free(struct lp_kube_config *c);

/* Namespace of the context or of the pod; "default" where none is set. Borrowed. */
const char *lp_kube_config_namespace(const struct lp_kube_config *c);
