/* platform/spec_fields.c -- see the header. */
#include "platform/spec_fields.h"

#include <stddef.h>

#include "platform/spec.h"

#define AT(member) offsetof(struct service_spec, member)
#define SUB(type, member) offsetof(__typeof__(((struct service_spec *)0)->type), member)
#define END         \
    {               \
        .key = NULL \
    }

static const char *const expose_types[] = { "ClusterIP", "NodePort", "LoadBalancer", NULL };
static const char *const traffic_policies[] = { "Cluster", "Local", NULL };

static const struct lp_json_field quantity_fields[] = {
    { .key = "cpu", .type = LP_JSON_ANY, .offset = offsetof(struct quantities, cpu) },
    { .key = "memory", .type = LP_JSON_ANY, .offset = offsetof(struct quantities, memory) },
    END,
};

/* Of a struct resources_spec. */
static const struct lp_json_field resource_fields[] = {
    { .key = "requests",
      .type = LP_JSON_OBJECT,
      .offset = offsetof(struct resources_spec, requests),
      .fields = quantity_fields },
    { .key = "limits",
      .type = LP_JSON_OBJECT,
      .offset = offsetof(struct resources_spec, limits),
      .fields = quantity_fields },
    END,
};

#define OF_INGRESS(member) (SUB(expose, ingress.member) - SUB(expose, ingress))
static const struct lp_json_field ingress_fields[] = {
    { .key = "host",
      .type = LP_JSON_STRING,
      .offset = OF_INGRESS(host),
      .required = true,
      .min = 1,
      .max = 253 },
    { .key = "className",
      .type = LP_JSON_STRING,
      .offset = OF_INGRESS(class_name),
      .min = 1,
      .max = 253 },
    { .key = "tlsSecretName",
      .type = LP_JSON_STRING,
      .offset = OF_INGRESS(tls_secret),
      .min = 1,
      .max = 253 },
    { .key = "annotations", .type = LP_JSON_OBJECT, .offset = OF_INGRESS(annotations) },
    END,
};

#define OF_HTTP_ROUTE(member) (SUB(expose, http_route.member) - SUB(expose, http_route))
static const struct lp_json_field http_route_fields[] = {
    { .key = "parentRefs",
      .type = LP_JSON_ARRAY,
      .offset = OF_HTTP_ROUTE(parents),
      .required = true,
      .min = 1,
      .max = 8 },
    { .key = "hostnames", .type = LP_JSON_ARRAY, .offset = OF_HTTP_ROUTE(hostnames), .max = 16 },
    END,
};

static const struct lp_json_field expose_fields[] = {
    { .key = "type", .type = LP_JSON_STRING, .offset = SUB(expose, type), .one_of = expose_types },
    { .key = "nodePort",
      .type = LP_JSON_INT,
      .offset = SUB(expose, node_port),
      .min = 30000,
      .max = 32767 },
    { .key = "externalTrafficPolicy",
      .type = LP_JSON_STRING,
      .offset = SUB(expose, traffic_policy),
      .one_of = traffic_policies },
    { .key = "trustedProxies",
      .type = LP_JSON_ARRAY,
      .offset = SUB(expose, trusted_proxies),
      .max = 32 },
    { .key = "ingress",
      .type = LP_JSON_OBJECT,
      .offset = SUB(expose, ingress),
      .fields = ingress_fields },
    { .key = "httpRoute",
      .type = LP_JSON_OBJECT,
      .offset = SUB(expose, http_route),
      .fields = http_route_fields },
    END,
};

#define POD(member) offsetof(struct pod_spec, member)
static const struct lp_json_field pod_fields[] = {
    { .key = "nodeSelector", .type = LP_JSON_OBJECT, .offset = POD(node_selector) },
    { .key = "tolerations", .type = LP_JSON_ARRAY, .offset = POD(tolerations), .max = 32 },
    { .key = "affinity", .type = LP_JSON_OBJECT, .offset = POD(affinity) },
    { .key = "topologySpreadConstraints", .type = LP_JSON_ARRAY, .offset = POD(spread), .max = 8 },
    { .key = "priorityClassName",
      .type = LP_JSON_STRING,
      .offset = POD(priority_class),
      .min = 1,
      .max = 253 },
    { .key = "annotations", .type = LP_JSON_OBJECT, .offset = POD(annotations) },
    { .key = "labels", .type = LP_JSON_OBJECT, .offset = POD(labels) },
    END,
};

