/* cli/dashboard/overview.c -- see the header. No state beside the caller's. */
#include "cli/dashboard/overview.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/find.h"
#include "http/url.h"
#include "json/json.h"
#include "kube/conditions.h"
#include "kube/kinds.h"
#include "kube/quantity.h"
#include "platform/plan.h"

/* What the custom metrics API has, and what the page calls it. */
static const struct {
    const char *metric, *name;
} metrics[] = { { "queue_depth", "queue" },  { "arrival_rate", "rate" },
                { "demand", "demand" },      { "p95_latency_ms", "p95" },
                { "p50_latency_ms", "p50" }, { "p99_latency_ms", "p99" },
                { "error_rate", "errors" },  { "circuits_open", "circuits" } };

void overview_done(struct overview *o)
{
    json_decref(o->metrics);
    json_decref(o->unread);
    json_decref(o->platforms);
}

void overview_missing(json_t *missing, const char *what, const char *why)
{
    const json_t *item;
    size_t i;

    json_array_foreach(missing, i, item)
    {
        const char *known = lp_json_str(item, "what", NULL);
        if (known && strcmp(known, what) == 0)
            return;
    }
    json_array_append_new(missing, lp_json_make("{s:s, s:s}", "what", what, "why", why));
}

/* ---- metrics ---- */

static void add_values(const json_t *list, const char *name, json_t *of_namespace)
{
    const json_t *item;
    size_t i;

    json_array_foreach(json_object_get(list, "items"), i, item)
    {
        const char *service = lp_json_str(item, "describedObject", "name", NULL);
        const char *value = lp_json_str(item, "value", NULL);
        int64_t milli = 0;
        struct lp_error why;
        if (!service || !value || lp_quantity_parse(value, &milli, &why) < 0)
            continue;
        json_t *values = json_object_get(of_namespace, service);
        if (!values) {
            values = json_object();
            json_object_set_new(of_namespace, service, values);
        }
        json_object_set_new(values, name, json_real((double)milli / 1000));
    }
}

/* Whether the cluster has no custom metrics API, or that does not answer at all. */
static bool is_without_api(struct overview *o, struct lp_error *why)
{
    json_auto_t *list = NULL;
    int r = lp_kube_raw(o->client, "/apis/custom.metrics.k8s.io/v1beta2", &list, why);

    return r < 0 && r != LP_E_DENIED;
}

/* All services of a namespace at a time: a request a metric. False where there is no such API. */
static bool read_namespace(struct overview *o, const char *ns, struct lp_error *why_none)
{
    json_auto_t *of_namespace = json_object();
    lp_auto_free char *why = NULL;

    for (size_t i = 0; i < LP_COUNT(metrics); i++) {
        lp_auto_buf struct lp_buf path = LP_BUF_INIT(2048);
        json_auto_t *list = NULL;
        struct lp_error err;
        lp_buf_str(&path, "/apis/custom.metrics.k8s.io/v1beta2/namespaces");
        lp_url_segment(&path, ns);
        lp_buf_printf(&path, "/services/*/%s", metrics[i].metric);
        int r = lp_kube_raw(o->client, path.ptr, &list, &err);
        if (r == 0) {
            add_values(list, metrics[i].name, of_namespace);
            continue;
        }
        if (i == 0 && r != LP_E_DENIED && is_without_api(o, why_none))
            return false;
        if (!why)
            why = lp_sprintf("%s: %s", metrics[i].metric, err.msg);
        if (i == 0 && r != LP_E_DENIED)
            break; /* the others would fail likewise; but each has a right of its own */
    }
    json_object_set(o->metrics, ns, of_namespace);
    if (why)
        lp_json_set_str(o->unread, ns, why);
    else
        json_object_del(o->unread, ns);
    return true;
}

/* One entry for all namespaces, as their turns come at different looks. */
static void tell_unread(const struct overview *o, json_t *missing)
{
    const char *ns, *first = NULL;
    size_t n = json_object_size(o->unread);
    json_t *why;

    json_object_foreach(o->unread, ns, why)
    {
        if (!first || strcmp(ns, first) < 0)
            first = ns;
    }
    if (!first)
        return;
    lp_auto_free char *what = n == 1 ? lp_sprintf("metrics of namespace %s", first)
                                     : lp_sprintf("metrics of %zu namespaces", n);
    lp_auto_free char *of_first = lp_sprintf("%s%s%s", n == 1 ? "" : first, n == 1 ? "" : ": ",
                                             lp_json_str(o->unread, first, NULL));
    overview_missing(missing, what, of_first);
}

