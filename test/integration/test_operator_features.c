/* test/integration/test_operator_features.c -- lp-operator against a real API server: what it
 * leaves alone, what it tells of itself, how it ends, and what kubectl lp export takes along. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "autoscaler/policy/ring.h"
#include "base/clock.h"
#include "integration/audit.h"
#include "integration/operator_fixture.h"
#include "kube/conditions.h"
#include "platform/ownership.h"

static void has_no_finalizer(const struct lp_kube_kind *kind, const char *name)
{
    json_auto_t *o = await(kind, name, exists, NULL, "there");
    if (lp_json_at(o, "metadata", "finalizers", NULL))
        fail_msg("%s %s has finalizers", kind->kind, name);
    visited++;
}

static void nothing_of_ours_waits_for_us_to_let_it_go(void **state)
{
    (void)state;
    create_platform("english", json_object());
    visited = 0;
    has_no_finalizer(&lp_kube_platforms, "english");
    each_child("english", has_no_finalizer);
    assert_int_equal(visited, 1 + N_CHILDREN);
}

static void the_spec_stays_as_its_writer_left_it(void **state)
{
    json_auto_t *o = NULL;
    json_t *entry;
    size_t i;
    unsigned of_ours = 0;
    (void)state;
    create_platform("english", json_object());
    ok(lp_kube_get(client, &lp_kube_platforms, ns, "english", &o, &err));
    assert_int_equal(lp_json_int(0, o, "metadata", "generation", NULL), 1);
    json_array_foreach(lp_json_at(o, "metadata", "managedFields", NULL), i, entry)
    {
        const char *manager = lp_json_str(entry, "manager", NULL);
        const char *subresource = lp_json_str(entry, "subresource", NULL);
        if (strncmp(manager, "lp-operator", 11) != 0)
            continue;
        of_ours++;
        assert_string_equal(subresource ? subresource : "the object", "status");
    }
    assert_int_equal(of_ours, 1);
}

/* The number of objects of a kind in the operator's cache. */
static int64_t cached(const char *kind)
{
    auto_answer struct answer a =
        program_ask(operator.metrics_port, "/debug/stats", (struct ask){ 0 });
    json_t *entry;
    size_t i;
    assert_int_equal(a.status, 200);
    assert_true(lp_json_int(0, a.body, "process", "residentBytes", NULL) > 0);
    json_array_foreach(json_object_get(a.body, "cache"), i,
                       entry) if (strcmp(lp_json_str(entry, "kind", NULL), kind) ==
                                  0) return lp_json_int(-1, entry, "objects", NULL);
    fail_msg("/debug/stats tells nothing of %s", kind);
    return -1;
}

static void create_config_map(const char *name)
{
    json_auto_t *o = lp_json_make("{s:s, s:s, s:{s:s, s:s}}", "apiVersion", "v1", "kind",
                                  "ConfigMap", "metadata", "name", name, "namespace", ns);
    ok(lp_kube_create(client, &lp_kube_config_maps, o, NULL, &err));
}

static int count_object(json_t *object, void *user, struct lp_error *err)
{
    int64_t *n = user;
    (void)object, (void)err;
    (*n)++;
    return 0;
}

/* How many there are in all namespaces. */
static int64_t labelled(const struct lp_kube_kind *kind, const char *selector)
{
    const struct lp_kube_list_options options = { .label_selector = selector };
    char version[64];
    int64_t n = 0;
    ok(lp_kube_list(client, kind, NULL, &options, count_object, &n, version, &err));
    return n;
}

static void only_children_are_in_the_cache(void **state)
{
    static const char ours[] = "app.kubernetes.io/managed-by=lp-operator";
    int64_t end = lp_clock_ms() + WAIT_MS, children;
    char name[32];
    bool same;
    (void)state;
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "foreign-%d", i);
        create_config_map(name);
    }
    create_platform("english", json_object());
    do {
        poll(NULL, 0, 50);
        children = labelled(&lp_kube_config_maps, ours);
        same = cached("ConfigMap") == children &&
               cached("LearningPlatform") == labelled(&lp_kube_platforms, NULL);
    } while (!same && lp_clock_ms() < end);
    if (!same)
        fail_msg("ConfigMaps: %lld in the cache, %lld there", (long long)cached("ConfigMap"),
                 (long long)children);
    assert_true(labelled(&lp_kube_config_maps, NULL) >= children + 20);
}

