/* autoscaler/registration/record.h -- an APIService of another adapter that leads to us, and what
 * it was before. Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Of an APIService that was made to lead to us: {"by":"<namespace>/<service>","spec":{...},
 * "fields":[...]}, where it leads since, its spec before, and whose that was (managed_fields.h).
 */
#define RECORD_ANNOTATION "learningplatform.io/previous-apiservice"

/* Does `spec` lead to this Service? */
bool record_leads_to(const json_t *spec, const char *ns, const char *service);

/* The spec before ours, the caller's; NULL where none is recorded, or what is cannot be read. */
json_t *record_spec(const json_t *api_service);

/* Whose the fields of that spec were, the caller's; NULL where that is not recorded. */
json_t *record_fields(const json_t *api_service);

/* Does it lead to another operator of ours that keeps a record on it? */
bool record_is_anothers(const json_t *api_service, const char *ns, const char *service);

/* What we make of an APIService. All borrowed. */
struct record_target {
    const char *ns, *service; /* ours */
    uint16_t port;
    const char *ca_base64;
    const json_t *owner; /* goes with it where nobody restores it; NULL: none */
};

/*
 * `have` as it is to be while it leads to us: the recorded `previous` spec but for service and
 * trust, and the record. Priorities stay. The caller's; NULL where the record is too large to keep.
 */
json_t *record_redirected(const json_t *have, const json_t *previous,
                          const struct record_target *wish);

/* `have` with its spec exactly as recorded, without the record and without an owner of ours. The
 * caller's. */
json_t *record_restored(const json_t *have, const json_t *previous);
