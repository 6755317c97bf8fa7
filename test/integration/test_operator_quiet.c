/* test/integration/test_operator_quiet.c -- lp-operator writes only what has to be written: told by
 * the API server's audit log. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "integration/audit.h"
#include "integration/operator_fixture.h"
#include "kube/config.h"

static const char without_change[] =
    "lp_reconciles_without_change_total{controller=\"learningplatform\"}";

static struct audit_query by_operator(const char *resource, const char *name)
{
    return (struct audit_query){
        .agent = "lp-operator/", .ns = ns, .resource = resource, .name = name
    };
}

/* A failed assertion that says which writes there were. */
static void assert_writes(long from, const char *resource, const char *name, unsigned want)
{
    lp_auto_buf struct lp_buf lines = LP_BUF_INIT(1 << 16);
    struct audit_query q = by_operator(resource, name);
    unsigned n = audit_writes(from, &q, &lines);
    if (n != want)
        fail_msg("%u writes, wanted %u:\n%s", n, want, lines.ptr);
}

/* Until the operator has written nothing for two seconds. */
static void await_quiet(void)
{
    struct audit_query q = by_operator(NULL, NULL);
    int64_t end = lp_clock_ms() + WAIT_MS, since = lp_clock_ms();
    long from = audit_now();
    while (lp_clock_ms() < since + 2000) {
        if (lp_clock_ms() > end)
            fail_msg("the operator writes and writes");
        long now = audit_now();
        if (audit_writes(from, &q, NULL) > 0)
            since = lp_clock_ms();
        from = now;
        poll(NULL, 0, 100);
    }
}

static bool has_decided(const json_t *o, const void *want)
{
    (void)want;
    return json_array_size(lp_json_at(o, "status", "conditions", NULL)) > 0;
}

/* Until the platform is ready, its HPAs were looked at, and all has been said of that. */
static void await_idle(void)
{
    static const char *const hpas[] = { "english-gateway", "english-auth", "english-ai-feedback",
                                        "english-progress" };
    await_ready("english");
    for (size_t i = 0; i < LP_COUNT(hpas); i++)
        json_decref(await(&lp_kube_hpas, hpas[i], has_decided, NULL, "looked at"));
    await_quiet();
}

static int count(json_t *object, void *user, struct lp_error *err)
{
    unsigned *n = user;
    (void)object, (void)err;
    (*n)++;
    return 0;
}

/* A new process, `more` in its environment, until it has looked at each platform of the cluster
 * `times` times without a write. Returns when the one before had ended: that writes what was
 * decided in its last minute. */
static long restart(const char *more, unsigned times)
{
    const struct lp_kube_list_options all = { NULL, NULL };
    int64_t end = lp_clock_ms() + WAIT_MS;
    unsigned platforms = 0;
    char version[64];
    ok(lp_kube_list(client, &lp_kube_platforms, NULL, &all, count, &platforms, version, &err));
    assert_int_equal(program_stop(&operator), 0);
    long ended = audit_now();
    fixture_start_with(&operator, "operator", more);
    while (program_metric(&operator, without_change) < times * platforms) {
        if (lp_clock_ms() > end)
            fail_msg("not %u passes without a write over %u platforms", times, platforms);
        poll(NULL, 0, 50);
    }
    return ended;
}

static void an_idle_platform_causes_no_write(void **state)
{
    (void)state;
    create_platform("english", json_object());
    await_idle();
    long from = restart("RESYNC_SECONDS=1", 5);
    assert_writes(from, NULL, NULL, 0);
    restart(NULL, 1);
    assert_writes(from, NULL, NULL, 0);
}

/* ---- other managers ---- */

/* A client that the API server knows as `name`. */
static struct lp_kube_client *client_named(const char *name, struct lp_kube_config **ret_config)
{
    struct lp_kube_config_source source = { .kubeconfig = getenv("KUBECONFIG") };
    struct lp_kube_client_options options = { .user_agent = name };
    struct lp_kube_client *c = NULL;
    ok(lp_kube_config_load(&source, ret_config, &err));
    ok(lp_kube_client_new(*ret_config, &options, &c, &err));
    return c;
}

/* Server-side apply as "neighbour"; `fields` is stolen. */
static void neighbour_applies(const struct lp_kube_kind *kind, const char *name, json_t *fields)
{
    const struct lp_kube_apply_options options = { .field_manager = "neighbour", .force = true };
    json_auto_t *o = lp_json_make("{s:s+, s:s, s:{s:s, s:s}}", "apiVersion", kind->group,
                                  *kind->group ? "/v1" : "v1", "kind", kind->kind, "metadata",
                                  "name", name, "namespace", ns);
    json_object_update_recursive(o, fields);
    json_decref(fields);
    ok(lp_kube_apply(client, kind, o, &options, NULL, &err));
}

/* A container, as injectors of sidecars do it, an annotation of the pods, as kubectl rollout
 * restart does it, a port, a key, a label. */
static void add_what_is_not_ours(void)
{
    neighbour_applies(&lp_kube_deployments, "english-auth",
                      parse_spec("{metadata: {labels: {theirs: x}}, spec: {template: {metadata: "
                                 "{annotations: {restarted: now}}, spec: {containers: [{name: "
                                 "sidecar, image: sidecar}]}}}}"));
    neighbour_applies(&lp_kube_services, "english-auth",
                      parse_spec("{spec: {ports: [{name: more, port: 9999}]}}"));
    neighbour_applies(&lp_kube_config_maps, "english-auth", parse_spec("{data: {theirs: x}}"));
    neighbour_applies(&lp_kube_service_accounts, "english-auth",
                      parse_spec("{metadata: {annotations: {cloud.example/role: x}}}"));
}

