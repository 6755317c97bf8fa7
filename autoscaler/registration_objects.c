/*
 * Reading and writing one APIService. What others make of it between our look and our write is not
 * overwritten: every write names the resourceVersion that was looked at.
 *
 * Threads: whoever calls, with a client of its own.
 */
#include "autoscaler/registration_objects.h"

#include <openssl/evp.h>
#include <string.h>

#include "autoscaler/chain_record.h"
#include "base/alloc.h"
#include "base/log.h"
#include "json/json.h"
#include "kube/kinds.h"

#define FIELD_MANAGER "lp-adapter"
#define ATTEMPTS 4

static const struct {
    const char *name;
    int priority;
} api_services[] = {
    [QUERY_V1BETA2] = { "v1beta2." QUERY_GROUP, 200 },
    [QUERY_V1BETA1] = { "v1beta1." QUERY_GROUP, 100 },
};

const char *registration_name(enum query_version v)
{
    return api_services[v].name;
}

int registration_read(struct lp_kube_client *c, enum query_version v, json_t **ret_have,
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
    return chain_leads_to(json_object_get(have, "spec"), g->ns, g->service);
}

bool registration_is_chained(const json_t *have)
{
    return lp_json_str(have, "metadata", "annotations", CHAIN_ANNOTATION, NULL) != NULL;
}

int registration_owner(struct lp_kube_client *c, json_t **ret_owner, struct lp_error *err)
{
    json_auto_t *crd = NULL;
    int r = lp_kube_get(c, &lp_kube_crds, NULL, REGISTRATION_DEFINITION, &crd, err);
    if (r < 0 && r != LP_E_NOT_FOUND)
        return lp_error_wrap(err, "CustomResourceDefinition " REGISTRATION_DEFINITION);
    const char *uid = crd ? lp_json_str(crd, "metadata", "uid", NULL) : NULL;
    bool stays = uid && !lp_json_str(crd, "metadata", "deletionTimestamp", NULL);
    *ret_owner = stays ? lp_json_make("{s:s,s:s,s:s,s:s}", "apiVersion", "apiextensions.k8s.io/v1",
                                      "kind", "CustomResourceDefinition", "name",
                                      REGISTRATION_DEFINITION, "uid", uid)
                       : NULL;
    return 0;
}

char *registration_base64(const char *text)
{
    size_t n = strlen(text);
    char *base64 = lp_alloc(n / 3 * 4 + 8);
    EVP_EncodeBlock((unsigned char *)base64, (const unsigned char *)text, (int)n);
    return base64;
}

static json_t *wanted(const struct registration *g, enum query_version v, const char *ca_bundle)
{
    lp_auto_free char *base64 = registration_base64(ca_bundle);
    return lp_json_make("{s:s,s:s,s:{s:s,s:{s:s}},s:{s:s,s:s,s:i,s:i,s:s,s:{s:s,s:s,s:i}}}",
                        "apiVersion", "apiregistration.k8s.io/v1", "kind", "APIService", "metadata",
                        "name", api_services[v].name, "labels", "app.kubernetes.io/managed-by",
                        "lp-operator", "spec", "group", QUERY_GROUP, "version",
                        query_version_name(v), "groupPriorityMinimum", 100, "versionPriority",
                        api_services[v].priority, "caBundle", base64, "service", "namespace", g->ns,
                        "name", g->service, "port", (int)g->port);
}

int registration_make(struct lp_kube_client *c, const struct registration *g, enum query_version v,
                      const char *ca_bundle, const json_t *owner, const json_t *have,
                      struct lp_error *err)
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

/* The uid of the CustomResourceDefinition among its owners; NULL: none. */
static const char *owner_uid(const json_t *have)
{
    const json_t *o;
    size_t i;
    json_array_foreach(lp_json_at(have, "metadata", "ownerReferences", NULL), i, o)
    {
        const char *name = lp_json_str(o, "name", NULL);
        if (name && strcmp(name, REGISTRATION_DEFINITION) == 0)
            return lp_json_str(o, "uid", NULL);
    }
    return NULL;
}

static int give_back_once(struct lp_kube_client *c, const struct registration *g,
                          enum query_version v, const char *why, struct lp_error *err)
{
    json_auto_t *have = NULL;
    int r = registration_read(c, v, &have, err);
    if (r < 0 || !have || !registration_is_ours(have, g))
        return r;
    json_auto_t *previous = chain_previous(have);
    if (previous) {
        json_auto_t *restored = chain_restored(have, previous, owner_uid(have));
        lp_log_info("an APIService is given back to its owner", "apiservice", api_services[v].name,
                    "why", why);
        return lp_kube_update(c, &lp_kube_api_services, NULL, restored, NULL, err);
    }
    lp_log_info("an APIService of ours is deleted", "apiservice", api_services[v].name, "why", why);
    r = lp_kube_delete(c, &lp_kube_api_services, NULL, api_services[v].name,
                       lp_json_str(have, "metadata", "uid", NULL), err);
    return r == LP_E_NOT_FOUND ? 0 : r;
}

int registration_give_back(struct lp_kube_client *c, const struct registration *g,
                           enum query_version v, const char *why, struct lp_error *err)
{
    int r = 0;
    for (unsigned i = 0; i < ATTEMPTS; i++)
        if ((r = give_back_once(c, g, v, why, err)) != LP_E_CONFLICT)
            break;
    return r < 0 ? lp_error_wrap(err, "APIService %s", api_services[v].name) : 0;
}

int registration_give_back_all(struct lp_kube_client *c, const struct registration *g,
                               const char *why, struct lp_error *err)
{
    for (enum query_version v = QUERY_V1BETA2; v <= QUERY_V1BETA1; v++) {
        int r = registration_give_back(c, g, v, why, err);
        if (r < 0)
            return r;
    }
    return 0;
}