static const char *const database_modes[] = { "Embedded", "External", NULL };
static const char *const on_delete[] = { "Retain", "Delete", NULL };
static const struct lp_json_field database_pod_fields[] = {
    { .key = "nodeSelector", .type = LP_JSON_OBJECT, .offset = POD(node_selector) },
    { .key = "tolerations", .type = LP_JSON_ARRAY, .offset = POD(tolerations), .max = 32 },
    { .key = "affinity", .type = LP_JSON_OBJECT, .offset = POD(affinity) },
    { .key = "annotations", .type = LP_JSON_OBJECT, .offset = POD(annotations) },
    END,
};

#define OF_DATABASE(member) offsetof(struct database_spec, member)
static const struct lp_json_field secret_ref_fields[] = {
    { .key = "name",
      .type = LP_JSON_STRING,
      .required = true,
      .min = 1,
      .max = 253,
      .offset = OF_DATABASE(secret.name) - OF_DATABASE(secret) },
    { .key = "key",
      .type = LP_JSON_STRING,
      .min = 1,
      .max = 253,
      .offset = OF_DATABASE(secret.key) - OF_DATABASE(secret) },
    END,
};
const struct lp_json_field database_fields[] = {
    { .key = "mode",
      .type = LP_JSON_STRING,
      .offset = OF_DATABASE(mode),
      .one_of = database_modes },
    { .key = "storage", .type = LP_JSON_ANY, .offset = OF_DATABASE(storage) },
    { .key = "storageClassName",
      .type = LP_JSON_STRING,
      .offset = OF_DATABASE(storage_class),
      .min = 1,
      .max = 253 },
    { .key = "onDelete",
      .type = LP_JSON_STRING,
      .offset = OF_DATABASE(on_delete),
      .one_of = on_delete },
    { .key = "resources",
      .type = LP_JSON_OBJECT,
      .offset = OF_DATABASE(resources),
      .fields = resource_fields },
    { .key = "pod",
      .type = LP_JSON_OBJECT,
      .offset = OF_DATABASE(pod),
      .fields = database_pod_fields },
    { .key = "secretRef",
      .type = LP_JSON_OBJECT,
      .offset = OF_DATABASE(secret),
      .fields = secret_ref_fields },
    END,
};
static const struct lp_json_field utilization_fields[] = {
    { .key = "averageUtilization", .type = LP_JSON_INT, .min = 1, .max = 1000 },
    END,
};

static const struct lp_json_field queue_fields[] = {
    { .key = "target", .type = LP_JSON_ANY },
    END,
};

#define OF_PAUSE(member) (SUB(autoscaling, pause.member) - SUB(autoscaling, pause))
static const struct lp_json_field pause_fields[] = {
    { .key = "directions",
      .type = LP_JSON_ARRAY,
      .offset = OF_PAUSE(directions),
      .required = true,
      .min = 1,
      .max = 2 },
    { .key = "until",
      .type = LP_JSON_STRING,
      .offset = OF_PAUSE(until),
      .required = true,
      .max = 40 },
    END,
};

#define OF_BURST(member) (SUB(autoscaling, burst.member) - SUB(autoscaling, burst))
static const struct lp_json_field burst_fields[] = {
    { .key = "factor", .type = LP_JSON_ANY, .offset = OF_BURST(factor), .required = true },
    { .key = "targetWait", .type = LP_JSON_STRING, .offset = OF_BURST(target_wait), .max = 7 },
    { .key = "holdSeconds",
      .type = LP_JSON_INT,
      .offset = OF_BURST(hold_s),
      .min = 10,
      .max = 3600 },
    END,
};

