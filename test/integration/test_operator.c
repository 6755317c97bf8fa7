/* test/integration/test_operator.c -- lp-operator against a real API server, garbage collector and
 * Deployment controller: what it makes, repairs, takes away. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "integration/operator_fixture.h"

static void the_smallest_platform_gets_all_its_children(void **state)
{
    (void)state;
    create_platform("english", json_object());
    visited = 0;
    each_child("english", is_there_and_ours);
    assert_int_equal(visited, N_CHILDREN);
    json_auto_t *d = await(&lp_kube_deployments, "english-gateway", exists, NULL, "there");
    const json_t *pod = lp_json_at(d, "spec", "template", "spec", NULL);
    const json_t *container = json_array_get(json_object_get(pod, "containers"), 0);
    assert_string_equal(lp_json_str(container, "image", NULL),
                        "registry.example/lp/lp-gateway:v9.9.9");
    assert_false(lp_json_bool(true, pod, "automountServiceAccountToken", NULL));
}

static void a_deleted_deployment_and_an_edited_service_are_repaired(void **state)
{
    (void)state;
    create_platform("english", json_object());
    json_auto_t *before = await(&lp_kube_deployments, "english-auth", exists, NULL, "there");
    ok(lp_kube_delete(client, &lp_kube_deployments, ns, "english-auth", NULL, &err));
    json_decref(await(&lp_kube_deployments, "english-auth", has_other_uid,
                      lp_json_str(before, "metadata", "uid", NULL), "made anew"));

    json_auto_t *edit =
        lp_json_make("{s:{s:{s:s}}, s:{s:{s:n}}}", "spec", "selector", "app.kubernetes.io/name",
                     "nobody", "metadata", "labels", "app.kubernetes.io/part-of");
    ok(lp_kube_merge_patch(client, &lp_kube_services, ns, "english-auth", NULL, edit, NULL, &err));
    json_decref(await_like(&lp_kube_services, "english-auth",
                           lp_json_make("{s:{s:{s:s}}, s:{s:{s:s}}}", "spec", "selector",
                                        "app.kubernetes.io/name", "auth", "metadata", "labels",
                                        "app.kubernetes.io/part-of", "english"),
                           "repaired"));
}

/* The number is the key of the list's item, so that ours and theirs are two items of one name. */
static void a_service_whose_port_was_changed_gets_its_own_back(void **state)
{
    (void)state;
    create_platform("english", json_object());
    json_decref(await(&lp_kube_services, "english-auth", exists, NULL, "there"));
    json_auto_t *edit = lp_json_make("{s:{s:[{s:s, s:i, s:s}]}}", "spec", "ports", "name", "http",
                                     "port", 3999, "targetPort", "http");
    ok(lp_kube_merge_patch(client, &lp_kube_services, ns, "english-auth", NULL, edit, NULL, &err));
    json_auto_t *service = await_like(
        &lp_kube_services, "english-auth",
        lp_json_make("{s:{s:[{s:s, s:i}]}}", "spec", "ports", "name", "http", "port", 3000),
        "repaired");
    assert_int_equal(json_array_size(lp_json_at(service, "spec", "ports", NULL)), 1);
}

/* Kind, name and resourceVersion of every object of the platform, as one text. */
static struct lp_buf versions;

static void note_version(const struct lp_kube_kind *kind, const char *name)
{
    json_auto_t *o = NULL;
    ok(lp_kube_get(client, kind, ns, name, &o, &err));
    int64_t generation = lp_json_int(0, o, "metadata", "generation", NULL);
    /* The status of these is others' to write. */
    bool status_is_theirs = kind == &lp_kube_deployments || kind == &lp_kube_stateful_sets ||
                            kind == &lp_kube_hpas || kind == &lp_kube_pdbs;
    lp_buf_printf(&versions, "%s/%s %s %lld\n", kind->kind, name,
                  status_is_theirs ? "-" : lp_json_str(o, "metadata", "resourceVersion", NULL),
                  (long long)generation);
}

