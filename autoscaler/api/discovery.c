/*
 * What we serve, as Kubernetes clients ask for it. The list of metrics is fixed but for another
 * adapter's that we stand in for, so every document is made once per state and served from memory
 * with an ETag: kube-apiserver polls /apis each minute and gets a 304.
 *
 * The aggregated documents are made of the plain lists: adapters list their metrics in these only.
 *
 * Threads: `lock` covers which state is the current one; a state is never changed.
 */
#include "autoscaler/api/discovery.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "json/json.h"

#define MAX_DOCUMENT ((size_t)8 * 1024 * 1024)
#define MAX_NAME 380

const struct discovery_metric discovery_metrics[] = {
    { "pods", "queue_depth", SAMPLES_QUEUE_DEPTH },
    { "services", "queue_depth", SAMPLES_QUEUE_DEPTH },
    { "services", "arrival_rate", SAMPLES_ARRIVAL_RATE },
    { "services", "demand", SAMPLES_DEMAND },
    { "services", "error_rate", SAMPLES_ERROR_RATE },
    { "services", "p50_latency_ms", SAMPLES_P50_LATENCY },
    { "services", "p95_latency_ms", SAMPLES_P95_LATENCY },
    { "services", "p99_latency_ms", SAMPLES_P99_LATENCY },
    { "services", "circuits_open", SAMPLES_CIRCUITS_OPEN },
    { NULL, NULL, SAMPLES_QUEUE_DEPTH },
};

struct discovery {
    atomic_uint refs;
    struct discovery_document apis[DISCOVERY_V2BETA1 + 1];
    char etags[DISCOVERY_V2BETA1 + 1][2 * EVP_MAX_MD_SIZE + 3];
    char *group, *resources[METRICS_VERSIONS];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct discovery *current; /* NULL: not asked for yet; under lock */

static char *text_of(json_t *document)
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(MAX_DOCUMENT);
    lp_json_write(document, &b);
    json_decref(document);
    return lp_buf_take(&b);
}

/* ---- whose metrics ---- */

static json_t *entry(const char *name, bool namespaced)
{
    return lp_json_make("{s:s,s:s,s:b,s:s,s:[s]}", "name", name, "singularName", "", "namespaced",
                        namespaced, "kind", "MetricValueList", "verbs", "get");
}

static json_t *own_entries(void)
{
    json_t *list = json_array();
    for (const struct discovery_metric *m = discovery_metrics; m->resource; m++) {
        lp_auto_free char *name = lp_sprintf("%s/%s", m->resource, m->metric);
        json_array_append_new(list, entry(name, true));
    }
    return list;
}

/* "<resource>/<metric>" of printable ASCII. */
static bool is_good(const char *name)
{
    const char *slash = name ? strchr(name, '/') : NULL;
    size_t n = name ? strlen(name) : 0;
    if (!slash || slash == name || slash[1] == '\0' || strchr(slash + 1, '/') || n > MAX_NAME)
        return false;
    for (; *name; name++)
        if (*name <= ' ' || *name > '~')
            return false;
    return true;
}

/* What is listed so far: names, and the scope of each resource. */
struct seen {
    json_t *names, *scopes;
};

/* True where the name is new and its scope fits. */
static bool see(struct seen *s, const char *name, bool namespaced)
{
    lp_auto_free char *resource = lp_sprintf("%.*s", (int)strcspn(name, "/"), name);
    const json_t *scope = json_object_get(s->scopes, resource);
    if (json_object_get(s->names, name) || (scope && json_is_true(scope) != namespaced))
        return false;
    json_object_set_new(s->names, name, json_true());
    json_object_set_new(s->scopes, resource, json_boolean(namespaced));
    return true;
}

struct other {
    const json_t *o; /* borrowed */
};

static int by_name(const void *a, const void *b)
{
    return strcmp(json_string_value(json_object_get(((const struct other *)a)->o, "name")),
                  json_string_value(json_object_get(((const struct other *)b)->o, "name")));
}

