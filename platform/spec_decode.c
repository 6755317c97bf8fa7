/*
 * platform/spec_decode.c -- the decode table of a LearningPlatform and its defaults. The defaults
 * are the CRD's: they matter for objects that were stored under an older CRD. What spans fields is
 * in spec_check.c. No state but the default values, which spec_decode reads only.
 */
#include "platform/spec_decode.h"

#include <pthread.h>
#include <stddef.h>

#include "base/alloc.h"
#include "json/json.h"
#include "platform/routes.h"
#include "platform/schedule.h"
#include "platform/spec_check.h"
#include "platform/spec_fields.h"
#include "platform/spec_identity.h"
#include "platform/spec_monitoring.h"

#define END         \
    {               \
        .key = NULL \
    }

static const char *const modes[] = { "Active", "Plan", "Paused", NULL };
static const char *const pull_policies[] = { "Always", "IfNotPresent", "Never", NULL };
static const char *const accesses[] = { "Owner", "Any", NULL };

static const struct lp_json_field databases_fields[] = {
    { .key = "postgres", .type = LP_JSON_OBJECT, .offset = 0, .fields = database_fields },
    { .key = "mongodb",
      .type = LP_JSON_OBJECT,
      .offset = sizeof(struct database_spec),
      .fields = database_fields },
    END,
};

#define OF(member) offsetof(struct platform_spec, member)
static const struct lp_json_field image_fields[] = {
    { .key = "registry",
      .type = LP_JSON_STRING,
      .offset = OF(image.registry) - OF(image),
      .min = 1,
      .max = 255 },
    { .key = "tag",
      .type = LP_JSON_STRING,
      .offset = OF(image.tag) - OF(image),
      .min = 1,
      .max = 128 },
    { .key = "pullPolicy",
      .type = LP_JSON_STRING,
      .offset = OF(image.pull_policy) - OF(image),
      .one_of = pull_policies },
    { .key = "pullSecrets",
      .type = LP_JSON_ARRAY,
      .offset = OF(image.pull_secrets) - OF(image),
      .max = 8 },
    END,
};
static const struct lp_json_field maintenance_fields[] = {
    { .key = "timeZone",
      .type = LP_JSON_STRING,
      .offset = offsetof(struct maintenance_spec, time_zone),
      .min = 1,
      .max = 64 },
    { .key = "utcOffset",
      .type = LP_JSON_STRING,
      .offset = offsetof(struct maintenance_spec, utc_offset),
      .max = 6 },
    { .key = "weekly",
      .type = LP_JSON_ARRAY,
      .offset = offsetof(struct maintenance_spec, weekly),
      .max = 14 },
    { .key = "dated",
      .type = LP_JSON_ARRAY,
      .offset = offsetof(struct maintenance_spec, dated),
      .max = 32 },
    END,
};
static const struct lp_json_field master_key_fields[] = {
    { .key = "name", .type = LP_JSON_STRING, .required = true, .min = 1, .max = 253 },
    END,
};
static const struct lp_json_field privacy_fields[] = {
    { .key = "retentionDays",
      .type = LP_JSON_INT,
      .offset = OF(privacy.retention_days) - OF(privacy),
      .min = 1,
      .max = 36500 },
    { .key = "auditRetentionDays",
      .type = LP_JSON_INT,
      .offset = OF(privacy.audit_retention_days) - OF(privacy),
      .min = 1,
      .max = 3650 },
    { .key = "masterKeyRef",
      .type = LP_JSON_OBJECT,
      .offset = OF(privacy.master_key) - OF(privacy),
      .fields = master_key_fields },
    END,
};
static const struct lp_json_field network_policy_fields[] = {
    { .key = "enabled", .type = LP_JSON_BOOL },
    END,
};
const struct lp_json_field spec_fields[] = {
    { .key = "mode", .type = LP_JSON_STRING, .offset = OF(mode), .one_of = modes },
    { .key = "className", .type = LP_JSON_STRING, .offset = OF(class_name), .min = 1, .max = 63 },
    { .key = "maintenanceWindow",
      .type = LP_JSON_OBJECT,
      .offset = OF(maintenance),
      .fields = maintenance_fields },
    { .key = "schedules", .type = LP_JSON_ARRAY, .offset = OF(schedules), .max = SCHEDULES_MAX },
    { .key = "image", .type = LP_JSON_OBJECT, .offset = OF(image), .fields = image_fields },
    { .key = "services",
      .type = LP_JSON_OBJECT,
      .offset = OF(services),
      .fields = services_fields },
    { .key = "extraServices",
      .type = LP_JSON_ARRAY,
      .offset = OF(extra_services),
      .max = SPEC_MAX_EXTRA },
    { .key = "databases",
      .type = LP_JSON_OBJECT,
      .offset = OF(databases),
      .fields = databases_fields },
    { .key = "access", .type = LP_JSON_STRING, .offset = OF(access), .one_of = accesses },
    { .key = "privacy", .type = LP_JSON_OBJECT, .offset = OF(privacy), .fields = privacy_fields },
    { .key = "identity",
      .type = LP_JSON_OBJECT,
      .offset = OF(identity),
      .fields = identity_fields },
    { .key = "networkPolicy",
      .type = LP_JSON_OBJECT,
      .offset = OF(network_policy),
      .fields = network_policy_fields },
    { .key = "monitoring",
      .type = LP_JSON_OBJECT,
      .offset = OF(monitoring),
      .fields = monitoring_fields },
    END,
};

