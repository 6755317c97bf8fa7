/*
 * What we keep in the API server. Threads: the adapter's upkeep thread only.
 */
#include "autoscaler/registration.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "autoscaler/query.h"
#include "autoscaler/telemetry.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "kube/kinds.h"

#define FIELD_MANAGER "lp-adapter"
#define ATTEMPTS 4

static const struct {
    const char *name, *version;
    int priority;
} api_services[] = {
    { "v1beta2." QUERY_GROUP, "v1beta2", 200 },
    { "v1beta1." QUERY_GROUP, "v1beta1", 100 },
};

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

static bool is_ours(const json_t *api_service, const struct registration *g)
{
    const char *ns = lp_json_str(api_service, "spec", "service", "namespace", NULL);
    const char *name = lp_json_str(api_service, "spec", "service", "name", NULL);
    return ns && name && strcmp(ns, g->ns) == 0 && strcmp(name, g->service) == 0;
}

/*
 * The CustomResourceDefinition owns the APIServices, so that the garbage collector takes them where
 * everything is deleted at once and our own rights go before we can withdraw. *ret_owners is NULL
 * where there is none, or it is being deleted.
 */
static int read_owners(struct lp_kube_client *c, json_t **ret_owners, struct lp_error *err)
{
    static const char name[] = "learningplatforms.learningplatform.io";
    json_auto_t *crd = NULL;
    int r = lp_kube_get(c, &lp_kube_crds, NULL, name, &crd, err);
    if (r < 0 && r != LP_E_NOT_FOUND)
        return lp_error_wrap(err, "CustomResourceDefinition %s", name);
    const char *uid = crd ? lp_json_str(crd, "metadata", "uid", NULL) : NULL;
    bool stays = uid && !lp_json_str(crd, "metadata", "deletionTimestamp", NULL);
    *ret_owners = stays
                      ? lp_json_make("[{s:s,s:s,s:s,s:s}]", "apiVersion", "apiextensions.k8s.io/v1",
                                     "kind", "CustomResourceDefinition", "name", name, "uid", uid)
                      : NULL;
    return 0;
}

static json_t *wanted(const struct registration *g, unsigned i, const char *ca_bundle)
{
    size_t n = strlen(ca_bundle);
    lp_auto_free char *base64 = lp_alloc(n / 3 * 4 + 8);
    EVP_EncodeBlock((unsigned char *)base64, (const unsigned char *)ca_bundle, (int)n);
    return lp_json_make("{s:s,s:s,s:{s:s,s:{s:s}},s:{s:s,s:s,s:i,s:i,s:s,s:{s:s,s:s,s:i}}}",
                        "apiVersion", "apiregistration.k8s.io/v1", "kind", "APIService", "metadata",
                        "name", api_services[i].name, "labels", "app.kubernetes.io/managed-by",
                        "lp-operator", "spec", "group", QUERY_GROUP, "version",
                        api_services[i].version, "groupPriorityMinimum", 100, "versionPriority",
                        api_services[i].priority, "caBundle", base64, "service", "namespace", g->ns,
                        "name", g->service, "port", (int)g->port);
}

static void note_conflict(unsigned i, const json_t *have)
{
    struct lp_metric *m = lp_metric_with(telemetry.conflict, api_services[i].name);
    bool was = lp_metric_value(m) > 0;
    lp_metric_set(m, have ? 1 : 0);
    if (have && !was)
        lp_log_warn("an APIService of another metrics adapter is left alone", "apiservice",
                    api_services[i].name, "namespace",
                    lp_json_str(have, "spec", "service", "namespace", NULL), "service",
                    lp_json_str(have, "spec", "service", "name", NULL));
    else if (!have && was)
        lp_log_info("the APIService is free now", "apiservice", api_services[i].name);
}

static void tell_conflict(const json_t *have, char ret_conflict[REGISTRATION_CONFLICT])
{
    const char *ns = lp_json_str(have, "spec", "service", "namespace", NULL);
    const char *name = lp_json_str(have, "spec", "service", "name", NULL);
    snprintf(ret_conflict, REGISTRATION_CONFLICT,
             "APIService %.64s leads to Service %.63s/%.63s, not to us: it is left alone",
             lp_json_str(have, "metadata", "name", NULL), ns ? ns : "?", name ? name : "?");
}

static int apply_one(struct lp_kube_client *c, const struct registration *g, unsigned i,
                     const char *ca_bundle, json_t *owners,
                     char ret_conflict[REGISTRATION_CONFLICT], struct lp_error *err)
{
    json_auto_t *have = NULL;
    struct lp_error why = { 0 };
    int r = lp_kube_get(c, &lp_kube_api_services, NULL, api_services[i].name, &have, &why);
    if (r < 0 && r != LP_E_NOT_FOUND) {
        *err = why;
        return r;
    }
    bool another = have && !is_ours(have, g);
    note_conflict(i, another ? have : NULL);
    if (another) {
        tell_conflict(have, ret_conflict);
        return 0;
    }
    json_auto_t *want = wanted(g, i, ca_bundle);
    json_object_set(json_object_get(want, "metadata"), "ownerReferences", owners);
    if (have && lp_json_contains(have, want))
        return 0;
    if (have) /* so that what somebody else makes of it meanwhile is not overwritten */
        json_object_set(json_object_get(want, "metadata"), "resourceVersion",
                        lp_json_at(have, "metadata", "resourceVersion", NULL));
    const struct lp_kube_apply_options options = { .field_manager = FIELD_MANAGER,
                                                   .force = have != NULL };
    r = lp_kube_apply(c, &lp_kube_api_services, want, &options, NULL, err);
    if (r == 0)
        lp_log_info("the APIService leads to us", "apiservice", api_services[i].name);
    return r;
}

