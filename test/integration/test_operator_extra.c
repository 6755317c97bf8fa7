/* test/integration/test_operator_extra.c -- what only some platforms ask for, against a real API
 * server: 24 of a team's own services, what is refused, and what the definition costs it; an
 * HTTPRoute where the cluster has the kind, and where it does not. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "integration/operator_fixture.h"
#include "json/yaml.h"

#define MANY 24

static json_t *many(unsigned n)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < n; i++) {
        lp_auto_free char *name = lp_sprintf("own-%u", i), *path = lp_sprintf("/own_%u", i);
        json_array_append_new(list, lp_json_make("{s:s, s:s, s:i, s:s, s:b}", "name", name, "image",
                                                 "example.org/own:1", "port", 8000, "path", path,
                                                 "queueMetrics", i % 2 == 0));
    }
    return lp_json_make("{s:o}", "extraServices", list);
}

static bool has_no_routes(const json_t *o, const void *want)
{
    (void)want;
    return !lp_json_at(o, "data", "EXTRA_SERVICES", NULL);
}

static void twenty_four_services_of_a_team_come_and_go(void **state)
{
    static const struct lp_kube_kind *const kinds[] = {
        &lp_kube_deployments, &lp_kube_services,    &lp_kube_service_accounts, &lp_kube_hpas,
        &lp_kube_pdbs,        &lp_kube_config_maps, &lp_kube_network_policies,
    };
    char name[64];
    (void)state;
    create_platform("english", many(MANY));
    visited = 0;
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "english-own-%u", i);
        for (size_t k = 0; k < LP_COUNT(kinds); k++)
            is_there_and_ours(kinds[k], name);
    }
    assert_int_equal(visited, MANY * LP_COUNT(kinds));
    await_ready("english");
    json_auto_t *platform = await(&lp_kube_platforms, "english", exists, NULL, "there");
    assert_int_equal(json_array_size(lp_json_at(platform, "status", "services", NULL)), 4 + MANY);
    assert_string_equal(lp_json_str(platform, "status", "replicas", NULL), "28/28");

    edit_platform("english", lp_json_make("{s:[]}", "extraServices"));
    for (size_t k = 0; k < LP_COUNT(kinds); k++)
        await_gone(kinds[k], "english-own-7");
    edit_platform("english", parse_spec("{services: {gateway: {routes: [{service: ai-feedback, "
                                        "bodyTypes: ['audio/*'], timeouts: {totalMs: 60000}}]}}}"));
    json_decref(await_like(&lp_kube_config_maps, "english-gateway",
                           parse_spec("{data: {ROUTE_RULES: 'ai:types=audio/*;total=60000'}}"),
                           "with the rules of a route"));
    json_decref(await(&lp_kube_config_maps, "english-gateway", has_no_routes, NULL,
                      "without routes to them"));
    await_ready("english");
}

static bool has_same_uid(const json_t *o, const void *want)
{
    return strcmp(lp_json_str(o, "metadata", "uid", NULL), want) == 0;
}

static bool tells_of_kept_data(const json_t *o, const void *want)
{
    const json_t *c =
        lp_json_find(lp_json_at(o, "status", "conditions", NULL), "type", "DatabaseKept");
    const char *message = lp_json_str(c, "message", NULL);
    return message && strstr(message, want);
}

/* Its database, role, Secret and volume too; the volume and its Secret stay for the next time. */
static void learning_comes_where_it_is_enabled_and_goes_but_for_its_data(void **state)
{
    static const struct lp_kube_kind *const kinds[] = {
        &lp_kube_deployments, &lp_kube_services,    &lp_kube_service_accounts, &lp_kube_hpas,
        &lp_kube_pdbs,        &lp_kube_config_maps, &lp_kube_network_policies,
    };
    (void)state;
    create_platform("english", service_spec("learning", lp_json_make("{s:b}", "enabled", 1)));
    visited = 0;
    for (size_t k = 0; k < LP_COUNT(kinds); k++)
        is_there_and_ours(kinds[k], "english-learning");
    assert_int_equal(visited, LP_COUNT(kinds));
    json_decref(await(&lp_kube_stateful_sets, "english-learning-db", exists, NULL, "there"));
    json_auto_t *secret = await(&lp_kube_secrets, "english-learning-db", exists, NULL, "there");
    json_decref(await(&lp_kube_secrets, "english-caller-progress", exists, NULL, "there"));
    json_auto_t *claim =
        await(&lp_kube_volume_claims, "data-english-learning-db-0", exists, NULL, "there");
    assert_string_equal(
        lp_json_str(json_array_get(lp_json_at(secret, "metadata", "ownerReferences", NULL), 0),
                    "uid", NULL),
        lp_json_str(claim, "metadata", "uid", NULL));
    await_ready("english");
    json_auto_t *platform = await(&lp_kube_platforms, "english", exists, NULL, "there");
    assert_string_equal(lp_json_str(platform, "status", "replicas", NULL), "5/5");
    json_decref(await_like(&lp_kube_config_maps, "english-gateway",
                           parse_spec("{data: {EXTRA_SERVICES: "
                                      "'learning:/learning=http://english-learning:3002'}}"),
                           "with its route"));

    edit_platform("english", service_spec("learning", lp_json_make("{s:b}", "enabled", 0)));
    for (size_t k = 0; k < LP_COUNT(kinds); k++)
        await_gone(kinds[k], "english-learning");
    await_gone(&lp_kube_stateful_sets, "english-learning-db");
    json_decref(await(&lp_kube_platforms, "english", tells_of_kept_data,
                      "kubectl delete pvc data-english-learning-db-0 -n ", "tells of it"));
    json_decref(await(&lp_kube_config_maps, "english-gateway", has_no_routes, NULL, "without it"));
    await_ready("english");

    edit_platform("english", service_spec("learning", lp_json_make("{s:b}", "enabled", 1)));
    json_decref(await(&lp_kube_stateful_sets, "english-learning-db", exists, NULL, "again"));
    json_decref(await(&lp_kube_secrets, "english-learning-db", has_same_uid,
                      lp_json_str(secret, "metadata", "uid", NULL), "the same"));
    json_decref(await(&lp_kube_volume_claims, "data-english-learning-db-0", has_same_uid,
                      lp_json_str(claim, "metadata", "uid", NULL), "the same"));
}

