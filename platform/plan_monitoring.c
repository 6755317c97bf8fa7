/* platform/plan_monitoring.c -- what tells a Prometheus Operator of a platform
 * (monitoring.coreos.com/v1): a PodMonitor for the pods of its services and a PrometheusRule with
 * its alerts. Pure. */
#include "base/alloc.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "platform/alerts.h"
#include "platform/plan_parts.h"

#define META "__meta_kubernetes_pod_label_app_kubernetes_io_"

/* The labels that alerts and dashboards go by: app and platform; namespace and pod are there. */
static json_t *relabelings(void)
{
    return lp_json_make("[{s:[s], s:s, s:s}, {s:[s], s:s, s:s}]", "sourceLabels", META "name",
                        "targetLabel", "app", "action", "replace", "sourceLabels", META "part_of",
                        "targetLabel", "platform", "action", "replace");
}

/* Pods, not Services: the port of the metrics is in no Service. */
json_t *plan_pod_monitor(const struct platform *p)
{
    json_t *o = plan_object(p, &lp_kube_pod_monitors, PLAN_MONITORING);

    json_object_set_new(o, "spec",
                        lp_json_make("{s:{s:{s:s, s:s}}, s:[{s:s, s:s, s:s, s:o}]}", "selector",
                                     "matchLabels", LABEL_PART_OF, p->name, LABEL_COMPONENT,
                                     "service", "podMetricsEndpoints", "port", "metrics", "path",
                                     "/metrics", "interval", "15s", "relabelings", relabelings()));
    return o;
}

json_t *plan_prometheus_rule(const struct platform *p)
{
    json_t *o = plan_object(p, &lp_kube_prometheus_rules, PLAN_MONITORING);

    json_object_set_new(
        o, "spec",
        lp_json_make("{s:o}", "groups", alerts_groups(&p->spec.monitoring, p->ns, p->name)));
    return o;
}
