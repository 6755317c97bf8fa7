/* platform/spec_service.h -- what a LearningPlatform asks for of one service, decoded. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum service_id {
    SERVICE_GATEWAY,
    SERVICE_AUTH,
    SERVICE_AI_FEEDBACK,
    SERVICE_PROGRESS,
    N_SERVICES,                    /* the four, which every platform has */
    SERVICE_LEARNING = N_SERVICES, /* from here on: only where the spec enables it */
    SERVICE_AI_WORKER,
    N_OWN_SERVICES /* those of spec.extraServices have the ids from here on */
};
#define SPEC_MAX_EXTRA 32
#define SPEC_MAX_SERVICES (N_OWN_SERVICES + SPEC_MAX_EXTRA)

/* Those that a platform may have embedded. */
enum database_id {
    DATABASE_POSTGRES,
    DATABASE_MONGODB,
    DATABASE_LEARNING,
    DATABASE_JOBS,
    N_DATABASES
};

/* What is fixed about a service. */
struct service_kind {
    const char *key;     /* in spec.services; NULL: of spec.extraServices */
    const char *name;    /* suffix of the children's names, label, status */
    const char *program; /* name of the image; NULL: the spec has it */
    int port;
    /* Whose pods tell that it is waited for, while it has none: the gateway's, which lead requests
     * to it, or those of another service, which leave jobs for it; the gateway has no route then.
     */
    enum service_id asker;
};
extern const struct service_kind service_kinds[N_OWN_SERVICES];

/* Quantities are strings or integers, checked by spec_decode. NULL never stays, but for the cpu
 * limit of a database: none. */
struct quantities {
    json_t *cpu, *memory;
};

struct resources_spec {
    struct quantities requests, limits;
};

/* Objects and arrays as in the spec, or NULL. */
struct pod_spec {
    json_t *node_selector, *tolerations, *affinity, *spread, *annotations, *labels;
    const char *priority_class;
};

struct database_spec {
    const char *mode; /* "Embedded", "External" */
    json_t *storage;
    const char *storage_class; /* NULL: the cluster's default */
    const char *on_delete;     /* "Retain", "Delete" */
    struct resources_spec resources;
    struct pod_spec pod; /* without spread, labels and priority class */
    struct {
        const char *name, *key; /* name NULL: no secretRef */
    } secret;
};

struct service_spec {
    bool enabled;                  /* of an optional one; see spec_has_service */
    struct database_spec database; /* of an optional one; else all zero */
    struct {
        const char *name, *path;
        const char *health; /* NULL: a connection to the port is enough */
        int64_t port;
        bool queue_metrics;
    } extra; /* of one of spec.extraServices; else all zero */
    bool paused;
    const char *image; /* NULL: made from spec.image and the operator's own */
    int64_t replicas;  /* -1: not given */
    struct resources_spec resources;
    json_t *env; /* [{name, value | valueFrom}] or NULL */
    int64_t concurrency, queue_limit;
    struct {
        const char *type;
        int64_t node_port;          /* 0: not given */
        const char *traffic_policy; /* "Cluster", "Local"; NULL: not given */
        json_t *trusted_proxies;    /* ["10.0.0.0/8"] or NULL */
        struct {
            const char *host;       /* NULL: no Ingress */
            const char *class_name; /* NULL: the cluster's default */
            const char *tls_secret; /* NULL: see plan_ingress.c */
            json_t *annotations;    /* or NULL */
        } ingress;
        struct {
            json_t *parents;   /* [{name, namespace, sectionName}]; NULL: no HTTPRoute */
            json_t *hostnames; /* ["learn.example.org"] or NULL: those of the listeners */
        } http_route;
    } expose;       /* of the gateway */
    json_t *routes; /* of the gateway: [{service, methods, ..}] or NULL; see platform/routes.h */
    struct pod_spec pod;
    struct {
        bool enabled;
        int64_t min, max; /* min 0: also none, after idle_s without a request */
        int64_t idle_s;
        /* ["cpu", "demand"]: names out of autoscaling_metrics. NULL, of an extra service: cpu,
         * memory and, with queueMetrics, queueDepth. */
        json_t *metrics;
        struct {
            int64_t utilization;
        } cpu, memory;
        struct {
            json_t *target;
        } queue;
        struct {
            json_t *directions; /* ["Up", "Down"] */
            const char *until;  /* RFC 3339; NULL: no pause */
        } pause;
        struct {
            json_t *factor;          /* NULL: no burst */
            const char *target_wait; /* quantity_wait_ms */
            int64_t hold_s;
        } burst;
        struct {
            int64_t replicas, after_s; /* replicas 0: no fallback */
        } fallback;
        json_t *behavior; /* or NULL */
    } autoscaling;
};

#define N_AUTOSCALING_METRICS 4
extern const char *const autoscaling_metrics[N_AUTOSCALING_METRICS];
/* Whether autoscaling.metrics has this name. */
bool service_scales_by(const struct service_spec *s, const char *metric);
