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
        cmocka_unit_test(an_absent_spec_is_an_empty_one),
        cmocka_unit_test(what_is_wrong_is_told_with_path_seen_and_wanted),
        cmocka_unit_test(names_leave_room_for_the_childrens_suffixes),
        cmocka_unit_test(quantities_come_out_as_the_api_server_keeps_them),
    };
    return cmocka_run_group_tests_name("operator_spec", tests, NULL, NULL);
}
