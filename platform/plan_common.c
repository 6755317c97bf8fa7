/* platform/plan_common.c -- names, labels, owner, security: what the children share. Pure. */
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "platform/plan_parts.h"
#include "platform/quantity_text.h"

const struct database_kind database_kinds[N_DATABASES] = {
    [DATABASE_POSTGRES] = { .name = "postgres",
                            .engine = ENGINE_POSTGRES,
                            .user = SERVICE_AUTH,
                            .variable = "DATABASE_URL",
                            .role = "lp",
                            .database = "auth" },
    [DATABASE_MONGODB] = { .name = "mongodb",
                           .engine = ENGINE_MONGODB,
                           .user = SERVICE_PROGRESS,
                           .variable = "MONGODB_URI",
                           .role = "lp",
                           .database = "progress" },
    [DATABASE_LEARNING] = { .name = "learning-db",
                            .engine = ENGINE_POSTGRES,
                            .user = SERVICE_LEARNING,
                            .variable = "DATABASE_URL",
                            .role = "learning",
                            .database = "learning" },
    [DATABASE_JOBS] = { .name = "ai-jobs",
                        .engine = ENGINE_POSTGRES,
                        .user = SERVICE_AI_WORKER,
                        .variable = "DATABASE_URL",
                        .role = "jobs",
                        .database = "jobs",
                        .guests = 1U << SERVICE_AI_FEEDBACK,
                        .plain_role = true },
};

char *plan_name(const struct platform *p, const char *suffix)
{
    return lp_sprintf("%s-%s", p->name, suffix);
}

/* What is a "service" has its pods scraped by the metrics adapter (informers.c). */
static const char *component_of(const struct platform *p, const char *suffix)
{
    for (unsigned i = 0; i < N_DATABASES; i++)
        if (strcmp(database_kinds[i].name, suffix) == 0)
            return "database";
    if (strcmp(suffix, PLAN_MONITORING) == 0)
        return PLAN_MONITORING;
    for (unsigned id = N_OWN_SERVICES; id < spec_n_services(&p->spec); id++)
        if (strcmp(p->spec.services[id].extra.name, suffix) == 0)
            return p->spec.services[id].extra.queue_metrics ? "service" : "extra";
    return "service";
}

json_t *plan_labels(const struct platform *p, const char *suffix)
{
    return lp_json_make("{s:s, s:s, s:s, s:s}", LABEL_NAME, suffix, LABEL_PART_OF, p->name,
                        LABEL_MANAGED_BY, MANAGER, LABEL_COMPONENT, component_of(p, suffix));
}

json_t *plan_selector(const struct platform *p, const char *suffix)
{
    return lp_json_make("{s:s, s:s}", LABEL_NAME, suffix, LABEL_PART_OF, p->name);
}

json_t *plan_object(const struct platform *p, const struct lp_kube_kind *kind, const char *suffix)
{
    const struct lp_kube_kind *owner = &lp_kube_platforms;
    lp_auto_free char *name = plan_name(p, suffix);
    lp_auto_free char *owner_version = lp_sprintf("%s/%s", owner->group, owner->version);
    lp_auto_free char *version =
        *kind->group ? lp_sprintf("%s/%s", kind->group, kind->version) : lp_strdup(kind->version);

    return lp_json_make("{s:s, s:s, s:{s:s, s:s, s:o, s:[{s:s, s:s, s:s, s:s, s:b}]}}",
                        "apiVersion", version, "kind", kind->kind, "metadata", "name", name,
                        "namespace", p->ns, "labels", plan_labels(p, suffix), "ownerReferences",
                        "apiVersion", owner_version, "kind", owner->kind, "name", p->name, "uid",
                        p->uid, "controller", 1);
}

json_t *plan_copy_or_null(const json_t *o)
{
    bool empty = !o || (json_is_array(o) && json_array_size(o) == 0) ||
                 (json_is_object(o) && json_object_size(o) == 0);
    return empty ? NULL : json_deep_copy(o);
}

