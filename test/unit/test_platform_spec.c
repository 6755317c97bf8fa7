/* test/unit/test_platform_spec.c -- the decode table equals the CRD, and what is refused says why.
 */
#include "platform/routes.h"
#include "platform/schedule.h"
#include "platform/spec_decode.h"
#include "platform/spec_fields.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "json/json.h"
#include "json/yaml.h"
#include "platform/quantity_text.h"
#include "unit/check.h"
#include "unit/spec_schema.h"

#define QUIZ "{name: quiz, image: 'quiz:1', port: 8000, path: /quiz}"

static const char *schema_type(const json_t *schema)
{
    if (lp_json_bool(false, schema, "x-kubernetes-int-or-string", NULL))
        return "any";
    return lp_json_str(schema, "type", NULL);
}

static const char *table_type(enum lp_json_type type)
{
    static const char *const names[] = { "string", "integer", "boolean", "object", "array", "any" };
    return names[type];
}

static void compare_limits(const struct lp_json_field *f, const json_t *schema, const char *path)
{
    static const char *const keys[][2] = { { "minLength", "maxLength" },
                                           { "minimum", "maximum" },
                                           { NULL, NULL },
                                           { NULL, NULL },
                                           { "minItems", "maxItems" } };
    if (f->type > LP_JSON_ARRAY || !keys[f->type][0])
        return;
    int64_t min = lp_json_int(0, schema, keys[f->type][0], NULL);
    int64_t max = lp_json_int(0, schema, keys[f->type][1], NULL);
    if (f->min != min || f->max != max)
        fail_msg("%s: the table says %lld..%lld, the CRD %lld..%lld", path, (long long)f->min,
                 (long long)f->max, (long long)min, (long long)max);
}

static void compare_enum(const struct lp_json_field *f, const json_t *schema, const char *path)
{
    const json_t *allowed = json_object_get(schema, "enum");
    size_t n = 0;
    while (f->one_of && f->one_of[n]) {
        const char *text = json_string_value(json_array_get(allowed, n));
        if (!text || strcmp(text, f->one_of[n]) != 0)
            fail_msg("%s: \"%s\" is not at its place in the CRD's enum", path, f->one_of[n]);
        n++;
    }
    if (n != json_array_size(allowed))
        fail_msg("%s: %zu values in the table, %zu in the CRD", path, n, json_array_size(allowed));
}

static bool is_required(const json_t *schema, const char *key)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(schema, "required"), i,
                       v) if (strcmp(json_string_value(v), key) == 0) return true;
    return false;
}

static void compare(const struct lp_json_field *fields, const json_t *schema, const char *path)
{
    const json_t *properties = json_object_get(schema, "properties");
    size_t n = 0;
    for (const struct lp_json_field *f = fields; f->key; f++, n++) {
        char below[256];
        const json_t *of = json_object_get(properties, f->key);
        snprintf(below, sizeof below, "%s.%s", path, f->key);
        if (!of)
            fail_msg("%s: is not in the CRD", below);
        assert_string_equal(table_type(f->type), schema_type(of));
        if (f->required != is_required(schema, f->key))
            fail_msg("%s: required in one of the two only", below);
        compare_limits(f, of, below);
        compare_enum(f, of, below);
        if (f->fields)
            compare(f->fields, of, below);
    }
    if (n != json_object_size(properties))
        fail_msg("%s: %zu fields in the table, %zu in the CRD", path, n,
                 json_object_size(properties));
}

static void the_decode_table_equals_the_crd(void **state)
{
    (void)state;
    json_auto_t *crd = load_crd();
    compare(spec_fields, spec_schema(crd), "spec");
    compare(schedule_fields, lp_json_at(spec_schema(crd), "properties", "schedules", "items", NULL),
            "spec.schedules[]");
    compare(extra_service_fields,
            lp_json_at(spec_schema(crd), "properties", "extraServices", "items", NULL),
            "spec.extraServices[]");
    compare(route_fields,
            lp_json_at(spec_schema(crd), "properties", "services", "properties", "gateway",
                       "properties", "routes", "items", NULL),
            "spec.services.gateway.routes[]");
}

