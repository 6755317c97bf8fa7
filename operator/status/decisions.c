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

/* As many platforms as lp_platform_ready has room for. */
#define SERIES (2 * N_SERVICES * LP_LIMIT_METRIC_SERIES)

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

void decisions_publish(const char *ns, const char *name, const json_t *before, const json_t *status)
{
    lp_metric_set(lp_metric_with(ready(), ns, name), lp_kube_condition_is(status, "Ready", "True"));
    for (size_t i = 0; i < N_SERVICES; i++)
        publish_service(ns, name, service_kinds[i].name,
                        status_service(before, service_kinds[i].name),
                        status_service(status, service_kinds[i].name));
}

void decisions_forget(const char *ns, const char *name)
{
    static const char *const states[] = { "ready", "desired" };
    static const char *const directions[] = { "up", "down" };

    lp_metric_remove(ready(), (const char *const[]){ ns, name });
    for (size_t i = 0; i < N_SERVICES; i++) {
        for (size_t k = 0; k < 2; k++) {
            lp_metric_remove(replicas(),
                             (const char *const[]){ ns, name, service_kinds[i].name, states[k] });
            lp_metric_remove(
                changes(), (const char *const[]){ ns, name, service_kinds[i].name, directions[k] });
        }
    }
}
