/*
 * platform/plan_env.c -- what configures a service: its ConfigMap, and the variables that come from
 * Secrets or from the spec. Pure.
 */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "platform/plan_parts.h"
#include "platform/routes.h"

/* Above the REQUEST_DEADLINE of the services (30 s): they answer first, and say why. */
#define GATEWAY_TIMEOUT_MS 35000

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

/* Where auth publishes the public keys that its tokens are verified by. */
static void set_key_url(json_t *data, const struct platform *p)
{
    lp_auto_free char *url =
        lp_sprintf("http://%s-%s:%d/.well-known/jwks.json", p->name,
                   service_kinds[SERVICE_AUTH].name, service_kinds[SERVICE_AUTH].port);
    lp_json_set_str(data, "AUTH_JWKS_URL", url);
}

/* "10.0.0.0/8,2001:db8::/32"; where there are none, nobody's word on the client is believed. */
static void set_proxies(json_t *data, const json_t *proxies)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(4096);
    const json_t *item;
    size_t i;

    json_array_foreach(proxies, i, item)
        lp_buf_printf(&text, "%s%s", i > 0 ? "," : "", json_string_value(item));
    if (text.len > 0)
        lp_json_set_str(data, "TRUSTED_PROXIES", text.ptr);
}

/* "quiz:/quiz=http://english-quiz:8080,..": how the gateway's EXTRA_SERVICES is written. */
static void set_extra_routes(json_t *data, const struct platform *p)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(8192);

    for (unsigned id = N_SERVICES; id < spec_n_services(&p->spec); id++) {
        if (!spec_has_service(&p->spec, id) || !plan_is_routed(p, id))
            continue;
        const struct service_kind kind = plan_kind(p, id);
        const char *path = p->spec.services[id].extra.path; /* "/learning" of ours */
        lp_buf_printf(&text, "%s%s:%s%s=http://%s-%s:%d", text.len > 0 ? "," : "", kind.name,
                      path ? "" : "/", path ? path : kind.name, p->name, kind.name, kind.port);
    }
    if (text.len > 0)
        lp_json_set_str(data, "EXTRA_SERVICES", text.ptr);
}

/* Paths of ours that clients know without a prefix. */
static void set_route_paths(json_t *data, const struct platform *p)
{
    if (spec_has_service(&p->spec, SERVICE_LEARNING))
        lp_json_set_str(data, "ROUTE_PATHS", "learning:/api/reasoning,learning:/api/ontology");
}

static void set_route_rules(json_t *data, const struct platform *p)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(65536);

    routes_text(&p->spec, &text);
    if (text.len > 0)
        lp_json_set_str(data, "ROUTE_RULES", text.ptr);
}

/* Logins at an issuer: what of it is no secret. */
static void set_identity(json_t *data, const struct oidc_spec *s)
{
    lp_auto_buf struct lp_buf scopes = LP_BUF_INIT(2048), roles = LP_BUF_INIT(65536);
    const json_t *scope;
    size_t i;

    if (!s->issuer)
        return;
    json_array_foreach(s->scopes, i, scope)
        lp_buf_printf(&scopes, "%s%s", i > 0 ? " " : "", json_string_value(scope));
    lp_json_set_str(data, "OIDC_ISSUER", s->issuer);
    lp_json_set_str(data, "OIDC_CLIENT_ID", s->client_id);
    lp_json_set_str(data, "OIDC_REDIRECT_URL", s->redirect_url);
    lp_json_set_str(data, "OIDC_ALLOW_HTTP", s->allow_http ? "true" : "false");
    if (scopes.len > 0)
        lp_json_set_str(data, "OIDC_SCOPES", scopes.ptr);
    if (!s->role_claim)
        return;
    lp_json_write(s->roles, &roles);
    lp_json_set_str(data, "OIDC_ROLE_CLAIM", s->role_claim);
    lp_json_set_str(data, "OIDC_ROLES", roles.ptr);
}

/* Routes whose requests wait while a service that went to 0 pods starts one. */
static void set_hold_routes(json_t *data, const struct platform *p)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(4096);

    for (unsigned id = SERVICE_AUTH + 1; id < spec_n_services(&p->spec); id++) {
        if (spec_has_service(&p->spec, id) && plan_is_routed(p, id) &&
            platform_may_sleep(p, (enum service_id)id))
            lp_buf_printf(&text, "%s%s", text.len > 0 ? "," : "",
                          routes_name(plan_kind(p, id).name));
    }
    if (text.len > 0)
        lp_json_set_str(data, "HOLD_ROUTES", text.ptr);
}

/* When the dated windows of the schedules "exam" and "exam-..." begin. */
static void set_exams(json_t *data, const json_t *schedules)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(32768);
    const json_t *entry, *window;
    size_t i, k;

    json_array_foreach(schedules, i, entry)
    {
        const char *name = lp_json_str(entry, "name", NULL);
        if (strcmp(name, "exam") != 0 && strncmp(name, "exam-", 5) != 0)
            continue;
        json_array_foreach(json_object_get(entry, "dated"), k, window) lp_buf_printf(
            &text, "%s%s", text.len > 0 ? "," : "", lp_json_str(window, "start", NULL));
    }
    if (text.len > 0)
        lp_json_set_str(data, "EXAM_DATES", text.ptr);
}

