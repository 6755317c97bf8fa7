/* lib/kube/config_flags.h -- what kubectl's flags say instead of a kubeconfig. For config.c. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* The flags of kubectl (kubernetes.io/docs/reference/kubectl/kubectl) of these names; NULL: not
 * given. Borrowed. */
struct lp_kube_flags {
    const char *cluster, *user; /* names of entries of the kubeconfig */
    const char *server, *tls_server_name, *certificate_authority;
    const char *token, *client_certificate, *client_key;
    bool insecure_skip_tls_verify;
};

/* Whether they name an API server, so that no context is needed. */
bool lp_kube_flags_name_cluster(const struct lp_kube_flags *flags);

/*
 * A cluster, or a user, of a kubeconfig (NULL: empty) with the flags over it, a new reference. As
 * in kubectl a file given here wins over data in the kubeconfig; --insecure-skip-tls-verify takes
 * the certificate authority away, and --certificate-authority that field; --token wins over
 * tokenFile and exec.
 */
json_t *lp_kube_flags_cluster(const struct lp_kube_flags *flags, const json_t *cluster);
json_t *lp_kube_flags_user(const struct lp_kube_flags *flags, const json_t *user);