static void drop_others(json_t *of_namespaces, const json_t *names)
{
    const char *ns;
    json_t *value;
    void *next;

    json_object_foreach_safe(of_namespaces, next, ns, value)
    {
        if (!json_object_get(names, ns))
            json_object_del(of_namespaces, ns);
    }
}

/* What was seen before is of another time. */
static void tell_none(struct overview *o, const char *why, json_t *missing)
{
    lp_auto_free char *text = lp_sprintf(
        "the cluster has no custom metrics API that answers (kubectl lp check): %s", why);

    json_object_clear(o->metrics);
    json_object_clear(o->unread);
    overview_missing(missing, "metrics", text);
}

static json_t *namespaces_of(const json_t *platforms)
{
    json_t *names = json_object();
    const json_t *p;
    size_t i;

    json_array_foreach(platforms, i, p)
    {
        const char *ns = lp_json_str(p, "metadata", "namespace", NULL);
        if (ns)
            json_object_set_new(names, ns, json_true());
    }
    return names;
}

/* Drops namespaces that have no platform any more, and asks for the metrics of those of
 * `o->looked_at`, and of up to OVERVIEW_NAMESPACES. */
static void read_metrics(struct overview *o, json_t *missing)
{
    json_auto_t *names = namespaces_of(o->platforms);
    size_t n = json_object_size(names), at = 0, begin = n > OVERVIEW_NAMESPACES ? o->next % n : 0;
    struct lp_error none;
    const char *ns;
    json_t *value;

    if (!o->metrics)
        o->metrics = json_object();
    if (!o->unread)
        o->unread = json_object();
    drop_others(o->metrics, names);
    drop_others(o->unread, names);
    json_object_foreach(names, ns, value)
    {
        bool turn = (at++ + n - begin) % n < OVERVIEW_NAMESPACES;
        if ((turn || json_object_get(o->looked_at, ns)) && !read_namespace(o, ns, &none)) {
            tell_none(o, none.msg, missing);
            return;
        }
    }
    o->next = (unsigned)(begin + OVERVIEW_NAMESPACES);
    tell_unread(o, missing);
}

/* ---- platforms ---- */

static void read_hpas(struct overview *o, json_t *hpas, json_t *missing)
{
    const char *ns = o->options->all_namespaces ? NULL : o->ns;
    json_auto_t *list = json_array();
    const json_t *hpa;
    struct lp_error err;
    size_t i;

    if (find_objects(o->client, &lp_kube_hpas, ns, LABEL_MANAGED_BY "=lp-operator", list, &err) < 0)
        overview_missing(missing, "limits of pods (HPAs)", err.msg);
    json_array_foreach(list, i, hpa)
    {
        const char *of = lp_json_str(hpa, "metadata", "namespace", NULL);
        const char *name = lp_json_str(hpa, "metadata", "name", NULL);
        lp_auto_free char *key = lp_sprintf("%s/%s", of ? of : "", name ? name : "");
        json_object_set(hpas, key, (json_t *)hpa);
    }
}

static json_t *integer_or_null(const json_t *o, const char *key)
{
    const json_t *value = lp_json_at(o, "spec", key, NULL);
    return json_is_integer(value) ? json_copy((json_t *)value) : json_null();
}

/* Whether the spec says `replicas: 0` of a service. */
static bool wants_none(const json_t *spec, const char *part)
{
    const json_t *extra;
    size_t i;

    for (unsigned id = 0; id < N_OWN_SERVICES; id++)
        if (strcmp(service_kinds[id].name, part) == 0)
            return lp_json_int(-1, spec, "services", service_kinds[id].key, "replicas", NULL) == 0;
    json_array_foreach(json_object_get(spec, "extraServices"), i, extra)
    {
        const char *name = lp_json_str(extra, "name", NULL);
        if (name && strcmp(name, part) == 0)
            return lp_json_int(-1, extra, "replicas", NULL) == 0;
    }
    return false;
}

/* Why it may have no pod: "ScaledToZero", nobody asks; "Replicas", the spec says so; NULL: it
 * shall have some. */
static const char *idle_of(const json_t *spec, const json_t *service, const char *part)
{
    return wants_none(spec, part) ? "Replicas" : lp_json_str(service, "reason", NULL);
}

