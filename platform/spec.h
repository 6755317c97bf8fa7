/* platform/spec.h -- what a LearningPlatform asks for, decoded (spec_decode.h). */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "platform/spec_service.h"

/* When pods may be restarted without a change of the spec; see platform/window.h. */
struct maintenance_spec {
    const char *time_zone;  /* "Asia/Jakarta"; NULL: utc_offset counts */
    const char *utc_offset; /* "+07:00" */
    json_t *weekly, *dated; /* arrays or NULL */
};

/* A key of a Secret in the platform's namespace; name NULL: none. */
struct secret_key_spec {
    const char *name, *key;
};

/* Logins at an issuer; docs/identity.md. */
struct oidc_spec {
    const char *issuer; /* NULL: none */
    const char *client_id, *redirect_url;
    struct secret_key_spec client_secret, ca;
    json_t *scopes;         /* ["openid"]; NULL: the service's own */
    const char *role_claim; /* NULL: none */
    json_t *roles;          /* {"teachers": "teacher"} or NULL */
    bool allow_http;
};

/* What a monitoring system is told; all zero: nothing. */
struct monitoring_spec {
    const char *pod_monitor, *rule; /* "Auto", "None"; NULL: the spec has no monitoring */
    const char *dashboards;         /* "ConfigMap", "None"; NULL: the same */
    const char *availability;       /* "99.95", in %; NULL: as alerts.h has it */
    const char *latency_p95;        /* "180ms"; NULL: the same */
    json_t *owners;                 /* {service: {team, severity, runbook}} or NULL */
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
    struct service_spec services[SPEC_MAX_SERVICES];
    unsigned n_extra;       /* of them, behind our own */
    json_t *extra_services; /* what they were decoded from, or NULL */
    struct {
        struct database_spec postgres, mongodb;
    } databases;
    const char *access; /* "Owner", "Any" */
    struct {
        int64_t retention_days; /* of activities; 0: for ever */
        int64_t audit_retention_days;
        const char *master_key; /* Secret; NULL: none */
    } privacy;
    struct {
        struct oidc_spec oidc;
    } identity;
    struct {
        bool enabled;
    } network_policy;
    struct monitoring_spec monitoring;
};

/* Ids are below it. An optional service that is not enabled has one too: spec_each_service leaves
 * it out. */
static inline unsigned spec_n_services(const struct platform_spec *s)
{
    return N_OWN_SERVICES + s->n_extra;
}

/* Whether the platform has the service `id`, below spec_n_services. */
static inline bool spec_has_service(const struct platform_spec *s, unsigned id)
{
    return id < N_SERVICES || id >= N_OWN_SERVICES || s->services[id].enabled;
}

#define spec_each_service(spec, id)                           \
    for (unsigned id = 0; id < spec_n_services(spec); (id)++) \
        if (spec_has_service(spec, id))

/* What is fixed about the service `id`, below spec_n_services. */
struct service_kind spec_service(const struct platform_spec *s, unsigned id);

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
