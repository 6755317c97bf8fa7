/* platform/spec_check.c -- checks that span fields, with the value seen and the value wanted. Pure.
 */
#include "platform/spec_check.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "json/json.h"
#include "platform/plan_parts.h"
#include "platform/quantity_text.h"
#include "platform/spec_extra.h"
#include "platform/spec_identity.h"
#include "platform/spec_monitoring.h"
#include "platform/window.h"

#define MAX_NAME 40 /* leaves room for the suffixes of the children in 63 characters */

static int check_name(const char *name, struct lp_error *err)
{
    size_t n = strlen(name);
    bool good = n >= 1 && n <= MAX_NAME && islower((unsigned char)name[0]) && name[n - 1] != '-';

    for (size_t i = 0; i < n && good; i++)
        good = islower((unsigned char)name[i]) || isdigit((unsigned char)name[i]) || name[i] == '-';
    if (good)
        return 0;
    return lp_error_set(err, LP_E_INVALID,
                        "metadata.name: must be at most %d lower-case letters, digits and dashes "
                        "and begin with a letter, is \"%.64s\"",
                        MAX_NAME, name);
}

/* A plain 0.5 of YAML is a float, which the API server refuses. */
static int refuse_float(const json_t *value, const char *path, const char *field,
                        struct lp_error *err)
{
    double v = json_real_value(value);

    return lp_error_set(err, LP_E_INVALID,
                        "%s.%s: must be a whole number or a text such as \"500m\", is the number "
                        "%g: write \"%g\" in quotes",
                        path, field, v, v);
}

static int check_quantity(const json_t *value, const char *path, const char *field,
                          int64_t *ret_milli, struct lp_error *err)
{
    if (json_is_real(value))
        return refuse_float(value, path, field, err);
    int r = quantity_milli(value, ret_milli, err);
    return r < 0 ? lp_error_wrap(err, "%s.%s", path, field) : 0;
}

/* What no pod can be given: nothing at all, or thousandths of a byte, as of "128m" for 128Mi. */
static int check_amount(const json_t *value, int64_t milli, const char *path, const char *what,
                        struct lp_error *err)
{
    char seen[LP_QUANTITY_TEXT];

    quantity_canonical(value, seen);
    if (milli <= 0)
        return lp_error_set(err, LP_E_INVALID, "%s.%s: must be more than 0, is %s", path, what,
                            seen);
    if (strcmp(what, "memory") == 0 && milli % 1000 != 0)
        return lp_error_set(err, LP_E_INVALID,
                            "%s.memory: must be whole bytes, is %s (m stands for thousandths; "
                            "Mi for 1,048,576)",
                            path, seen);
    return 0;
}

/* `limit` NULL: there is none. */
static int check_pair(const json_t *request, const json_t *limit, const char *path,
                      const char *what, struct lp_error *err)
{
    int64_t requested = 0, limited = 0;
    char seen[LP_QUANTITY_TEXT], wanted[LP_QUANTITY_TEXT];
    lp_auto_free char *requests = lp_sprintf("%.128s.resources.requests", path);
    lp_auto_free char *limits = lp_sprintf("%.128s.resources.limits", path);

    int r = check_quantity(request, requests, what, &requested, err);
    if (r == 0)
        r = check_amount(request, requested, requests, what, err);
    if (r == 0 && limit)
        r = check_quantity(limit, limits, what, &limited, err);
    if (r == 0 && limit)
        r = check_amount(limit, limited, limits, what, err);
    if (r < 0 || !limit || requested <= limited)
        return r;
    quantity_canonical(request, seen);
    quantity_canonical(limit, wanted);
    return lp_error_set(err, LP_E_INVALID, "%s.%s: must not exceed limits.%s (%s), is %s", requests,
                        what, what, wanted, seen);
}

static int check_pairs(const struct resources_spec *r, const char *path, struct lp_error *err)
{
    int code = check_pair(r->requests.cpu, r->limits.cpu, path, "cpu", err);
    return code < 0 ? code : check_pair(r->requests.memory, r->limits.memory, path, "memory", err);
}

static int check_resources(const struct service_spec *s, const char *path, struct lp_error *err)
{
    return check_pairs(&s->resources, path, err);
}