/* The good ones of `others`, sorted; borrowed. */
static struct other *sorted(const json_t *others, size_t *ret_n)
{
    struct other *list = lp_alloc((json_array_size(others) + 1) * sizeof *list);
    size_t i;
    json_t *o;
    *ret_n = 0;
    json_array_foreach(others, i, o)
    {
        if (is_good(lp_json_str(o, "name", NULL)))
            list[(*ret_n)++].o = o;
    }
    qsort(list, *ret_n, sizeof *list, by_name);
    return list;
}

static json_t *entries(const json_t *others, size_t *ret_left_out)
{
    json_t *list = own_entries();
    json_auto_t *names = json_object(), *scopes = json_object();
    struct seen seen = { names, scopes };
    size_t n, i;
    json_t *o;
    json_array_foreach(list, i, o) see(&seen, json_string_value(json_object_get(o, "name")), true);
    size_t own = json_array_size(list);
    lp_auto_free struct other *more = sorted(others, &n);
    for (i = 0; i < n; i++) {
        const char *name = lp_json_str(more[i].o, "name", NULL);
        bool namespaced = lp_json_bool(false, more[i].o, "namespaced", NULL);
        if (!see(&seen, name, namespaced))
            continue;
        if (json_array_size(list) < own + DISCOVERY_OTHERS)
            json_array_append_new(list, entry(name, namespaced));
        else
            ++*ret_left_out;
    }
    return list;
}

/* ---- documents ---- */

static json_t *resource_list(enum metrics_version v, json_t *list)
{
    lp_auto_free char *version = lp_sprintf("%s/%s", METRICS_GROUP, metrics_version_name(v));
    return lp_json_make("{s:s,s:s,s:s,s:O}", "kind", "APIResourceList", "apiVersion", "v1",
                        "groupVersion", version, "resources", list);
}

static json_t *group_document(void)
{
    json_t *versions = json_array();
    for (enum metrics_version v = METRICS_V1BETA2; v < METRICS_VERSIONS; v++) {
        lp_auto_free char *text = lp_sprintf("%s/%s", METRICS_GROUP, metrics_version_name(v));
        json_array_append_new(versions, lp_json_make("{s:s,s:s}", "groupVersion", text, "version",
                                                     metrics_version_name(v)));
    }
    json_t *preferred = json_array_get(versions, METRICS_V1BETA2);
    return lp_json_make("{s:s,s:s,s:s,s:o,s:O}", "kind", "APIGroup", "apiVersion", "v1", "name",
                        METRICS_GROUP, "versions", versions, "preferredVersion", preferred);
}

static json_t *response_kind(const char *kind)
{
    return lp_json_make("{s:s,s:s,s:s}", "group", "", "version", "", "kind", kind);
}

/* One resource of an aggregated document, without its metrics. */
static json_t *aggregated_resource(const char *resource, bool namespaced)
{
    return lp_json_make("{s:s,s:o,s:s,s:s,s:[],s:[]}", "resource", resource, "responseKind",
                        response_kind(""), "scope", namespaced ? "Namespaced" : "Cluster",
                        "singularResource", "", "verbs", "subresources");
}

/* The entries by resource, each metric as a subresource of its own. */
static json_t *aggregated_resources(const json_t *list)
{
    json_t *resources = json_array();
    json_auto_t *known = json_object();
    size_t i;
    const json_t *o;
    json_array_foreach(list, i, o)
    {
        const char *name = lp_json_str(o, "name", NULL), *slash = strchr(name, '/');
        lp_auto_free char *resource = lp_sprintf("%.*s", (int)(slash - name), name);
        json_t *r = json_object_get(known, resource);
        if (!r) {
            r = aggregated_resource(resource, lp_json_bool(true, o, "namespaced", NULL));
            json_object_set(known, resource, r);
            json_array_append_new(resources, r);
        }
        json_array_append_new(json_object_get(r, "subresources"),
                              lp_json_make("{s:s,s:o,s:[s]}", "subresource", slash + 1,
                                           "responseKind", response_kind("MetricValueList"),
                                           "verbs", "get"));
    }
    return resources;
}

