/*
 * platform/plan_database.c -- the StatefulSets of embedded databases: one pod, one volume, the
 * official images' environment (docker.io/library/postgres and mongo); and the claims of their
 * volumes, which no StatefulSet takes along. Pure.
 */
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "platform/database_start.h"
#include "platform/pins.h"
#include "platform/plan_parts.h"
#include "platform/quantity_text.h"

#define DATABASE_UID 999 /* of the official images */

/* What differs between the two engines. */
struct database {
    int port;
    const char *data_path;
    const char *run_path; /* a second writable folder */
};
static const struct database databases[N_ENGINES] = {
    [ENGINE_POSTGRES] = { 5432, "/var/lib/postgresql/data", "/var/run/postgresql" },
    [ENGINE_MONGODB] = { 27017, "/data/db", "/data/configdb" },
};

static bool is_postgres(enum database_id id)
{
    return database_kinds[id].engine == ENGINE_POSTGRES;
}

static json_t *from_secret(const char *variable, const char *secret, const char *key)
{
    return lp_json_make("{s:s, s:{s:{s:s, s:s}}}", "name", variable, "valueFrom", "secretKeyRef",
                        "name", secret, "key", key);
}

static json_t *environment(const struct platform *p, enum database_id id, const char *secret)
{
    if (is_postgres(id))
        return lp_json_make("[o, o, o, {s:s, s:s}]",
                            from_secret("POSTGRES_USER", secret, "username"),
                            from_secret("POSTGRES_PASSWORD", secret, "password"),
                            from_secret("POSTGRES_DB", secret, "database"), "name", "PGDATA",
                            "value", "/var/lib/postgresql/data/pgdata");
    json_t *env = lp_json_make("[{s:s, s:s}]", "name", "HOME", "value", "/tmp");
    if (pins_users(p, id)) {
        json_array_append_new(env, from_secret("MONGO_INITDB_ROOT_USERNAME", secret, "username"));
        json_array_append_new(env, from_secret("MONGO_INITDB_ROOT_PASSWORD", secret, "password"));
    }
    return env;
}

/* While the image initialises, PostgreSQL listens on its socket only: so the probe asks by address.
 */
static json_t *probe(enum database_id id, int period_s, int failures)
{
    json_t *o = lp_json_make("{s:i, s:i, s:i}", "periodSeconds", period_s, "timeoutSeconds", 5,
                             "failureThreshold", failures);
    if (is_postgres(id))
        json_object_set_new(
            o, "exec",
            lp_json_make("{s:[s, s, s, s]}", "command", "pg_isready", "-q", "-h", "127.0.0.1"));
    else
        json_object_set_new(o, "tcpSocket", lp_json_make("{s:s}", "port", "db"));
    return o;
}

static json_t *container(const struct platform *p, enum database_id id, const char *secret)
{
    const struct database *d = &databases[database_kinds[id].engine];
    const struct database_spec *spec = platform_database(p, id);
    const char *image = pins_image(p, id);
    const char *start = pins_users(p, id) ? database_start(id) : NULL;
    json_t *c = lp_json_make("{s:s, s:s, s:s, s:o, s:[{s:s, s:i, s:s}]}", "name",
                             database_kinds[id].name, "image", image, "imagePullPolicy",
                             "IfNotPresent", "env", environment(p, id, secret), "ports", "name",
                             "db", "containerPort", d->port, "protocol", "TCP");

    if (start)
        json_object_set_new(c, "command", lp_json_make("[s, s, s]", "sh", "-c", start));
    json_object_set_new(c, "resources", plan_resources(&spec->resources));
    json_object_set_new(c, "startupProbe", probe(id, 2, 150));
    json_object_set_new(c, "readinessProbe", probe(id, 5, 3));
    json_object_set_new(c, "livenessProbe", probe(id, 20, 6));
    json_object_set_new(c, "securityContext", plan_container_security());
    json_object_set_new(c, "volumeMounts",
                        lp_json_make("[{s:s, s:s}, {s:s, s:s}, {s:s, s:s}]", "name", "data",
                                     "mountPath", d->data_path, "name", "tmp", "mountPath", "/tmp",
                                     "name", "run", "mountPath", d->run_path));
    return c;
}

static json_t *pod_metadata(const struct platform *p, enum database_id id)
{
    const json_t *given = platform_database(p, id)->pod.annotations;
    json_t *metadata = lp_json_make("{s:o}", "labels", plan_labels(p, database_kinds[id].name));
    json_auto_t *annotations = given ? json_deep_copy(given) : json_object();

    lp_json_set_str(annotations, ANNOTATION_SECRET_DATABASE, p->databases[id].secret);
    if (json_object_size(annotations) > 0)
        json_object_set(metadata, "annotations", annotations);
    return metadata;
}