static void what_others_add_is_left_alone(void **state)
{
    (void)state;
    create_platform("english", json_object());
    await_idle();
    long from = audit_now();
    add_what_is_not_ours();
    await_ready("english");
    restart("RESYNC_SECONDS=1", 1); /* the first pass may have a status to write */
    static const char *const resources[] = { "deployments", "services", "configmaps",
                                             "serviceaccounts" };
    for (size_t i = 0; i < LP_COUNT(resources); i++)
        assert_writes(from, resources[i], "english-auth", 0);
    /* Nor where we have to write: theirs stays beside ours. */
    edit_platform("english", service_spec("auth", lp_json_make("{s:i}", "queueLimit", 77)));
    json_auto_t *d = NULL;
    ok(lp_kube_get(client, &lp_kube_deployments, ns, "english-auth", &d, &err));
    assert_int_equal(json_array_size(lp_json_at(d, "spec", "template", "spec", "containers", NULL)),
                     2);
    assert_string_equal(lp_json_str(d, "metadata", "labels", "theirs", NULL), "x");
}

static json_t *part_of(const char *whom)
{
    return lp_json_make("{s:{s:{s:s}}}", "metadata", "labels", "app.kubernetes.io/part-of", whom);
}

static void a_field_of_ours_that_was_taken_is_put_back_once(void **state)
{
    (void)state;
    create_platform("english", json_object());
    await_idle();
    long from = audit_now();
    neighbour_applies(&lp_kube_services, "english-auth", part_of("neighbour"));
    json_decref(await_like(&lp_kube_services, "english-auth", part_of("english"), "put back"));
    await_quiet();
    assert_writes(from, "services", "english-auth", 1);
}

/* ---- a fight ---- */

struct fighter {
    pthread_t thread;
    struct lp_kube_client *client;
    atomic_bool over;
};

/* Takes the label back whenever it is ours again. */
static void *fight(void *user)
{
    struct fighter *f = user;
    json_auto_t *theirs = part_of("fighter");
    while (!atomic_load(&f->over)) {
        json_auto_t *o = NULL;
        struct lp_error err;
        int r = lp_kube_get(f->client, &lp_kube_services, ns, "english-auth", &o, &err);
        if (r == 0 && !lp_json_contains(o, theirs))
            r = lp_kube_merge_patch(f->client, &lp_kube_services, ns, "english-auth", NULL, theirs,
                                    NULL, &err);
        poll(NULL, 0, 2);
    }
    return NULL;
}

static const json_t *condition(const json_t *o, const char *type)
{
    json_t *c;
    size_t i;
    json_array_foreach(lp_json_at(o, "status", "conditions", NULL), i,
                       c) if (strcmp(lp_json_str(c, "type", NULL), type) == 0) return c;
    return NULL;
}

static bool has_conflict(const json_t *o, const void *want)
{
    const char *state = lp_json_str(condition(o, "FieldConflict"), "status", NULL);
    return state && strcmp(state, want) == 0;
}

static bool has_waited(const json_t *o, const void *want)
{
    const char *message = lp_json_str(condition(o, "FieldConflict"), "message", NULL);
    const char *times = message ? strstr(message, "was put back ") : NULL;
    (void)want;
    return times && strtol(times + strlen("was put back "), NULL, 10) >= 8;
}

static void a_fight_over_a_field_is_told_and_slows_down(void **state)
{
    struct fighter f = { .client = NULL };
    struct lp_kube_config *config = NULL;
    (void)state;
    create_platform("english", json_object());
    create_platform("french", json_object());
    f.client = client_named("fighter/1", &config);
    long from = audit_now();
    int64_t begun = lp_clock_ms();
    assert_int_equal(pthread_create(&f.thread, NULL, fight, &f), 0);
    json_auto_t *o = await(&lp_kube_platforms, "english", has_waited, NULL, "in a conflict");
    edit_platform("french", service_spec("auth", lp_json_make("{s:i}", "queueLimit", 77)));
    int64_t fought = lp_clock_ms() - begun;
    struct audit_query repairs = by_operator("services", "english-auth");
    unsigned n = audit_writes(from, &repairs, NULL);
    atomic_store(&f.over, true);
    assert_int_equal(pthread_join(f.thread, NULL), 0);

    const char *message = lp_json_str(condition(o, "FieldConflict"), "message", NULL);
    static const char *const told[] = { "Service english-auth",
                                        ".metadata.labels.app.kubernetes.io/part-of",
                                        "wanted \"english\"", "fighter keeps taking it",
                                        "next repair is at 20" };
    for (size_t i = 0; i < LP_COUNT(told); i++)
        if (!strstr(message, told[i]))
            fail_msg("the message lacks %s: %s", told[i], message);
    assert_string_equal(lp_json_str(condition(o, "Ready"), "status", NULL), "False");
    /* The n-th repair waits for at least 4.5 ms times 2 to the power of n - 2. */
    for (int64_t ms = 4; fought > 0 && n > 1; ms *= 2, n--)
        fought -= ms;
    assert_true(n <= 2);

    json_decref(await(&lp_kube_platforms, "english", has_conflict, "False", "at peace"));
    json_decref(await_like(&lp_kube_services, "english-auth", part_of("english"), "put back"));
    lp_kube_client_free(f.client);
    lp_kube_config_free(config);
}

#define test(f) cmocka_unit_test_setup(f, fixture_namespace)
int main(void)
{
    const struct CMUnitTest tests[] = {
        test(an_idle_platform_causes_no_write),
        test(what_others_add_is_left_alone),
        test(a_field_of_ours_that_was_taken_is_put_back_once),
        test(a_fight_over_a_field_is_told_and_slows_down),
    };
    return cmocka_run_group_tests_name("operator_quiet", tests, fixture_begin, fixture_end);
}
