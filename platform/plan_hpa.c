/* platform/plan_hpa.c -- the HorizontalPodAutoscaler of a service. Pure. */
#include <math.h>
#include <stdint.h>

#include "base/alloc.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "platform/intent.h"
#include "platform/plan_parts.h"
#include "platform/routes.h"
#include "platform/workload.h"
#include "platform/quantity_text.h"

/* Of the service's own container: a sidecar without requests must not end scaling (KEP-1610). */
static json_t *resource_metric(const char *container, const char *name, int64_t utilization)
{
    return lp_json_make("{s:s, s:{s:s, s:s, s:{s:s, s:I}}}", "type", "ContainerResource",
                        "containerResource", "name", name, "container", container, "target", "type",
                        "Utilization", "averageUtilization", (json_int_t)utilization);
}

/* An Object metric on the Service: one number for all pods, divided by the HPA (AverageValue). */
static json_t *object_metric(const char *service, const char *name, const char *target)
{
    return lp_json_make("{s:s, s:{s:{s:s, s:s, s:s}, s:{s:s}, s:{s:s, s:s}}}", "type", "Object",
                        "object", "describedObject", "apiVersion", "v1", "kind", "Service", "name",
                        service, "metric", "name", name, "target", "type", "AverageValue",
                        "averageValue", target);
}

static bool lifts_by_queue(const struct platform *p, const struct service_spec *s)
{
    return p->images->no_metrics_api && service_scales_by(s, "queueDepth");
}

/* What no pod exceeds, in % of what it asks for: its limit. */
static int64_t most_cpu(const struct service_spec *s)
{
    int64_t request = 0, limit = 0;
    struct lp_error unlikely;

    if (quantity_milli(s->resources.requests.cpu, &request, &unlikely) < 0 || request <= 0 ||
        quantity_milli(s->resources.limits.cpu, &limit, &unlikely) < 0)
        return s->autoscaling.cpu.utilization; /* spec_check refuses these */
    double percent = ceil(100.0 * (double)limit / (double)request);
    return percent < INT32_MAX ? (int64_t)percent : INT32_MAX;
}

/*
 * What the spec lists, in one order. An HPA without metrics would go by cpu at 80 % (API reference,
 * HorizontalPodAutoscalerSpec v2). Where no metrics API leads to us and the list has nothing else,
 * ours names cpu: at what no pod exceeds, so that it adds none, where the queue lifts minReplicas;
 * at the target of the spec where nothing else would add pods.
 */
static json_t *metrics_of(const struct platform *p, const struct service_spec *s,
                          const char *container, const char *service)
{
    char target[LP_QUANTITY_TEXT];
    json_t *list = json_array();

    quantity_canonical(s->autoscaling.queue.target, target);
    bool ours = !p->images->no_metrics_api;
    bool memory = service_scales_by(s, "memory"), cpu = service_scales_by(s, "cpu");
    if (cpu || (!ours && !memory))
        json_array_append_new(list, resource_metric(container, "cpu",
                                                    !cpu && lifts_by_queue(p, s)
                                                        ? most_cpu(s)
                                                        : s->autoscaling.cpu.utilization));
    if (memory)
        json_array_append_new(
            list, resource_metric(container, "memory", s->autoscaling.memory.utilization));
    if (ours && service_scales_by(s, "queueDepth"))
        json_array_append_new(list, object_metric(service, "queue_depth", target));
    if (ours && service_scales_by(s, "demand"))
        json_array_append_new(list, object_metric(service, "demand", "1"));
    return list;
}

int64_t platform_min_replicas(const struct platform *p, enum service_id id)
{
    const struct service_spec *s = &p->spec.services[id];
    int64_t floor = p->floors[id] < s->autoscaling.max ? p->floors[id] : s->autoscaling.max;

    floor = floor > s->autoscaling.min ? floor : s->autoscaling.min;
    return floor > 1 ? floor : 1;
}

/* Who lifts by a burst, or a fallback, needs the pods' load. */
static bool is_scraped(const struct platform *p, enum service_id id)
{
    return plan_has_metrics(p, id) && (!p->images->no_adapter || p->images->no_metrics_api);
}

bool platform_may_sleep(const struct platform *p, enum service_id id)
{
    const struct service_spec *s = &p->spec.services[id];

    return s->autoscaling.enabled && s->autoscaling.min == 0 && is_scraped(p, id);
}

bool platform_is_asleep(const struct platform *p, enum service_id id, const json_t *deployment)
{
    return platform_may_sleep(p, id) && lp_json_int(1, deployment, "spec", "replicas", NULL) == 0 &&
           lp_json_str(deployment, "metadata", "annotations", ANNOTATION_ZERO, NULL);
}

static bool names_route(const char *routes, const char *route)
{
    size_t n = strlen(route);

    while (routes && *routes) {
        size_t len = strcspn(routes, ",");
        if (len == n && strncmp(routes, route, n) == 0)
            return true;
        routes += routes[len] ? len + 1 : len;
    }
    return false;
}

