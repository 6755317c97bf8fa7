/*
 * Reading and writing one APIService. What others make of it between our look and our write is not
 * overwritten: every write names the resourceVersion that was looked at.
 *
 * Threads: whoever calls, with a client of its own.
 */
#include "autoscaler/registration/registration_objects.h"

#include "autoscaler/registration/managed_fields.h"
#include "autoscaler/registration/record.h"
#include "base/alloc.h"
#include "base/base64.h"
#include "base/log.h"
#include "json/json.h"
#include "kube/kinds.h"

#define ATTEMPTS 4

static const struct {
    const char *name;
    int priority;
} api_services[] = {
    [METRICS_V1BETA2] = { "v1beta2." METRICS_GROUP, 200 },
    [METRICS_V1BETA1] = { "v1beta1." METRICS_GROUP, 100 },
};

const char *registration_name(enum metrics_version v)
{
    return api_services[v].name;
}

int registration_read(struct lp_kube_client *c, enum metrics_version v, json_t **ret_have,
                      struct lp_error *err)
{
    struct lp_error why = { 0 };
    int r = lp_kube_get(c, &lp_kube_api_services, NULL, api_services[v].name, ret_have, &why);
    if (r == LP_E_NOT_FOUND) {
        *ret_have = NULL;
        return 0;
    }
    if (r < 0)
        *err = why;
    return r;
}

bool registration_is_ours(const json_t *have, const struct registration *g)
{
    return record_leads_to(json_object_get(have, "spec"), g->ns, g->service);
}

bool registration_is_chained(const json_t *have)
{
    return lp_json_str(have, "metadata", "annotations", RECORD_ANNOTATION, NULL) != NULL;
}

static json_t *reference(const char *api_version, const char *kind, const json_t *to)
{
    return lp_json_make("{s:s,s:s,s:s,s:s}", "apiVersion", api_version, "kind", kind, "name",
                        lp_json_str(to, "metadata", "name", NULL), "uid",
                        lp_json_str(to, "metadata", "uid", NULL));
}

static bool stays(const json_t *object)
{
    return lp_json_str(object, "metadata", "uid", NULL) &&
           !lp_json_str(object, "metadata", "deletionTimestamp", NULL);
}

/* *ret_owner NULL: none, or we may not see it. */
static int binding_owner(struct lp_kube_client *c, const struct registration *g, json_t **ret_owner,
                         struct lp_error *err)
{
    struct lp_error why = { 0 };
    json_auto_t *binding = NULL;
    lp_auto_free char *name = lp_sprintf(REGISTRATION_BINDING "-%s", g->ns);
    int r = lp_kube_get(c, &lp_kube_cluster_role_bindings, NULL, name, &binding, &why);
    *ret_owner = NULL;
    if (r == 0 && stays(binding))
        *ret_owner = reference("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", binding);
    if (r == 0 || r == LP_E_NOT_FOUND || r == LP_E_DENIED)
        return 0;
    *err = why;
    return lp_error_wrap(err, "ClusterRoleBinding %s", name);
}

int registration_owner(struct lp_kube_client *c, const struct registration *g, json_t **ret_owner,
                       struct lp_error *err)
{
    json_auto_t *crd = NULL;
    *ret_owner = NULL;
    int r = lp_kube_get(c, &lp_kube_crds, NULL, REGISTRATION_DEFINITION, &crd, err);
    if (r < 0 && r != LP_E_NOT_FOUND)
        return lp_error_wrap(err, "CustomResourceDefinition " REGISTRATION_DEFINITION);
    if (r < 0 || !stays(crd))
        return 0;
    r = binding_owner(c, g, ret_owner, err);
    if (r == 0 && !*ret_owner)
        *ret_owner = reference("apiextensions.k8s.io/v1", "CustomResourceDefinition", crd);
    return r;
}

static json_t *wanted(const struct registration *g, enum metrics_version v, const char *ca_bundle)
{
    lp_auto_free char *base64 = lp_base64_of(ca_bundle);
    return lp_json_make("{s:s,s:s,s:{s:s,s:{s:s}},s:{s:s,s:s,s:i,s:i,s:s,s:{s:s,s:s,s:i}}}",
                        "apiVersion", "apiregistration.k8s.io/v1", "kind", "APIService", "metadata",
                        "name", api_services[v].name, "labels", "app.kubernetes.io/managed-by",
                        "lp-operator", "spec", "group", METRICS_GROUP, "version",
                        metrics_version_name(v), "groupPriorityMinimum", 100, "versionPriority",
                        api_services[v].priority, "caBundle", base64, "service", "namespace", g->ns,
                        "name", g->service, "port", (int)g->port);
}