/* Known names, each once. */
static int check_metrics(const struct service_spec *s, const char *path, struct lp_error *err)
{
    const json_t *item;
    size_t i;

    json_array_foreach(s->autoscaling.metrics, i, item)
    {
        const char *text = json_string_value(item);
        size_t k = 0;
        while (k < N_AUTOSCALING_METRICS && (!text || strcmp(text, autoscaling_metrics[k]) != 0))
            k++;
        if (k == N_AUTOSCALING_METRICS)
            return lp_error_set(err, LP_E_INVALID,
                                "%s.autoscaling.metrics[%zu]: must be cpu, memory, queueDepth or "
                                "demand, is \"%.64s\"",
                                path, i, text ? text : "");
        for (k = 0; k < i; k++)
            if (json_equal(json_array_get(s->autoscaling.metrics, k), item))
                return lp_error_set(err, LP_E_INVALID,
                                    "%s.autoscaling.metrics[%zu]: \"%.64s\" is there twice", path,
                                    i, text);
    }
    return 0;
}

static int check_pause(const struct service_spec *s, const char *path, struct lp_error *err)
{
    const char *until = s->autoscaling.pause.until;
    const json_t *direction;
    size_t i;

    json_array_foreach(s->autoscaling.pause.directions, i, direction)
    {
        const char *text = json_string_value(direction);
        if (!text || (strcmp(text, "Up") != 0 && strcmp(text, "Down") != 0))
            return lp_error_set(err, LP_E_INVALID,
                                "%s.autoscaling.pause.directions[%zu]: must be Up or Down, is "
                                "\"%.64s\"",
                                path, i, text ? text : "");
    }
    if (!until || lp_clock_parse(until) >= 0)
        return 0;
    return lp_error_set(err, LP_E_INVALID,
                        "%s.autoscaling.pause.until: must be a time as 2026-12-01T02:00:00Z "
                        "(RFC 3339), is \"%.64s\"",
                        path, until);
}

static int check_burst(const struct service_spec *s, const char *path, struct lp_error *err)
{
    const json_t *factor = s->autoscaling.burst.factor;
    char seen[LP_QUANTITY_TEXT];
    int64_t milli = 0;

    if (!factor)
        return 0;
    int r = check_quantity(factor, path, "autoscaling.burst.factor", &milli, err);
    if (r < 0)
        return r;
    quantity_canonical(factor, seen);
    if (milli <= 1000 || milli > 100000)
        return lp_error_set(err, LP_E_INVALID,
                            "%s.autoscaling.burst.factor: must be more than 1 and at most 100, is "
                            "%s",
                            path, seen);
    if (quantity_wait_ms(s->autoscaling.burst.target_wait) < 0)
        return lp_error_set(err, LP_E_INVALID,
                            "%s.autoscaling.burst.targetWait: must be 1ms..60s, is \"%.64s\"", path,
                            s->autoscaling.burst.target_wait);
    return 0;
}

static int check_fallback(const struct service_spec *s, const char *path, struct lp_error *err)
{
    if (s->autoscaling.fallback.replicas <= s->autoscaling.max)
        return 0;
    return lp_error_set(err, LP_E_INVALID,
                        "%s.autoscaling.fallback.replicas: must not exceed maxReplicas (%" PRId64
                        "), is %" PRId64,
                        path, s->autoscaling.max, s->autoscaling.fallback.replicas);
}

static int check_autoscaling(const struct service_spec *s, const char *path, struct lp_error *err)
{
    int64_t target = 0;

    if (s->autoscaling.enabled && s->replicas >= 0)
        return lp_error_set(err, LP_E_INVALID,
                            "%s.replicas: is only allowed where autoscaling.enabled is false, is "
                            "%" PRId64 "; use autoscaling.minReplicas",
                            path, s->replicas);
    if (s->autoscaling.min > s->autoscaling.max)
        return lp_error_set(err, LP_E_INVALID,
                            "%s.autoscaling.minReplicas: must not exceed maxReplicas (%" PRId64
                            "), is %" PRId64,
                            path, s->autoscaling.max, s->autoscaling.min);
    int r = check_quantity(s->autoscaling.queue.target, path, "autoscaling.queueDepth.target",
                           &target, err);
    if (r == 0 && target <= 0)
        return lp_error_set(err, LP_E_INVALID,
                            "%s.autoscaling.queueDepth.target: must be more than 0, is 0", path);
    return r;
}

/* "192.0.2.0/24" or "2001:db8::/32". */
static bool is_network(const char *text)
{
    unsigned char address[sizeof(struct in6_addr)];
    size_t n = strcspn(text, "/");
    lp_auto_free char *host = lp_strndup(text, n);
    const char *bits = text + n + 1;

    if (text[n] != '/' || n > INET6_ADDRSTRLEN || !*bits || strlen(bits) > 3 ||
        strspn(bits, "0123456789") != strlen(bits))
        return false;
    if (inet_pton(AF_INET, host, address) == 1)
        return strtol(bits, NULL, 10) <= 32;
    return inet_pton(AF_INET6, host, address) == 1 && strtol(bits, NULL, 10) <= 128;
}