json_t *plan_config_map(const struct platform *p, enum service_id id)
{
    const struct service_spec *s = &p->spec.services[id];
    const struct service_kind kind = plan_kind(p, id);
    json_t *o = plan_object(p, &lp_kube_config_maps, kind.name);
    json_t *data = json_object();

    json_object_set_new(o, "data", data);
    set_number(data, "PORT", kind.port);
    set_number(data, "METRICS_PORT", 9090);
    set_number(data, "CONCURRENCY", s->concurrency);
    set_number(data, "QUEUE_LIMIT", s->queue_limit);
    lp_json_set_str(data, "LOG_LEVEL", "info");
    if (id == SERVICE_GATEWAY) {
        set_url(data, "AUTH_SERVICE_URL", p, SERVICE_AUTH);
        set_url(data, "AI_SERVICE_URL", p, SERVICE_AI_FEEDBACK);
        set_url(data, "PROGRESS_SERVICE_URL", p, SERVICE_PROGRESS);
        set_number(data, "DEFAULT_TIMEOUT", GATEWAY_TIMEOUT_MS);
        set_proxies(data, s->expose.trusted_proxies);
        set_extra_routes(data, p);
        set_route_paths(data, p);
        set_route_rules(data, p);
        set_hold_routes(data, p);
    } else if (plan_is_routed(p, id)) {
        lp_json_set_str(data, "ACCESS", p->spec.access);
    }
    if (id == SERVICE_AUTH) {
        set_identity(data, &p->spec.identity.oidc);
        lp_json_set_str(data, "JWT_KEYS_DIR", PLAN_KEYS_DIR);
        set_url(data, "AI_SERVICE_URL", p, SERVICE_AI_FEEDBACK);
        if (spec_has_service(&p->spec, SERVICE_LEARNING))
            set_url(data, "LEARNING_SERVICE_URL", p, SERVICE_LEARNING);
        if (p->spec.privacy.master_key)
            lp_json_set_str(data, "PRIVACY_KEY_DIR", PLAN_PRIVACY_DIR);
        if (p->spec.privacy.audit_retention_days > 0)
            set_number(data, "AUDIT_RETENTION_DAYS", p->spec.privacy.audit_retention_days);
    }
    if (id == SERVICE_GATEWAY || (id != SERVICE_AUTH && plan_is_routed(p, id)))
        set_key_url(data, p);
    if (id != SERVICE_AUTH && plan_has_keys(p, id))
        lp_json_set_str(data, "AUTH_JWT_KEYS_DIR", PLAN_KEYS_DIR);
    if (id == SERVICE_AI_FEEDBACK || id == SERVICE_AUTH)
        set_url(data, "PROGRESS_SERVICE_URL", p, SERVICE_PROGRESS);
    if (id == SERVICE_LEARNING)
        set_exams(data, p->spec.schedules);
    if (id == SERVICE_PROGRESS) {
        if (spec_has_service(&p->spec, SERVICE_LEARNING))
            set_url(data, "LEARNING_SERVICE_URL", p, SERVICE_LEARNING);
        lp_json_set_str(data, "DB_NAME", "progress");
        if (p->spec.privacy.retention_days > 0)
            set_number(data, "RETENTION_DAYS", p->spec.privacy.retention_days);
    }
    return o;
}

static void add_secret(json_t *env, const char *variable, const char *secret, const char *key)
{
    json_array_append_new(env,
                          lp_json_make("{s:s, s:{s:{s:s, s:s}}}", "name", variable, "valueFrom",
                                       "secretKeyRef", "name", secret, "key", key));
}

/* Of a Secret that was made by hand, or by an operator before, which may lack the key. */
static void add_optional_secret(json_t *env, const char *variable, const char *secret,
                                const char *key)
{
    json_array_append_new(env, lp_json_make("{s:s, s:{s:{s:s, s:s, s:b}}}", "name", variable,
                                            "valueFrom", "secretKeyRef", "name", secret, "key", key,
                                            "optional", 1));
}

/* The key that `caller` signs its calls of other services with; each of these has it too. */
static void add_caller_key(json_t *env, const char *variable, const struct platform *p,
                           enum service_id caller)
{
    lp_auto_free char *suffix = lp_sprintf("caller-%s", service_kinds[caller].name);
    lp_auto_free char *secret = plan_name(p, suffix);

    add_secret(env, variable, secret, "key");
}