static void our_defaults_are_the_crds(void **state)
{
    struct platform_spec ours, theirs;
    struct lp_error err;
    (void)state;
    json_auto_t *crd = load_crd();
    json_auto_t *bare = parse("{metadata: {name: english}, spec: {}}");
    json_auto_t *filled = json_deep_copy(bare);
    fill_defaults(json_object_get(filled, "spec"), spec_schema(crd));
    assert_int_equal(spec_decode(bare, &ours, &err), 0);
    assert_int_equal(spec_decode(filled, &theirs, &err), 0);
    assert_string_equal(ours.mode, theirs.mode);
    assert_int_equal(ours.network_policy.enabled, theirs.network_policy.enabled);
    check_same_database(&ours.databases.postgres, &theirs.databases.postgres);
    check_same_database(&ours.databases.mongodb, &theirs.databases.mongodb);
    assert_string_equal(ours.access, theirs.access);
    for (unsigned i = 0; i < N_OWN_SERVICES; i++)
        check_same_service(&ours.services[i], &theirs.services[i]);
    assert_int_equal(ours.services[SERVICE_GATEWAY].autoscaling.max, 5);
}

static void the_four_services_share_one_schema(void **state)
{
    (void)state;
    json_auto_t *crd = load_crd();
    json_t *services = lp_json_at(spec_schema(crd), "properties", "services", "properties", NULL);
    json_auto_t *first = json_deep_copy(json_object_get(services, "gateway"));
    json_object_del(json_object_get(first, "properties"), "expose");
    json_object_del(json_object_get(first, "properties"), "routes");
    json_object_del(first, "description");
    json_t *scaling = lp_json_at(first, "properties", "autoscaling", NULL);
    json_object_set_new(lp_json_at(scaling, "properties", "maxReplicas", NULL), "default",
                        json_integer(10));
    json_object_set_new(json_object_get(scaling, "default"), "maxReplicas", json_integer(10));
    for (unsigned i = SERVICE_AUTH; i < N_SERVICES; i++) {
        json_auto_t *other = json_deep_copy(json_object_get(services, service_kinds[i].key));
        json_object_del(other, "description");
        json_t *theirs = lp_json_at(other, "properties", "autoscaling", "properties", NULL);
        assert_int_equal(json_object_del(theirs, "idleSeconds"), i > SERVICE_AUTH ? 0 : -1);
        json_object_set(theirs, "minReplicas",
                        lp_json_at(scaling, "properties", "minReplicas", NULL));
        if (!json_equal(first, other))
            fail_msg("%s differs from gateway", service_kinds[i].key);
    }
}

/* But for what it says of fields, and metrics, whose default depends on queueMetrics. */
static void drop_descriptions(json_t *schema)
{
    const char *key;
    json_t *value;
    json_object_del(schema, "description");
    json_object_foreach(json_object_get(schema, "properties"), key, value) drop_descriptions(value);
    if (json_object_get(schema, "items"))
        drop_descriptions(json_object_get(schema, "items"));
}

static void an_extra_service_has_the_schema_of_the_four_and_five_fields(void **state)
{
    static const char *const own[] = { "name", "port", "path", "healthPath", "queueMetrics" };
    (void)state;
    json_auto_t *crd = load_crd();
    json_t *schema = spec_schema(crd);
    json_auto_t *extra = json_deep_copy(
        lp_json_at(schema, "properties", "extraServices", "items", "properties", NULL));
    json_auto_t *progress = json_deep_copy(
        lp_json_at(schema, "properties", "services", "properties", "progress", "properties", NULL));
    for (size_t i = 0; i < LP_COUNT(own); i++)
        assert_int_equal(json_object_del(extra, own[i]), 0);
    json_object_del(lp_json_at(progress, "autoscaling", "properties", "metrics", NULL), "default");
    const char *key;
    json_t *value;
    json_object_foreach(progress, key, value)
    {
        json_t *other = json_object_get(extra, key);
        drop_descriptions(value);
        drop_descriptions(other);
        if (!json_equal(value, other))
            fail_msg("%s differs from that of progress", key);
    }
    assert_int_equal(json_object_size(extra), json_object_size(progress));
}