#define OF_FALLBACK(member) (SUB(autoscaling, fallback.member) - SUB(autoscaling, fallback))
static const struct lp_json_field fallback_fields[] = {
    { .key = "replicas",
      .type = LP_JSON_INT,
      .offset = OF_FALLBACK(replicas),
      .required = true,
      .min = 1,
      .max = 1000 },
    { .key = "afterSeconds",
      .type = LP_JSON_INT,
      .offset = OF_FALLBACK(after_s),
      .min = 30,
      .max = 3600 },
    END,
};

/* `least`: of minReplicas. */
#define AUTOSCALING_FIELDS(least)                                                       \
    { .key = "enabled", .type = LP_JSON_BOOL, .offset = SUB(autoscaling, enabled) },    \
        { .key = "minReplicas",                                                         \
          .type = LP_JSON_INT,                                                          \
          .offset = SUB(autoscaling, min),                                              \
          .min = (least),                                                               \
          .max = 1000 },                                                                \
        { .key = "maxReplicas",                                                         \
          .type = LP_JSON_INT,                                                          \
          .offset = SUB(autoscaling, max),                                              \
          .min = 1,                                                                     \
          .max = 1000 },                                                                \
        { .key = "metrics",                                                             \
          .type = LP_JSON_ARRAY,                                                        \
          .offset = SUB(autoscaling, metrics),                                          \
          .min = 1,                                                                     \
          .max = N_AUTOSCALING_METRICS },                                               \
        { .key = "cpu",                                                                 \
          .type = LP_JSON_OBJECT,                                                       \
          .offset = SUB(autoscaling, cpu),                                              \
          .fields = utilization_fields },                                               \
        { .key = "memory",                                                              \
          .type = LP_JSON_OBJECT,                                                       \
          .offset = SUB(autoscaling, memory),                                           \
          .fields = utilization_fields },                                               \
        { .key = "queueDepth",                                                          \
          .type = LP_JSON_OBJECT,                                                       \
          .offset = SUB(autoscaling, queue),                                            \
          .fields = queue_fields },                                                     \
        { .key = "pause",                                                               \
          .type = LP_JSON_OBJECT,                                                       \
          .offset = SUB(autoscaling, pause),                                            \
          .fields = pause_fields },                                                     \
        { .key = "burst",                                                               \
          .type = LP_JSON_OBJECT,                                                       \
          .offset = SUB(autoscaling, burst),                                            \
          .fields = burst_fields },                                                     \
        { .key = "fallback",                                                            \
          .type = LP_JSON_OBJECT,                                                       \
          .offset = SUB(autoscaling, fallback),                                         \
          .fields = fallback_fields },                                                  \
    {                                                                                   \
        .key = "behavior", .type = LP_JSON_OBJECT, .offset = SUB(autoscaling, behavior) \
    }

static const struct lp_json_field served_fields[] = { AUTOSCALING_FIELDS(1), END };
static const struct lp_json_field autoscaling_fields[] = {
    AUTOSCALING_FIELDS(0),
    { .key = "idleSeconds",
      .type = LP_JSON_INT,
      .offset = SUB(autoscaling, idle_s),
      .min = 10,
      .max = 86400 },
    END,
};

/* `image_needed`: there is no image that goes without saying. `scaled_by`: fields of autoscaling.
 */
