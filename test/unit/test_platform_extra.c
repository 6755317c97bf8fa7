/* test/unit/test_platform_extra.c -- spec.extraServices: what is made of a team's own services. */
#include "platform/plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "autoscaler/policy/ring.h"
#include "autoscaler/samples/promtext.h"
#include "base/limits.h"
#include "json/json.h"
#include "json/yaml.h"
#include "platform/plan_parts.h"
#include "platform/spec_check.h"
#include "platform/spec_decode.h"
#include "services/gateway/config.h"
#include "unit/check.h"

/* The gateway's page of metrics has a series of each, and is refused as a whole where one is too
 * many. */
static_assert(GATEWAY_MAX_UPSTREAMS <= PROMTEXT_UPSTREAMS, "a gateway's upstreams are taken");
static_assert(SPEC_MAX_SERVICES - 1 <= GATEWAY_MAX_UPSTREAMS, "a platform's services are routed");

static const struct plan_images images = { "r", "t", "IfNotPresent", "p", "m", true, false, false };

struct fixture {
    json_t *object;
    struct platform platform;
    struct plan plan;
};

static json_t *parse(const char *yaml)
{
    json_auto_t *documents = NULL;
    struct lp_error err;
    if (lp_yaml_parse(yaml, strlen(yaml), LP_LIMIT_CONFIG_BYTES, "test", &documents, &err) < 0)
        fail_msg("%s", err.msg);
    return json_incref(json_array_get(documents, 0));
}

/* Takes over `spec`. */
static struct fixture *make(json_t *spec)
{
    struct fixture *f = lp_alloc(sizeof *f);
    struct lp_error err;
    f->object = lp_json_make("{s:{s:s}, s:o}", "metadata", "name", "english", "spec", spec);
    f->platform =
        (struct platform){ .ns = "learning", .name = "english", .uid = "u", .images = &images };
    if (spec_decode(f->object, &f->platform.spec, &err) < 0)
        fail_msg("%s", err.msg);
    plan_init(&f->plan, &f->platform);
    return f;
}

static void drop(struct fixture *f)
{
    plan_done(&f->plan);
    json_decref(f->object);
    free(f);
}

static const json_t *find(const struct fixture *f, enum child_kind kind, const char *name)
{
    for (unsigned i = 0; i < f->plan.n; i++)
        if (f->plan.children[i].kind == kind && strcmp(f->plan.children[i].name, name) == 0)
            return f->plan.children[i].intent;
    return NULL;
}

/* `n` of them: service-0 at /path_0, ... */
static json_t *many(unsigned n)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < n; i++) {
        lp_auto_free char *name = lp_sprintf("service-%u", i), *path = lp_sprintf("/path_%u", i);
        json_array_append_new(list, lp_json_make("{s:s, s:s, s:i, s:s}", "name", name, "image",
                                                 "x:1", "port", 8000, "path", path));
    }
    return lp_json_make("{s:o}", "extraServices", list);
}

static void a_teams_own_service_has_the_shape_of_the_four(void **state)
{
    static const enum child_kind kinds[] = { CHILD_SERVICE_ACCOUNT,
                                             CHILD_CONFIG_MAP,
                                             CHILD_NETWORK_POLICY,
                                             CHILD_SERVICE,
                                             CHILD_DEPLOYMENT,
                                             CHILD_HPA,
                                             CHILD_PDB };
    (void)state;
    struct fixture *f = make(parse("{extraServices: [{name: quiz, image: 'quiz:3', port: 8000, "
                                   "path: /quiz, healthPath: /up}]}"));
    for (size_t i = 0; i < LP_COUNT(kinds); i++)
        assert_non_null(find(f, kinds[i], "english-quiz"));
    json_auto_t *want =
        parse("{spec: {template: {metadata: {labels: {app.kubernetes.io/name: quiz}}, spec: "
              "{automountServiceAccountToken: false, securityContext: {runAsNonRoot: true}}}}}");
    const json_t *deployment = find(f, CHILD_DEPLOYMENT, "english-quiz");
    const json_t *c =
        json_array_get(lp_json_at(deployment, "spec", "template", "spec", "containers", NULL), 0);
    assert_true(lp_json_contains(deployment, want));
    assert_string_equal(lp_json_str(c, "image", NULL), "quiz:3");
    assert_string_equal(lp_json_str(c, "readinessProbe", "httpGet", "path", NULL), "/up");
    assert_string_equal(lp_json_str(c, "readinessProbe", "httpGet", "port", NULL), "http");
    assert_string_equal(lp_json_str(c, "livenessProbe", "tcpSocket", "port", NULL), "http");
    assert_null(json_object_get(c, "env")); /* no Secret of ours */
    json_auto_t *config = parse("{data: {PORT: '8000', CONCURRENCY: '32', QUEUE_LIMIT: '256', "
                                "AUTH_JWKS_URL: 'http://english-auth:3000/.well-known/"
                                "jwks.json', ACCESS: Owner, METRICS_PORT: '9090', LOG_LEVEL: "
                                "info}}");
    assert_true(lp_json_contains(find(f, CHILD_CONFIG_MAP, "english-quiz"), config));
    drop(f);
}