static void a_restart_writes_nothing(void **state)
{
    (void)state;
    create_platform("english", json_object());
    versions = (struct lp_buf)LP_BUF_INIT(1 << 16);
    each_child("english", note_version);
    lp_auto_free char *before = lp_buf_take(&versions);
    assert_int_equal(program_stop(&operator), 0);
    /* It looks again each second: what pods did meanwhile may give it a status to write first. */
    fixture_start_with(&operator, "operator", "RESYNC_SECONDS=1");
    int64_t end = lp_clock_ms() + WAIT_MS;
    static const char idle[] =
        "lp_reconciles_without_change_total{controller=\"learningplatform\"}";
    while (program_metric(&operator, idle) < 1 && lp_clock_ms() < end)
        poll(NULL, 0, 50);
    assert_true(program_metric(&operator, idle) >= 1);
    each_child("english", note_version);
    lp_auto_free char *after = lp_buf_take(&versions);
    assert_string_equal(before, after);
    assert_int_equal(program_stop(&operator), 0);
    fixture_start(&operator, "operator");
}

static void autoscaling_off_and_external_databases_take_children_away(void **state)
{
    (void)state;
    create_platform("english", json_object());
    edit_platform("english", lp_json_make("{s:{s:{s:s, s:{s:s, s:s}}}, s:{s:b}}", "databases",
                                          "postgres", "mode", "External", "secretRef", "name",
                                          "auth-db", "key", "dsn", "networkPolicy", "enabled", 0));
    await_ready("english");
    await_gone(&lp_kube_stateful_sets, "english-postgres");
    await_gone(&lp_kube_services, "english-postgres");
    await_gone(&lp_kube_network_policies, "english-auth");
    json_decref(await(&lp_kube_stateful_sets, "english-mongodb", exists, NULL, "still there"));
    json_auto_t *d = await(&lp_kube_deployments, "english-auth", exists, NULL, "there");
    const json_t *container =
        json_array_get(lp_json_at(d, "spec", "template", "spec", "containers", NULL), 0);
    const json_t *url = json_array_get(json_object_get(container, "env"), 0);
    assert_string_equal(lp_json_str(url, "valueFrom", "secretKeyRef", "name", NULL), "auth-db");
    assert_string_equal(lp_json_str(url, "valueFrom", "secretKeyRef", "key", NULL), "dsn");
}

static void a_paused_service_is_left_alone(void **state)
{
    (void)state;
    create_platform("english", json_object());
    edit_platform("english", service_spec("auth", lp_json_make("{s:b}", "paused", 1)));
    ok(lp_kube_delete(client, &lp_kube_deployments, ns, "english-auth", NULL, &err));
    edit_platform("english", service_spec("auth", lp_json_make("{s:i}", "queueLimit", 5)));
    await_gone(&lp_kube_deployments, "english-auth");
    edit_platform("english", service_spec("auth", lp_json_make("{s:b}", "paused", 0)));
    json_decref(await(&lp_kube_deployments, "english-auth", exists, NULL, "back"));
}

