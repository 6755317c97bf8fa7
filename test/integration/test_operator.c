/* test/integration/test_operator.c -- lp-operator against a real API server, garbage collector and
 * Deployment controller. KUBECONFIG and LP_BIN are in the environment. Each test has a namespace;
 * one operator runs for all of them, but where a test restarts it. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "integration/program.h"
#include "json/json.h"
#include "json/yaml.h"
#include "kube/config.h"
#include "kube/kinds.h"
#include "unit/check.h"

#define WAIT_MS 60000
#define OPERATOR_NS "lp-operator-test"

static struct lp_kube_config *config;
static struct lp_kube_client *client;
static struct program operator;
static char ns[64];

#define ok(call)                                \
    do {                                        \
        struct lp_error err = { .msg = "?" };   \
        if ((call) < 0)                         \
            fail_msg("%s: %s", #call, err.msg); \
    } while (0)

static void start_operator(void)
{
    static char kubeconfig[512], log[256];
    const char *bin = getenv("LP_BIN");
    char path[512];

    snprintf(kubeconfig, sizeof kubeconfig, "KUBECONFIG=%s", getenv("KUBECONFIG"));
    snprintf(path, sizeof path, "%s/lp-operator", bin);
    snprintf(log, sizeof log, "%s/../test/operator.log", bin);
    const char *env[] = { kubeconfig,
                          "POD_NAMESPACE=" OPERATOR_NS,
                          "ADAPTER=false",
                          "LP_IMAGE_REGISTRY=registry.example/lp",
                          "LP_IMAGE_TAG=v9.9.9",
                          NULL };
    program_start(&operator, path, env, log);
    program_wait(&operator, true);
}

static void make_namespace_named(const char *name)
{
    struct lp_error err;
    json_auto_t *o = lp_json_make("{s:s, s:s, s:{s:s}}", "apiVersion", "v1", "kind", "Namespace",
                                  "metadata", "name", name);
    int r = lp_kube_create(client, &lp_kube_namespaces, o, NULL, &err);
    if (r < 0 && r != LP_E_EXISTS)
        fail_msg("namespace %s: %s", name, err.msg);
}

static int make_namespace(void **state)
{
    static int n;
    (void)state;
    snprintf(ns, sizeof ns, "operator-%lld-%d", (long long)lp_clock_wall_ms(), n++);
    make_namespace_named(ns);
    return 0;
}

/* Waits for a condition of an object; it is handed out, the caller's. NULL want: until it is gone.
 */
typedef bool holds(const json_t *object, const void *want);
static json_t *await(const struct lp_kube_kind *kind, const char *name, holds *want_holds,
                     const void *want, const char *what)
{
    int64_t end = lp_clock_ms() + WAIT_MS;
    for (;;) {
        json_t *o = NULL;
        struct lp_error err;
        int r = lp_kube_get(client, kind, ns, name, &o, &err);
        if (r == LP_E_NOT_FOUND && !want_holds)
            return NULL;
        if (r == 0 && want_holds && want_holds(o, want))
            return o;
        json_decref(o);
        if (lp_clock_ms() > end)
            fail_msg("%s %s: not %s after %d s", kind->kind, name, what, WAIT_MS / 1000);
        poll(NULL, 0, 50);
    }
}

static bool exists(const json_t *o, const void *want)
{
    (void)want;
    return o != NULL;
}

static void await_gone(const struct lp_kube_kind *kind, const char *name)
{
    await(kind, name, NULL, NULL, "gone");
}

static bool contains(const json_t *o, const void *want)
{
    return lp_json_contains(o, want);
}

/* `want` is stolen. */
static json_t *await_like(const struct lp_kube_kind *kind, const char *name, json_t *want,
                          const char *what)
{
    json_auto_t *owned = want;
    return await(kind, name, contains, owned, what);
}

static bool carried_out(const json_t *o, const void *want)
{
    int64_t generation = lp_json_int(-1, o, "metadata", "generation", NULL);
    const char *phase = lp_json_str(o, "status", "phase", NULL);
    size_t i;
    json_t *c;
    (void)want;
    if (lp_json_int(0, o, "status", "observedGeneration", NULL) != generation || !phase)
        return false;
    json_array_foreach(lp_json_at(o, "status", "conditions", NULL), i,
                       c) if (strcmp(lp_json_str(c, "type", NULL), "Ready") ==
                              0) return strcmp(lp_json_str(c, "reason", NULL), "NewGeneration") !=
        0;
    return false;
}

/* Until the operator has written the children of the present generation. */
static void await_carried_out(const char *name)
{
    json_decref(await(&lp_kube_platforms, name, carried_out, NULL, "carried out"));
}

