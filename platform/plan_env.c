/*
 * platform/plan_env.c -- what a service is told: its ConfigMap, and the variables that come from
 * Secrets or from the spec. Pure.
 */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "platform/plan_parts.h"

static void set_url(json_t *data, const char *variable, const struct platform *p,
                    enum service_id id)
{
    lp_auto_free char *url =
        lp_sprintf("http://%s-%s:%d", p->name, service_kinds[id].name, service_kinds[id].port);
    lp_json_set_str(data, variable, url);
}

static void set_number(json_t *data, const char *variable, int64_t value)
{
    lp_auto_free char *text = lp_sprintf("%" PRId64, value);
    lp_json_set_str(data, variable, text);
}

json_t *plan_config_map(const struct platform *p, enum service_id id)
{
    const struct service_spec *s = &p->spec.services[id];
    json_t *o = plan_object(p, &lp_kube_config_maps, service_kinds[id].name);
    json_t *data = json_object();

    json_object_set_new(o, "data", data);
    set_number(data, "PORT", service_kinds[id].port);
    set_number(data, "METRICS_PORT", 9090);
    set_number(data, "CONCURRENCY", s->concurrency);
    set_number(data, "QUEUE_LIMIT", s->queue_limit);
    lp_json_set_str(data, "LOG_LEVEL", "info");
    if (id == SERVICE_GATEWAY) {
        set_url(data, "AUTH_SERVICE_URL", p, SERVICE_AUTH);
        set_url(data, "AI_SERVICE_URL", p, SERVICE_AI_FEEDBACK);
        set_url(data, "PROGRESS_SERVICE_URL", p, SERVICE_PROGRESS);
        lp_json_set_str(data, "DEFAULT_TIMEOUT", "35000"); /* over their REQUEST_DEADLINE, 30 s */
    }
    if (id == SERVICE_AI_FEEDBACK)
        set_url(data, "PROGRESS_SERVICE_URL", p, SERVICE_PROGRESS);
    if (id == SERVICE_PROGRESS)
        lp_json_set_str(data, "DB_NAME", "progress");
    return o;
}

static void add_secret(json_t *env, const char *variable, const char *secret, const char *key)
{
    json_array_append_new(env,
                          lp_json_make("{s:s, s:{s:{s:s, s:s}}}", "name", variable, "valueFrom",
                                       "secretKeyRef", "name", secret, "key", key));
}

/* One key for all pods of a platform, so that a learner has the same pseudonym in all their logs.
 * Optional: a Secret that was made by hand may lack it; each pod then makes a key of its own. */
static void add_log_key(json_t *env, const char *secret)
{
    json_array_append_new(env, lp_json_make("{s:s, s:{s:{s:s, s:s, s:b}}}", "name", "LOG_HASH_KEY",
                                            "valueFrom", "secretKeyRef", "name", secret, "key",
                                            "loghash", "optional", 1));
}

static void add_database(json_t *env, const char *variable, const struct platform *p,
                         const struct database_spec *d, enum database_id id)
{
    lp_auto_free char *own = plan_name(p, database_names[id]);
    if (database_is_external(d))
        add_secret(env, variable, d->secret.name, d->secret.key);
    else
        add_secret(env, variable, own, "uri");
}

static void add_secrets(json_t *env, const struct platform *p, enum service_id id)
{
    lp_auto_free char *jwt = plan_name(p, "jwt");

    switch (id) {
    case SERVICE_GATEWAY:
        add_secret(env, "AUTH_JWT_SECRET", jwt, "access");
        break;
    case SERVICE_AUTH:
        add_database(env, "DATABASE_URL", p, &p->spec.databases.postgres, DATABASE_POSTGRES);
        add_secret(env, "JWT_SECRET", jwt, "access");
        add_secret(env, "JWT_REFRESH_SECRET", jwt, "refresh");
        break;
    case SERVICE_PROGRESS:
        add_database(env, "MONGODB_URI", p, &p->spec.databases.mongodb, DATABASE_MONGODB);
        break;
    default:
        break;
    }
    add_log_key(env, jwt);
}

/* A user's variable takes the place of one of ours. An empty value is left out, as the API server
 * does. */
static void put_variable(json_t *env, const char *name, const char *value)
{
    json_t *item = lp_json_make("{s:s}", "name", name);
    size_t i;
    json_t *old;

    if (value && *value)
        lp_json_set_str(item, "value", value);
    json_array_foreach(env, i, old)
    {
        if (strcmp(lp_json_str(old, "name", NULL), name) == 0) {
            json_array_set_new(env, i, item);
            return;
        }
    }
    json_array_append_new(env, item);
}

json_t *plan_pod_env(const struct platform *p, enum service_id id)
{
    json_t *env = json_array(), *item;
    size_t i;

    add_secrets(env, p, id);
    json_array_foreach(p->spec.services[id].env, i, item)
        put_variable(env, lp_json_str(item, "name", NULL), lp_json_str(item, "value", NULL));
    return env;
}