static json_t *service_row(struct overview *o, const json_t *platform, const json_t *service,
                           const json_t *hpas)
{
    const char *ns = lp_json_str(platform, "metadata", "namespace", NULL);
    const char *name = lp_json_str(platform, "metadata", "name", NULL);
    const char *part = lp_json_str(service, "name", NULL);
    const char *why = lp_json_str(service, "scaling", "why", NULL);
    lp_auto_free char *full = lp_sprintf("%.200s-%.60s", name ? name : "", part ? part : "");
    lp_auto_free char *key = lp_sprintf("%s/%s", ns ? ns : "", full);
    const json_t *hpa = json_object_get(hpas, key);
    const json_t *values = json_object_get(json_object_get(o->metrics, ns ? ns : ""), full);
    json_t *row = lp_json_make(
        "{s:s, s:I, s:I, s:o, s:o, s:s, s:b, s:s*}", "name", part ? part : "?", "ready",
        (json_int_t)lp_json_int(0, service, "ready", NULL), "desired",
        (json_int_t)lp_json_int(0, service, "desired", NULL), "min",
        integer_or_null(hpa, "minReplicas"), "max", integer_or_null(hpa, "maxReplicas"), "why",
        why ? why : "", "paused", lp_json_bool(false, service, "paused", NULL), "idle",
        idle_of(json_object_get(platform, "spec"), service, part ? part : ""));

    for (size_t i = 0; i < LP_COUNT(metrics); i++) {
        json_t *value = json_object_get(values, metrics[i].name);
        json_object_set(row, metrics[i].name, value ? value : json_null());
    }
    return row;
}

static json_t *platform_row(struct overview *o, const json_t *platform, const json_t *hpas,
                            int64_t clock_ms)
{
    const char *ns = lp_json_str(platform, "metadata", "namespace", NULL);
    const char *name = lp_json_str(platform, "metadata", "name", NULL);
    const char *phase = lp_json_str(platform, "status", "phase", NULL);
    const json_t *ready = lp_kube_condition(json_object_get(platform, "status"), "Ready");
    const char *state = lp_json_str(ready, "status", NULL);
    bool watched = lp_json_at(o->looked_at, ns ? ns : "", name ? name : "", NULL) != NULL;
    json_t *services = json_array(), *service;
    size_t i;

    json_array_foreach(lp_json_at(platform, "status", "services", NULL), i, service)
    {
        json_t *row = service_row(o, platform, service, hpas);
        lp_auto_free char *key = lp_sprintf("%s/%s/%s", ns, name, lp_json_str(row, "name", NULL));
        past_add(o->past, key, clock_ms, watched, row);
        json_array_append_new(services, row);
    }
    return lp_json_make("{s:s*, s:s*, s:s, s:s, s:s*, s:o}", "namespace", ns, "name", name, "phase",
                        phase ? phase : "Unknown", "ready", state ? state : "Unknown", "message",
                        lp_json_str(ready, "message", NULL), "services", services);
}

/* Whether the cluster knows no platforms at all, which is told in the same way as that a named one
 * is not there. */
static bool is_without_kind(const struct overview *o)
{
    json_auto_t *list = NULL;
    struct lp_error err;

    return lp_kube_raw(o->client, "/apis/learningplatform.io/v1alpha1", &list, &err) ==
           LP_E_NOT_FOUND;
}

/* A platform that was named and is gone is none, as it is in a list. */
static int find(const struct overview *o, json_t **ret, struct lp_error *err)
{
    int r = find_platforms(o->client, o->options, o->ns, ret, err);

    if (r != LP_E_NOT_FOUND)
        return r;
    if (!o->options->name || is_without_kind(o))
        return lp_error_wrap(err, "it has no definition of LearningPlatform, which comes with the "
                                  "operator (kubectl lp check)");
    *ret = json_array();
    return 0;
}

json_t *overview_look(struct overview *o, int64_t wall_ms, int64_t clock_ms)
{
    json_auto_t *found = NULL, *hpas = json_object();
    json_t *missing = json_array(), *rows = json_array(), *platform;
    json_t *look = lp_json_make("{s:I, s:I, s:I, s:{s:s?, s:s?}, s:o, s:o}", "time",
                                (json_int_t)wall_ms, "shift", (json_int_t)(wall_ms - clock_ms),
                                "every", (json_int_t)o->options->interval_ms, "where", "namespace",
                                o->options->all_namespaces ? NULL : o->ns, "name", o->options->name,
                                "platforms", rows, "missing", missing);
    struct lp_error err;
    size_t i;

    if (find(o, &found, &err) < 0) {
        lp_json_set_str(look, "error", err.msg);
        return look;
    }
    if (json_array_size(found) > OVERVIEW_PLATFORMS)
        overview_missing(missing, "platforms", "there are over 500: name one, or a namespace");
    while (json_array_size(found) > OVERVIEW_PLATFORMS)
        json_array_remove(found, json_array_size(found) - 1);
    json_decref(o->platforms);
    o->platforms = json_incref(found);
    read_hpas(o, hpas, missing);
    read_metrics(o, missing);
    json_array_foreach(found, i, platform)
        json_array_append_new(rows, platform_row(o, platform, hpas, clock_ms));
    return look;
}