static void wrong_fields_are_refused_with_path_and_limit(void **state)
{
    static const struct {
        const char *spec, *path, *limit;
    } cases[] = {
        { "{identity: {oidc: {issuer: 'http://dex', clientId: c, redirectUrl: 'https://r'}}}",
          "spec.identity.oidc.issuer", "must begin with https://" },
        { "{identity: {oidc: {issuer: 'https://i', clientId: c, redirectUrl: "
          "'http://localhost.example.org'}}}",
          "spec.identity.oidc.redirectUrl", "must begin with https://" },
        { "{identity: {oidc: {issuer: 'https://i', clientId: c, redirectUrl: 'https://r', scopes: "
          "[email]}}}",
          "spec.identity.oidc.scopes", "openid must be one of them" },
        { "{identity: {oidc: {issuer: 'https://i', clientId: c, redirectUrl: 'https://r', "
          "roleClaim: groups}}}",
          "spec.identity.oidc.roleClaim", "is only of use together with roles" },
        { "{identity: {oidc: {issuer: 'https://i', clientId: c, redirectUrl: 'https://r', "
          "roleClaim: groups, roles: {a: root}}}}",
          "spec.identity.oidc.roles", "Unsupported value" },
        { "{services: {gateway: {autoscaling: {minReplicas: 9}}}}",
          "spec.services.gateway.autoscaling.minReplicas",
          "must not exceed maxReplicas (5), is 9" },
        { "{services: {auth: {resources: {requests: {cpu: 1}}}}}",
          "spec.services.auth.resources.requests.cpu", "must not exceed limits.cpu (40m), is 1" },
        { "{services: {auth: {replicas: 3}}}", "spec.services.auth.replicas",
          "only allowed where autoscaling.enabled is false" },
        { "{services: {progress: {concurrency: 0}}}", "spec.services.progress.concurrency",
          "greater than or equal to 1" },
        { "{databases: {postgres: {mode: External}}}", "spec.databases.postgres.secretRef",
          "is required where mode is External" },
        { "{databases: {mongodb: {secretRef: {name: x}}}}", "spec.databases.mongodb.secretRef",
          "only allowed where mode is External" },
        { "{services: {gateway: {expose: {nodePort: 30080}}}}",
          "spec.services.gateway.expose.nodePort", "needs type NodePort or LoadBalancer" },
        { "{services: {gateway: {expose: {type: NodePort, nodePort: 80}}}}",
          "spec.services.gateway.expose.nodePort", "greater than or equal to 30000" },
        { "{services: {gateway: {autoscaling: {queueDepth: {target: 0}}}}}",
          "spec.services.gateway.autoscaling.queueDepth.target", "must be more than 0" },
        { "{services: {auth: {env: [{name: A}, {name: A}]}}}", "spec.services.auth.env",
          "Duplicate value" },
        { "{services: {auth: {env: [{name: A, value: b, valueFrom: {secretKeyRef: {name: s, key: "
          "k}}}]}}}",
          "spec.services.auth.env[0].value", "must be empty where valueFrom is given" },
        { "{services: {progress: {env: [{name: A, valueFrom: {secretKeyRef: {name: s}}}]}}}",
          "spec.services.progress.env[0].valueFrom.secretKeyRef.key", "Required value" },
        { "{services: {aiWorker: {enabled: true}, aiFeedback: {env: [{name: DATABASE_URL}]}}}",
          "spec.services.aiWorker.database", "DATABASE_URL must not be in the env of either" },
        { "{services: {aiWorker: {enabled: true, env: [{name: DATABASE_URL}]}}}",
          "spec.services.aiWorker.database", "DATABASE_URL must not be in the env of either" },
        { "{services: {auth: {pod: {labels: {app.kubernetes.io/name: x}}}}}",
          "spec.services.auth.pod.labels", "must not begin with app.kubernetes.io/" },
        { "{maintenanceWindow: {timeZone: Asia/Jakarta, utcOffset: '+07:00'}}",
          "spec.maintenanceWindow.utcOffset",
          "must not be given beside timeZone (Asia/Jakarta), is +07:00" },
        { "{maintenanceWindow: {timeZone: ../Jakarta}}", "spec.maintenanceWindow.timeZone",
          "should match" },
        { "{schedules: [{name: a, replicas: {auth: 2}}]}", "spec.schedules[0]",
          "must have a window in weekly or dated, has none" },
        { "{schedules: [{name: a, replicas: {auth: 2}, dated: [{start: '2026-12-01T02:00:00Z', "
          "end: '2026-12-01T01:00:00Z'}]}]}",
          "spec.schedules[0].dated[0].end", "must be after start" },
        { "{services: {auth: {autoscaling: {metrics: [latency]}}}}",
          "spec.services.auth.autoscaling.metrics[0]", "Unsupported value" },
        { "{services: {auth: {autoscaling: {behavior: {scaleUp: {policies: []}}}}}}",
          "spec.services.auth.autoscaling.behavior.scaleUp.policies", "at least 1 items" },
        { "{mode: Nonsense}", "spec.mode", "Unsupported value" },
        { "{access: Everybody}", "spec.access", "Unsupported value" },
        { "{databases: {postgres: {onDelete: Keep}}}", "spec.databases.postgres.onDelete",
          "Unsupported value" },
        { "{databases: {mongodb: {resources: {requests: {cpu: 2}, limits: {cpu: 1}}}}}",
          "spec.databases.mongodb.resources.requests.cpu", "must not exceed limits.cpu (1), is 2" },
        { "{databases: {postgres: {resources: {limits: {memory: 64Mi}}}}}",
          "spec.databases.postgres.resources.requests.memory", "must not exceed limits.memory" },
        { "{services: {gateway: {expose: {externalTrafficPolicy: Local}}}}",
          "spec.services.gateway.expose.externalTrafficPolicy", "needs type NodePort" },
        { "{services: {gateway: {expose: {ingress: {host: 'http://a.b'}}}}}",
          "spec.services.gateway.expose.ingress.host", "should match" },
        { "{services: {gateway: {expose: {ingress: {host: a.b, annotations: "
          "{learningplatform.io/intent: x}}}}}}",
          "spec.services.gateway.expose.ingress.annotations", "must not begin with" },
        { "{services: {gateway: {expose: {trustedProxies: [10.0.0.1]}}}}",
          "spec.services.gateway.expose.trustedProxies", "should match" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++)
        is_refused(cases[i].spec, cases[i].path, cases[i].limit);
}

/* It comes and goes with the spec; what others add to it stays. */
static void an_ingress_is_there_while_the_spec_asks_for_it(void **state)
{
    (void)state;
    create_platform("english", json_object());
    edit_platform("english",
                  parse_spec("{services: {gateway: {expose: {ingress: {host: learn.example.org, "
                             "className: nginx, annotations: {cert-manager.io/cluster-issuer: "
                             "le}}}}}}"));
    json_decref(await_like(&lp_kube_ingresses, "english-gateway",
                           parse_spec("{metadata: {annotations: {cert-manager.io/cluster-issuer: "
                                      "le}}, spec: {ingressClassName: nginx, tls: [{hosts: "
                                      "[learn.example.org], secretName: english-gateway-tls}], "
                                      "rules: [{host: learn.example.org}]}}"),
                           "with its certificate"));
    is_there_and_ours(&lp_kube_ingresses, "english-gateway");
    ok(lp_kube_delete(client, &lp_kube_ingresses, ns, "english-gateway", NULL, &err));
    json_decref(await(&lp_kube_ingresses, "english-gateway", exists, NULL, "back"));
    edit_platform("english",
                  parse_spec("{services: {gateway: {expose: {ingress: {annotations: null, "
                             "tlsSecretName: mine}}}}}"));
    json_decref(await_like(&lp_kube_ingresses, "english-gateway",
                           parse_spec("{spec: {tls: [{secretName: mine}]}}"), "with that Secret"));
    edit_platform("english", parse_spec("{services: {gateway: {expose: {ingress: null}}}}"));
    await_gone(&lp_kube_ingresses, "english-gateway");
}

static void is_gone(const struct lp_kube_kind *kind, const char *name)
{
    await_gone(kind, name);
}

static void a_deleted_platform_takes_everything_with_it(void **state)
{
    (void)state;
    create_platform("english", json_object());
    ok(lp_kube_delete(client, &lp_kube_platforms, ns, "english", NULL, &err));
    each_child("english", is_gone);
}

#define test(f) cmocka_unit_test_setup(f, fixture_namespace)
int main(void)
{
    const struct CMUnitTest tests[] = {
        test(the_smallest_platform_gets_all_its_children),
        test(a_deleted_deployment_and_an_edited_service_are_repaired),
        test(a_service_whose_port_was_changed_gets_its_own_back),
        test(a_restart_writes_nothing),
        test(autoscaling_off_and_external_databases_take_children_away),
        test(a_paused_service_is_left_alone),
        test(wrong_fields_are_refused_with_path_and_limit),
        test(an_ingress_is_there_while_the_spec_asks_for_it),
        test(a_deleted_platform_takes_everything_with_it),
    };
    return cmocka_run_group_tests_name("operator", tests, fixture_begin, fixture_end);
}
