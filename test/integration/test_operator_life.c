/* test/integration/test_operator_life.c -- lp-operator against a real API server: what it tells,
 * its seed, its stand-in, and what it does where the cluster does not let it. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "integration/operator_fixture.h"

static int count_repairs(json_t *event, void *user, struct lp_error *err)
{
    unsigned *n = user;
    (void)err;
    if (strstr(lp_json_str(event, "note", NULL), "was put back"))
        (*n)++;
    return 0;
}

static void a_repair_is_told_in_an_event(void **state)
{
    const struct lp_kube_list_options repaired = { NULL, "reason=Repaired" };
    int64_t end = lp_clock_ms() + WAIT_MS;
    char version[64];
    unsigned n = 0;
    (void)state;
    create_platform("english", json_object());
    ok(lp_kube_delete(client, &lp_kube_config_maps, ns, "english-auth", NULL, &err));
    while (n == 0 && lp_clock_ms() < end) {
        ok(lp_kube_list(client, &lp_kube_events, ns, &repaired, count_repairs, &n, version, &err));
        poll(NULL, 0, 50);
    }
    assert_int_equal(n, 1);
}

struct series {
    unsigned events;
    int64_t count;
};

static int read_series(json_t *event, void *user, struct lp_error *err)
{
    struct series *s = user;
    (void)err;
    s->events++;
    s->count = lp_json_int(1, event, "series", "count", NULL);
    return 0;
}

static void a_repair_that_comes_again_is_counted_in_its_event(void **state)
{
    const struct lp_kube_list_options repaired = { NULL, "reason=Repaired" };
    int64_t end = lp_clock_ms() + WAIT_MS;
    struct series s = { 0 };
    char version[64];
    (void)state;
    create_platform("english", json_object());
    for (int64_t want = 1; want <= 3; want++) {
        ok(lp_kube_delete(client, &lp_kube_config_maps, ns, "english-auth", NULL, &err));
        for (s.count = 0; s.count < want && lp_clock_ms() < end; poll(NULL, 0, 50)) {
            s.events = 0;
            ok(lp_kube_list(client, &lp_kube_events, ns, &repaired, read_series, &s, version,
                            &err));
        }
        assert_int_equal(s.count, want);
        assert_int_equal(s.events, 1);
        json_decref(await(&lp_kube_config_maps, "english-auth", exists, NULL, "put back"));
    }
}

static void a_platform_is_ready_once_all_its_pods_are(void **state)
{
    (void)state;
    create_platform("english", json_object());
    await_ready("english");
    json_auto_t *o = NULL;
    ok(lp_kube_get(client, &lp_kube_platforms, ns, "english", &o, &err));
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

static bool is_marked(const json_t *o, const void *want)
{
    (void)want;
    return lp_json_str(o, "metadata", "annotations", "learningplatform.io/seeded", NULL) != NULL;
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
    json_decref(await_in(OPERATOR_NS, &lp_kube_config_maps, ns, is_marked, NULL, "marked"));
    ok(lp_kube_delete(client, &lp_kube_platforms, ns, "first", NULL, &err));
    assert_int_equal(program_stop(&operator), 0);
    fixture_start(&operator, "operator");
    create_platform("second", json_object());
    await_gone(&lp_kube_platforms, "first");
}

static bool is_degraded(const json_t *o, const void *want)
{
    size_t i;
    json_t *c;
    json_array_foreach(lp_json_at(o, "status", "conditions", NULL), i,
                       c) if (strcmp(lp_json_str(c, "type", NULL), "Degraded") ==
                              0) return strstr(lp_json_str(c, "message", NULL), want) != NULL;
    return false;
}

static void what_the_api_server_refuses_is_in_the_status(void **state)
{
    (void)state;
    create_platform("english", service_spec("auth", parse_spec("{pod: {affinity: {nodeAffinity: {"
                                                               "nonsense: 1}}}}")));
    json_decref(await(&lp_kube_platforms, "english", is_degraded, "nonsense", "degraded"));
    json_decref(await(&lp_kube_deployments, "english-gateway", exists, NULL, "there all the same"));
    edit_platform("english", service_spec("auth", lp_json_make("{s:n}", "pod")));
    json_decref(await(&lp_kube_deployments, "english-auth", exists, NULL, "there"));
    json_decref(await(&lp_kube_platforms, "english", is_degraded, "could be written", "well"));
}

/* Its message is cut where it is too long, in two of three cases inside a character. */
static void a_refusal_in_any_script_ends_no_operator(void **state)
{
    static const char *const leads_of_keys[] = { "", "x", "xx" };
    (void)state;
    create_platform("english", json_object());
    for (size_t i = 0; i < LP_COUNT(leads_of_keys); i++) {
        lp_auto_buf struct lp_buf key = LP_BUF_INIT(2000), want = LP_BUF_INIT(20);
        lp_buf_str(&key, leads_of_keys[i]);
        for (int n = 0; n < 300; n++)
            lp_buf_str(&key, "\xe2\x82\xac");
        lp_buf_printf(&want, "\"%s\xe2\x82\xac", leads_of_keys[i]);
        edit_platform("english", service_spec("auth", lp_json_make("{s:{s:{s:s}}}", "pod",
                                                                   "annotations", key.ptr, "v")));
        json_decref(await(&lp_kube_platforms, "english", is_degraded, want.ptr, "degraded"));
        edit_platform("english", service_spec("auth", lp_json_make("{s:n}", "pod")));
        json_decref(await(&lp_kube_platforms, "english", is_degraded, "could be written", "well"));
    }
}