static json_t *aggregated_document(const char *api_version, json_t *const lists[METRICS_VERSIONS])
{
    json_t *versions = json_array();
    for (enum metrics_version v = METRICS_V1BETA2; v < METRICS_VERSIONS; v++)
        json_array_append_new(
            versions, lp_json_make("{s:s,s:s,s:o}", "version", metrics_version_name(v), "freshness",
                                   "Current", "resources", aggregated_resources(lists[v])));
    return lp_json_make("{s:s,s:s,s:{},s:[{s:{s:s},s:o}]}", "kind", "APIGroupDiscoveryList",
                        "apiVersion", api_version, "metadata", "items", "metadata", "name",
                        METRICS_GROUP, "versions", versions);
}

static void add_document(struct discovery *d, enum discovery_format f, const char *content_type,
                         json_t *document)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    char *text = text_of(document);
    EVP_Digest(text, strlen(text), digest, &n, EVP_sha256(), NULL);
    lp_auto_buf struct lp_buf etag = LP_BUF_INIT(sizeof d->etags[f] - 1);
    lp_buf_char(&etag, '"');
    for (unsigned i = 0; i < n; i++)
        lp_buf_printf(&etag, "%02x", digest[i]);
    lp_buf_char(&etag, '"');
    memcpy(d->etags[f], etag.ptr, etag.len + 1);
    d->apis[f] = (struct discovery_document){ text, content_type, d->etags[f], strlen(text) };
}

static struct discovery *make_all(json_t *const lists[METRICS_VERSIONS])
{
    struct discovery *d = lp_alloc(sizeof *d);
    d->refs = 1;
    json_t *list = lp_json_make("{s:s,s:s,s:[o]}", "kind", "APIGroupList", "apiVersion", "v1",
                                "groups", group_document());
    add_document(d, DISCOVERY_JSON, "application/json", list);
    add_document(d, DISCOVERY_V2,
                 "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
                 aggregated_document("apidiscovery.k8s.io/v2", lists));
    add_document(d, DISCOVERY_V2BETA1,
                 "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
                 aggregated_document("apidiscovery.k8s.io/v2beta1", lists));
    d->group = text_of(group_document());
    for (enum metrics_version v = METRICS_V1BETA2; v < METRICS_VERSIONS; v++)
        d->resources[v] = text_of(resource_list(v, lists[v]));
    return d;
}

void discovery_unref(struct discovery *d)
{
    if (!d || atomic_fetch_sub(&d->refs, 1) != 1)
        return;
    for (unsigned f = 0; f < LP_COUNT(d->apis); f++)
        free((char *)d->apis[f].body);
    for (unsigned v = 0; v < METRICS_VERSIONS; v++)
        free(d->resources[v]);
    free(d->group);
    free(d);
}

static struct discovery *make_with(json_t *const others[METRICS_VERSIONS], size_t *ret_left_out)
{
    *ret_left_out = 0;
    json_auto_t *first = entries(others[METRICS_V1BETA2], ret_left_out);
    json_auto_t *second = entries(others[METRICS_V1BETA1], ret_left_out);
    return make_all((json_t *const[]){ first, second });
}

/* Takes over one reference of `d`. `first`: only where there is none yet. */
static void set_current(struct discovery *d, bool first)
{
    pthread_mutex_lock(&lock);
    struct discovery *old = d;
    if (!first || !current) {
        old = current;
        current = d;
    }
    pthread_mutex_unlock(&lock);
    discovery_unref(old);
}

void discovery_use(json_t *const others[METRICS_VERSIONS], size_t *ret_left_out)
{
    set_current(make_with(others, ret_left_out), false);
}

struct discovery *discovery_current(void)
{
    size_t none;
    pthread_mutex_lock(&lock);
    while (!current) {
        pthread_mutex_unlock(&lock);
        set_current(make_with((json_t *const[METRICS_VERSIONS]){ NULL, NULL }, &none), true);
        pthread_mutex_lock(&lock);
    }
    struct discovery *d = current;
    atomic_fetch_add(&d->refs, 1);
    pthread_mutex_unlock(&lock);
    return d;
}

const struct discovery_document *discovery_apis(const struct discovery *d, enum discovery_format f)
{
    return &d->apis[f];
}

const char *discovery_group(const struct discovery *d)
{
    return d->group;
}

const char *discovery_resources(const struct discovery *d, enum metrics_version v)
{
    return d->resources[v];
}