/* Each line of the operator's log that tells of this test's platform has the id of its reconcile;
 * how many lines there are, and the last "applied" of them. */
static unsigned check_lines(char ret_id[40])
{
    lp_auto_free char *text = program_read_file(operator.log);
    unsigned n = 0;
    for (char *line = text, *end; *line; line = *end ? end + 1 : end) {
        end = line + strcspn(line, "\n");
        json_auto_t *o = json_loadb(line, (size_t)(end - line), 0, NULL);
        const char *key = lp_json_str(o, "platform", NULL);
        if (!key || strncmp(key, ns, strlen(ns)) != 0)
            continue;
        const char *id = lp_json_str(o, "reconcileID", NULL);
        assert_non_null(id);
        assert_int_equal(strlen(id), 36);
        if (strcmp(lp_json_str(o, "msg", NULL), "applied") == 0)
            snprintf(ret_id, 40, "%s", id);
        n++;
    }
    return n;
}

static void log_and_audit_log_name_the_reconcile_that_wrote(void **state)
{
    int64_t end = lp_clock_ms() + WAIT_MS;
    char id[40] = "";
    long from = audit_now();
    (void)state;
    create_platform("english", json_object());
    assert_true(check_lines(id) >= N_CHILDREN - 3); /* Secrets may be written before */
    const struct audit_query query = { .agent = "lp-operator/", .id = id, .ns = ns };
    while (audit_writes(from, &query, NULL) == 0 && lp_clock_ms() < end)
        poll(NULL, 0, 50);
    assert_true(audit_writes(from, &query, NULL) > 0);
}

static void a_stop_in_the_middle_of_work_frees_the_lease_and_loses_nothing(void **state)
{
    struct lp_error err;
    char name[16];
    json_auto_t *lease = NULL;
    (void)state;
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "p%d", i);
        json_auto_t *o = lp_json_make("{s:s, s:s, s:{s:s, s:s}, s:{}}", "apiVersion",
                                      "learningplatform.io/v1alpha1", "kind", "LearningPlatform",
                                      "metadata", "name", name, "namespace", ns, "spec");
        assert_int_equal(lp_kube_create(client, &lp_kube_platforms, o, NULL, &err), 0);
    }
    assert_int_equal(program_stop(&operator), 0); /* not killed */
    assert_int_equal(lp_kube_get(client, &lp_kube_leases, OPERATOR_NS, "lp-operator", &lease, &err),
                     0);
    const char *holder = lp_json_str(lease, "spec", "holderIdentity", NULL);
    assert_true(!holder || !*holder);
    fixture_start(&operator, "operator");
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "p%d", i);
        json_decref(await(&lp_kube_platforms, name, carried_out, NULL, "carried out"));
    }
}

static json_t *export(const char *platform)
{
    lp_auto_free char *bin = lp_sprintf("%s/kubectl-lp", getenv("LP_BIN"));
    lp_auto_free char *out = lp_sprintf("%s/../test/export-%s.json", getenv("LP_BIN"), ns);
    lp_auto_free char *kubeconfig = lp_sprintf("KUBECONFIG=%s", getenv("KUBECONFIG"));
    const char *argv[] = { bin, "export", platform, "-n", ns, "-o", "json", NULL };
    const char *env[] = { kubeconfig, NULL };
    remove(out);
    assert_int_equal(program_run(argv, env, out), 0);
    lp_auto_free char *text = program_read_file(out);
    json_t *list = json_loads(text, 0, NULL);
    assert_non_null(list);
    remove(out);
    return list;
}

static void what_is_exported_makes_the_same_platform_again(void **state)
{
    json_auto_t *before = NULL, *after = NULL;
    (void)state;
    create_platform("english",
                    service_spec("auth", lp_json_make("{s:i, s:{s:{s:s}}}", "concurrency", 7,
                                                      "resources", "requests", "cpu", "25m")));
    ok(lp_kube_get(client, &lp_kube_platforms, ns, "english", &before, &err));
    json_auto_t *list = export("english");
    assert_int_equal(json_array_size(json_object_get(list, "items")), 1);
    ok(lp_kube_delete(client, &lp_kube_platforms, ns, "english", NULL, &err));
    await_gone(&lp_kube_platforms, "english");
    ok(lp_kube_create(client, &lp_kube_platforms, json_array_get(json_object_get(list, "items"), 0),
                      NULL, &err));
    json_decref(await(&lp_kube_platforms, "english", carried_out, NULL, "carried out"));
    ok(lp_kube_get(client, &lp_kube_platforms, ns, "english", &after, &err));
    assert_true(json_equal(json_object_get(before, "spec"), json_object_get(after, "spec")));
}