static const char *metrics_of(const struct fixture *f, const char *name, struct lp_buf *out)
{
    const json_t *m;
    size_t i;
    lp_buf_reset(out);
    json_array_foreach(lp_json_at(find(f, CHILD_HPA, name), "spec", "metrics", NULL), i, m)
    {
        const char *resource = lp_json_str(m, "containerResource", "name", NULL);
        lp_buf_printf(out, "%s ",
                      resource ? resource : lp_json_str(m, "object", "metric", "name", NULL));
    }
    return out->ptr;
}

static void its_hpa_goes_by_queue_depth_only_where_it_tells_of_it(void **state)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(256);
    (void)state;
    struct fixture *f =
        make(parse("{extraServices: [{name: a, image: x, port: 8000, path: /a}, {name: b, image: "
                   "x, port: 8000, path: /b, queueMetrics: true}, {name: c, image: x, port: 8000, "
                   "path: /c, queueMetrics: true, autoscaling: {metrics: [demand]}}]}"));
    assert_string_equal(metrics_of(f, "english-a", &text), "cpu memory ");
    assert_string_equal(metrics_of(f, "english-b", &text), "cpu memory queue_depth ");
    assert_string_equal(metrics_of(f, "english-c", &text), "demand ");
    /* Only pods of a "service" are scraped, and only there do scrapers come in. */
    static const char *const components[][3] = { { "english-a", "extra", NULL },
                                                 { "english-b", "service", "metrics" } };
    for (size_t i = 0; i < LP_COUNT(components); i++) {
        const json_t *pod =
            lp_json_at(find(f, CHILD_DEPLOYMENT, components[i][0]), "spec", "template", NULL);
        const json_t *rules =
            lp_json_at(find(f, CHILD_NETWORK_POLICY, components[i][0]), "spec", "ingress", NULL);
        const json_t *ports = json_object_get(json_array_get(rules, 1), "ports");
        const char *port = lp_json_str(json_array_get(ports, 0), "port", NULL);
        assert_string_equal(lp_json_str(pod, "metadata", "labels", LABEL_COMPONENT, NULL),
                            components[i][1]);
        assert_int_equal(port != NULL, components[i][2] != NULL);
        if (port)
            assert_string_equal(port, components[i][2]);
    }
    drop(f);
}

static bool lets_in(const struct fixture *f, const char *policy, const char *service)
{
    const json_t *rule = json_array_get(
        lp_json_at(find(f, CHILD_NETWORK_POLICY, policy), "spec", "ingress", NULL), 0);
    const json_t *from;
    size_t i;
    json_array_foreach(json_object_get(rule, "from"), i, from)
    {
        if (strcmp(lp_json_str(from, "podSelector", "matchLabels", LABEL_NAME, NULL), service) == 0)
            return true;
    }
    return false;
}

static void only_the_gateway_calls_it_and_it_asks_auth_for_keys(void **state)
{
    (void)state;
    struct fixture *f = make(parse("{extraServices: [{name: quiz, image: x, port: 8000, path: "
                                   "/quiz}, {name: exam, image: x, port: 8000, path: /exam}]}"));
    assert_true(lets_in(f, "english-quiz", "gateway"));
    assert_false(lets_in(f, "english-quiz", "exam"));
    assert_false(lets_in(f, "english-quiz", "progress"));
    assert_true(lets_in(f, "english-auth", "quiz"));
    assert_true(lets_in(f, "english-auth", "gateway"));
    assert_false(lets_in(f, "english-progress", "quiz"));
    drop(f);
}

