/* autoscaler/chain/chain_record.h -- an APIService of another adapter that leads to us, and what it
 * was before. Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Of an APIService that was made to lead to us: {"by":"<namespace>/<service>","spec":{...},
 * "fields":[...]}, whom it leads to since, its spec before, and whose that was (chain_fields.h). */
#define CHAIN_ANNOTATION "learningplatform.io/previous-apiservice"

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

/* Does `spec` lead to this Service? */
bool chain_leads_to(const json_t *spec, const char *ns, const char *service);

/* The spec before ours, the caller's; NULL where none is recorded, or what is cannot be read. */
json_t *chain_previous(const json_t *api_service);

/* Whose the fields of that spec were, the caller's; NULL where that is not recorded. */
json_t *chain_previous_fields(const json_t *api_service);

/* Does it lead to another operator of ours that keeps a record on it? */
bool chain_is_anothers(const json_t *api_service, const char *ns, const char *service);

/* What we make of an APIService. All borrowed. */
struct chain_wish {
    const char *ns, *service; /* ours */
    uint16_t port;
    const char *ca_base64;
    const json_t *owner; /* goes with it where nobody restores it; NULL: none */
};

/*
 * `have` as it is to be while it leads to us: the recorded `previous` spec but for service and
 * trust, and the record. Priorities stay. The caller's; NULL where the record is too large to keep.
 */
json_t *chain_led(const json_t *have, const json_t *previous, const struct chain_wish *wish);

/* `have` with its spec exactly as recorded, without the record and without an owner of ours. The
 * caller's. */
json_t *chain_restored(const json_t *have, const json_t *previous);