static bool has_min(const json_t *hpa, const void *want)
{
    return lp_json_int(0, hpa, "spec", "minReplicas", NULL) == *(const int64_t *)want;
}

static bool is_wanted_by(const json_t *deployment, const void *want)
{
    return lp_json_int(0, deployment, "spec", "replicas", NULL) >= *(const int64_t *)want;
}

static bool has_floor(const json_t *platform, const void *want)
{
    const json_t *s;
    size_t i;
    bool found = false;

    json_array_foreach(lp_json_at(platform, "status", "services", NULL), i, s) found =
        found || lp_json_int(0, s, "scaling", "floor", "replicas", NULL) > 0;
    return found == *(const bool *)want;
}

/* The HPA controller goes by minReplicas without any metric. The window is open from the start and
 * ends when the floor has had four times what a whole platform took, and 10 s. */
static void a_schedule_lifts_an_hpa_while_its_window_is_open(void **state)
{
    static const int64_t four = 4, one = 1;
    static const bool yes = true, no = false;
    char from[LP_CLOCK_TEXT], until[LP_CLOCK_TEXT];
    int64_t before = lp_clock_wall_ms();
    (void)state;
    create_platform("english", json_object());
    int64_t now = lp_clock_wall_ms();
    lp_clock_format(now - 3600000, 0, from);
    lp_clock_format(now + 10000 + 4 * (now - before), 0, until);
    edit_platform("english", lp_json_make("{s:[{s:s, s:i, s:{s:i}, s:[{s:s, s:s}]}]}", "schedules",
                                          "name", "exam", "expectedStudents", 400, "replicas",
                                          "auth", 4, "dated", "start", from, "end", until));
    json_decref(await(&lp_kube_hpas, "english-auth", has_min, &four, "lifted by the schedule"));
    json_decref(await(&lp_kube_deployments, "english-auth", is_wanted_by, &four, "scaled up"));
    json_auto_t *told = await(&lp_kube_platforms, "english", has_floor, &yes, "told of");
    json_auto_t *next = lp_json_make("[{s:s, s:s, s:s, s:i}]", "schedule", "exam", "from", from,
                                     "until", until, "leadSeconds", 300);
    assert_true(json_equal(lp_json_at(told, "status", "activations", NULL), next));
    const json_t *unmeasured =
        lp_kube_condition(json_object_get(told, "status"), "LearnersUnmeasured");
    assert_string_equal(lp_json_str(unmeasured, "status", NULL), "True");
    assert_non_null(strstr(lp_json_str(unmeasured, "message", NULL),
                           "spec.schedules[exam].expectedStudents: 400 learners"));
    await_event("FloorRaised");

    json_decref(await(&lp_kube_hpas, "english-auth", has_min, &one, "let go by the schedule"));
    assert_true(lp_clock_wall_ms() >= lp_clock_parse(until));
    json_auto_t *over = await(&lp_kube_platforms, "english", has_floor, &no, "over");
    assert_null(lp_json_at(over, "status", "activations", NULL));
    assert_null(lp_kube_condition(json_object_get(over, "status"), "LearnersUnmeasured"));
    await_event("FloorLowered");
}

static bool has_policy(const json_t *hpa, const void *want)
{
    const char *up = lp_json_str(hpa, "spec", "behavior", "scaleUp", "selectPolicy", NULL);
    const char *down = lp_json_str(hpa, "spec", "behavior", "scaleDown", "selectPolicy", NULL);
    bool disabled = down && strcmp(down, "Disabled") == 0;

    return disabled == *(const bool *)want && (!up || strcmp(up, "Disabled") != 0);
}

/* As with the schedule, the pause lasts four times what a platform took, and 10 s. */
static void a_direction_is_paused_until_its_time(void **state)
{
    static const bool yes = true, no = false;
    char until[LP_CLOCK_TEXT];
    int64_t before = lp_clock_wall_ms();
    (void)state;
    create_platform("english", json_object());
    int64_t now = lp_clock_wall_ms();
    lp_clock_format(now + 10000 + 4 * (now - before), 0, until);
    edit_platform("english",
                  service_spec("auth", lp_json_make("{s:{s:{s:[s], s:s}}}", "autoscaling", "pause",
                                                    "directions", "Down", "until", until)));
    json_decref(await(&lp_kube_hpas, "english-auth", has_policy, &yes, "paused"));
    await_event("ScalingPaused");
    json_decref(await(&lp_kube_hpas, "english-auth", has_policy, &no, "free again"));
    assert_true(lp_clock_wall_ms() >= lp_clock_parse(until));
    await_event("ScalingResumed");
}

