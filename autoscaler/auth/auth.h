/* autoscaler/auth/auth.h -- who asks, and may they: front proxy, client certificate or token, then
 * RBAC.
 */
#pragma once

#include <stdbool.h>

#include "autoscaler/auth/trust.h"
#include "base/error.h"
#include "base/stop.h"
#include "http/server/server.h"
#include "kube/client.h"
#include "kube/config.h"

#define AUTH_CACHE_MS 10000 /* what a review said counts for so long, as in k8s.io/apiserver */

/* What is asked for, as a SubjectAccessReview says it; verb "get". Borrowed until `done` was
 * called. */
struct auth_attributes {
    const char *path; /* of no resource; NULL: the six below */
    const char *ns, *group, *version, *resource, *subresource, *name;
};

struct auth; /* its review threads, each with a connection to the API server */

/* Checks may come; those that wait for a review do so until auth_start. */
struct auth *auth_new(struct lp_kube_config *kube, struct lp_stop *stop);

/* Starts the review threads. */
LP_MUST_USE int auth_start(struct auth *a, struct lp_error *err);

/* Starts the informer of ConfigMap kube-system/extension-apiserver-authentication, which calls
 * auth_set_trust. */
LP_MUST_USE int auth_start_informer(struct auth *a, struct lp_error *err);

/* The CAs and names to trust from now on; takes a reference of its own. Open connections go on and
 * are judged anew. */
void auth_set_trust(struct auth *a, struct trust *t);
bool auth_has_trust(struct auth *a);

/*
 * `status` 200: allowed. 401: nobody we know. 403: known and not allowed; 503: could not be found
 * out. `message` is for the Status, borrowed.
 */
typedef void auth_done(int status, const char *message, void *user);

/*
 * Calls `done` exactly once: before it returns where memory holds the answer, else from a review
 * thread. `attributes` NULL asks for who it is only. Call it in the handler: it looks at the TLS
 * session of `x`.
 */
void auth_check(struct auth *a, struct lp_http_exchange *x,
                const struct auth_attributes *attributes, auth_done *done, void *user);

/* After the stop was requested: what still waits is answered 503, the threads end. Later checks
 * that would wait are answered 503 at once. */
void auth_close(struct auth *a);
void auth_free(struct auth *a); /* after _close, and after the last check. NULL is fine */