int registration_make(struct lp_kube_client *c, const struct registration *g,
                      enum metrics_version v, const char *ca_bundle, const json_t *owner,
                      const json_t *have, struct lp_error *err)
{
    json_auto_t *want = wanted(g, v, ca_bundle);
    json_t *metadata = json_object_get(want, "metadata");
    json_object_set_new(metadata, "ownerReferences", lp_json_make("[O]", owner));
    if (have && lp_json_contains(have, want))
        return 0;
    if (have)
        json_object_set(metadata, "resourceVersion",
                        lp_json_at(have, "metadata", "resourceVersion", NULL));
    const struct lp_kube_apply_options options = { .field_manager = FIELD_MANAGER,
                                                   .force = have != NULL };
    int r = lp_kube_apply(c, &lp_kube_api_services, want, &options, NULL, err);
    if (r == 0)
        lp_log_info("the APIService leads to us", "apiservice", api_services[v].name);
    return r;
}

/* What was given back, and whose it is: NULL where nothing was. */
struct given {
    json_t *now, *fields;
};
static void given_done(struct given *given)
{
    json_decref(given->now);
    json_decref(given->fields);
    *given = (struct given){ NULL, NULL };
}
#define auto_given __attribute__((cleanup(given_done)))

static int give_back_once(struct lp_kube_client *c, const struct registration *g,
                          enum metrics_version v, const char *why, struct given *ret_given,
                          struct lp_error *err)
{
    json_auto_t *have = NULL;
    int r = registration_read(c, v, &have, err);
    if (r < 0 || !have || !registration_is_ours(have, g))
        return r;
    json_auto_t *previous = record_spec(have);
    if (previous) {
        json_auto_t *restored = record_restored(have, previous);
        lp_log_info("an APIService is given back to its owner", "apiservice", api_services[v].name,
                    "why", why);
        r = lp_kube_update(c, &lp_kube_api_services, NULL, restored, &ret_given->now, err);
        if (r == 0)
            ret_given->fields = record_fields(have);
        return r;
    }
    lp_log_info("an APIService of ours is deleted", "apiservice", api_services[v].name, "why", why);
    r = lp_kube_delete(c, &lp_kube_api_services, NULL, api_services[v].name,
                       lp_json_str(have, "metadata", "uid", NULL), err);
    return r == LP_E_NOT_FOUND ? 0 : r;
}

static int give_back(struct lp_kube_client *c, const struct registration *g, enum metrics_version v,
                     const char *why, struct given *ret_given, struct lp_error *err)
{
    int r = 0;
    for (unsigned i = 0; i < ATTEMPTS; i++)
        if ((r = give_back_once(c, g, v, why, ret_given, err)) != LP_E_CONFLICT)
            break;
    return r < 0 ? lp_error_wrap(err, "APIService %s", api_services[v].name) : 0;
}

/* kube-apiserver notes in the APIService's status what it leads to now, and so may be faster. */
static int give_fields_once(struct lp_kube_client *c, const struct registration *g,
                            enum metrics_version v, struct given *given, bool again,
                            struct lp_error *err)
{
    if (again) {
        json_decref(lp_take(given->now));
        int r = registration_read(c, v, &given->now, err);
        if (r < 0)
            return r;
    }
    bool ours = given->now && registration_is_ours(given->now, g);
    json_t *managed = given->now && !ours ? managed_fields_back(given->now, given->fields) : NULL;
    if (!managed)
        return 0;
    json_object_set_new(json_object_get(given->now, "metadata"), "managedFields", managed);
    return lp_kube_update(c, &lp_kube_api_services, NULL, given->now, NULL, err);
}

/* Where this cannot be done any more, what it leads to is right all the same. */
static void give_fields_back(struct lp_kube_client *c, const struct registration *g,
                             enum metrics_version v, struct given *given)
{
    struct lp_error err = { 0 };
    int r = 0;
    for (unsigned i = 0; i < ATTEMPTS; i++)
        if ((r = give_fields_once(c, g, v, given, i > 0, &err)) != LP_E_CONFLICT)
            break;
    if (r < 0)
        lp_log_warn("fields of an APIService are still said to be ours", "apiservice",
                    api_services[v].name, "why", err.msg);
}

int registration_give_back(struct lp_kube_client *c, const struct registration *g,
                           enum metrics_version v, const char *why, struct lp_error *err)
{
    auto_given struct given given = { NULL, NULL };
    int r = give_back(c, g, v, why, &given, err);
    if (r == 0)
        give_fields_back(c, g, v, &given);
    return r;
}

int registration_give_back_all(struct lp_kube_client *c, const struct registration *g,
                               const char *why, struct lp_error *err)
{
    auto_given struct given second = { NULL, NULL }, first = { NULL, NULL };
    int r = give_back(c, g, METRICS_V1BETA2, why, &second, err);
    if (r == 0)
        r = give_back(c, g, METRICS_V1BETA1, why, &first, err);
    if (r < 0)
        return r;
    give_fields_back(c, g, METRICS_V1BETA2, &second);
    give_fields_back(c, g, METRICS_V1BETA1, &first);
    return 0;
}
