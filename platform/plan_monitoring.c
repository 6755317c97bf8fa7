/* platform/plan_monitoring.c -- what tells a Prometheus Operator of a platform
 * (monitoring.coreos.com/v1): a PodMonitor for the pods of its services and a PrometheusRule with
 * its alerts; and its dashboard for Grafana. Pure. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "platform/alerts.h"
#include "platform/plan_parts.h"

#define DASHBOARD_MAX (1 << 18)

extern const char dashboard_json[]; /* dashboards/platform.json */

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

/* The choice of a variable becomes one value, which nobody has to choose. */
static void fix_variable(const json_t *dashboard, const char *name, const char *value)
{
    const json_t *variables = lp_json_at(dashboard, "templating", "list", NULL);
    json_t *variable = lp_json_find(variables, "name", name);
    json_auto_t *fixed = lp_json_make("{s:s, s:s, s:s, s:{s:s, s:s}, s:i, s:b}", "name", name,
                                      "type", "constant", "query", value, "current", "text", value,
                                      "value", value, "hide", 2, "skipUrlSync", 1);

    json_object_clear(variable);
    json_object_update(variable, fixed);
}

/* dashboards/platform.json for this platform alone. Grafana knows a dashboard by its uid, of 40
 * bytes at most, so that each platform needs one of its own. */
static void put_dashboard(const struct platform *p, struct lp_buf *out)
{
    char uid[32];
    struct lp_error err;
    json_auto_t *dashboard = NULL;
    lp_auto_free char *title = lp_sprintf("Learning Platform %s/%s", p->ns, p->name);

    if (lp_json_parse(dashboard_json, strlen(dashboard_json), DASHBOARD_MAX,
                      "dashboards/platform.json", &dashboard, &err) < 0)
        return; /* a unit test reads it: it is part of the program */
    snprintf(uid, sizeof uid, "lp-%016" PRIx64, lp_hash(title));
    lp_json_set_str(dashboard, "uid", uid);
    lp_json_set_str(dashboard, "title", title);
    fix_variable(dashboard, "namespace", p->ns);
    fix_variable(dashboard, "platform", p->name);
    lp_json_write_unsorted(dashboard, out);
}

/* The sidecar puts the files of all ConfigMaps into one folder: the key names the platform, by the
 * dot that neither name has. */
json_t *plan_dashboard(const struct platform *p)
{
    json_t *o = plan_object(p, &lp_kube_config_maps, PLAN_MONITORING);
    lp_auto_free char *key = lp_sprintf("%s.%s.json", p->ns, p->name);
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(DASHBOARD_MAX);

    put_dashboard(p, &text);
    json_object_set_new(json_object_get(json_object_get(o, "metadata"), "labels"),
                        "grafana_dashboard", json_string("1"));
    json_object_set_new(o, "data", lp_json_make("{s:s}", key, text.ptr ? text.ptr : ""));
    return o;
}