static int check_proxies(const struct service_spec *s, const char *path, struct lp_error *err)
{
    const json_t *item;
    size_t i;

    json_array_foreach(s->expose.trusted_proxies, i, item)
    {
        const char *text = json_string_value(item);
        if (!text || !is_network(text))
            return lp_error_set(err, LP_E_INVALID,
                                "%s.expose.trustedProxies[%zu]: must be a network such as "
                                "10.0.0.0/8 or 2001:db8::/32, is \"%.64s\"",
                                path, i, text ? text : "");
    }
    return 0;
}

/* Values are texts, and ours are ours. */
static int check_ingress(const struct service_spec *s, const char *path, struct lp_error *err)
{
    static const char ours[] = "learningplatform.io/";
    const char *key;
    json_t *value;

    json_object_foreach(s->expose.ingress.annotations, key, value)
    {
        if (!json_is_string(value))
            return lp_error_set(err, LP_E_INVALID,
                                "%s.expose.ingress.annotations[%.64s]: must be a text", path, key);
        if (strncmp(key, ours, sizeof ours - 1) == 0)
            return lp_error_set(
                err, LP_E_INVALID,
                "%s.expose.ingress.annotations: keys must not begin with %s, one is "
                "\"%.64s\"",
                path, ours, key);
    }
    return 0;
}

/* Which Gateway, and which names: what the API server checks, for those who do not ask it. */
static int check_http_route(const struct service_spec *s, const char *path, struct lp_error *err)
{
    const json_t *item;
    size_t i;

    json_array_foreach(s->expose.http_route.parents, i, item)
    {
        const char *name = lp_json_str(item, "name", NULL);
        if (!name || !*name)
            return lp_error_set(err, LP_E_INVALID,
                                "%s.expose.httpRoute.parentRefs[%zu].name: is required", path, i);
    }
    json_array_foreach(s->expose.http_route.hostnames, i, item)
    {
        const char *host = json_string_value(item);
        if (!host || !*host || strlen(host) > 253)
            return lp_error_set(err, LP_E_INVALID,
                                "%s.expose.httpRoute.hostnames[%zu]: must be a name of 1 to 253 "
                                "bytes such as learn.example.org",
                                path, i);
    }
    return 0;
}

static int check_expose(const struct service_spec *s, const char *path, struct lp_error *err)
{
    bool inside = strcmp(s->expose.type, "ClusterIP") == 0;
    const char *field = s->expose.node_port > 0 ? "nodePort" : "externalTrafficPolicy";

    if (inside && (s->expose.node_port > 0 || s->expose.traffic_policy))
        return lp_error_set(err, LP_E_INVALID,
                            "%s.expose.%s: needs type NodePort or LoadBalancer, type is %s", path,
                            field, s->expose.type);
    int r = check_ingress(s, path, err);

    if (r == 0)
        r = check_http_route(s, path, err);
    return r < 0 ? r : check_proxies(s, path, err);
}

/* Where a variable comes from: a key of a Secret, and then it has no value of its own. */
static int check_value_from(const json_t *item, const char *path, size_t i, struct lp_error *err)
{
    static const char *const fields[] = { "name", "key" };
    const char *value = lp_json_str(item, "value", NULL);
    const json_t *from = json_object_get(item, "valueFrom");

    if (!from)
        return 0;
    for (size_t k = 0; k < LP_COUNT(fields); k++) {
        const char *text = lp_json_str(from, "secretKeyRef", fields[k], NULL);
        if (!text || !*text)
            return lp_error_set(err, LP_E_INVALID,
                                "%s.env[%zu].valueFrom.secretKeyRef.%s: is required", path, i,
                                fields[k]);
    }
    if (!value || !*value)
        return 0;
    return lp_error_set(err, LP_E_INVALID,
                        "%s.env[%zu].value: must be empty where valueFrom is given, has %zu bytes",
                        path, i, strlen(value));
}

