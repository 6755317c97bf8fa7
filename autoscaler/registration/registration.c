/*
 * What we keep in the API server. Threads: the thread of serving.c only; _terminating, of chain.c
 * too.
 */
#include "autoscaler/registration/registration.h"

#include <stdio.h>
#include <string.h>

#include "autoscaler/registration/registration_objects.h"
#include "autoscaler/base/telemetry.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "kube/conditions.h"
#include "kube/kinds.h"

#define ATTEMPTS 4

/* ---- the Secret ---- */

static struct certs_wish wish_of(const struct registration *g)
{
    return (struct certs_wish){
        .service = g->service, .ns = g->ns, .ca_s = g->ca_s, .leaf_s = g->leaf_s
    };
}

static int create_secret(struct lp_kube_client *c, const struct registration *g,
                         const struct certs *certs, struct lp_error *err)
{
    json_auto_t *secret = lp_json_make(
        "{s:s,s:s,s:{s:s,s:s,s:{s:s}},s:s,s:o}", "apiVersion", "v1", "kind", "Secret", "metadata",
        "name", g->secret, "namespace", g->ns, "labels", "app.kubernetes.io/managed-by",
        "lp-operator", "type", "Opaque", "stringData", certs_to_secret(certs));
    return lp_kube_create(c, &lp_kube_secrets, secret, NULL, err);
}

/* The resourceVersion in `secret` makes it fail with LP_E_CONFLICT where another replica was
 * faster. */
static int update_secret(struct lp_kube_client *c, json_t *secret, const struct certs *certs,
                         struct lp_error *err)
{
    json_object_del(secret, "data");
    json_object_set_new(secret, "stringData", certs_to_secret(certs));
    return lp_kube_update(c, &lp_kube_secrets, NULL, secret, NULL, err);
}

static int read_or_renew(struct lp_kube_client *c, const struct registration *g, json_t *secret,
                         struct certs *ret_certs, struct lp_error *err)
{
    const struct certs_wish names = wish_of(g);
    int64_t now_s = lp_clock_wall_ms() / 1000;
    auto_certs struct certs certs = { 0 };
    bool changed = false;
    int r = certs_from_secret(secret, &certs, err);
    if (r == 0)
        r = certs_renew(&certs, &names, now_s, &changed, err);
    if (r == LP_E_INVALID) {
        lp_log_warn("the certificate is made anew", "secret", g->secret, "why", err->msg);
        certs_done(&certs);
        changed = true;
        r = certs_make(&names, now_s, &certs, err);
    }
    if (r == 0 && changed)
        r = update_secret(c, secret, &certs, err);
    if (r < 0)
        return r;
    *ret_certs = certs;
    certs = (struct certs){ 0 };
    return 0;
}

static int make_secret(struct lp_kube_client *c, const struct registration *g,
                       struct certs *ret_certs, struct lp_error *err)
{
    const struct certs_wish names = wish_of(g);
    auto_certs struct certs certs = { 0 };
    int r = certs_make(&names, lp_clock_wall_ms() / 1000, &certs, err);
    if (r == 0)
        r = create_secret(c, g, &certs, err);
    if (r < 0)
        return r;
    *ret_certs = certs;
    certs = (struct certs){ 0 };
    return 0;
}

int registration_certs(struct lp_kube_client *c, const struct registration *g,
                       struct certs *ret_certs, struct lp_error *err)
{
    int r = 0;
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        json_auto_t *secret = NULL;
        r = lp_kube_get(c, &lp_kube_secrets, g->ns, g->secret, &secret, err);
        if (r == 0)
            r = read_or_renew(c, g, secret, ret_certs, err);
        else if (r == LP_E_NOT_FOUND)
            r = make_secret(c, g, ret_certs, err);
        if (r != LP_E_CONFLICT && r != LP_E_EXISTS)
            break;
    }
    return r < 0 ? lp_error_wrap(err, "Secret %s/%s", g->ns, g->secret) : 0;
}

/* ---- the APIServices ---- */

static void note_conflict(enum metrics_version v, const json_t *have)
{
    struct lp_metric *m = lp_metric_with(telemetry.conflict, registration_name(v));
    bool was = lp_metric_value(m) > 0;
    lp_metric_set(m, have ? 1 : 0);
    if (have && !was)
        lp_log_warn("an APIService of another metrics adapter is left alone", "apiservice",
                    registration_name(v), "namespace",
                    lp_json_str(have, "spec", "service", "namespace", NULL), "service",
                    lp_json_str(have, "spec", "service", "name", NULL));
    else if (!have && was)
        lp_log_info("the APIService is free now", "apiservice", registration_name(v));
}

static void tell_conflict(const json_t *have, char ret_conflict[REGISTRATION_CONFLICT])
{
    const char *ns = lp_json_str(have, "spec", "service", "namespace", NULL);
    const char *name = lp_json_str(have, "spec", "service", "name", NULL);
    snprintf(ret_conflict, REGISTRATION_CONFLICT,
             "APIService %.64s leads to Service %.63s/%.63s, not to us: it is left alone",
             lp_json_str(have, "metadata", "name", NULL), ns ? ns : "?", name ? name : "?");
}