/* What the operator writes is what the gateway reads, for as many as the definition allows. */
static void the_gateway_has_a_route_to_each_of_them(void **state)
{
    static const unsigned counts[] = { 1, 24, SPEC_MAX_EXTRA };
    (void)state;
    for (size_t k = 0; k < LP_COUNT(counts); k++) {
        struct fixture *f = make(many(counts[k]));
        assert_int_equal(f->plan.n, (4 + counts[k]) * 7 + 2 * 5);
        const char *routes = lp_json_str(find(f, CHILD_CONFIG_MAP, "english-gateway"), "data",
                                         "EXTRA_SERVICES", NULL);
        const struct gateway_config config = { .auth_url = "http://a",
                                               .ai_url = "http://b",
                                               .progress_url = "http://c",
                                               .extra_services = routes };
        struct gateway_routes made;
        struct lp_error err;
        assert_true(strlen(routes) < 8192);
        if (gateway_routes_make(&config, &made, &err) < 0)
            fail_msg("%s", err.msg);
        assert_int_equal(made.n, 3 + counts[k]);
        for (unsigned i = 0; i < counts[k]; i++) {
            lp_auto_free char *name = lp_sprintf("service-%u", i);
            lp_auto_free char *path = lp_sprintf("/path_%u", i);
            lp_auto_free char *origin = lp_sprintf("http://english-%s:8000", name);
            assert_string_equal(made.upstreams[3 + i].name, name);
            assert_string_equal(made.upstreams[3 + i].prefix, path);
            assert_string_equal(made.upstreams[3 + i].origin, origin);
        }
        gateway_routes_done(&made);
        drop(f);
    }
}