static void an_extra_service_has_the_defaults_of_the_crd(void **state)
{
    struct platform_spec ours, theirs;
    struct lp_error err;
    (void)state;
    json_auto_t *crd = load_crd();
    json_auto_t *bare = parse("{metadata: {name: english}, spec: {extraServices: [" QUIZ "]}}");
    json_auto_t *filled = json_deep_copy(bare);
    fill_defaults(json_array_get(lp_json_at(filled, "spec", "extraServices", NULL), 0),
                  lp_json_at(spec_schema(crd), "properties", "extraServices", "items", NULL));
    assert_int_equal(spec_decode(bare, &ours, &err), 0);
    assert_int_equal(spec_decode(filled, &theirs, &err), 0);
    assert_int_equal(spec_n_services(&ours), N_OWN_SERVICES + 1);
    const struct service_spec *a = &ours.services[N_OWN_SERVICES],
                              *b = &theirs.services[N_OWN_SERVICES];
    check_same_service(a, b);
    assert_int_equal(a->extra.queue_metrics, b->extra.queue_metrics);
    assert_true(service_scales_by(a, "cpu") && service_scales_by(a, "memory"));
    assert_false(service_scales_by(a, "queueDepth") || service_scales_by(a, "demand"));
}

static void an_absent_spec_is_an_empty_one(void **state)
{
    struct platform_spec spec;
    struct lp_error err;
    (void)state;
    json_auto_t *o = parse("{metadata: {name: english}}");
    assert_int_equal(spec_decode(o, &spec, &err), 0);
    assert_string_equal(spec.mode, "Active");
    assert_int_equal(spec.services[SERVICE_AUTH].replicas, -1);
}

#define EXTRA(more) "{extraServices: [{image: 'x:1', port: 8000, " more "}]}"
#define A_SCHEDULE                                                           \
    "{name: a, replicas: {auth: 2}, weekly: [{days: [Mon], start: '08:00', " \
    "end: '09:00'}]}"

