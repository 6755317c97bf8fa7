/* operator/status/decisions.c -- the services of a status into gauges. Series are atomic; no lock,
 * any thread. */
#include "operator/status/decisions.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "json/json.h"
#include "kube/conditions.h"
#include "metrics/metrics.h"
#include "operator/status/scaling.h"
#include "operator/status/status.h"
#include "platform/spec.h"

/* As many platforms as lp_platform_ready has room for, with our own services each. */
#define SERIES (2 * N_OWN_SERVICES * LP_LIMIT_METRIC_SERIES)

static struct lp_metric_family *of_services(enum lp_metric_kind kind, const char *name,
                                            const char *help, const char *labels)
{
    struct lp_metric_family *f = lp_metric_family(kind, name, help, labels, NULL, 0);
    lp_metric_limit(f, SERIES);
    return f;
}

static struct lp_metric_family *replicas(void)
{
    return of_services(LP_METRIC_GAUGE, "lp_service_replicas",
                       "Pods of a service that are ready, and that are wanted.",
                       "namespace,platform,service,state");
}

static struct lp_metric_family *ready(void)
{
    return lp_metric_family(LP_METRIC_GAUGE, "lp_platform_ready",
                            "1 where the condition Ready of a LearningPlatform is True.",
                            "namespace,platform", NULL, 0);
}

static struct lp_metric_family *changes(void)
{
    return of_services(LP_METRIC_COUNTER, "lp_decision_changes_total",
                       "Changes of the number of pods that a service shall have.",
                       "namespace,platform,service,direction");
}

static struct lp_metric_family *limited(void)
{
    return of_services(LP_METRIC_GAUGE, "lp_service_limited",
                       "1 where a service has not the pods that its load asks for: by its "
                       "maxReplicas, or by its fallback, as the load is not known.",
                       "namespace,platform,service,by");
}

static struct lp_metric_family *down(void)
{
    return of_services(LP_METRIC_GAUGE, "lp_service_down",
                       "1 where a service has no ready pod and shall have one; else there is no "
                       "such series.",
                       "namespace,platform,service");
}

static void publish_service(const char *ns, const char *name, const char *service,
                            const json_t *before, const json_t *now)
{
    int64_t was = lp_json_int(-1, before, "desired", NULL);
    int64_t is = lp_json_int(-1, now, "desired", NULL);

    if (!now)
        return;
    lp_metric_set(lp_metric_with(replicas(), ns, name, service, "ready"),
                  (double)lp_json_int(0, now, "ready", NULL));
    lp_metric_set(lp_metric_with(replicas(), ns, name, service, "desired"),
                  (double)(is < 0 ? 0 : is));
    if (was >= 0 && is >= 0 && was != is)
        lp_metric_add(lp_metric_with(changes(), ns, name, service, is > was ? "up" : "down"), 1);
}

/* A service that is in the spec no more. */
static void forget_service(const char *ns, const char *name, const char *service)
{
    lp_metric_remove_first(replicas(), (const char *const[]){ ns, name, service }, 3);
    lp_metric_remove_first(changes(), (const char *const[]){ ns, name, service }, 3);
    lp_metric_remove_first(limited(), (const char *const[]){ ns, name, service }, 3);
    lp_metric_remove(down(), (const char *const[]){ ns, name, service });
}

/* By somebody's hand too, but not because nobody asks, or because the spec wants none. */
static bool is_down(const struct platform *p, const json_t *service)
{
    const char *name = lp_json_str(service, "name", NULL);
    bool paused =
        strcmp(p->spec.mode, "Paused") == 0 || lp_json_bool(false, service, "paused", NULL);

    if (paused || lp_json_int(0, service, "ready", NULL) > 0 ||
        lp_json_str(service, "reason", NULL))
        return false;
    spec_each_service(&p->spec, id)
    {
        if (strcmp(spec_service(&p->spec, id).name, name) == 0)
            return p->spec.services[id].replicas != 0;
    }
    return false;
}

void decisions_publish_down(const struct platform *p, const json_t *status)
{
    const json_t *service;
    size_t i;

    json_array_foreach(json_object_get(status, "services"), i, service)
    {
        const char *name = lp_json_str(service, "name", NULL);
        if (name && is_down(p, service))
            lp_metric_set(lp_metric_with(down(), p->ns, p->name, name), 1);
        else if (name)
            lp_metric_remove(down(), (const char *const[]){ p->ns, p->name, name });
    }
}

void decisions_publish_limit(const char *ns, const char *name, const char *service,
                             const json_t *hpa, const json_t *scaling)
{
    const char *source = lp_json_str(scaling, "floor", "source", NULL);
    bool lost = source && strcmp(source, "Fallback") == 0;

    if (!hpa) {
        lp_metric_remove_first(limited(), (const char *const[]){ ns, name, service }, 3);
        return;
    }
    lp_metric_set(lp_metric_with(limited(), ns, name, service, "max"), scaling_is_at_max(hpa));
    lp_metric_set(lp_metric_with(limited(), ns, name, service, "fallback"), lost);
}

void decisions_publish(const char *ns, const char *name, const json_t *before, const json_t *status)
{
    const json_t *s;
    size_t i;

    lp_metric_set(lp_metric_with(ready(), ns, name), lp_kube_condition_is(status, "Ready", "True"));
    json_array_foreach(json_object_get(status, "services"), i, s)
    {
        const char *service = lp_json_str(s, "name", NULL);
        publish_service(ns, name, service, status_service(before, service), s);
    }
    json_array_foreach(json_object_get(before, "services"), i, s)
    {
        const char *service = lp_json_str(s, "name", NULL);
        if (service && !status_service(status, service))
            forget_service(ns, name, service);
    }
}

static const json_t *find_hpa(const struct platform *p, const struct plan *plan,
                              const struct observed *observed, const char *service)
{
    for (unsigned i = 0; i < plan->n; i++) {
        const struct child *c = &plan->children[i];
        if (c->kind == CHILD_HPA && c->service >= 0 &&
            strcmp(spec_service(&p->spec, (unsigned)c->service).name, service) == 0)
            return observed->objects[i];
    }
    return NULL;
}

void decisions_publish_limits(const struct platform *p, const struct plan *plan,
                              const struct observed *observed, const json_t *status)
{
    const json_t *service;
    size_t i;

    json_array_foreach(json_object_get(status, "services"), i, service)
    {
        const char *name = lp_json_str(service, "name", NULL);
        const json_t *hpa = name ? find_hpa(p, plan, observed, name) : NULL;
        if (name)
            decisions_publish_limit(p->ns, p->name, name, hpa, json_object_get(service, "scaling"));
    }
}

void decisions_forget(const char *ns, const char *name)
{
    const char *const values[] = { ns, name };

    lp_metric_remove(ready(), values);
    lp_metric_remove_first(replicas(), values, 2);
    lp_metric_remove_first(changes(), values, 2);
    lp_metric_remove_first(limited(), values, 2);
    lp_metric_remove_first(down(), values, 2);
}

void decisions_forget_all(void)
{
    lp_metric_remove_first(ready(), NULL, 0);
    lp_metric_remove_first(replicas(), NULL, 0);
    lp_metric_remove_first(limited(), NULL, 0);
    lp_metric_remove_first(down(), NULL, 0);
}