/* One that leads to us in another's place (from a time of METRICS_API=Chain) is given back first.
 */
static int apply_one(struct lp_kube_client *c, const struct registration *g, enum metrics_version v,
                     const char *ca_bundle, const json_t *owner,
                     char ret_conflict[REGISTRATION_CONFLICT], struct lp_error *err)
{
    json_auto_t *have = NULL;
    int r = registration_read(c, v, &have, err);
    if (r == 0 && have && registration_is_ours(have, g) && registration_is_chained(have)) {
        r = registration_give_back(c, g, v, "METRICS_API is not Chain any more", err);
        json_decref(lp_take(have));
        if (r == 0)
            r = registration_read(c, v, &have, err);
    }
    if (r < 0)
        return r;
    bool another = have && !registration_is_ours(have, g);
    note_conflict(v, another ? have : NULL);
    if (!another)
        return registration_make(c, g, v, ca_bundle, owner, have, err);
    tell_conflict(have, ret_conflict);
    return 0;
}

int registration_apply(struct lp_kube_client *c, const struct registration *g,
                       const char *ca_bundle, char ret_conflict[REGISTRATION_CONFLICT],
                       struct lp_error *err)
{
    json_auto_t *owner = NULL;
    ret_conflict[0] = '\0';
    int r = registration_owner(c, g, &owner, err);
    if (r < 0)
        return r;
    if (!owner)
        return registration_give_back_all(c, g, REGISTRATION_NO_DEFINITION, err);
    for (enum metrics_version v = METRICS_V1BETA2; v <= METRICS_V1BETA1; v++) {
        r = apply_one(c, g, v, ca_bundle, owner, ret_conflict, err);
        if (r < 0)
            return lp_error_wrap(err, "APIService %s", registration_name(v));
    }
    return 0;
}

/* ---- what the aggregator says ---- */

/* The condition Available where it is False, and not because there are no endpoints (the reasons
 * are kube-aggregator's). */
static const json_t *unavailable(const json_t *api_service)
{
    static const char *const no_replicas[] = { "MissingEndpoints", "EndpointsNotFound" };
    const json_t *status = json_object_get(api_service, "status");
    const json_t *c = lp_kube_condition(status, "Available");
    const char *reason = lp_json_str(c, "reason", NULL);

    if (!lp_kube_condition_is(status, "Available", "False"))
        return NULL;
    for (size_t k = 0; reason && k < LP_COUNT(no_replicas); k++)
        if (strcmp(reason, no_replicas[k]) == 0)
            return NULL;
    return c;
}

int registration_availability(struct lp_kube_client *c, const struct registration *g,
                              char **ret_why, struct lp_error *err)
{
    *ret_why = NULL;
    for (enum metrics_version v = METRICS_V1BETA2; v <= METRICS_V1BETA1 && !*ret_why; v++) {
        json_auto_t *have = NULL;
        int r = registration_read(c, v, &have, err);
        if (r < 0)
            return lp_error_wrap(err, "APIService %s", registration_name(v));
        const json_t *bad = have && registration_is_ours(have, g) ? unavailable(have) : NULL;
        const char *reason = lp_json_str(bad, "reason", NULL);
        const char *message = lp_json_str(bad, "message", NULL);
        if (bad)
            *ret_why =
                lp_sprintf("APIService %s is not Available: %s: %.200s", metrics_version_name(v),
                           reason ? reason : "no reason", message ? message : "");
    }
    return 0;
}

/* ---- when we go ---- */

/* Not there, terminating, or (a Deployment) scaled to 0. */
static int is_terminating(struct lp_kube_client *c, const struct lp_kube_kind *kind, const char *ns,
                          const char *name, bool *ret_terminating, struct lp_error *err)
{
    json_auto_t *object = NULL;
    int r = lp_kube_get(c, kind, ns, name, &object, err);
    if (r < 0 && r != LP_E_NOT_FOUND)
        return r;
    *ret_terminating = !object || lp_json_str(object, "metadata", "deletionTimestamp", NULL) ||
                       lp_json_int(1, object, "spec", "replicas", NULL) == 0;
    return 0;
}

int registration_remove(struct lp_kube_client *c, const struct registration *g,
                        struct lp_error *err)
{
    return registration_give_back_all(c, g, "METRICS_API is None", err);
}

int registration_terminating(struct lp_kube_client *c, const struct registration *g,
                             bool *ret_terminating, struct lp_error *err)
{
    bool terminating = false;
    int r = is_terminating(c, &lp_kube_deployments, g->ns, g->deployment, &terminating, err);
    if (r == 0 && !terminating)
        r = is_terminating(c, &lp_kube_namespaces, NULL, g->ns, &terminating, err);
    if (r == 0)
        *ret_terminating = terminating;
    return r;
}

int registration_withdraw(struct lp_kube_client *c, const struct registration *g,
                          struct lp_error *err)
{
    bool terminating = false;
    int r = registration_terminating(c, g, &terminating, err);
    if (r < 0 || !terminating)
        return r;
    return registration_give_back_all(c, g, REGISTRATION_REMOVED, err);
}
