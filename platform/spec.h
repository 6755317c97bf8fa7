/* platform/spec.h -- what a LearningPlatform asks for, decoded (spec_decode.h). */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum service_id {
    SERVICE_GATEWAY,
    SERVICE_AUTH,
    SERVICE_AI_FEEDBACK,
    SERVICE_PROGRESS,
    N_SERVICES
};

/* What is fixed about a service. */
struct service_kind {
    const char *key;     /* in spec.services */
    const char *name;    /* suffix of the children's names, label, status */
    const char *program; /* name of the image */
    int port;
};
extern const struct service_kind service_kinds[N_SERVICES];

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

struct service_spec {
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
    } expose;                       /* of the gateway */
    struct pod_spec pod;
    struct {
        bool enabled;
        int64_t min, max;
        json_t *metrics; /* ["cpu", "demand"]: names out of autoscaling_metrics */
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
        json_t *behavior; /* or NULL */
    } autoscaling;
};

#define N_AUTOSCALING_METRICS 4
extern const char *const autoscaling_metrics[N_AUTOSCALING_METRICS];
/* Whether autoscaling.metrics has this name. */
bool service_scales_by(const struct service_spec *s, const char *metric);

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

/* When pods may be restarted without a change of the spec; see platform/window.h. */
struct maintenance_spec {
    const char *time_zone;  /* "Asia/Jakarta"; NULL: utc_offset counts */
    const char *utc_offset; /* "+07:00" */
    json_t *weekly, *dated; /* arrays or NULL */
};

/* Strings and json_t are borrowed from the decoded object, or are the defaults', which live for
 * ever. */
struct platform_spec {
    const char *mode;       /* "Active", "Plan", "Paused" */
    const char *class_name; /* which operator's; NULL: of the one without a class */
    struct maintenance_spec maintenance;
    json_t *schedules; /* [{name, weekly, dated, replicas, ..}] or NULL; see platform/schedule.h */
    struct {
        const char *registry, *tag, *pull_policy; /* NULL: the operator's own */
        json_t *pull_secrets;                     /* or NULL */
    } image;
    struct service_spec services[N_SERVICES];
    struct {
        struct database_spec postgres, mongodb;
    } databases;
    const char *access; /* "Owner", "Any" */
    struct {
        bool enabled;
    } network_policy;
};

static inline bool spec_is_active(const struct platform_spec *s)
{
    return strcmp(s->mode, "Active") == 0;
}

static inline bool spec_is_plan(const struct platform_spec *s)
{
    return strcmp(s->mode, "Plan") == 0;
}

static inline bool spec_is_paused(const struct platform_spec *s)
{
    return strcmp(s->mode, "Paused") == 0;
}

static inline bool database_is_external(const struct database_spec *d)
{
    return strcmp(d->mode, "External") == 0;
}

/* Whether volume and Secret go with the platform. */
static inline bool database_is_deleted(const struct database_spec *d)
{
    return strcmp(d->on_delete, "Delete") == 0;
}