static void what_is_wrong_is_told_with_path_seen_and_wanted(void **state)
{
    static const struct {
        const char *spec, *message;
    } cases[] = {
        { "{identity: {oidc: {issuer: 'http://dex', clientId: c, redirectUrl: 'https://r'}}}",
          "spec.identity.oidc.issuer: must begin with https://, or allowHttp be true, is "
          "\"http://dex\"" },
        { "{identity: {oidc: {issuer: 'https://i', clientId: c, redirectUrl: "
          "'http://localhost.example.org'}}}",
          "spec.identity.oidc.redirectUrl: must begin with https://, be on localhost, or allowHttp "
          "be true, is \"http://localhost.example.org\"" },
        { "{identity: {oidc: {issuer: 'https://i', redirectUrl: 'https://r'}}}",
          "spec.identity.oidc.clientId: is required" },
        { "{identity: {oidc: {issuer: 'https://i', clientId: c, redirectUrl: 'https://r', scopes: "
          "[email]}}}",
          "spec.identity.oidc.scopes: openid must be one of them" },
        { "{identity: {oidc: {issuer: 'https://i', clientId: c, redirectUrl: 'https://r', "
          "roleClaim: groups}}}",
          "spec.identity.oidc.roleClaim: is only of use together with roles" },
        { "{identity: {oidc: {issuer: 'https://i', clientId: c, redirectUrl: 'https://r', "
          "roleClaim: groups, roles: {a: root}}}}",
          "spec.identity.oidc.roles[a]: must be user, teacher or admin, is \"root\"" },
        { "{mode: 'Off'}", "spec.mode: must be one of Active, Plan, Paused, is \"Off\"" },
        { "{services: {auth: {concurrency: 0}}}",
          "spec.services.auth.concurrency: must be 1..1024, is 0" },
        { "{services: {gateway: {autoscaling: {minReplicas: 9}}}}",
          "spec.services.gateway.autoscaling.minReplicas: must not exceed maxReplicas (5), is 9" },
        { "{services: {auth: {resources: {limits: {cpu: 0.5}}}}}",
          "spec.services.auth.resources.limits.cpu: must be a whole number or a text such as "
          "\"500m\", is the number 0.5: write \"0.5\" in quotes" },
        { "{services: {auth: {resources: {requests: {cpu: 0}}}}}",
          "spec.services.auth.resources.requests.cpu: must be more than 0, is 0" },
        { "{services: {auth: {resources: {requests: {memory: 128m}}}}}",
          "spec.services.auth.resources.requests.memory: must be whole bytes, is 128m (m stands "
          "for thousandths; Mi for 1,048,576)" },
        { "{services: {aiFeedback: {resources: {requests: {memory: 1Gi}}}}}",
          "spec.services.aiFeedback.resources.requests.memory: must not exceed limits.memory "
          "(256Mi), is 1Gi" },
        { "{services: {auth: {replicas: 3}}}",
          "spec.services.auth.replicas: is only allowed where autoscaling.enabled is false, is 3; "
          "use autoscaling.minReplicas" },
        { "{services: {gateway: {expose: {nodePort: 30080}}}}",
          "spec.services.gateway.expose.nodePort: needs type NodePort or LoadBalancer, type is "
          "ClusterIP" },
        { "{services: {auth: {autoscaling: {queueDepth: {target: 0}}}}}",
          "spec.services.auth.autoscaling.queueDepth.target: must be more than 0, is 0" },
        { "{services: {auth: {autoscaling: {metrics: []}}}}",
          "spec.services.auth.autoscaling.metrics: must be 1..4 items, is 0" },
        { "{services: {auth: {autoscaling: {metrics: [cpu, latency]}}}}",
          "spec.services.auth.autoscaling.metrics[1]: must be cpu, memory, queueDepth or demand, "
          "is \"latency\"" },
        { "{services: {auth: {autoscaling: {metrics: [cpu, demand, cpu]}}}}",
          "spec.services.auth.autoscaling.metrics[2]: \"cpu\" is there twice" },
        { "{services: {auth: {env: [{name: A}, {name: A}]}}}",
          "spec.services.auth.env[1].name: \"A\" is there twice" },
        { "{services: {auth: {env: [{name: A, value: b, valueFrom: {secretKeyRef: {name: s, key: "
          "k}}}]}}}",
          "spec.services.auth.env[0].value: must be empty where valueFrom is given, has 1 bytes" },
        { "{services: {auth: {env: [{name: A, valueFrom: {secretKeyRef: {name: s}}}]}}}",
          "spec.services.auth.env[0].valueFrom.secretKeyRef.key: is required" },
        { "{services: {auth: {env: [{name: A, valueFrom: {configMapKeyRef: {name: s}}}]}}}",
          "spec.services.auth.env[0].valueFrom.secretKeyRef.name: is required" },
        { "{services: {aiWorker: {enabled: true}, aiFeedback: {env: [{name: DATABASE_URL}]}}}",
          "spec.services.aiFeedback.env[0].name: must not be DATABASE_URL where aiWorker is "
          "enabled, which has its database with other services: use "
          "spec.services.aiWorker.database" },
        { "{services: {aiWorker: {enabled: true, env: [{name: A}, {name: DATABASE_URL, valueFrom: "
          "{secretKeyRef: {name: s, key: k}}}]}}}",
          "spec.services.aiWorker.env[1].name: must not be DATABASE_URL where aiWorker is enabled, "
          "which has its database with other services: use spec.services.aiWorker.database" },
        { "{services: {auth: {pod: {labels: {app.kubernetes.io/name: x}}}}}",
          "spec.services.auth.pod.labels: keys must not begin with app.kubernetes.io/, one is "
          "\"app.kubernetes.io/name\"" },
        { "{services: {gateway: {routes: [{service: quiz}]}}}",
          "spec.services.gateway.routes[0].service: must be auth, ai-feedback, progress, "
          "learning where that is enabled, or one of spec.extraServices, is \"quiz\"" },
        { "{services: {gateway: {routes: [{service: gateway}]}}}",
          "spec.services.gateway.routes[0].service: must be auth, ai-feedback, progress, "
          "learning where that is enabled, or one of spec.extraServices, is \"gateway\"" },
        { "{services: {gateway: {routes: [{service: auth, methods: [TRACE]}]}}}",
          "spec.services.gateway.routes[0].methods[0]: must be GET, HEAD, POST, PUT, PATCH or "
          "DELETE, is \"TRACE\"" },
        { "{services: {gateway: {routes: [{service: auth, bodyTypes: [json]}]}}}",
          "spec.services.gateway.routes[0].bodyTypes[0]: must be a type as application/json or "
          "audio/*, is \"json\"" },
        { "{services: {gateway: {routes: [{service: auth, timeouts: {totalMs: 5}}]}}}",
          "spec.services.gateway.routes[0].timeouts.totalMs: must be 10..3600000, is 5" },
        { "{services: {gateway: {routes: [{service: auth}, {service: auth}]}}}",
          "spec.services.gateway.routes[1].service: \"auth\" is there twice" },
        { EXTRA("name: auth, path: /quiz"),
          "spec.extraServices[0].name: must not be one that the platform has itself, is \"auth\"" },
        { EXTRA("name: caller-a, path: /quiz"),
          "spec.extraServices[0].name: must not be one that the platform has itself, is "
          "\"caller-a\"" },
        { EXTRA("name: Quiz, path: /quiz"),
          "spec.extraServices[0].name: must be lower-case letters, digits and dashes and begin "
          "with a letter, is \"Quiz\"" },
        { EXTRA("name: quiz, path: /health"),
          "spec.extraServices[0].path: must not be one that the platform has itself, is "
          "\"/health\"" },
        { EXTRA("name: quiz, path: /a/b"),
          "spec.extraServices[0].path: must be one segment of lower-case letters, digits, - and _ "
          "such as /quiz, is \"/a/b\"" },
        { EXTRA("name: quiz"), "spec.extraServices[0].path: is required" },
        { EXTRA("name: quiz, path: /q, healthPath: up"),
          "spec.extraServices[0].healthPath: must begin with /, is \"up\"" },
        { EXTRA("name: quiz, path: /q, autoscaling: {metrics: [demand]}"),
          "spec.extraServices[0].autoscaling.metrics: demand needs queueMetrics true, which is "
          "false" },
        { EXTRA("name: quiz, path: /q, replicas: 2"),
          "spec.extraServices[0].replicas: is only allowed where autoscaling.enabled is false, is "
          "2; use autoscaling.minReplicas" },
        { "{extraServices: [{name: quiz, image: 'x:1', port: 9090, path: /q}]}",
          "spec.extraServices[0].port: must not be 9090, which is for metrics" },
        { "{extraServices: [{name: quiz, port: 8000, path: /q}]}",
          "spec.extraServices[0].image: is required" },
        { "{extraServices: [" QUIZ ", {name: exam, image: 'x:1', port: 8000, path: /quiz}]}",
          "spec.extraServices[1].path: \"/quiz\" is there twice" },
        { "{extraServices: [" QUIZ ", " QUIZ "]}",
          "spec.extraServices[1].name: \"quiz\" is there twice" },
        { "{maintenanceWindow: {utcOffset: '07:00'}}",
          "spec.maintenanceWindow.utcOffset: must be -14:59..+14:59, is \"07:00\"" },
        { "{maintenanceWindow: {timeZone: Mars/Olympus}}",
          "spec.maintenanceWindow.timeZone: must be a zone of the IANA time zone database such as "
          "Europe/Berlin, is \"Mars/Olympus\"" },
        { "{maintenanceWindow: {timeZone: Asia/Jakarta, utcOffset: '+07:00'}}",
          "spec.maintenanceWindow.utcOffset: must not be given beside timeZone (Asia/Jakarta), is "
          "\"+07:00\"" },
        { "{maintenanceWindow: {weekly: [{days: [Sat], start: '02:00', end: '24:00'}]}}",
          "spec.maintenanceWindow.weekly[0].end: must be 00:00..23:59, is \"24:00\"" },
        { "{maintenanceWindow: {weekly: [{days: [Someday], start: '02:00', end: '04:00'}]}}",
          "spec.maintenanceWindow.weekly[0].days[0]: must be one of Mon, Tue, Wed, Thu, Fri, Sat, "
          "Sun, is \"Someday\"" },
        { "{maintenanceWindow: {dated: [{start: '2026-12-01T02:00:00Z', end: tomorrow}]}}",
          "spec.maintenanceWindow.dated[0].end: must be a time as 2026-12-01T02:00:00Z (RFC 3339), "
          "is \"tomorrow\"" },
        { "{maintenanceWindow: {dated: [{start: '2026-12-01T02:00:00Z', end: "
          "'2026-12-01T02:00:00+00:00'}]}}",
          "spec.maintenanceWindow.dated[0].end: must be after start (2026-12-01T02:00:00Z), is "
          "2026-12-01T02:00:00+00:00" },
        { "{services: {auth: {autoscaling: {pause: {directions: [Up], until: tomorrow}}}}}",
          "spec.services.auth.autoscaling.pause.until: must be a time as 2026-12-01T02:00:00Z "
          "(RFC 3339), is \"tomorrow\"" },
        { "{services: {auth: {autoscaling: {pause: {directions: [Left], until: "
          "'2026-12-01T02:00:00Z'}}}}}",
          "spec.services.auth.autoscaling.pause.directions[0]: must be Up or Down, is \"Left\"" },
        { "{services: {auth: {autoscaling: {burst: {}}}}}",
          "spec.services.auth.autoscaling.burst.factor: is required" },
        { "{services: {auth: {autoscaling: {burst: {factor: 1}}}}}",
          "spec.services.auth.autoscaling.burst.factor: must be more than 1 and at most 100, is "
          "1" },
        { "{services: {auth: {autoscaling: {burst: {factor: '100.5'}}}}}",
          "spec.services.auth.autoscaling.burst.factor: must be more than 1 and at most 100, is "
          "100500m" },
        { "{services: {auth: {autoscaling: {burst: {factor: 2, targetWait: 61s}}}}}",
          "spec.services.auth.autoscaling.burst.targetWait: must be 1ms..60s, is \"61s\"" },
        { "{services: {auth: {autoscaling: {burst: {factor: 2, targetWait: 0ms}}}}}",
          "spec.services.auth.autoscaling.burst.targetWait: must be 1ms..60s, is \"0ms\"" },
        { "{services: {auth: {autoscaling: {burst: {factor: 2, holdSeconds: 9}}}}}",
          "spec.services.auth.autoscaling.burst.holdSeconds: must be 10..3600, is 9" },
        { "{services: {auth: {autoscaling: {fallback: {replicas: 11}}}}}",
          "spec.services.auth.autoscaling.fallback.replicas: must not exceed maxReplicas (10), is "
          "11" },
        { "{services: {auth: {autoscaling: {fallback: {replicas: 2, afterSeconds: 29}}}}}",
          "spec.services.auth.autoscaling.fallback.afterSeconds: must be 30..3600, is 29" },
        { "{schedules: [{name: a, replicas: {auth: 2}}]}",
          "spec.schedules[0]: must have a window in weekly or dated, has none" },
        { "{schedules: [" A_SCHEDULE ", " A_SCHEDULE "]}",
          "spec.schedules[1].name: \"a\" is there twice" },
        { "{schedules: [{name: a, timeZone: Mars/Olympus, replicas: {auth: 2}}]}",
          "spec.schedules[0].timeZone: must be a zone of the IANA time zone database such as "
          "Europe/Berlin, is \"Mars/Olympus\"" },
        { "{schedules: [{name: a, replicas: {auth: 0}}]}",
          "spec.schedules[0].replicas.auth: must be 1..1000, is 0" },
        { "{schedules: [{name: a, replicas: {auth: 1}, leadMinutes: 121}]}",
          "spec.schedules[0].leadMinutes: must be 0..120, is 121" },
        { "{schedules: [{name: a, replicas: {auth: 1}, rampMinutes: 121}]}",
          "spec.schedules[0].rampMinutes: must be 0..120, is 121" },
        { "{schedules: [{name: a, replicas: {auth: 1}, dated: [{start: '2026-12-01T02:00:00Z', "
          "end: '2026-12-01T01:00:00Z'}]}]}",
          "spec.schedules[0].dated[0].end: must be after start (2026-12-01T02:00:00Z), is "
          "2026-12-01T01:00:00Z" },
        { "{schedules: [{name: a, replicas: {auth: 1}, exclude: ['2026-02-30']}]}",
          "spec.schedules[0].exclude[0]: must be a date as 2026-12-25, is \"2026-02-30\"" },
        { "{schedules: [{name: a, replicas: {}, weekly: [{days: [Mon], start: '08:00', end: "
          "'09:00'}]}]}",
          "spec.schedules[0]: must have replicas of a service or expectedStudents (1..1000000), "
          "has "
          "neither" },
        { "{databases: {postgres: {mode: External}}}",
          "spec.databases.postgres.secretRef: is required where mode is External" },
        { "{databases: {mongodb: {secretRef: {name: x}}}}",
          "spec.databases.mongodb.secretRef: is only allowed where mode is External, mode is "
          "Embedded" },
        { "{databases: {mongodb: {onDelete: Keep}}}",
          "spec.databases.mongodb.onDelete: must be one of Retain, Delete, is \"Keep\"" },
        { "{databases: {postgres: {resources: {limits: {memory: 64Mi}}}}}",
          "spec.databases.postgres.resources.requests.memory: must not exceed limits.memory "
          "(64Mi), is 128Mi" },
        { "{databases: {postgres: {resources: {requests: {cpu: 2}, limits: {cpu: 1}}}}}",
          "spec.databases.postgres.resources.requests.cpu: must not exceed limits.cpu (1), is 2" },
        { "{access: Everybody}", "spec.access: must be one of Owner, Any, is \"Everybody\"" },
        { "{services: {gateway: {expose: {externalTrafficPolicy: Local}}}}",
          "spec.services.gateway.expose.externalTrafficPolicy: needs type NodePort or "
          "LoadBalancer, type is ClusterIP" },
        { "{services: {gateway: {expose: {trustedProxies: [10.0.0.0/8, 10.0.0.0/33]}}}}",
          "spec.services.gateway.expose.trustedProxies[1]: must be a network such as 10.0.0.0/8 or "
          "2001:db8::/32, is \"10.0.0.0/33\"" },
        { "{services: {gateway: {expose: {ingress: {className: nginx}}}}}",
          "spec.services.gateway.expose.ingress.host: is required" },
        { "{services: {gateway: {expose: {ingress: {host: a.b, annotations: "
          "{learningplatform.io/intent: x}}}}}}",
          "spec.services.gateway.expose.ingress.annotations: keys must not begin with "
          "learningplatform.io/, one is \"learningplatform.io/intent\"" },
        { "{services: {gateway: {expose: {httpRoute: {hostnames: [a.b]}}}}}",
          "spec.services.gateway.expose.httpRoute.parentRefs: is required" },
        { "{services: {gateway: {expose: {httpRoute: {parentRefs: [{name: a}, {namespace: b}]}}}}}",
          "spec.services.gateway.expose.httpRoute.parentRefs[1].name: is required" },
        { "{services: {gateway: {expose: {httpRoute: {parentRefs: [{name: a}], hostnames: [1]}}}}}",
          "spec.services.gateway.expose.httpRoute.hostnames[0]: must be a name of 1 to 253 bytes "
          "such as learn.example.org" },
        { "{services: {gateway: {expose: {trustedProxies: [10.0.0.1]}}}}",
          "spec.services.gateway.expose.trustedProxies[0]: must be a network such as 10.0.0.0/8 or "
          "2001:db8::/32, is \"10.0.0.1\"" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct platform_spec spec;
        struct lp_error err;
        json_auto_t *o = parse("{metadata: {name: english}}");
        json_object_set_new(o, "spec", parse(cases[i].spec));
        assert_int_equal(spec_decode(o, &spec, &err), LP_E_INVALID);
        assert_string_equal(err.msg, cases[i].message);
    }
}

static void names_leave_room_for_the_childrens_suffixes(void **state)
{
    static const struct {
        const char *name;
        int want;
    } cases[] = {
        { "english", 0 },
        { "a23456789-123456789-123456789-123456789-", LP_E_INVALID },
        { "a23456789-123456789-123456789-1234567890", 0 },
        { "a23456789-123456789-123456789-12345678901", LP_E_INVALID },
        { "1english", LP_E_INVALID },
        { "eng.lish", LP_E_INVALID },
        { "English", LP_E_INVALID },
        { "", LP_E_INVALID },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct platform_spec spec;
        struct lp_error err;
        json_auto_t *o = lp_json_make("{s:{s:s}}", "metadata", "name", cases[i].name);
        assert_int_equal(spec_decode(o, &spec, &err), cases[i].want);
    }
}

static void quantities_come_out_as_the_api_server_keeps_them(void **state)
{
    static const char *const cases[][2] = {
        { "10m", "10m" },       { "1000m", "1" },     { "0.5", "500m" },
        { "1.5", "1500m" },     { "1024Mi", "1Gi" },  { "128Mi", "128Mi" },
        { "1536Mi", "1536Mi" }, { "1000M", "1G" },    { "1048576", "1048576" },
        { "1024Ki", "1Mi" },    { "0.5Gi", "512Mi" }, { "2000", "2k" },
        { "0", "0" },           { "0.5Ki", "512" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        char text[LP_QUANTITY_TEXT];
        json_auto_t *value = json_string(cases[i][0]);
        quantity_canonical(value, text);
        assert_string_equal(text, cases[i][1]);
    }
    char text[LP_QUANTITY_TEXT];
    json_auto_t *number = json_integer(2);
    quantity_canonical(number, text);
    assert_string_equal(text, "2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_decode_table_equals_the_crd),
        cmocka_unit_test(our_defaults_are_the_crds),
        cmocka_unit_test(the_four_services_share_one_schema),
        cmocka_unit_test(an_extra_service_has_the_schema_of_the_four_and_five_fields),
        cmocka_unit_test(an_extra_service_has_the_defaults_of_the_crd),
        cmocka_unit_test(an_absent_spec_is_an_empty_one),
        cmocka_unit_test(what_is_wrong_is_told_with_path_seen_and_wanted),
        cmocka_unit_test(names_leave_room_for_the_childrens_suffixes),
        cmocka_unit_test(quantities_come_out_as_the_api_server_keeps_them),
    };
    return cmocka_run_group_tests_name("operator_spec", tests, NULL, NULL);
}