const struct database_spec *platform_database(const struct platform *p, enum database_id id)
{
    if (id == DATABASE_POSTGRES)
        return &p->spec.databases.postgres;
    if (id == DATABASE_MONGODB)
        return &p->spec.databases.mongodb;
    return &p->spec.services[database_kinds[id].user].database;
}

bool plan_uses_database(const struct platform *p, unsigned service, enum database_id id)
{
    const struct database_kind *kind = &database_kinds[id];

    return service < N_OWN_SERVICES && spec_has_service(&p->spec, kind->user) &&
           (service == kind->user || (kind->guests & 1U << service) != 0);
}

bool platform_embeds(const struct platform *p, enum database_id id)
{
    return spec_has_service(&p->spec, database_kinds[id].user) &&
           !database_is_external(platform_database(p, id));
}

static json_t *quantities(const struct quantities *q)
{
    char cpu[LP_QUANTITY_TEXT], memory[LP_QUANTITY_TEXT];

    if (q->cpu)
        quantity_canonical(q->cpu, cpu);
    quantity_canonical(q->memory, memory);
    return lp_json_make("{s:s*, s:s}", "cpu", q->cpu ? cpu : NULL, "memory", memory);
}

json_t *plan_resources(const struct resources_spec *r)
{
    return lp_json_make("{s:o, s:o}", "requests", quantities(&r->requests), "limits",
                        quantities(&r->limits));
}

json_t *plan_service_account(const struct platform *p, const char *suffix)
{
    json_t *o = plan_object(p, &lp_kube_service_accounts, suffix);
    json_object_set_new(o, "automountServiceAccountToken", json_false());
    return o;
}

json_t *plan_pod_security(int64_t uid)
{
    return lp_json_make("{s:b, s:I, s:I, s:I, s:{s:s}}", "runAsNonRoot", 1, "runAsUser",
                        (json_int_t)uid, "runAsGroup", (json_int_t)uid, "fsGroup", (json_int_t)uid,
                        "seccompProfile", "type", "RuntimeDefault");
}

json_t *plan_container_security(void)
{
    return lp_json_make("{s:b, s:b, s:{s:[s]}}", "allowPrivilegeEscalation", 0,
                        "readOnlyRootFilesystem", 1, "capabilities", "drop", "ALL");
}

json_t *plan_http_probe(const char *path, int period_s, int timeout_s, int failures)
{
    return lp_json_make("{s:{s:s, s:s}, s:i, s:i, s:i}", "httpGet", "path", path, "port", "metrics",
                        "periodSeconds", period_s, "timeoutSeconds", timeout_s, "failureThreshold",
                        failures);
}

json_t *plan_traffic_probe(const char *path, int period_s, int timeout_s, int failures)
{
    json_t *how = path ? lp_json_make("{s:s, s:s}", "path", path, "port", "http")
                       : lp_json_make("{s:s}", "port", "http");

    return lp_json_make("{s:o, s:i, s:i, s:i}", path ? "httpGet" : "tcpSocket", how,
                        "periodSeconds", period_s, "timeoutSeconds", timeout_s, "failureThreshold",
                        failures);
}

bool plan_has_metrics(const struct platform *p, enum service_id id)
{
    const struct service_spec *service = p->spec.services + id;

    return id < N_OWN_SERVICES || service->extra.queue_metrics;
}

json_t *plan_pdb(const struct platform *p, enum service_id id)
{
    const char *suffix = plan_kind(p, id).name;
    json_t *o = plan_object(p, &lp_kube_pdbs, suffix);

    json_object_set_new(o, "spec",
                        lp_json_make("{s:i, s:s, s:{s:o}}", "maxUnavailable", 1,
                                     "unhealthyPodEvictionPolicy", "AlwaysAllow", "selector",
                                     "matchLabels", plan_selector(p, suffix)));
    return o;
}
