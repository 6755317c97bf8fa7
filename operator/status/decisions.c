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

void decisions_forget(const char *ns, const char *name)
{
    const char *const values[] = { ns, name };

    lp_metric_remove(ready(), values);
    lp_metric_remove_first(replicas(), values, 2);
    lp_metric_remove_first(changes(), values, 2);
}
