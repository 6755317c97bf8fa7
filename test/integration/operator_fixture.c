/* test/integration/operator_fixture.c -- KUBECONFIG and LP_BIN are in the environment. Waits are
 * polls of the thing waited for, with an end. */
#include "integration/operator_fixture.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "json/yaml.h"
#include "kube/config.h"

struct lp_kube_client *client;
struct program operator;
char ns[64];
unsigned visited;
const char *fixture_image_tag = "v9.9.9";
static struct lp_kube_config *config;

void fixture_start_with(struct program *p, const char *name, const char *more)
{
    fixture_start_more(p, name, more, NULL);
}

void fixture_start_more(struct program *p, const char *name, const char *more, const char *and_more)
{
    fixture_start_env(p, name, (const char *const[FIXTURE_ENV]){ more, and_more });
}

/* Of two values of a variable the first counts. */
void fixture_start_env(struct program *p, const char *name, const char *const more[FIXTURE_ENV])
{
    const char *bin = getenv("LP_BIN");
    lp_auto_free char *kubeconfig = lp_sprintf("KUBECONFIG=%s", getenv("KUBECONFIG"));
    lp_auto_free char *pod = lp_sprintf("POD_NAME=%s", name);
    lp_auto_free char *tag = lp_sprintf("LP_IMAGE_TAG=%s", fixture_image_tag);
    lp_auto_free char *path = lp_sprintf("%s/lp-operator", bin);
    lp_auto_free char *log =
        lp_sprintf("%s/../test/%s-%s.log", bin, program_invocation_short_name, name);
    const char *env[FIXTURE_ENV + 7] = { NULL };
    size_t n = 0;
    for (size_t i = 0; i < FIXTURE_ENV && more[i]; i++)
        env[n++] = more[i];
    const char *const own[] = { kubeconfig,
                                pod,
                                tag,
                                "POD_NAMESPACE=" OPERATOR_NS,
                                "ADAPTER=false",
                                "LP_IMAGE_REGISTRY=registry.example/lp" };
    memcpy(env + n, own, sizeof own);
    program_start(p, path, env, log);
    program_wait(p, true);
}