/* Whether DATABASE_URL is the key `uri` of that Secret; NULL: there is none. */
static bool has_database(const json_t *deployment, const void *secret)
{
    const json_t *container =
        json_array_get(lp_json_at(deployment, "spec", "template", "spec", "containers", NULL), 0);
    const json_t *item = lp_json_find(json_object_get(container, "env"), "name", "DATABASE_URL");
    const json_t *ref = lp_json_at(item, "valueFrom", "secretKeyRef", NULL);
    if (!secret || !ref)
        return !secret && !item;
    return strcmp(lp_json_str(ref, "name", NULL), secret) == 0 &&
           strcmp(lp_json_str(ref, "key", NULL), "uri") == 0;
}

/* Two services have its database; both lose it where it is taken away, and its volume stays. */
static void workers_come_where_they_are_enabled_and_go_but_for_their_data(void **state)
{
    static const struct lp_kube_kind *const kinds[] = {
        &lp_kube_deployments, &lp_kube_services,    &lp_kube_service_accounts, &lp_kube_hpas,
        &lp_kube_pdbs,        &lp_kube_config_maps, &lp_kube_network_policies,
    };
    (void)state;
    create_platform("english", service_spec("aiWorker", lp_json_make("{s:b}", "enabled", 1)));
    visited = 0;
    for (size_t k = 0; k < LP_COUNT(kinds); k++)
        is_there_and_ours(kinds[k], "english-ai-worker");
    assert_int_equal(visited, LP_COUNT(kinds));
    json_decref(await(&lp_kube_secrets, "english-ai-jobs", exists, NULL, "there"));
    json_decref(await(&lp_kube_volume_claims, "data-english-ai-jobs-0", exists, NULL, "there"));
    json_decref(await(&lp_kube_deployments, "english-ai-worker", has_database, "english-ai-jobs",
                      "with its database"));
    json_decref(await(&lp_kube_deployments, "english-ai-feedback", has_database, "english-ai-jobs",
                      "with the same"));
    await_ready("english");
    json_decref(await(&lp_kube_config_maps, "english-gateway", has_no_routes, NULL, "without it"));

    edit_platform("english", service_spec("aiWorker", lp_json_make("{s:b}", "enabled", 0)));
    for (size_t k = 0; k < LP_COUNT(kinds); k++)
        await_gone(kinds[k], "english-ai-worker");
    await_gone(&lp_kube_stateful_sets, "english-ai-jobs");
    json_decref(await(&lp_kube_deployments, "english-ai-feedback", has_database, NULL, "without"));
    json_decref(await(&lp_kube_platforms, "english", tells_of_kept_data,
                      "kubectl delete pvc data-english-ai-jobs-0 -n ", "tells of it"));
    await_ready("english");
}