#define SERVICE_FIELDS(image_needed, scaled_by)                                            \
    { .key = "paused", .type = LP_JSON_BOOL, .offset = AT(paused) },                       \
        { .key = "image",                                                                  \
          .type = LP_JSON_STRING,                                                          \
          .offset = AT(image),                                                             \
          .required = (image_needed),                                                      \
          .min = 1,                                                                        \
          .max = 512 },                                                                    \
        { .key = "replicas", .type = LP_JSON_INT, .offset = AT(replicas), .max = 100 },    \
        { .key = "resources",                                                              \
          .type = LP_JSON_OBJECT,                                                          \
          .offset = AT(resources),                                                         \
          .fields = resource_fields },                                                     \
        { .key = "env", .type = LP_JSON_ARRAY, .offset = AT(env), .max = 64 },             \
        { .key = "concurrency",                                                            \
          .type = LP_JSON_INT,                                                             \
          .offset = AT(concurrency),                                                       \
          .min = 1,                                                                        \
          .max = 1024 },                                                                   \
        { .key = "queueLimit",                                                             \
          .type = LP_JSON_INT,                                                             \
          .offset = AT(queue_limit),                                                       \
          .min = 1,                                                                        \
          .max = 100000 },                                                                 \
        { .key = "pod", .type = LP_JSON_OBJECT, .offset = AT(pod), .fields = pod_fields }, \
    {                                                                                      \
        .key = "autoscaling", .type = LP_JSON_OBJECT, .offset = AT(autoscaling),           \
        .fields = (scaled_by)                                                              \
    }

static const struct lp_json_field service_fields[] = { SERVICE_FIELDS(false, autoscaling_fields),
                                                       END };
/* Of a service that is there only where it is enabled, with a PostgreSQL database of its own. */
static const struct lp_json_field optional_fields[] = {
    SERVICE_FIELDS(false, autoscaling_fields),
    { .key = "enabled", .type = LP_JSON_BOOL, .offset = AT(enabled) },
    { .key = "database",
      .type = LP_JSON_OBJECT,
      .offset = AT(database),
      .fields = database_fields },
    END,
};
static const struct lp_json_field auth_fields[] = { SERVICE_FIELDS(false, served_fields), END };
static const struct lp_json_field gateway_fields[] = {
    SERVICE_FIELDS(false, served_fields),
    { .key = "expose", .type = LP_JSON_OBJECT, .offset = AT(expose), .fields = expose_fields },
    { .key = "routes", .type = LP_JSON_ARRAY, .offset = AT(routes), .max = 36 },
    END,
};

#define OF_SERVICE(id) ((id) * sizeof(struct service_spec))
const struct lp_json_field services_fields[] = {
    { .key = "gateway",
      .type = LP_JSON_OBJECT,
      .offset = OF_SERVICE(SERVICE_GATEWAY),
      .fields = gateway_fields },
    { .key = "auth",
      .type = LP_JSON_OBJECT,
      .offset = OF_SERVICE(SERVICE_AUTH),
      .fields = auth_fields },
    { .key = "aiFeedback",
      .type = LP_JSON_OBJECT,
      .offset = OF_SERVICE(SERVICE_AI_FEEDBACK),
      .fields = service_fields },
    { .key = "progress",
      .type = LP_JSON_OBJECT,
      .offset = OF_SERVICE(SERVICE_PROGRESS),
      .fields = service_fields },
    { .key = "learning",
      .type = LP_JSON_OBJECT,
      .offset = OF_SERVICE(SERVICE_LEARNING),
      .fields = optional_fields },
    { .key = "aiWorker",
      .type = LP_JSON_OBJECT,
      .offset = OF_SERVICE(SERVICE_AI_WORKER),
      .fields = optional_fields },
    END,
};

const struct lp_json_field extra_service_fields[] = {
    SERVICE_FIELDS(true, autoscaling_fields),
    { .key = "name",
      .type = LP_JSON_STRING,
      .offset = AT(extra.name),
      .required = true,
      .min = 1,
      .max = 20 },
    { .key = "port",
      .type = LP_JSON_INT,
      .offset = AT(extra.port),
      .required = true,
      .min = 1024,
      .max = 65535 },
    { .key = "path",
      .type = LP_JSON_STRING,
      .offset = AT(extra.path),
      .required = true,
      .min = 2,
      .max = 32 },
    { .key = "healthPath",
      .type = LP_JSON_STRING,
      .offset = AT(extra.health),
      .min = 1,
      .max = 256 },
    { .key = "queueMetrics", .type = LP_JSON_BOOL, .offset = AT(extra.queue_metrics) },
    END,
};
