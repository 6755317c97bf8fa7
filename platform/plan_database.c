/*
 * platform/plan_database.c -- the StatefulSets of embedded databases: one pod, one volume, the
 * official images' environment (docker.io/library/postgres and mongo). Pure.
 */
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "platform/plan_parts.h"
#include "platform/quantity_text.h"

#define DATABASE_UID 999 /* of the official images */

/* What differs between the two. */
struct database {
    int port;
    const char *data_path;
    const char *run_path; /* a second writable folder */
    const char *memory_limit;
};
static const struct database databases[N_DATABASES] = {
    [DATABASE_POSTGRES] = { 5432, "/var/lib/postgresql/data", "/var/run/postgresql", "512Mi" },
    [DATABASE_MONGODB] = { 27017, "/data/db", "/data/configdb", "1Gi" },
};

static json_t *from_secret(const char *variable, const char *secret, const char *key)
{
    return lp_json_make("{s:s, s:{s:{s:s, s:s}}}", "name", variable, "valueFrom", "secretKeyRef",
                        "name", secret, "key", key);
}

static json_t *environment(const struct platform *p, enum database_id id, const char *secret)
{
    if (id == DATABASE_POSTGRES)
        return lp_json_make("[o, o, o, {s:s, s:s}]",
                            from_secret("POSTGRES_USER", secret, "username"),
                            from_secret("POSTGRES_PASSWORD", secret, "password"),
                            from_secret("POSTGRES_DB", secret, "database"), "name", "PGDATA",
                            "value", "/var/lib/postgresql/data/pgdata");
    json_t *env = lp_json_make("[{s:s, s:s}]", "name", "HOME", "value", "/tmp");
    if (p->images->mongodb_auth) {
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
    if (id == DATABASE_POSTGRES)
        json_object_set_new(
            o, "exec",
            lp_json_make("{s:[s, s, s, s]}", "command", "pg_isready", "-q", "-h", "127.0.0.1"));
    else
        json_object_set_new(o, "tcpSocket", lp_json_make("{s:s}", "port", "db"));
    return o;
}

static json_t *container(const struct platform *p, enum database_id id, const char *secret)
{
    const struct database *d = &databases[id];
    const char *image = id == DATABASE_POSTGRES ? p->images->postgres : p->images->mongo;
    json_t *c = lp_json_make("{s:s, s:s, s:s, s:o, s:[{s:s, s:i, s:s}]}", "name",
                             database_names[id], "image", image, "imagePullPolicy", "IfNotPresent",
                             "env", environment(p, id, secret), "ports", "name", "db",
                             "containerPort", d->port, "protocol", "TCP");

    json_object_set_new(c, "resources",
                        lp_json_make("{s:{s:s, s:s}, s:{s:s}}", "requests", "cpu", "50m", "memory",
                                     "128Mi", "limits", "memory", d->memory_limit));
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

static json_t *pod(const struct platform *p, enum database_id id, const char *name)
{
    json_t *security = plan_pod_security(DATABASE_UID);

    json_object_set_new(security, "fsGroupChangePolicy", json_string("OnRootMismatch"));
    return lp_json_make("{s:s, s:b, s:b, s:i, s:o, s:[o], s:[{s:s, s:{}}, {s:s, s:{}}], s:o*}",
                        "serviceAccountName", name, "automountServiceAccountToken", 0,
                        "enableServiceLinks", 0, "terminationGracePeriodSeconds", 60,
                        "securityContext", security, "containers", container(p, id, name),
                        "volumes", "name", "tmp", "emptyDir", "name", "run", "emptyDir",
                        "imagePullSecrets", plan_copy_or_null(p->spec.image.pull_secrets));
}

static json_t *volume_claim(const struct database_spec *d)
{
    char size[LP_QUANTITY_TEXT];

    quantity_canonical(d->storage, size);
    return lp_json_make("{s:{s:s}, s:{s:[s], s:{s:{s:s}}}}", "metadata", "name", "data", "spec",
                        "accessModes", "ReadWriteOnce", "resources", "requests", "storage", size);
}

json_t *plan_stateful_set(const struct platform *p, enum database_id id)
{
    const struct database_spec *d =
        id == DATABASE_POSTGRES ? &p->spec.databases.postgres : &p->spec.databases.mongodb;
    const char *suffix = database_names[id];
    lp_auto_free char *name = plan_name(p, suffix);
    json_t *o = plan_object(p, &lp_kube_stateful_sets, suffix);

    /* The password goes with the platform, so its data goes too. */
    json_object_set_new(
        o, "spec",
        lp_json_make("{s:i, s:s, s:i, s:{s:o}, s:{s:s, s:s}, s:{s:{s:o}, s:o}, s:[o]}", "replicas",
                     1, "serviceName", name, "revisionHistoryLimit", 3, "selector", "matchLabels",
                     plan_selector(p, suffix), "persistentVolumeClaimRetentionPolicy",
                     "whenDeleted", "Delete", "whenScaled", "Retain", "template", "metadata",
                     "labels", plan_labels(p, suffix), "spec", pod(p, id, name),
                     "volumeClaimTemplates", volume_claim(d)));
    return o;
}