static void a_platform_with_its_own_services_that_is_carried_out_writes_nothing_more(void **state)
{
    char version[2][64];
    (void)state;
    create_platform("english", many(3));
    for (int i = 0; i < 2; i++) {
        json_auto_t *o = await(&lp_kube_deployments, "english-own-1", exists, NULL, "there");
        lp_auto_free char *seen =
            lp_sprintf("%lld", (long long)lp_json_int(0, o, "metadata", "generation", NULL));
        snprintf(version[i], sizeof version[i], "%s", seen);
        /* The second look is after a reconcile of all of it that had nothing to write for it. */
        edit_platform("english", service_spec("auth", lp_json_make("{s:i}", "queueLimit", 7)));
    }
    assert_string_equal(version[0], version[1]);
}

#define EXTRA(more) "{extraServices: [{image: x, port: 8000, " more "}]}"

static void what_the_platform_has_itself_is_refused(void **state)
{
    static const struct {
        const char *spec, *path, *limit;
    } cases[] = {
        { EXTRA("name: auth, path: /quiz"), "spec.extraServices[0].name",
          "must not be one that the platform has itself, is auth" },
        { EXTRA("name: postgres, path: /quiz"), "spec.extraServices[0].name", "has itself" },
        { EXTRA("name: caller-a, path: /quiz"), "spec.extraServices[0].name", "has itself" },
        { EXTRA("name: plan, path: /quiz"), "spec.extraServices[0].name", "has itself" },
        { EXTRA("name: quiz, path: /progress"), "spec.extraServices[0].path",
          "must not be one that the platform has itself, is /progress" },
        { EXTRA("name: quiz, path: /health"), "spec.extraServices[0].path", "has itself" },
        { EXTRA("name: quiz, path: /a/b"), "spec.extraServices[0].path", "should match" },
        { EXTRA("name: quiz, path: /q, autoscaling: {metrics: [queueDepth]}"),
          "spec.extraServices[0].autoscaling.metrics", "need queueMetrics true" },
        { EXTRA("name: quiz, path: /q, replicas: 2"), "spec.extraServices[0].replicas",
          "only allowed where autoscaling.enabled is false" },
        { EXTRA("name: quiz, path: /q}, {image: x, port: 8000, name: quiz, path: /r"),
          "spec.extraServices[1]", "Duplicate value" },
        { EXTRA("name: quiz, path: /q}, {image: x, port: 8000, name: exam, path: /q"),
          "spec.extraServices", "each path may be there once" },
        { "{services: {gateway: {routes: [{service: quiz}]}}}", "spec.services.gateway.routes",
          "must be auth, ai-feedback, progress, learning where that is enabled, or one of "
          "spec.extraServices" },
        { "{services: {gateway: {routes: [{service: exam}]}}, extraServices: [{image: x, port: "
          "8000, name: quiz, path: /q}]}",
          "spec.services.gateway.routes", "must be auth" },
        { "{services: {gateway: {routes: [{service: learning}]}}}", "spec.services.gateway.routes",
          "must be auth" },
        { EXTRA("name: learning, path: /quiz"), "spec.extraServices[0].name", "has itself" },
        { EXTRA("name: quiz, path: /learning"), "spec.extraServices[0].path", "has itself" },
        { "{services: {learning: {database: {mode: External}}}}",
          "spec.services.learning.database.secretRef", "is required where mode is External" },
        { "{services: {learning: {enabled: 1}}}", "spec.services.learning.enabled", "boolean" },
        { "{services: {gateway: {routes: [{service: auth, methods: [TRACE]}]}}}",
          "spec.services.gateway.routes[0].methods[0]", "Unsupported value" },
        { "{services: {gateway: {routes: [{service: auth, bodyTypes: [json]}]}}}",
          "spec.services.gateway.routes[0].bodyTypes[0]", "should match" },
        { "{extraServices: [{name: quiz, port: 8000, path: /q}]}", "spec.extraServices[0].image",
          "Required value" },
        { "{extraServices: [{image: x, port: 80, name: quiz, path: /q}]}",
          "spec.extraServices[0].port", "greater than or equal to 1024" },
        { "{extraServices: [{image: x, port: 9090, name: quiz, path: /q}]}",
          "spec.extraServices[0].port", "is for metrics" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++)
        is_refused(cases[i].spec, cases[i].path, cases[i].limit);
    json_auto_t *most = lp_json_make("{s:s, s:s, s:{s:s, s:s}, s:o}", "apiVersion",
                                     "learningplatform.io/v1alpha1", "kind", "LearningPlatform",
                                     "metadata", "name", "most", "namespace", ns, "spec", many(32));
    ok(lp_kube_dry_run_create(client, &lp_kube_platforms, most, NULL, &err));
    json_object_set_new(most, "spec", many(33));
    struct lp_error refusal = { .msg = "" };
    assert_int_equal(lp_kube_dry_run_create(client, &lp_kube_platforms, most, NULL, &refusal),
                     LP_E_INVALID);
    assert_non_null(strstr(refusal.msg, "must have at most 32 items"));
}

/* The definition with room for `items` extra services, as the API server would take it. */
static int offer(int64_t items, struct lp_error *ret_refusal)
{
    static const struct lp_kube_apply_options options = { .field_manager = "test",
                                                          .force = true,
                                                          .dry_run = true };
    lp_auto_free char *text = program_read_file("crds/learningplatform.yaml");
    json_auto_t *documents = NULL;
    ok(lp_yaml_parse(text, strlen(text), LP_LIMIT_CONFIG_BYTES, "CRD", &documents, &err));
    json_t *crd = json_array_get(documents, 0);
    json_t *version = json_array_get(lp_json_at(crd, "spec", "versions", NULL), 0);
    json_t *list = lp_json_at(version, "schema", "openAPIV3Schema", "properties", "spec",
                              "properties", "extraServices", NULL);
    assert_non_null(list);
    json_object_set_new(list, "maxItems", json_integer(items));
    return lp_kube_apply(client, &lp_kube_crds, crd, &options, NULL, ret_refusal);
}

/* The API server estimates what rules cost at worst, and refuses a definition beyond its budget:
 * ours has room for twice as many. */
static void the_rules_cost_less_than_half_of_what_the_api_server_allows(void **state)
{
    struct lp_error refusal = { .msg = "" };
    (void)state;
    if (offer(64, &refusal) < 0)
        fail_msg("%s", refusal.msg);
    /* That the budget is asked at all: */
    assert_int_equal(offer(100000, &refusal), LP_E_INVALID);
    assert_non_null(strstr(refusal.msg, "budget"));
}

/* ---- an HTTPRoute ---- */

/* As much of the definition of Gateway API as the operator's HTTPRoutes need. */
static const char definition[] =
    "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: "
    "httproutes.gateway.networking.k8s.io, annotations: {api-approved.kubernetes.io: "
    "'https://github.com/kubernetes-sigs/gateway-api/pull/2997'}}, spec: {group: "
    "gateway.networking.k8s.io, scope: Namespaced, names: {kind: HTTPRoute, plural: httproutes, "
    "singular: httproute, listKind: HTTPRouteList}, versions: [{name: v1, served: true, storage: "
    "true, subresources: {status: {}}, schema: {openAPIV3Schema: {type: object, properties: {spec: "
    "{type: object, required: [rules], properties: {hostnames: {type: array, items: {type: "
    "string}}, parentRefs: {type: array, items: {type: object, required: [name], properties: "
    "{group: {type: string, default: gateway.networking.k8s.io}, kind: {type: string, default: "
    "Gateway}, name: {type: string}, namespace: {type: string}, sectionName: {type: string}}}}, "
    "rules: {type: array, items: {type: object, properties: {matches: {type: array, items: {type: "
    "object, properties: {path: {type: object, properties: {type: {type: string}, value: {type: "
    "string}}}}}}, backendRefs: {type: array, items: {type: object, required: [name], properties: "
    "{group: {type: string, default: ''}, kind: {type: string, default: Service}, name: {type: "
    "string}, port: {type: integer}, weight: {type: integer, default: 1}}}}}}}}}, status: {type: "
    "object, x-kubernetes-preserve-unknown-fields: true}}}}}]}}";
#define DEFINITION "httproutes.gateway.networking.k8s.io"
#define ROUTE "english-gateway"

static json_t *asked_route(void)
{
    return parse_spec(
        "{services: {gateway: {expose: {httpRoute: {parentRefs: [{name: public, "
        "namespace: infra, sectionName: https}], hostnames: [learn.example.org]}}}}}");
}

static void install_routes(void)
{
    static const struct lp_kube_apply_options options = { .field_manager = "test", .force = true };
    json_auto_t *crd = parse_spec(definition);
    ok(lp_kube_apply(client, &lp_kube_crds, crd, &options, NULL, &err));
}

static void remove_routes(void)
{
    ok(lp_kube_delete(client, &lp_kube_crds, NULL, DEFINITION, NULL, &err));
    await_gone(&lp_kube_crds, DEFINITION);
}

static bool has_reason(const json_t *o, const void *want)
{
    const json_t *c =
        lp_json_find(lp_json_at(o, "status", "conditions", NULL), "type", "RouteAccepted");
    const char *reason = lp_json_str(c, "reason", NULL);
    return reason && strcmp(reason, want) == 0;
}

/* The condition RouteAccepted, until it has this status and reason. */
static void await_accepted(const char *status, const char *reason)
{
    json_auto_t *o = await(&lp_kube_platforms, "english", has_reason, reason, reason);
    const json_t *c =
        lp_json_find(lp_json_at(o, "status", "conditions", NULL), "type", "RouteAccepted");
    assert_string_equal(lp_json_str(c, "status", NULL), status);
}

static bool says_nothing_of_routes(const json_t *o, const void *want)
{
    (void)want;
    return !lp_json_find(lp_json_at(o, "status", "conditions", NULL), "type", "RouteAccepted");
}

static double route_lists(void)
{
    return program_metric(&operator, "lp_kube_watch_lists_total{kind=\"HTTPRoute\"}");
}

/* What the controller of a Gateway writes. */
static void answer_for_gateway(const char *accepted, const char *reason)
{
    json_auto_t *status = lp_json_make(
        "{s:{s:[{s:{s:s, s:s}, s:s, s:[{s:s, s:s, s:s, s:s}]}]}}", "status", "parents", "parentRef",
        "name", "public", "namespace", "infra", "controllerName", "example.org/controller",
        "conditions", "type", "Accepted", "status", accepted, "reason", reason, "message", "why");
    ok(lp_kube_merge_patch(client, &lp_kube_http_routes, ns, ROUTE, "status", status, NULL, &err));
}

static void an_http_route_waits_for_its_definition_and_is_made_once_that_is_there(void **state)
{
    (void)state;
    create_platform("english", json_object());
    assert_true(route_lists() <= 0); /* nobody asked */
    edit_platform("english", asked_route());
    await_accepted("False", "DefinitionMissing");
    await_event("DefinitionMissing");
    await_ready("english"); /* all else is as it should be */
    assert_true(route_lists() <= 0);
    install_routes();
    json_decref(await_like(
        &lp_kube_http_routes, ROUTE,
        parse_spec("{spec: {parentRefs: [{name: public, namespace: infra, sectionName: https}], "
                   "hostnames: [learn.example.org], rules: [{matches: [{path: {type: PathPrefix, "
                   "value: /}}], backendRefs: [{name: english-gateway, port: 8080}]}]}}"),
        "made"));
    is_there_and_ours(&lp_kube_http_routes, ROUTE);
    await_accepted("Unknown", "NoAnswer");
    answer_for_gateway("False", "NotAllowedByListeners");
    await_accepted("False", "NotAccepted");
    answer_for_gateway("True", "Accepted");
    await_accepted("True", "Accepted");
    ok(lp_kube_delete(client, &lp_kube_http_routes, ns, ROUTE, NULL, &err));
    json_decref(await(&lp_kube_http_routes, ROUTE, exists, NULL, "back"));
}

/* With the definition its objects go; with both back the platform has its own again. */
static void an_http_route_comes_back_with_its_definition(void **state)
{
    (void)state;
    install_routes();
    create_platform("english", asked_route());
    json_decref(await(&lp_kube_http_routes, ROUTE, exists, NULL, "made"));
    remove_routes();
    await_accepted("False", "DefinitionMissing");
    install_routes();
    json_decref(await(&lp_kube_http_routes, ROUTE, exists, NULL, "made anew"));
    await_accepted("Unknown", "NoAnswer");
}

/* A process that starts now has not watched the kind, and none asks for it. */
static void an_http_route_that_is_no_longer_asked_for_goes_even_after_a_restart(void **state)
{
    (void)state;
    install_routes();
    create_platform("english", asked_route());
    json_decref(await(&lp_kube_http_routes, ROUTE, exists, NULL, "made"));
    await_accepted("Unknown", "NoAnswer");
    assert_int_equal(program_stop(&operator), 0);
    json_auto_t *without = parse_spec("{spec: {services: {gateway: {expose: {httpRoute: null}}}}}");
    ok(lp_kube_merge_patch(client, &lp_kube_platforms, ns, "english", NULL, without, NULL, &err));
    fixture_start(&operator, "operator");
    await_gone(&lp_kube_http_routes, ROUTE);
    json_decref(
        await(&lp_kube_platforms, "english", says_nothing_of_routes, NULL, "nothing to say"));
    remove_routes();
}

static void parents_without_a_name_are_refused(void **state)
{
    (void)state;
    is_refused("{services: {gateway: {expose: {httpRoute: {hostnames: [a.b]}}}}}",
               "spec.services.gateway.expose.httpRoute.parentRefs", "Required value");
    is_refused("{services: {gateway: {expose: {httpRoute: {parentRefs: [{namespace: a}]}}}}}",
               "spec.services.gateway.expose.httpRoute.parentRefs[0].name", "Required value");
    is_refused("{services: {gateway: {expose: {httpRoute: {parentRefs: [{name: a}], hostnames: "
               "['https://a.b']}}}}}",
               "spec.services.gateway.expose.httpRoute.hostnames[0]", "should match");
}

#define test(f) cmocka_unit_test_setup(f, fixture_namespace)
int main(void)
{
    const struct CMUnitTest tests[] = {
        test(twenty_four_services_of_a_team_come_and_go),
        test(learning_comes_where_it_is_enabled_and_goes_but_for_its_data),
        test(workers_come_where_they_are_enabled_and_go_but_for_their_data),
        test(a_platform_with_its_own_services_that_is_carried_out_writes_nothing_more),
        test(what_the_platform_has_itself_is_refused),
        test(the_rules_cost_less_than_half_of_what_the_api_server_allows),
        test(an_http_route_waits_for_its_definition_and_is_made_once_that_is_there),
        test(an_http_route_comes_back_with_its_definition),
        test(an_http_route_that_is_no_longer_asked_for_goes_even_after_a_restart),
        test(parents_without_a_name_are_refused),
    };
    return cmocka_run_group_tests_name("operator_extra", tests, fixture_begin, fixture_end);
}