/* The values that quantities and lists have by default; made once, never freed, read only. */
static struct {
    json_t *requests_cpu, *requests_memory, *limits_cpu, *limits_memory, *queue_target, *storage,
        *database_cpu, *postgres_memory, *mongodb_memory, *metrics, *worker_metrics;
} quantity_defaults;

static void make_quantity_defaults(void)
{
    quantity_defaults.requests_cpu = json_string("10m");
    quantity_defaults.requests_memory = json_string("128Mi");
    quantity_defaults.limits_cpu = json_string("40m");
    quantity_defaults.limits_memory = json_string("256Mi");
    quantity_defaults.queue_target = json_string("4");
    quantity_defaults.storage = json_string("1Gi");
    quantity_defaults.database_cpu = json_string("50m");
    quantity_defaults.postgres_memory = json_string("512Mi");
    quantity_defaults.mongodb_memory = json_string("1Gi");
    quantity_defaults.metrics = lp_json_make("[s, s, s]", "cpu", "memory", "queueDepth");
    quantity_defaults.worker_metrics = lp_json_make("[s]", "queueDepth");
}

static void set_service_defaults(struct service_spec *s, enum service_id id)
{
    *s = (struct service_spec){ .replicas = -1, .concurrency = 32, .queue_limit = 256 };
    s->resources.requests.cpu = quantity_defaults.requests_cpu;
    s->resources.requests.memory = quantity_defaults.requests_memory;
    s->resources.limits.cpu = quantity_defaults.limits_cpu;
    s->resources.limits.memory = quantity_defaults.limits_memory;
    s->expose.type = "ClusterIP";
    s->autoscaling.enabled = true;
    s->autoscaling.min = 1;
    s->autoscaling.idle_s = 300;
    s->autoscaling.max = id == SERVICE_GATEWAY ? 5 : 10;
    s->autoscaling.metrics = id < N_OWN_SERVICES ? quantity_defaults.metrics : NULL;
    s->autoscaling.cpu.utilization = 70;
    s->autoscaling.memory.utilization = 75;
    s->autoscaling.queue.target = quantity_defaults.queue_target;
    s->autoscaling.burst.target_wait = "250ms";
    s->autoscaling.burst.hold_s = 120;
    s->autoscaling.fallback.after_s = 120;
    if (id == SERVICE_AI_WORKER) { /* one job takes all cpu that its pod may have */
        s->autoscaling.min = 0;
        s->autoscaling.metrics = quantity_defaults.worker_metrics;
    }
}

static struct database_spec database_defaults(json_t *memory_limit)
{
    struct database_spec d = { .mode = "Embedded",
                               .storage = quantity_defaults.storage,
                               .on_delete = "Retain",
                               .secret.key = "uri" };

    d.resources.requests.cpu = quantity_defaults.database_cpu;
    d.resources.requests.memory = quantity_defaults.requests_memory;
    d.resources.limits.memory = memory_limit;
    return d;
}

static void set_defaults(struct platform_spec *spec)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_quantity_defaults);

    *spec = (struct platform_spec){ .mode = "Active",
                                    .maintenance.utc_offset = "+00:00",
                                    .access = "Owner",
                                    .network_policy.enabled = true };
    for (unsigned id = 0; id < N_OWN_SERVICES; id++) {
        set_service_defaults(&spec->services[id], (enum service_id)id);
        if (id >= N_SERVICES)
            spec->services[id].database = database_defaults(quantity_defaults.postgres_memory);
    }
    spec->databases.postgres = database_defaults(quantity_defaults.postgres_memory);
    spec->databases.mongodb = database_defaults(quantity_defaults.mongodb_memory);
}

static int decode_extra_services(struct platform_spec *spec, bool strict, struct lp_error *err)
{
    const json_t *item;
    size_t i;

    json_array_foreach(spec->extra_services, i, item)
    {
        struct service_spec *s = &spec->services[N_OWN_SERVICES + i];
        lp_auto_free char *path = lp_sprintf("spec.extraServices[%zu]", i);
        set_service_defaults(s, (enum service_id)(N_OWN_SERVICES + i));
        int r = lp_json_decode(item, extra_service_fields, strict, path, s, err);
        if (r < 0)
            return r;
        spec->n_extra++;
    }
    return 0;
}

static int decode(const json_t *platform, bool strict, struct platform_spec *ret_spec,
                  struct lp_error *err)
{
    struct platform_spec spec;
    const json_t *object = json_object_get(platform, "spec");

    set_defaults(&spec);
    if (object && !json_is_null(object)) {
        if (json_is_object(json_object_get(object, "monitoring")))
            spec_monitoring_defaults(&spec.monitoring);
        int r = lp_json_decode(object, spec_fields, strict, "spec", &spec, err);
        if (r == 0)
            r = decode_extra_services(&spec, strict, err);
        if (r < 0)
            return r;
    }
    const char *name = lp_json_str(platform, "metadata", "name", NULL);
    int r = spec_check(name ? name : "", &spec, err);
    if (r == 0)
        r = schedules_check(spec.schedules, strict, err);
    if (r == 0)
        r = routes_check(&spec, strict, err);
    if (r == 0)
        *ret_spec = spec;
    return r;
}

int spec_decode(const json_t *platform, struct platform_spec *ret_spec, struct lp_error *err)
{
    return decode(platform, false, ret_spec, err);
}

int spec_decode_strict(const json_t *platform, struct platform_spec *ret_spec, struct lp_error *err)
{
    return decode(platform, true, ret_spec, err);
}
