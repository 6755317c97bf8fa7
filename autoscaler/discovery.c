/*
 * What we serve, as Kubernetes clients ask for it. The list of metrics is fixed, so every document
 * is made once and served from memory with a constant ETag: kube-apiserver polls /apis each minute
 * and gets a 304.
 *
 * Threads: _init runs once (pthread_once), all else reads.
 */
#include "autoscaler/discovery.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "json/json.h"

#define MAX_DOCUMENT ((size_t)64 * 1024)
#define VERSIONS 2

const struct discovery_metric discovery_metrics[] = {
    { "pods", "queue_depth" }, { "services", "queue_depth" },    { "services", "arrival_rate" },
    { "services", "demand" },  { "services", "p95_latency_ms" }, { NULL, NULL },
};

static struct discovery_document apis[DISCOVERY_V2BETA1 + 1];
static char etags[DISCOVERY_V2BETA1 + 1][2 * EVP_MAX_MD_SIZE + 3];
static char *group, *resources[VERSIONS];

static char *text_of(json_t *document)
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(MAX_DOCUMENT);
    lp_json_write(document, &b);
    json_decref(document);
    return lp_buf_take(&b);
}

static json_t *resource_list(enum query_version v)
{
    json_t *list = json_array();
    for (const struct discovery_metric *m = discovery_metrics; m->resource; m++) {
        lp_auto_free char *name = lp_sprintf("%s/%s", m->resource, m->metric);
        json_array_append_new(list, lp_json_make("{s:s,s:s,s:b,s:s,s:[s]}", "name", name,
                                                 "singularName", "", "namespaced", 1, "kind",
                                                 "MetricValueList", "verbs", "get"));
    }
    lp_auto_free char *version = lp_sprintf("%s/%s", QUERY_GROUP, query_version_name(v));
    return lp_json_make("{s:s,s:s,s:s,s:o}", "kind", "APIResourceList", "apiVersion", "v1",
                        "groupVersion", version, "resources", list);
}

static json_t *group_document(void)
{
    json_t *versions = json_array();
    for (enum query_version v = QUERY_V1BETA2; v < VERSIONS; v++) {
        lp_auto_free char *text = lp_sprintf("%s/%s", QUERY_GROUP, query_version_name(v));
        json_array_append_new(versions, lp_json_make("{s:s,s:s}", "groupVersion", text, "version",
                                                     query_version_name(v)));
    }
    json_t *preferred = json_array_get(versions, QUERY_V1BETA2);
    return lp_json_make("{s:s,s:s,s:s,s:o,s:O}", "kind", "APIGroup", "apiVersion", "v1", "name",
                        QUERY_GROUP, "versions", versions, "preferredVersion", preferred);
}

static json_t *response_kind(const char *kind)
{
    return lp_json_make("{s:s,s:s,s:s}", "group", "", "version", "", "kind", kind);
}

/* One resource of an aggregated document, with every metric as its subresource. */
static json_t *aggregated_resource(const char *resource)
{
    json_t *metrics = json_array();
    for (const struct discovery_metric *m = discovery_metrics; m->resource; m++)
        if (strcmp(m->resource, resource) == 0)
            json_array_append_new(
                metrics, lp_json_make("{s:s,s:o,s:[s]}", "subresource", m->metric, "responseKind",
                                      response_kind("MetricValueList"), "verbs", "get"));
    return lp_json_make("{s:s,s:o,s:s,s:s,s:[],s:o}", "resource", resource, "responseKind",
                        response_kind(""), "scope", "Namespaced", "singularResource", "", "verbs",
                        "subresources", metrics);
}

static json_t *aggregated_document(const char *api_version)
{
    json_t *versions = json_array();
    for (enum query_version v = QUERY_V1BETA2; v < VERSIONS; v++) {
        json_t *list = json_array();
        const char *last = "";
        for (const struct discovery_metric *m = discovery_metrics; m->resource; m++) {
            if (strcmp(m->resource, last) != 0)
                json_array_append_new(list, aggregated_resource(m->resource));
            last = m->resource;
        }
        json_array_append_new(versions,
                              lp_json_make("{s:s,s:s,s:o}", "version", query_version_name(v),
                                           "freshness", "Current", "resources", list));
    }
    return lp_json_make("{s:s,s:s,s:{},s:[{s:{s:s},s:o}]}", "kind", "APIGroupDiscoveryList",
                        "apiVersion", api_version, "metadata", "items", "metadata", "name",
                        QUERY_GROUP, "versions", versions);
}

static void keep(enum discovery_format f, const char *content_type, json_t *document)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    char *text = text_of(document);
    EVP_Digest(text, strlen(text), digest, &n, EVP_sha256(), NULL);
    lp_auto_buf struct lp_buf etag = LP_BUF_INIT(sizeof etags[f] - 1);
    lp_buf_char(&etag, '"');
    for (unsigned i = 0; i < n; i++)
        lp_buf_printf(&etag, "%02x", digest[i]);
    lp_buf_char(&etag, '"');
    memcpy(etags[f], etag.ptr, etag.len + 1);
    apis[f] = (struct discovery_document){ text, content_type, etags[f], strlen(text) };
}

static void make_all(void)
{
    json_t *list = lp_json_make("{s:s,s:s,s:[o]}", "kind", "APIGroupList", "apiVersion", "v1",
                                "groups", group_document());
    keep(DISCOVERY_JSON, "application/json", list);
    keep(DISCOVERY_V2, "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
         aggregated_document("apidiscovery.k8s.io/v2"));
    keep(DISCOVERY_V2BETA1,
         "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
         aggregated_document("apidiscovery.k8s.io/v2beta1"));
    group = text_of(group_document());
    for (enum query_version v = QUERY_V1BETA2; v < VERSIONS; v++)
        resources[v] = text_of(resource_list(v));
}

void discovery_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_all);
}

const struct discovery_document *discovery_apis(enum discovery_format f)
{
    return &apis[f];
}

const char *discovery_group(void)
{
    return group;
}

const char *discovery_resources(enum query_version v)
{
    return resources[v];
}