static int delete_ours(struct lp_kube_client *c, const struct registration *g, const char *why,
                       struct lp_error *err)
{
    for (unsigned i = 0; i < LP_COUNT(api_services); i++) {
        json_auto_t *have = NULL;
        const char *name = api_services[i].name;
        int r = lp_kube_get(c, &lp_kube_api_services, NULL, name, &have, err);
        if (r == 0 && is_ours(have, g)) {
            lp_log_info("an APIService of ours is deleted", "apiservice", name, "why", why);
            r = lp_kube_delete(c, &lp_kube_api_services, NULL, name,
                               lp_json_str(have, "metadata", "uid", NULL), err);
        }
        if (r < 0 && r != LP_E_NOT_FOUND)
            return lp_error_wrap(err, "APIService %s", name);
    }
    return 0;
}

int registration_apply(struct lp_kube_client *c, const struct registration *g,
                       const char *ca_bundle, char ret_conflict[REGISTRATION_CONFLICT],
                       struct lp_error *err)
{
    ret_conflict[0] = '\0';
    json_auto_t *owners = NULL;
    int r = read_owners(c, &owners, err);
    if (r < 0)
        return r;
    if (!owners)
        return delete_ours(c, g, "there are no LearningPlatforms: their definition is gone", err);
    for (unsigned i = 0; i < LP_COUNT(api_services); i++) {
        r = apply_one(c, g, i, ca_bundle, owners, ret_conflict, err);
        if (r < 0)
            return lp_error_wrap(err, "APIService %s", api_services[i].name);
    }
    return 0;
}

/* ---- what the aggregator says ---- */

/* The condition Available where it is False, and not because there are no endpoints (the reasons
 * are kube-aggregator's). */
static const json_t *unavailable(const json_t *api_service)
{
    static const char *const no_replicas[] = { "MissingEndpoints", "EndpointsNotFound" };
    const json_t *c;
    size_t i;

    json_array_foreach(lp_json_at(api_service, "status", "conditions", NULL), i, c)
    {
        const char *type = lp_json_str(c, "type", NULL), *state = lp_json_str(c, "status", NULL);
        const char *reason = lp_json_str(c, "reason", NULL);
        if (!type || !state || strcmp(type, "Available") != 0 || strcmp(state, "False") != 0)
            continue;
        for (size_t k = 0; reason && k < LP_COUNT(no_replicas); k++)
            if (strcmp(reason, no_replicas[k]) == 0)
                return NULL;
        return c;
    }
    return NULL;
}

int registration_availability(struct lp_kube_client *c, const struct registration *g,
                              char **ret_why, struct lp_error *err)
{
    *ret_why = NULL;
    for (unsigned i = 0; i < LP_COUNT(api_services) && !*ret_why; i++) {
        json_auto_t *have = NULL;
        int r = lp_kube_get(c, &lp_kube_api_services, NULL, api_services[i].name, &have, err);
        if (r == LP_E_NOT_FOUND)
            continue;
        if (r < 0)
            return lp_error_wrap(err, "APIService %s", api_services[i].name);
        const json_t *bad = is_ours(have, g) ? unavailable(have) : NULL;
        const char *reason = lp_json_str(bad, "reason", NULL);
        const char *message = lp_json_str(bad, "message", NULL);
        if (bad)
            *ret_why =
                lp_sprintf("APIService %s is not Available: %s: %.200s", api_services[i].version,
                           reason ? reason : "no reason", message ? message : "");
    }
    return 0;
}

/* ---- when we go ---- */

/* Not there, being deleted, or (a Deployment) told to have no pod. */
static int is_going(struct lp_kube_client *c, const struct lp_kube_kind *kind, const char *ns,
                    const char *name, bool *ret_going, struct lp_error *err)
{
    json_auto_t *object = NULL;
    int r = lp_kube_get(c, kind, ns, name, &object, err);
    if (r < 0 && r != LP_E_NOT_FOUND)
        return r;
    *ret_going = !object || lp_json_str(object, "metadata", "deletionTimestamp", NULL) ||
                 lp_json_int(1, object, "spec", "replicas", NULL) == 0;
    return 0;
}

int registration_remove(struct lp_kube_client *c, const struct registration *g,
                        struct lp_error *err)
{
    return delete_ours(c, g, "METRICS_API is None", err);
}

int registration_withdraw(struct lp_kube_client *c, const struct registration *g,
                          struct lp_error *err)
{
    bool going = false;
    int r = is_going(c, &lp_kube_deployments, g->ns, g->deployment, &going, err);
    if (r == 0 && !going)
        r = is_going(c, &lp_kube_namespaces, NULL, g->ns, &going, err);
    if (r < 0 || !going)
        return r;
    return delete_ours(c, g, "the operator is being removed", err);
}