/* `spec` is stolen. */
static void create_platform(const char *name, json_t *spec)
{
    json_auto_t *o = lp_json_make("{s:s, s:s, s:{s:s, s:s}, s:o}", "apiVersion",
                                  "learningplatform.io/v1alpha1", "kind", "LearningPlatform",
                                  "metadata", "name", name, "namespace", ns, "spec", spec);
    ok(lp_kube_create(client, &lp_kube_platforms, o, NULL, &err));
    await_carried_out(name);
}

/* Merges into the spec; `spec` is stolen. */
static void edit_platform(const char *name, json_t *spec)
{
    json_auto_t *patch = lp_json_make("{s:o}", "spec", spec);
    ok(lp_kube_merge_patch(client, &lp_kube_platforms, ns, name, NULL, patch, NULL, &err));
    await_carried_out(name);
}

static int64_t replicas_of(const char *deployment)
{
    json_auto_t *o = NULL;
    ok(lp_kube_get(client, &lp_kube_deployments, ns, deployment, &o, &err));
    return lp_json_int(-1, o, "spec", "replicas", NULL);
}

static void scale(const char *deployment, int n)
{
    json_auto_t *patch = lp_json_make("{s:{s:i}}", "spec", "replicas", n);
    ok(lp_kube_merge_patch(client, &lp_kube_deployments, ns, deployment, "scale", patch, NULL,
                           &err));
}

static json_t *service_spec(const char *service, json_t *o)
{
    return lp_json_make("{s:{s:o}}", "services", service, o);
}

static json_t *autoscaling(bool on)
{
    return service_spec("auth",
                        lp_json_make("{s:n, s:{s:b}}", "replicas", "autoscaling", "enabled", on));
}

static const char *const services[] = { "gateway", "auth", "ai-feedback", "progress" };

static const struct lp_kube_kind *const service_kinds_of[] = {
    &lp_kube_deployments, &lp_kube_services,    &lp_kube_service_accounts, &lp_kube_hpas,
    &lp_kube_pdbs,        &lp_kube_config_maps, &lp_kube_network_policies,
};
static const struct lp_kube_kind *const database_kinds_of[] = {
    &lp_kube_stateful_sets,
    &lp_kube_services,
    &lp_kube_network_policies,
    &lp_kube_secrets,
};

static void each_child(const char *platform,
                       void (*visit)(const struct lp_kube_kind *kind, const char *name))
{
    static const char *const databases[] = { "postgres", "mongodb" };
    char name[128];
    for (size_t i = 0; i < LP_COUNT(services); i++)
        for (size_t k = 0; k < LP_COUNT(service_kinds_of); k++) {
            snprintf(name, sizeof name, "%s-%s", platform, services[i]);
            visit(service_kinds_of[k], name);
        }
    for (size_t i = 0; i < LP_COUNT(databases); i++)
        for (size_t k = 0; k < LP_COUNT(database_kinds_of); k++) {
            snprintf(name, sizeof name, "%s-%s", platform, databases[i]);
            visit(database_kinds_of[k], name);
        }
    snprintf(name, sizeof name, "%s-jwt", platform);
    visit(&lp_kube_secrets, name);
}

static unsigned visited;
static void is_there_and_ours(const struct lp_kube_kind *kind, const char *name)
{
    json_auto_t *o = await(kind, name, exists, NULL, "there");
    const json_t *owner = json_array_get(lp_json_at(o, "metadata", "ownerReferences", NULL), 0);
    assert_string_equal(lp_json_str(owner, "kind", NULL), "LearningPlatform");
    assert_true(lp_json_bool(false, owner, "controller", NULL));
    assert_string_equal(lp_json_str(o, "metadata", "labels", "app.kubernetes.io/managed-by", NULL),
                        "lp-operator");
    visited++;
}

static void the_smallest_platform_gets_all_its_children(void **state)
{
    (void)state;
    create_platform("english", json_object());
    visited = 0;
    each_child("english", is_there_and_ours);
    assert_int_equal(visited, 4 * 7 + 2 * 4 + 1);
    json_auto_t *d = await(&lp_kube_deployments, "english-gateway", exists, NULL, "there");
    const json_t *pod = lp_json_at(d, "spec", "template", "spec", NULL);
    const json_t *container = json_array_get(json_object_get(pod, "containers"), 0);
    assert_string_equal(lp_json_str(container, "image", NULL),
                        "registry.example/lp/lp-gateway:v9.9.9");
    assert_false(lp_json_bool(true, pod, "automountServiceAccountToken", NULL));
}

