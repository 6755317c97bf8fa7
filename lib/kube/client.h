/* lib/kube/client.h -- the verbs of the Kubernetes API on JSON objects. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kube/connection.h"

/*
 * Results are owned by the caller; ret_object may be NULL where not wanted. `ns` is NULL for
 * cluster-scoped kinds (and for a list over all namespaces). Errors come from the answer's Status,
 * with its message: 400/405/406/415/422 LP_E_INVALID, 401/403 LP_E_DENIED (of a
 * quota: LP_E_UNAVAILABLE), 404 LP_E_NOT_FOUND, 409
 * LP_E_CONFLICT (reason AlreadyExists: LP_E_EXISTS), 410 LP_E_GONE, 413 LP_E_TOO_LARGE, 408/504
 * LP_E_TIMEOUT, 429 and other 5xx LP_E_UNAVAILABLE; err->http_status and err->retry_after_ms are
 * set. 429 with Retry-After is waited for and tried again, up to 3 times and 10 s in all. 401
 * reloads the token once.
 */
LP_MUST_USE int lp_kube_get(struct lp_kube_client *c, const struct lp_kube_kind *kind,
                            const char *ns, const char *name, json_t **ret_object,
                            struct lp_error *err);

struct lp_kube_list_options {
    const char *label_selector, *field_selector; /* NULL: none */
};
/* Called per object in pages of LP_LIMIT_KUBE_PAGE; `object` borrowed, apiVersion and kind filled
 * in. A negative return ends it. Where the snapshot of the pages is compacted meanwhile (410) the
 * list starts over, up to 3 times, and with fewer objects a page where one is over
 * LP_LIMIT_KUBE_LIST: an object may come twice. */
typedef int lp_kube_each(json_t *object, void *user, struct lp_error *err);
LP_MUST_USE int lp_kube_list(struct lp_kube_client *c, const struct lp_kube_kind *kind,
                             const char *ns, const struct lp_kube_list_options *options,
                             lp_kube_each *each, void *user, char ret_resource_version[64],
                             struct lp_error *err);

/* Reads kind, namespace and name from the object's metadata. `subresource`: "" or NULL for the
 * object itself. */
LP_MUST_USE int lp_kube_create(struct lp_kube_client *c, const struct lp_kube_kind *kind,
                               const json_t *object, json_t **ret_object, struct lp_error *err);
/* PUT; metadata.resourceVersion in it makes it conditional. */
LP_MUST_USE int lp_kube_update(struct lp_kube_client *c, const struct lp_kube_kind *kind,
                               const char *subresource, const json_t *object, json_t **ret_object,
                               struct lp_error *err);

/* What _create would answer; nothing is kept (dryRun=All). */
LP_MUST_USE int lp_kube_dry_run_create(struct lp_kube_client *c, const struct lp_kube_kind *kind,
                                       const json_t *object, json_t **ret_object,
                                       struct lp_error *err);

struct lp_kube_apply_options {
    const char *field_manager; /* required */
    const char *subresource;   /* "status", "scale"; NULL: the object */
    bool force;                /* take over fields that others own */
    bool dry_run;
};
/* Server-side apply (KEP-555), which refuses a field that the schema does not have by itself:
 * fieldValidation=Strict would only have the server parse the body once more. */
LP_MUST_USE int lp_kube_apply(struct lp_kube_client *c, const struct lp_kube_kind *kind,
                              const json_t *object, const struct lp_kube_apply_options *options,
                              json_t **ret_object, struct lp_error *err);

/* RFC 7386 merge patch. */
LP_MUST_USE int lp_kube_merge_patch(struct lp_kube_client *c, const struct lp_kube_kind *kind,
                                    const char *ns, const char *name, const char *subresource,
                                    const json_t *patch, json_t **ret_object, struct lp_error *err);

/* What it would answer; nothing is kept (dryRun=All), and a field that the schema does not have is
 * refused. */
LP_MUST_USE int lp_kube_dry_run_merge_patch(struct lp_kube_client *c,
                                            const struct lp_kube_kind *kind, const char *ns,
                                            const char *name, const json_t *patch,
                                            json_t **ret_object, struct lp_error *err);

/* Background propagation. `uid` NULL: whichever object has the name. */
LP_MUST_USE int lp_kube_delete(struct lp_kube_client *c, const struct lp_kube_kind *kind,
                               const char *ns, const char *name, const char *uid,
                               struct lp_error *err);

/* GET of a raw path ("/version", "/apis/…"), for what is no object. Must answer JSON. */
LP_MUST_USE int lp_kube_raw(struct lp_kube_client *c, const char *path, json_t **ret_json,
                            struct lp_error *err);