/* Also at their longest: the variable has room, and the gateway reads what is written. */
static void rules_of_routes_reach_the_gateway(void **state)
{
    (void)state;
    json_auto_t *spec = many(SPEC_MAX_EXTRA);
    json_t *routes = json_array();
    for (unsigned i = 0; i < SPEC_MAX_EXTRA; i++) {
        lp_auto_free char *name = lp_sprintf("service-%u", i);
        json_t *types = json_array();
        for (int k = 0; k < 8; k++) {
            lp_auto_free char *type = lp_sprintf("application/%087d%d", 0, k);
            json_array_append_new(types, json_string(type));
        }
        json_array_append_new(routes,
                              lp_json_make("{s:s, s:[s, s], s:o, s:{s:i, s:i, s:i, s:i}}",
                                           "service", name, "methods", "GET", "DELETE", "bodyTypes",
                                           types, "timeouts", "connectMs", 3600000, "firstByteMs",
                                           3600000, "idleMs", 3600000, "totalMs", 3600000));
    }
    json_array_append_new(routes, lp_json_make("{s:s, s:{s:i}}", "service", "ai-feedback",
                                               "timeouts", "totalMs", 90000));
    json_array_append_new(routes, lp_json_make("{s:s}", "service", "auth"));
    json_object_set_new(spec, "services", lp_json_make("{s:{s:o}}", "gateway", "routes", routes));
    struct fixture *f = make(json_incref(spec));
    const json_t *data = json_object_get(find(f, CHILD_CONFIG_MAP, "english-gateway"), "data");
    const struct gateway_config config = { .auth_url = "http://a",
                                           .ai_url = "http://b",
                                           .progress_url = "http://c",
                                           .timeout_ms = 35000,
                                           .extra_services =
                                               lp_json_str(data, "EXTRA_SERVICES", NULL),
                                           .route_rules = lp_json_str(data, "ROUTE_RULES", NULL) };
    struct gateway_routes made;
    struct lp_error err;
    assert_true(strlen(config.route_rules) < 65536);
    if (gateway_routes_make(&config, &made, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(made.upstreams[0].rules.total_ms, 0); /* auth: nothing was said */
    assert_int_equal(made.upstreams[1].rules.total_ms, 90000);
    assert_int_equal(made.upstreams[1].rules.first_byte_ms, 35000);
    const struct rules *last = &made.upstreams[made.n - 1].rules;
    assert_int_equal(last->n_types, 8);
    assert_string_equal(last->allow, "Allow: GET, DELETE, OPTIONS\r\n");
    assert_int_equal(last->connect_ms, 3600000);
    gateway_routes_done(&made);
    drop(f);
}

static void the_longest_names_have_room_in_the_gateways_variable(void **state)
{
    (void)state;
    json_auto_t *spec = many(SPEC_MAX_EXTRA);
    json_t *item;
    size_t i;
    json_array_foreach(json_object_get(spec, "extraServices"), i, item)
    {
        lp_auto_free char *name = lp_sprintf("abcdefghijklmnopqr%02zu", i);
        lp_auto_free char *path = lp_sprintf("/abcdefghijklmnopqrstuvwxyz_-1%02zu", i);
        assert_int_equal(strlen(name), 20);
        assert_int_equal(strlen(path), 32);
        lp_json_set_str(item, "name", name);
        lp_json_set_str(item, "path", path);
        json_object_set_new(item, "port", json_integer(65535));
    }
    struct fixture *f = make(json_incref(spec));
    f->platform.name = "a23456789-123456789-123456789-1234567890"; /* as long as it may be */
    struct plan plan plan_auto;
    plan_make(&plan, &f->platform);
    for (unsigned k = 0; k < plan.n; k++) {
        const struct child *c = &plan.children[k];
        assert_true(strlen(c->name) <= 63);
        if (c->kind == CHILD_CONFIG_MAP && c->service == SERVICE_GATEWAY)
            assert_true(strlen(lp_json_str(c->intent, "data", "EXTRA_SERVICES", NULL)) < 8192);
    }
    drop(f);
}

static void one_more_than_32_is_refused(void **state)
{
    struct platform_spec spec;
    struct lp_error err;
    (void)state;
    json_auto_t *o = lp_json_make("{s:{s:s}, s:o}", "metadata", "name", "english", "spec",
                                  many(SPEC_MAX_EXTRA + 1));
    assert_int_equal(spec_decode(o, &spec, &err), LP_E_INVALID);
    assert_string_equal(err.msg, "spec.extraServices: must be 0..32 items, is 33");
}

static void a_paused_one_is_left_alone_and_keeps_its_route(void **state)
{
    (void)state;
    struct fixture *f = make(parse("{extraServices: [{name: quiz, image: x, port: 8000, path: "
                                   "/quiz, paused: true}]}"));
    for (unsigned i = 0; i < f->plan.n; i++)
        assert_int_equal(f->plan.children[i].paused, f->plan.children[i].service == N_OWN_SERVICES);
    assert_true(plan_is_paused(&f->platform, "quiz"));
    assert_non_null(
        lp_json_at(find(f, CHILD_CONFIG_MAP, "english-gateway"), "data", "EXTRA_SERVICES", NULL));
    drop(f);
}

static void no_name_of_the_platforms_own_objects_is_taken(void **state)
{
    const char *ours[N_OWN_SERVICES + N_DATABASES + 2] = { RING_SUFFIX, PLAN_SUFFIX };
    (void)state;
    for (unsigned i = 0; i < N_OWN_SERVICES; i++)
        ours[2 + i] = service_kinds[i].name;
    for (unsigned i = 0; i < N_DATABASES; i++)
        ours[2 + N_OWN_SERVICES + i] = database_kinds[i].name;
    for (size_t i = 0; i < LP_COUNT(ours); i++) {
        lp_auto_free char *yaml = lp_sprintf("metadata: {name: english}\nspec: {extraServices: "
                                             "[{name: %s, image: i, port: 8080, path: "
                                             "/x}]}",
                                             ours[i]);
        json_auto_t *object = parse(yaml);
        struct platform_spec spec;
        struct lp_error err = { .msg = "" };
        if (spec_decode(object, &spec, &err) == 0 && spec_check("english", &spec, &err) == 0)
            fail_msg("\"%s\" is taken", ours[i]);
        if (!strstr(err.msg, "must not be one that the platform has itself"))
            fail_msg("\"%s\": %s", ours[i], err.msg);
    }
}

static void an_http_route_has_the_gateways_and_names_of_the_spec(void **state)
{
    (void)state;
    struct fixture *f =
        make(parse("{services: {gateway: {expose: {httpRoute: {parentRefs: [{name: a, "
                   "namespace: infra}, {name: b, sectionName: s}], hostnames: [x.y]}}}}}"));
    const json_t *o = find(f, CHILD_HTTP_ROUTE, "english-gateway");
    json_auto_t *spec =
        parse("{parentRefs: [{name: a, namespace: infra}, {name: b, sectionName: s}], hostnames: "
              "[x.y], rules: [{matches: [{path: {type: PathPrefix, value: /}}], backendRefs: "
              "[{name: english-gateway, port: 8080}]}]}");
    assert_true(json_equal(json_object_get(o, "spec"), spec));
    assert_string_equal(lp_json_str(o, "apiVersion", NULL), "gateway.networking.k8s.io/v1");
    drop(f);
    f = make(json_object());
    assert_null(find(f, CHILD_HTTP_ROUTE, "english-gateway"));
    drop(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_teams_own_service_has_the_shape_of_the_four),
        cmocka_unit_test(its_hpa_goes_by_queue_depth_only_where_it_tells_of_it),
        cmocka_unit_test(no_name_of_the_platforms_own_objects_is_taken),
        cmocka_unit_test(only_the_gateway_calls_it_and_it_asks_auth_for_keys),
        cmocka_unit_test(the_gateway_has_a_route_to_each_of_them),
        cmocka_unit_test(rules_of_routes_reach_the_gateway),
        cmocka_unit_test(the_longest_names_have_room_in_the_gateways_variable),
        cmocka_unit_test(one_more_than_32_is_refused),
        cmocka_unit_test(a_paused_one_is_left_alone_and_keeps_its_route),
        cmocka_unit_test(an_http_route_has_the_gateways_and_names_of_the_spec),
    };
    return cmocka_run_group_tests_name("platform_extra", tests, NULL, NULL);
}