/* Where the service has its database. */
static void add_databases(json_t *env, const struct platform *p, enum service_id user)
{
    for (unsigned id = 0; id < N_DATABASES; id++) {
        const struct database_spec *d = platform_database(p, (enum database_id)id);
        const char *variable = database_kinds[id].variable;
        lp_auto_free char *own = plan_name(p, database_kinds[id].name);
        if (!plan_uses_database(p, user, (enum database_id)id))
            continue;
        if (database_is_external(d))
            add_secret(env, variable, d->secret.name, d->secret.key);
        else
            add_secret(env, variable, own, "uri");
    }
}

static void add_given_secret(json_t *env, const char *variable, const struct secret_key_spec *s)
{
    if (s->name)
        add_secret(env, variable, s->name, s->key);
}

static void add_secrets(json_t *env, const struct platform *p, enum service_id id)
{
    lp_auto_free char *jwt = plan_name(p, "jwt"), *signing = plan_name(p, "signing");

    add_databases(env, p, id);
    switch (id) {
    case SERVICE_AUTH:
        add_secret(env, "JWT_SECRET", jwt, "access");
        add_secret(env, "JWT_REFRESH_SECRET", jwt, "refresh");
        add_secret(env, "JWT_SIGNING_KEY", signing, "signing.pem");
        add_caller_key(env, "SERVICE_TOKEN_KEY", p, SERVICE_AUTH);
        add_given_secret(env, "OIDC_CLIENT_SECRET", &p->spec.identity.oidc.client_secret);
        add_given_secret(env, "OIDC_CA", &p->spec.identity.oidc.ca);
        break;
    case SERVICE_AI_FEEDBACK:
        add_caller_key(env, "SERVICE_TOKEN_KEY", p, SERVICE_AI_FEEDBACK);
        add_caller_key(env, "CALLER_KEY_AUTH", p, SERVICE_AUTH);
        break;
    case SERVICE_PROGRESS:
        add_caller_key(env, "CALLER_KEY_AI_FEEDBACK", p, SERVICE_AI_FEEDBACK);
        add_caller_key(env, "CALLER_KEY_AUTH", p, SERVICE_AUTH);
        if (spec_has_service(&p->spec, SERVICE_LEARNING))
            add_caller_key(env, "SERVICE_TOKEN_KEY", p, SERVICE_PROGRESS);
        break;
    case SERVICE_LEARNING:
        add_caller_key(env, "CALLER_KEY_AUTH", p, SERVICE_AUTH);
        add_caller_key(env, "CALLER_KEY_PROGRESS", p, SERVICE_PROGRESS);
        break;
    default:
        break;
    }
    if (id >= N_OWN_SERVICES)
        return; /* what is ours is not for the programs of others */
    /* One for all pods of a platform, so that a learner has the same pseudonym in all their logs;
     * where it lacks, each pod makes one of its own. */
    add_optional_secret(env, "LOG_HASH_KEY", jwt, "loghash");
}

/* The variable `given` of the spec as the API server keeps it: an empty value is left out, of
 * valueFrom stays what we know. */
static json_t *variable(const json_t *given)
{
    const char *value = lp_json_str(given, "value", NULL);
    const json_t *ref = lp_json_at(given, "valueFrom", "secretKeyRef", NULL);
    const json_t *optional = json_object_get(ref, "optional");
    json_t *item = lp_json_make("{s:s}", "name", lp_json_str(given, "name", NULL));

    if (value && *value)
        lp_json_set_str(item, "value", value);
    if (ref)
        json_object_set_new(item, "valueFrom",
                            lp_json_make("{s:{s:s, s:s, s:O*}}", "secretKeyRef", "name",
                                         lp_json_str(ref, "name", NULL), "key",
                                         lp_json_str(ref, "key", NULL), "optional", optional));
    return item;
}

/* A user's variable takes the place of one of ours. */
static void put_variable(json_t *env, const json_t *given)
{
    const char *name = lp_json_str(given, "name", NULL);
    json_t *old;
    size_t i;

    json_array_foreach(env, i, old)
    {
        if (strcmp(lp_json_str(old, "name", NULL), name) == 0) {
            json_array_set_new(env, i, variable(given));
            return;
        }
    }
    json_array_append_new(env, variable(given));
}

/* A text that is answered later is checked as one that is answered at once: what the spec says of
 * that to lp-ai-feedback counts for the worker too. */
static void put_checking(json_t *env, const struct platform *p)
{
    static const char *const shared[] = { "DIALECT", "GRAMMAR_URL", "GRAMMAR_TIMEOUT",
                                          "GRAMMAR_CONCURRENCY" };

    for (size_t i = 0; i < LP_COUNT(shared); i++) {
        const json_t *given =
            lp_json_find(p->spec.services[SERVICE_AI_FEEDBACK].env, "name", shared[i]);
        if (given)
            put_variable(env, given);
    }
}

json_t *plan_pod_env(const struct platform *p, enum service_id id)
{
    json_t *env = json_array(), *item;
    size_t i;

    add_secrets(env, p, id);
    if (id == SERVICE_AI_WORKER)
        put_checking(env, p);
    json_array_foreach(p->spec.services[id].env, i, item) put_variable(env, item);
    return env;
}
