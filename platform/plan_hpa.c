/* platform/plan_hpa.c -- the HorizontalPodAutoscaler of a service. Pure. */
#include "base/alloc.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "platform/plan_parts.h"
#include "platform/quantity_text.h"

/* Of the service's own container: a sidecar without requests must not end scaling (KEP-1610). */
static json_t *resource_metric(const char *container, const char *name, int64_t utilization)
{
    return lp_json_make("{s:s, s:{s:s, s:s, s:{s:s, s:I}}}", "type", "ContainerResource",
                        "containerResource", "name", name, "container", container, "target", "type",
                        "Utilization", "averageUtilization", (json_int_t)utilization);
}

/* An Object metric on the Service: one number for all pods, divided by the HPA (AverageValue). */
static json_t *queue_metric(const char *service, const json_t *target)
{
    char text[LP_QUANTITY_TEXT];

    quantity_canonical(target, text);
    return lp_json_make("{s:s, s:{s:{s:s, s:s, s:s}, s:{s:s}, s:{s:s, s:s}}}", "type", "Object",
                        "object", "describedObject", "apiVersion", "v1", "kind", "Service", "name",
                        service, "metric", "name", "queue_depth", "target", "type", "AverageValue",
                        "averageValue", text);
}

/* What operator/floor.c makes minReplicas of. */
static void annotate_floor(json_t *o, const struct service_spec *s)
{
    char target[LP_QUANTITY_TEXT];

    quantity_canonical(s->autoscaling.queue.target, target);
    json_auto_t *floor = lp_json_make("{s:I, s:s}", "minReplicas", (json_int_t)s->autoscaling.min,
                                      "queueDepth", target);
    lp_auto_free char *text = json_dumps(floor, JSON_COMPACT | JSON_SORT_KEYS);
    json_object_set_new(json_object_get(o, "metadata"), "annotations",
                        lp_json_make("{s:s}", ANNOTATION_FLOOR, text));
}

json_t *plan_hpa(const struct platform *p, enum service_id id)
{
    const struct service_spec *s = &p->spec.services[id];
    const char *suffix = service_kinds[id].name;
    lp_auto_free char *name = plan_name(p, suffix);
    json_t *o = plan_object(p, &lp_kube_hpas, suffix);

    bool queue = !p->images->no_metrics_api;
    json_t *metrics =
        lp_json_make("[o, o, o*]", resource_metric(suffix, "cpu", s->autoscaling.cpu.utilization),
                     resource_metric(suffix, "memory", s->autoscaling.memory.utilization),
                     queue ? queue_metric(name, s->autoscaling.queue.target) : NULL);
    if (!queue)
        annotate_floor(o, s);
    json_object_set_new(o, "spec",
                        lp_json_make("{s:{s:s, s:s, s:s}, s:o*, s:I, s:o, s:o*}", "scaleTargetRef",
                                     "apiVersion", "apps/v1", "kind", "Deployment", "name", name,
                                     "minReplicas", queue ? json_integer(s->autoscaling.min) : NULL,
                                     "maxReplicas", (json_int_t)s->autoscaling.max, "metrics",
                                     metrics, "behavior",
                                     plan_copy_or_null(s->autoscaling.behavior)));
    return o;
}