void fixture_start(struct program *p, const char *name)
{
    fixture_start_with(p, name, NULL);
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

static int delete_platform(json_t *o, void *user, struct lp_error *err)
{
    (void)user;
    int r = lp_kube_delete(client, &lp_kube_platforms, ns, lp_json_str(o, "metadata", "name", NULL),
                           NULL, err);
    return r == LP_E_NOT_FOUND ? 0 : r;
}

/* What a test leaves would cost all later ones: its HPAs are looked at every two seconds. The
 * garbage collector takes their children, while the next test runs. */
static void leave_namespace(void)
{
    const struct lp_kube_list_options all = { NULL, NULL };
    char version[64];
    if (*ns)
        ok(lp_kube_list(client, &lp_kube_platforms, ns, &all, delete_platform, NULL, version,
                        &err));
}

int fixture_namespace(void **state)
{
    static int n;
    (void)state;
    leave_namespace();
    snprintf(ns, sizeof ns, "operator-%lld-%d", (long long)lp_clock_wall_ms(), n++);
    make_namespace_named(ns);
    return 0;
}

json_t *await_in(const char *in, const struct lp_kube_kind *kind, const char *name,
                 holds *want_holds, const void *want, const char *what)
{
    int64_t end = lp_clock_ms() + WAIT_MS;
    for (;;) {
        json_t *o = NULL;
        struct lp_error err;
        int r = lp_kube_get(client, kind, in, name, &o, &err);
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

json_t *await(const struct lp_kube_kind *kind, const char *name, holds *want_holds,
              const void *want, const char *what)
{
    return await_in(ns, kind, name, want_holds, want, what);
}

bool exists(const json_t *o, const void *want)
{
    (void)want;
    return o != NULL;
}

void await_gone(const struct lp_kube_kind *kind, const char *name)
{
    await(kind, name, NULL, NULL, "gone");
}

static bool contains(const json_t *o, const void *want)
{
    return lp_json_contains(o, want);
}

/* `want` is stolen. */
json_t *await_like(const struct lp_kube_kind *kind, const char *name, json_t *want,
                   const char *what)
{
    json_auto_t *owned = want;
    return await(kind, name, contains, owned, what);
}

bool carried_out(const json_t *o, const void *want)
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

void await_ready(const char *name)
{
    json_decref(await(&lp_kube_platforms, name, is_ready, NULL, "ready"));
}

/* Until the operator has written the children of the present generation. */
static void await_carried_out(const char *name)
{
    json_decref(await(&lp_kube_platforms, name, carried_out, NULL, "carried out"));
}

/* `spec` is stolen. */
void create_platform(const char *name, json_t *spec)
{
    json_auto_t *o = lp_json_make("{s:s, s:s, s:{s:s, s:s}, s:o}", "apiVersion",
                                  "learningplatform.io/v1alpha1", "kind", "LearningPlatform",
                                  "metadata", "name", name, "namespace", ns, "spec", spec);
    ok(lp_kube_create(client, &lp_kube_platforms, o, NULL, &err));
    await_carried_out(name);
}

/* Merges into the spec; `spec` is stolen. */
void edit_platform(const char *name, json_t *spec)
{
    json_auto_t *patch = lp_json_make("{s:o}", "spec", spec);
    ok(lp_kube_merge_patch(client, &lp_kube_platforms, ns, name, NULL, patch, NULL, &err));
    await_carried_out(name);
}

json_t *service_spec(const char *service, json_t *o)
{
    return lp_json_make("{s:{s:o}}", "services", service, o);
}

json_t *parse_spec(const char *yaml)
{
    json_auto_t *documents = NULL;
    ok(lp_yaml_parse(yaml, strlen(yaml), 4096, "spec", &documents, &err));
    return json_incref(json_array_get(documents, 0));
}

void is_refused(const char *spec, const char *path, const char *limit)
{
    struct lp_error refusal = { .msg = "" };
    json_auto_t *o = lp_json_make(
        "{s:s, s:s, s:{s:s, s:s}, s:o}", "apiVersion", "learningplatform.io/v1alpha1", "kind",
        "LearningPlatform", "metadata", "name", "wrong", "namespace", ns, "spec", parse_spec(spec));

    assert_int_equal(lp_kube_dry_run_create(client, &lp_kube_platforms, o, NULL, &refusal),
                     LP_E_INVALID);
    if (!strstr(refusal.msg, path) || !strstr(refusal.msg, limit))
        fail_msg("%s: refused with: %s", spec, refusal.msg);
}

static const char *const services[] = { "gateway", "auth", "ai-feedback", "progress" };

static const struct lp_kube_kind *const service_kinds_of[] = {
    &lp_kube_deployments, &lp_kube_services,    &lp_kube_service_accounts, &lp_kube_hpas,
    &lp_kube_pdbs,        &lp_kube_config_maps, &lp_kube_network_policies,
};

/* Those of databases are their claims'. */
static const char *const secrets[] = { "jwt", "signing", "caller-ai-feedback", "caller-auth" };

static const struct lp_kube_kind *const database_kinds_of[] = {
    &lp_kube_stateful_sets,
    &lp_kube_services,
    &lp_kube_network_policies,
};

void each_child(const char *platform, visit_child *visit)
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
    for (size_t i = 0; i < LP_COUNT(secrets); i++) {
        snprintf(name, sizeof name, "%s-%s", platform, secrets[i]);
        visit(&lp_kube_secrets, name);
    }
}

void is_there_and_ours(const struct lp_kube_kind *kind, const char *name)
{
    json_auto_t *o = await(kind, name, exists, NULL, "there");
    const json_t *owner = json_array_get(lp_json_at(o, "metadata", "ownerReferences", NULL), 0);
    assert_string_equal(lp_json_str(owner, "kind", NULL), "LearningPlatform");
    assert_true(lp_json_bool(false, owner, "controller", NULL));
    assert_string_equal(lp_json_str(o, "metadata", "labels", "app.kubernetes.io/managed-by", NULL),
                        "lp-operator");
    visited++;
}

bool has_other_uid(const json_t *o, const void *want)
{
    return strcmp(lp_json_str(o, "metadata", "uid", NULL), want) != 0;
}

static void install_crd(void)
{
    static const struct lp_kube_apply_options options = { .field_manager = "test", .force = true };
    lp_auto_free char *text = program_read_file("crds/learningplatform.yaml");
    json_auto_t *documents = NULL;
    ok(lp_yaml_parse(text, strlen(text), LP_LIMIT_CONFIG_BYTES, "CRD", &documents, &err));
    ok(lp_kube_apply(client, &lp_kube_crds, json_array_get(documents, 0), &options, NULL, &err));
}

static int pass_over(json_t *o, void *user, struct lp_error *e)
{
    (void)o, (void)user, (void)e;
    return 0;
}

/* A definition is served a moment after it was accepted; until then its path is a 404. */
static void await_served(void)
{
    const struct lp_kube_list_options all = { NULL, NULL };
    int64_t end = lp_clock_ms() + WAIT_MS;
    char version[64];
    struct lp_error err;

    while (lp_kube_list(client, &lp_kube_platforms, "default", &all, pass_over, NULL, version,
                        &err) < 0) {
        if (lp_clock_ms() > end)
            fail_msg("the definition is not served: %s", err.msg);
        poll(NULL, 0, 50);
    }
}

int fixture_begin(void **state)
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
    await_served();
    fixture_start(&operator, "operator");
    return 0;
}

int fixture_end(void **state)
{
    (void)state;
    leave_namespace();
    int status = program_stop(&operator);
    lp_kube_client_free(client);
    lp_kube_config_free(config);
    return status;
}

static int find_event(json_t *event, void *user, struct lp_error *err)
{
    const char **reason = user;
    const char *has = lp_json_str(event, "reason", NULL);

    (void)err;
    if (*reason && has && strcmp(has, *reason) == 0)
        *reason = NULL;
    return 0;
}

void await_event(const char *reason)
{
    const struct lp_kube_list_options options = { 0 };
    int64_t end = lp_clock_ms() + WAIT_MS;
    const char *missing = reason;
    char version[64];

    while (missing && lp_clock_ms() < end) {
        ok(lp_kube_list(client, &lp_kube_events, ns, &options, find_event, &missing, version,
                        &err));
        if (missing)
            poll(NULL, 0, 50);
    }
    if (missing)
        fail_msg("no Event %s", reason);
}