static json_t *pod(const struct platform *p, enum database_id id, const char *name)
{
    const struct pod_spec *given = &platform_database(p, id)->pod;
    json_t *security = plan_pod_security(DATABASE_UID);

    json_object_set_new(security, "fsGroupChangePolicy", json_string("OnRootMismatch"));
    json_t *o = lp_json_make("{s:s, s:b, s:b, s:i, s:o, s:[o], s:[{s:s, s:{}}, {s:s, s:{}}], s:o*}",
                             "serviceAccountName", name, "automountServiceAccountToken", 0,
                             "enableServiceLinks", 0, "terminationGracePeriodSeconds", 60,
                             "securityContext", security, "containers", container(p, id, name),
                             "volumes", "name", "tmp", "emptyDir", "name", "run", "emptyDir",
                             "imagePullSecrets", plan_copy_or_null(p->spec.image.pull_secrets));
    json_auto_t *more =
        lp_json_make("{s:o*, s:o*, s:o*}", "nodeSelector", plan_copy_or_null(given->node_selector),
                     "tolerations", plan_copy_or_null(given->tolerations), "affinity",
                     plan_copy_or_null(given->affinity));
    json_object_update(o, more);
    return o;
}

/* `storage`: NULL for that of the spec. */
static json_t *claim_spec(const struct database_spec *d, const json_t *storage)
{
    char size[LP_QUANTITY_TEXT];

    quantity_canonical(storage ? storage : d->storage, size);
    return lp_json_make("{s:[s], s:{s:{s:s}}}", "accessModes", "ReadWriteOnce", "resources",
                        "requests", "storage", size);
}

char *plan_claim_name(const struct platform *p, enum database_id id)
{
    return lp_sprintf("data-%s-%s-0", p->name, database_kinds[id].name);
}

json_t *plan_claim_spec(const struct platform *p, enum database_id id)
{
    const struct database_spec *d = platform_database(p, id);
    json_t *spec = claim_spec(d, NULL);

    lp_json_set_str(spec, "storageClassName", d->storage_class);
    return spec;
}

/* Only with onDelete: Delete it has an owner, and goes with the platform. */
json_t *plan_claim(const struct platform *p, enum database_id id)
{
    lp_auto_free char *name = plan_claim_name(p, id);
    json_t *o = plan_object(p, &lp_kube_volume_claims, database_kinds[id].name);
    json_t *metadata = json_object_get(o, "metadata");

    lp_json_set_str(metadata, "name", name);
    json_object_set_new(metadata, "annotations",
                        lp_json_make("{s:s, s:s, s:s}", ANNOTATION_IMAGE, pins_image(p, id),
                                     ANNOTATION_USERS, pins_users(p, id) ? "true" : "false",
                                     ANNOTATION_USED_BY, p->uid));
    if (!database_is_deleted(platform_database(p, id)))
        json_object_del(metadata, "ownerReferences");
    return o;
}

/* The claim is there before the StatefulSet, which takes it by its name and never deletes it; the
 * template cannot be changed or taken away from one that was made by an operator before. */
json_t *plan_stateful_set(const struct platform *p, enum database_id id)
{
    const char *suffix = database_kinds[id].name;
    lp_auto_free char *name = plan_name(p, suffix);
    json_t *o = plan_object(p, &lp_kube_stateful_sets, suffix);
    json_t *template = lp_json_make("{s:{s:s}, s:o}", "metadata", "name", "data", "spec",
                                    claim_spec(platform_database(p, id), p->databases[id].storage));

    json_object_set_new(o, "spec",
                        lp_json_make("{s:i, s:s, s:i, s:{s:o}, s:{s:s, s:s}, s:{s:o, s:o}, s:[o]}",
                                     "replicas", 1, "serviceName", name, "revisionHistoryLimit", 3,
                                     "selector", "matchLabels", plan_selector(p, suffix),
                                     "persistentVolumeClaimRetentionPolicy", "whenDeleted",
                                     "Retain", "whenScaled", "Retain", "template", "metadata",
                                     pod_metadata(p, id), "spec", pod(p, id, name),
                                     "volumeClaimTemplates", template));
    /* Parallel: a pod that cannot start does not keep its own cure from coming. */
    lp_json_set_str(json_object_get(o, "spec"), "podManagementPolicy",
                    p->databases[id].exists ? p->databases[id].pod_policy : "Parallel");
    return o;
}