/* ---- decisions ---- */

/* A decision whose winner is the schedule `want`. */
static bool has_decision(const json_t *config_map, const void *want)
{
    json_auto_t *decisions = NULL;
    struct lp_error ignored;
    const json_t *d;
    bool found = false;
    size_t i;
    if (ring_read(config_map, &decisions, &ignored) < 0)
        return false;
    json_array_foreach(decisions, i, d)
    {
        const char *kind = lp_json_str(d, "winner", "kind", NULL);
        const char *name = lp_json_str(d, "winner", "name", NULL);
        found = found || (kind && name && strcmp(kind, "schedule") == 0 && strcmp(name, want) == 0);
    }
    return found;
}

static bool is_floored_by(const json_t *platform, const void *want)
{
    const json_t *auth =
        lp_json_find(lp_json_at(platform, "status", "services", NULL), "name", "auth");
    const char *schedule = lp_json_str(auth, "scaling", "floor", "schedule", NULL);
    return schedule && strcmp(schedule, want) == 0;
}

static void schedule_now(const char *name)
{
    char from[LP_CLOCK_TEXT], until[LP_CLOCK_TEXT];
    int64_t now = lp_clock_wall_ms();
    lp_clock_format(now - 3600000, 0, from);
    lp_clock_format(now + 3600000, 0, until);
    edit_platform("english",
                  lp_json_make("{s:[{s:s, s:{s:i}, s:[{s:s, s:s}]}]}", "schedules", "name", name,
                               "replicas", "auth", 4, "dated", "start", from, "end", until));
}

static void decisions_are_kept_over_a_restart_and_are_the_platforms(void **state)
{
    static const char name[] = "english-decisions";
    int64_t begun = lp_clock_ms();
    long from = audit_now();
    (void)state;
    create_platform("english", json_object());
    schedule_now("exam");
    json_auto_t *kept = await(&lp_kube_config_maps, name, has_decision, "exam", "kept");
    json_auto_t *platform = await(&lp_kube_platforms, "english", exists, NULL, "there");
    assert_true(ownership_has(kept, lp_json_str(platform, "metadata", "uid", NULL)));
    assert_null(lp_json_at(kept, "metadata", "labels", "app.kubernetes.io/managed-by", NULL));

    /* What was decided within a minute of that write is written when the process ends. */
    schedule_now("late-exam");
    json_decref(await(&lp_kube_platforms, "english", is_floored_by, "late-exam", "told of"));
    assert_int_equal(program_stop(&operator), 0);
    json_decref(await(&lp_kube_config_maps, name, has_decision, "late-exam", "kept at the end"));
    fixture_start(&operator, "operator");
    schedule_now("second-exam");
    json_auto_t *later = await(&lp_kube_config_maps, name, has_decision, "second-exam", "kept too");
    assert_true(has_decision(later, "exam"));
    /* Each process at most one in a minute, one at once, and one at its end. */
    const struct audit_query query = {
        .agent = "lp-operator/", .ns = ns, .resource = "configmaps", .name = name
    };
    assert_true(audit_writes(from, &query, NULL) <= 3 + (lp_clock_ms() - begun) / 60000);
}

#define test(f) cmocka_unit_test_setup(f, fixture_namespace)
int main(void)
{
    const struct CMUnitTest tests[] = {
        test(nothing_of_ours_waits_for_us_to_let_it_go),
        test(the_spec_stays_as_its_writer_left_it),
        test(only_children_are_in_the_cache),
        test(log_and_audit_log_name_the_reconcile_that_wrote),
        test(a_schedule_lifts_an_hpa_while_its_window_is_open),
        test(a_direction_is_paused_until_its_time),
        test(decisions_are_kept_over_a_restart_and_are_the_platforms),
        test(what_is_exported_makes_the_same_platform_again),
        test(a_stop_in_the_middle_of_work_frees_the_lease_and_loses_nothing),
    };
    return cmocka_run_group_tests_name("operator_features", tests, fixture_begin, fixture_end);
}