static void a_platform_made_anew_under_its_old_name_gets_new_children(void **state)
{
    (void)state;
    create_platform("english", json_object());
    json_auto_t *before = await(&lp_kube_secrets, "english-jwt", exists, NULL, "there");
    ok(lp_kube_delete(client, &lp_kube_platforms, ns, "english", NULL, &err));
    create_platform("english", json_object());
    json_decref(await(&lp_kube_secrets, "english-jwt", has_other_uid,
                      lp_json_str(before, "metadata", "uid", NULL), "made anew"));
    visited = 0;
    each_child("english", is_there_and_ours);
    assert_int_equal(visited, N_CHILDREN);
}

static double leads(const struct program *p)
{
    return program_metric(p, "leader_election_master_status{name=\"lp-operator\"}");
}

static void a_second_operator_stands_by_and_takes_over(void **state)
{
    struct program second = { .pid = 0 };
    (void)state;
    fixture_start(&second, "operator-2");
    assert_true(leads(&second) != 1);
    int64_t stopped = lp_clock_ms();
    assert_int_equal(program_stop(&operator), 0);
    while (leads(&second) != 1 && lp_clock_ms() < stopped + WAIT_MS)
        poll(NULL, 0, 20);
    /* The lease was released: nobody waited for the 15 s that it lasts. */
    assert_true(lp_clock_ms() - stopped < 12000);
    create_platform("english", json_object());
    fixture_start(&operator, "operator");
    assert_int_equal(program_stop(&second), 0);
}

static bool says(const char *log, const char *what)
{
    lp_auto_free char *text = program_read_file(log);
    return strstr(text, what) != NULL;
}

static void without_a_cluster_it_waits_and_says_so(void **state)
{
    static const char text[] =
        "{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster:"
        " c, user: u}}], clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}], users:"
        " [{name: u, user: {token: t}}]}\n";
    lp_auto_free char *path = lp_sprintf("%s/../test/nowhere.kubeconfig", getenv("LP_BIN"));
    lp_auto_free char *bin = lp_sprintf("%s/lp-operator", getenv("LP_BIN"));
    lp_auto_free char *log = lp_sprintf("%s/../test/nowhere.log", getenv("LP_BIN"));
    lp_auto_free char *kubeconfig = lp_sprintf("KUBECONFIG=%s", path);
    const char *env[] = { kubeconfig, "ADAPTER=false", NULL };
    struct program p = { .pid = 0 };
    (void)state;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    remove(log);
    program_start(&p, bin, env, log);
    program_wait(&p, false);
    auto_answer struct answer a = program_ask(p.metrics_port, "/readyz", (struct ask){ 0 });
    assert_int_equal(a.status, 503);
    assert_string_equal(lp_json_str(a.body, "checks", "api-server", NULL),
                        "the API server has not answered yet");
    int64_t end = lp_clock_ms() + WAIT_MS;
    while (!says(log, "waiting for the API server") && lp_clock_ms() < end)
        poll(NULL, 0, 20);
    assert_int_equal(program_stop(&p), 0);
    assert_true(says(log, "waiting for the API server"));
}

#define test(f) cmocka_unit_test_setup(f, fixture_namespace)
int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_repair_is_told_in_an_event),
        test(a_repair_that_comes_again_is_counted_in_its_event),
        test(a_platform_is_ready_once_all_its_pods_are),
        test(a_seed_is_planted_once),
        test(what_the_api_server_refuses_is_in_the_status),
        test(a_refusal_in_any_script_ends_no_operator),
        test(a_platform_made_anew_under_its_old_name_gets_new_children),
        test(a_second_operator_stands_by_and_takes_over),
        test(without_a_cluster_it_waits_and_says_so),
    };
    return cmocka_run_group_tests_name("operator_life", tests, fixture_begin, fixture_end);
}