static bool has_other_uid(const json_t *o, const void *want)
{
    return strcmp(lp_json_str(o, "metadata", "uid", NULL), want) != 0;
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

static void replicas_never_dip_while_they_change_hands(void **state)
{
    (void)state;
    create_platform("english", service_spec("auth", lp_json_make("{s:{s:i}}", "autoscaling",
                                                                 "minReplicas", 2)));
    assert_int_equal(replicas_of("english-auth"), 2);
    scale("english-auth", 5);
    edit_platform("english", service_spec("auth", lp_json_make("{s:i}", "queueLimit", 77)));
    assert_int_equal(replicas_of("english-auth"), 5);
    assert_int_equal(program_stop(&operator), 0);
    start_operator();
    edit_platform("english", service_spec("auth", lp_json_make("{s:i}", "queueLimit", 78)));
    assert_int_equal(replicas_of("english-auth"), 5);

    edit_platform("english", autoscaling(false));
    await_gone(&lp_kube_hpas, "english-auth");
    assert_int_equal(replicas_of("english-auth"), 5);
    edit_platform("english", autoscaling(true));
    json_decref(await(&lp_kube_hpas, "english-auth", exists, NULL, "there again"));
    assert_int_equal(replicas_of("english-auth"), 5);

    edit_platform("english", service_spec("auth", lp_json_make("{s:i, s:{s:b}}", "replicas", 4,
                                                               "autoscaling", "enabled", 0)));
    assert_int_equal(replicas_of("english-auth"), 4);
    scale("english-auth", 6);
    json_decref(await_like(&lp_kube_deployments, "english-auth",
                           lp_json_make("{s:{s:i}}", "spec", "replicas", 4), "put back to 4"));
    edit_platform("english", autoscaling(true));
    assert_int_equal(replicas_of("english-auth"), 4);
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
    start_operator();
    int64_t end = lp_clock_ms() + WAIT_MS;
    static const char series[] =
        "controller_runtime_reconcile_total{controller=\"learningplatform\",result=\"success\"}";
    while (program_metric(&operator, series) < 1 && lp_clock_ms() < end)
        poll(NULL, 0, 50);
    double all = program_metric(&operator, series);
    double idle = program_metric(
        &operator, "reconciles_without_change_total{controller=\"learningplatform\"}");
    assert_true(all >= 1);
    assert_true(idle >= 1);
    each_child("english", note_version);
    lp_auto_free char *after = lp_buf_take(&versions);
    assert_string_equal(before, after);
}

static void autoscaling_off_and_external_databases_take_children_away(void **state)
{
    (void)state;
    create_platform("english", json_object());
    edit_platform("english", lp_json_make("{s:{s:{s:s, s:{s:s, s:s}}}, s:{s:b}}", "databases",
                                          "postgres", "mode", "External", "secretRef", "name",
                                          "auth-db", "key", "dsn", "networkPolicy", "enabled", 0));
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
        { "{services: {gateway: {autoscaling: {minReplicas: 9}}}}",
          "spec.services.gateway.autoscaling.minReplicas", "must not exceed maxReplicas" },
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
        { "{services: {auth: {pod: {labels: {app.kubernetes.io/name: x}}}}}",
          "spec.services.auth.pod.labels", "must not begin with app.kubernetes.io/" },
        { "{mode: Plan}", "spec.mode", "Unsupported value" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        json_auto_t *documents = NULL;
        struct lp_error refusal = { .msg = "" };
        ok(lp_yaml_parse(cases[i].spec, strlen(cases[i].spec), 4096, "case", &documents, &err));
        json_auto_t *o =
            lp_json_make("{s:s, s:s, s:{s:s, s:s}, s:O}", "apiVersion",
                         "learningplatform.io/v1alpha1", "kind", "LearningPlatform", "metadata",
                         "name", "wrong", "namespace", ns, "spec", json_array_get(documents, 0));
        int r = lp_kube_create(client, &lp_kube_platforms, o, NULL, &refusal);
        assert_int_equal(r, LP_E_INVALID);
        if (!strstr(refusal.msg, cases[i].path) || !strstr(refusal.msg, cases[i].limit))
            fail_msg("%s: refused with: %s", cases[i].spec, refusal.msg);
    }
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

static int make_pod_ready(json_t *pod, void *user, struct lp_error *err)
{
    const char *name = lp_json_str(pod, "metadata", "name", NULL);
    (void)user;
    json_auto_t *patch = lp_json_make("{s:{s:s, s:[{s:s, s:s}]}}", "status", "phase", "Running",
                                      "conditions", "type", "Ready", "status", "True");
    int r = lp_kube_merge_patch(client, &lp_kube_pods, ns, name, "status", patch, NULL, err);
    return r == LP_E_NOT_FOUND ? 0 : r;
}

static bool is_ready(const json_t *o, const void *want)
{
    const char *phase = lp_json_str(o, "status", "phase", NULL);
    const struct lp_kube_list_options all = { NULL, NULL };
    char version[64];
    (void)want;
    ok(lp_kube_list(client, &lp_kube_pods, ns, &all, make_pod_ready, NULL, version, &err));
    return carried_out(o, NULL) && phase && strcmp(phase, "Ready") == 0;
}

static void a_platform_is_ready_once_all_its_pods_are(void **state)
{
    (void)state;
    create_platform("english", json_object());
    json_auto_t *o = await(&lp_kube_platforms, "english", is_ready, NULL, "ready");
    assert_string_equal(lp_json_str(o, "status", "replicas", NULL), "4/4");
    json_t *ready = json_array_get(lp_json_at(o, "status", "conditions", NULL), 0);
    assert_string_equal(lp_json_str(ready, "type", NULL), "Ready");
    assert_string_equal(lp_json_str(ready, "status", NULL), "True");
    edit_platform("english", lp_json_make("{s:{s:s}}", "image", "tag", "v10"));
    json_auto_t *rolling = NULL;
    ok(lp_kube_get(client, &lp_kube_platforms, ns, "english", &rolling, &err));
    ready = json_array_get(lp_json_at(rolling, "status", "conditions", NULL), 0);
    assert_string_equal(lp_json_str(ready, "status", NULL), "False");
}

static void a_seed_is_planted_once(void **state)
{
    char text[256];
    (void)state;
    snprintf(text, sizeof text,
             "apiVersion: learningplatform.io/v1alpha1\nkind: LearningPlatform\n"
             "metadata: {name: first, namespace: %s}\n",
             ns);
    json_auto_t *seed =
        lp_json_make("{s:s, s:s, s:{s:s, s:s, s:{s:s}}, s:{s:s}}", "apiVersion", "v1", "kind",
                     "ConfigMap", "metadata", "name", ns, "namespace", OPERATOR_NS, "labels",
                     "learningplatform.io/seed", "true", "data", "platform.yaml", text);
    ok(lp_kube_create(client, &lp_kube_config_maps, seed, NULL, &err));
    json_decref(await(&lp_kube_platforms, "first", exists, NULL, "planted"));
    ok(lp_kube_delete(client, &lp_kube_platforms, ns, "first", NULL, &err));
    assert_int_equal(program_stop(&operator), 0);
    start_operator();
    create_platform("second", json_object());
    await_gone(&lp_kube_platforms, "first");
}

static void install_crd(void)
{
    static const struct lp_kube_apply_options options = { .field_manager = "test", .force = true };
    lp_auto_free char *text = program_read_file("crds/learningplatform.yaml");
    json_auto_t *documents = NULL;
    ok(lp_yaml_parse(text, strlen(text), LP_LIMIT_CONFIG_BYTES, "CRD", &documents, &err));
    ok(lp_kube_apply(client, &lp_kube_crds, json_array_get(documents, 0), &options, NULL, &err));
}

static int begin(void **state)
{
    struct lp_kube_config_source source = { .kubeconfig = getenv("KUBECONFIG") };
    struct lp_kube_client_options options = { .user_agent = "lp-integration" };
    struct lp_error err;
    (void)state;
    if (!source.kubeconfig || !getenv("LP_BIN")) {
        print_error("KUBECONFIG or LP_BIN is not set: run this by ctest -L integration\n");
        return -1;
    }
    if (lp_kube_config_load(&source, &config, &err) < 0 ||
        lp_kube_client_new(config, &options, &client, &err) < 0) {
        print_error("%s\n", err.msg);
        return -1;
    }
    make_namespace_named(OPERATOR_NS);
    install_crd();
    start_operator();
    return 0;
}

static int end(void **state)
{
    (void)state;
    int status = program_stop(&operator);
    lp_kube_client_free(client);
    lp_kube_config_free(config);
    return status;
}

#define test(f) cmocka_unit_test_setup(f, make_namespace)
int main(void)
{
    const struct CMUnitTest tests[] = {
        test(the_smallest_platform_gets_all_its_children),
        test(a_deleted_deployment_and_an_edited_service_are_repaired),
        test(replicas_never_dip_while_they_change_hands),
        test(a_restart_writes_nothing),
        test(autoscaling_off_and_external_databases_take_children_away),
        test(a_paused_service_is_left_alone),
        test(wrong_fields_are_refused_with_path_and_limit),
        test(a_platform_is_ready_once_all_its_pods_are),
        test(a_seed_is_planted_once),
        test(a_deleted_platform_takes_everything_with_it),
    };
    return cmocka_run_group_tests_name("operator", tests, begin, end);
}