/* Names of variables: unique, and objects with a name. */
static int check_env(const struct service_spec *s, const char *path, struct lp_error *err)
{
    size_t i, k;
    json_t *item;

    json_array_foreach(s->env, i, item)
    {
        const char *name = lp_json_str(item, "name", NULL);
        if (!name || !*name)
            return lp_error_set(err, LP_E_INVALID, "%s.env[%zu].name: is required", path, i);
        int r = check_value_from(item, path, i, err);
        if (r < 0)
            return r;
        for (k = 0; k < i; k++)
            if (strcmp(name, lp_json_str(json_array_get(s->env, k), "name", NULL)) == 0)
                return lp_error_set(err, LP_E_INVALID, "%s.env[%zu].name: \"%.64s\" is there twice",
                                    path, i, name);
    }
    return 0;
}

static int check_labels(const struct service_spec *s, const char *path, struct lp_error *err)
{
    static const char ours[] = "app.kubernetes.io/";
    const char *key;
    json_t *value;

    json_object_foreach(s->pod.labels, key, value) if (
        strncmp(key, ours, sizeof ours - 1) ==
        0) return lp_error_set(err, LP_E_INVALID,
                               "%s.pod.labels: keys must not begin with %s, one is \"%.64s\"", path,
                               ours, key);
    return 0;
}

static int check_service(const struct service_spec *s, const char *path, struct lp_error *err)
{
    static int (*const checks[])(const struct service_spec *, const char *, struct lp_error *) = {
        check_resources, check_autoscaling, check_metrics, check_burst,  check_fallback,
        check_pause,     check_expose,      check_env,     check_labels,
    };

    for (size_t i = 0; i < LP_COUNT(checks); i++) {
        int r = checks[i](s, path, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_database(const struct database_spec *d, const char *path, struct lp_error *err)
{
    int64_t size;

    if (database_is_external(d) && !d->secret.name)
        return lp_error_set(err, LP_E_INVALID, "%s.secretRef: is required where mode is External",
                            path);
    if (!database_is_external(d) && d->secret.name)
        return lp_error_set(err, LP_E_INVALID,
                            "%s.secretRef: is only allowed where mode is External, mode is %s",
                            path, d->mode);
    int r = check_quantity(d->storage, path, "storage", &size, err);
    return r < 0 ? r : check_pairs(&d->resources, path, err);
}

/* Services that have one database: a variable of one of them would lead it to another. */
static int check_shared(const struct platform_spec *spec, const struct database_kind *kind,
                        struct lp_error *err)
{
    const char *user = service_kinds[kind->user].key;
    const json_t *item;
    size_t i;

    for (unsigned id = 0; id < N_OWN_SERVICES && spec_has_service(spec, kind->user); id++) {
        if (kind->guests == 0 || (id != kind->user && (kind->guests & 1U << id) == 0))
            continue;
        json_array_foreach(spec->services[id].env, i, item)
        {
            if (strcmp(lp_json_str(item, "name", NULL), kind->variable) == 0)
                return lp_error_set(err, LP_E_INVALID,
                                    "spec.services.%s.env[%zu].name: must not be %s where %s is "
                                    "enabled, which has its database with other services: use "
                                    "spec.services.%s.database",
                                    service_kinds[id].key, i, kind->variable, user, user);
        }
    }
    return 0;
}

int spec_check(const char *name, const struct platform_spec *spec, struct lp_error *err)
{
    int r = check_name(name, err);
    if (r == 0)
        r = window_check(&spec->maintenance, "spec.maintenanceWindow", err);
    for (unsigned i = 0; i < N_OWN_SERVICES && r == 0; i++) {
        lp_auto_free char *path = lp_sprintf("spec.services.%s", service_kinds[i].key);
        lp_auto_free char *database = lp_sprintf("%s.database", path);
        r = check_service(&spec->services[i], path, err);
        if (r == 0 && i >= N_SERVICES)
            r = check_database(&spec->services[i].database, database, err);
    }
    for (unsigned i = 0; i < N_DATABASES && r == 0; i++)
        r = check_shared(spec, &database_kinds[i], err);
    for (unsigned i = 0; i < spec->n_extra && r == 0; i++) {
        lp_auto_free char *path = lp_sprintf("spec.extraServices[%u]", i);
        r = check_service(&spec->services[N_OWN_SERVICES + i], path, err);
        if (r == 0)
            r = spec_check_extra(spec, i, path, err);
    }
    if (r == 0)
        r = check_database(&spec->databases.postgres, "spec.databases.postgres", err);
    if (r == 0)
        r = check_database(&spec->databases.mongodb, "spec.databases.mongodb", err);
    if (r == 0)
        r = spec_check_oidc(&spec->identity.oidc, "spec.identity.oidc", err);
    if (r == 0)
        r = spec_check_monitoring(spec, err);
    return r;
}
