/* autoscaler/chain/chain_backend.h -- the Service of another adapter that an APIService leads to.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* The Service behind a spec, and how kube-apiserver would trust it (APIServiceSpec of
 * apiregistration.k8s.io/v1). */
struct chain_backend {
    char *ns, *service; /* the caller's; names that Kubernetes allows */
    uint16_t port;      /* 443 where the spec names none */
    char *ca_pem;       /* of caBundle; NULL: the system's trust store */
    bool insecure;      /* insecureSkipTLSVerify */
};
void chain_backend_done(struct chain_backend *b);
#define auto_chain_backend __attribute__((cleanup(chain_backend_done)))

/* LP_E_INVALID names the field that is missing or wrong; LP_E_NOT_FOUND: no Service at all, the
 * group is kube-apiserver's own. */
LP_MUST_USE int chain_backend_of(const json_t *spec, struct chain_backend *ret_backend,
                                 struct lp_error *err);