bool platform_gateway_holds(const json_t *config_map, const json_t *deployment, const char *service)
{
    const char *written =
        lp_json_str(config_map, "metadata", "annotations", ANNOTATION_INTENT, NULL);
    const char *mounted = lp_json_str(deployment, "spec", "template", "metadata", "annotations",
                                      ANNOTATION_CONFIG, NULL);
    struct workload w;

    workload_read(deployment, 0, 0, &w);
    return w.rolled && written && mounted && strcmp(written, mounted) == 0 &&
           names_route(lp_json_str(config_map, "data", "HOLD_ROUTES", NULL), routes_name(service));
}

bool platform_has_lift(const struct platform *p, enum service_id id)
{
    const struct service_spec *s = &p->spec.services[id];

    return lifts_by_queue(p, s) ||
           (is_scraped(p, id) &&
            (s->autoscaling.burst.factor || s->autoscaling.fallback.replicas > 0)) ||
           platform_may_sleep(p, id);
}

static void add_rules(json_t *floor, const struct service_spec *s)
{
    char factor[LP_QUANTITY_TEXT];

    if (s->autoscaling.burst.factor) {
        quantity_canonical(s->autoscaling.burst.factor, factor);
        json_object_set_new(
            floor, "burst",
            lp_json_make("{s:s, s:I, s:I}", "factor", factor, "waitMs",
                         (json_int_t)quantity_wait_ms(s->autoscaling.burst.target_wait), "holdS",
                         (json_int_t)s->autoscaling.burst.hold_s));
    }
    if (s->autoscaling.fallback.replicas > 0)
        json_object_set_new(floor, "fallback",
                            lp_json_make("{s:I, s:I}", "replicas",
                                         (json_int_t)s->autoscaling.fallback.replicas, "afterS",
                                         (json_int_t)s->autoscaling.fallback.after_s));
}

/* What operator/floor.c makes minReplicas of. */
static void annotate_floor(json_t *o, const struct platform *p, enum service_id id)
{
    const struct service_spec *s = &p->spec.services[id];
    char target[LP_QUANTITY_TEXT];

    json_auto_t *floor =
        lp_json_make("{s:I}", "minReplicas", (json_int_t)platform_min_replicas(p, id));
    if (lifts_by_queue(p, s)) {
        quantity_canonical(s->autoscaling.queue.target, target);
        json_object_set_new(floor, "queueDepth", json_string(target));
    }
    if (is_scraped(p, id))
        add_rules(floor, s);
    if (p->pauses[id].up)
        json_object_set_new(floor, "paused", json_true());
    if (platform_may_sleep(p, id) && p->pauses[id].down)
        json_object_set_new(floor, "pausedDown", json_true());
    if (platform_may_sleep(p, id) && p->floors[id] == 0)
        json_object_set_new(floor, "idleS", json_integer(s->autoscaling.idle_s));
    lp_auto_free char *text = json_dumps(floor, JSON_COMPACT | JSON_SORT_KEYS);
    json_object_set_new(json_object_get(o, "metadata"), "annotations",
                        lp_json_make("{s:s}", ANNOTATION_FLOOR, text));
}

static void disable(json_t *behavior, const char *direction)
{
    json_t *rules = json_object_get(behavior, direction);

    if (!rules)
        json_object_set_new(behavior, direction, rules = json_object());
    json_object_set_new(rules, "selectPolicy", json_string("Disabled"));
}

/* The spec's; a direction that is paused has no policy. NULL: the controller's own. */
static json_t *behavior_of(const struct platform *p, enum service_id id)
{
    json_t *behavior = plan_copy_or_null(p->spec.services[id].autoscaling.behavior);

    if (!behavior && (p->pauses[id].up || p->pauses[id].down))
        behavior = json_object();
    if (p->pauses[id].up)
        disable(behavior, "scaleUp");
    if (p->pauses[id].down)
        disable(behavior, "scaleDown");
    return behavior;
}

json_t *plan_hpa(const struct platform *p, enum service_id id)
{
    const struct service_spec *s = &p->spec.services[id];
    const char *suffix = plan_kind(p, id).name;
    lp_auto_free char *name = plan_name(p, suffix);
    json_t *o = plan_object(p, &lp_kube_hpas, suffix);

    bool lifted = platform_has_lift(p, id);
    json_t *metrics = metrics_of(p, s, suffix, name);
    if (lifted)
        annotate_floor(o, p, id);
    json_object_set_new(o, "spec",
                        lp_json_make("{s:{s:s, s:s, s:s}, s:o*, s:I, s:o, s:o*}", "scaleTargetRef",
                                     "apiVersion", "apps/v1", "kind", "Deployment", "name", name,
                                     "minReplicas",
                                     lifted ? NULL : json_integer(platform_min_replicas(p, id)),
                                     "maxReplicas", (json_int_t)s->autoscaling.max, "metrics",
                                     metrics, "behavior", behavior_of(p, id)));
    return o;
}
