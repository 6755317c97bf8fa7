/* test/integration/test_operator_cli.c -- kubectl lp diff, render, why and report against a real
 * API server, beside the operator. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "integration/operator_fixture.h"

static char path[256]; /* of the file given to -f */

/* Runs kubectl-lp with these arguments; its exit status. *ret_text, the caller's, is what it
 * printed. */
static int cli(const char *const *args, char **ret_text)
{
    lp_auto_free char *bin = lp_sprintf("%s/kubectl-lp", getenv("LP_BIN"));
    lp_auto_free char *out = lp_sprintf("%s/../test/cli-%s.out", getenv("LP_BIN"), ns);
    lp_auto_free char *kubeconfig = lp_sprintf("KUBECONFIG=%s", getenv("KUBECONFIG"));
    const char *env[] = { kubeconfig, "LP_IMAGE_REGISTRY=registry.example/lp",
                          "LP_IMAGE_TAG=v9.9.9", NULL };
    const char *argv[16] = { bin };
    for (int i = 0; args[i]; i++)
        argv[i + 1] = args[i];
    remove(out);
    int status = program_run(argv, env, out);
    *ret_text = program_read_file(out);
    remove(out);
    return status;
}
#define CLI(ret_text, ...) cli((const char *const[]){ __VA_ARGS__, NULL }, (ret_text))

static const char *file(const char *spec)
{
    snprintf(path, sizeof path, "%s/../test/cli-%s.yaml", getenv("LP_BIN"), ns);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f,
            "apiVersion: learningplatform.io/v1alpha1\nkind: LearningPlatform\n"
            "metadata: {name: english, namespace: %s}\nspec: %s\n",
            ns, spec);
    fclose(f);
    return path;
}

static json_t *parse(const char *text)
{
    json_t *o = NULL;
    ok(lp_json_parse(text, strlen(text), LP_LIMIT_KUBE_OBJECT, "answer", &o, &err));
    return o;
}

static char *version_of(const struct lp_kube_kind *kind, const char *name)
{
    json_auto_t *o = NULL;
    ok(lp_kube_get(client, kind, ns, name, &o, &err));
    return lp_sprintf("%lld", (long long)lp_json_int(0, o, "metadata", "generation", NULL));
}

static void a_platform_that_is_carried_out_differs_in_nothing(void **state)
{
    lp_auto_free char *text = NULL;
    (void)state;
    create_platform("english", json_object());
    int status = CLI(&text, "diff", "english", "-n", ns);
    if (status != 0 || !strstr(text, "no changes"))
        fail_msg("status %d: %s", status, text);
}

static bool has_mark(const json_t *o, const void *want)
{
    return lp_json_str(o, "spec", "template", "metadata", "annotations", want, NULL) != NULL;
}

/* The plan knows what the pods were told of Secrets, as the operator's does. */
static void a_platform_whose_secrets_were_made_anew_differs_in_nothing(void **state)
{
    lp_auto_free char *text = NULL;
    (void)state;
    create_platform("english", json_object());
    ok(lp_kube_delete(client, &lp_kube_secrets, ns, "english-postgres", NULL, &err));
    ok(lp_kube_delete(client, &lp_kube_secrets, ns, "english-jwt", NULL, &err));
    edit_platform("english", parse_spec("{databases: {postgres: {resources: {requests: {cpu:"
                                        " 123m}}}}}")); /* looks whether they are there */
    json_decref(await(&lp_kube_stateful_sets, "english-postgres", has_mark,
                      "learningplatform.io/secret-database", "told of the Secret"));
    json_decref(await(&lp_kube_deployments, "english-gateway", has_mark,
                      "learningplatform.io/secret-keys", "told of the keys"));
    json_decref(await(&lp_kube_deployments, "english-progress", has_mark,
                      "learningplatform.io/secret-keys", "told of the keys"));
    int status = CLI(&text, "diff", "english", "-n", ns);
    if (status != 0 || !strstr(text, "no changes"))
        fail_msg("status %d: %s", status, text);
}

static void a_file_differs_by_what_it_would_change_and_nothing_is_written(void **state)
{
    lp_auto_free char *text = NULL;
    (void)state;
    create_platform("english", json_object());
    lp_auto_free char *platform = version_of(&lp_kube_platforms, "english");
    lp_auto_free char *deployment = version_of(&lp_kube_deployments, "english-auth");
    const char *f = file("{services: {auth: {concurrency: 9, env: [{name: DB_PASSWORD, value: "
                         "hidden-thing}]}}}");
    int status = CLI(&text, "diff", "-f", f, "-o", "json");
    if (status != 1)
        fail_msg("status %d: %s", status, text);
    assert_null(strstr(text, "hidden-thing"));
    json_auto_t *answer = parse(text);
    const json_t *one = json_array_get(json_object_get(answer, "platforms"), 0);
    assert_int_equal(lp_json_int(0, one, "change", NULL), 3); /* platform, ConfigMap, Deployment */
    assert_int_equal(lp_json_int(0, one, "create", NULL), 0);
    assert_int_equal(lp_json_int(0, one, "delete", NULL), 0);
    assert_string_equal(json_string_value(json_array_get(json_object_get(one, "restarts"), 0)),
                        "english-auth");
    lp_auto_free char *platform_after = version_of(&lp_kube_platforms, "english");
    lp_auto_free char *deployment_after = version_of(&lp_kube_deployments, "english-auth");
    assert_string_equal(platform, platform_after);
    assert_string_equal(deployment, deployment_after);
}

static void a_new_or_a_wrong_file_says_so_by_its_status(void **state)
{
    lp_auto_free char *text = NULL, *wrong = NULL, *none = NULL;
    json_t *object = NULL;
    struct lp_error err;
    (void)state;
    assert_int_equal(CLI(&text, "diff", "-f", file("{}")), 1);
    assert_non_null(strstr(text, "39 to create, 0 to change, 0 to delete; restarts pods: no"));
    assert_int_equal(lp_kube_get(client, &lp_kube_platforms, ns, "english", &object, &err),
                     LP_E_NOT_FOUND);
    assert_int_equal(CLI(&wrong, "diff", "-f", file("{services: {auth: {concurrency: 0}}}")), 2);
    assert_non_null(strstr(wrong, "spec.services.auth.concurrency"));
    assert_int_equal(CLI(&none, "diff", "nobody", "-n", ns), 2);
    assert_non_null(strstr(none, "nobody"));
}

static void what_is_rendered_is_what_the_api_server_takes(void **state)
{
    static const struct lp_kube_apply_options options = { .field_manager = "test",
                                                          .force = true,
                                                          .dry_run = true };
    static const struct lp_kube_kind *const kinds[] = { &lp_kube_service_accounts,
                                                        &lp_kube_config_maps,
                                                        &lp_kube_network_policies,
                                                        &lp_kube_services,
                                                        &lp_kube_stateful_sets,
                                                        &lp_kube_deployments,
                                                        &lp_kube_hpas,
                                                        &lp_kube_pdbs };
    lp_auto_free char *text = NULL;
    unsigned taken = 0;
    json_t *item;
    size_t i;
    (void)state;
    assert_int_equal(CLI(&text, "render", "-f", "config/samples/production.yaml", "-o", "json"), 0);
    json_auto_t *list = parse(text);
    json_array_foreach(json_object_get(list, "items"), i, item)
    {
        json_object_set_new(json_object_get(item, "metadata"), "namespace", json_string(ns));
        for (size_t k = 0; k < LP_COUNT(kinds); k++) {
            if (strcmp(kinds[k]->kind, lp_json_str(item, "kind", NULL)) != 0)
                continue;
            ok(lp_kube_apply(client, kinds[k], item, &options, NULL, &err));
            taken++;
        }
    }
    assert_true(taken > 20);
    assert_int_equal(taken, json_array_size(json_object_get(list, "items")));
}

static void a_simulation_tells_by_its_status_whether_limits_are_kept(void **state)
{
    static const char trace[] = "config/samples/school-day.csv";
    lp_auto_free char *kept = NULL, *over = NULL, *wrong = NULL;
    const char *f = file("{}");
    (void)state;
    assert_int_equal(CLI(&kept, "simulate", "-f", f, "--service", "ai-feedback", "--trace", trace,
                         "--max-pod-hours", "33"),
                     0);
    assert_non_null(strstr(kept, "pod-hours"));
    assert_int_equal(CLI(&over, "simulate", "-f", f, "--service", "ai-feedback", "--trace", trace,
                         "--max-seconds-over-target", "1"),
                     1);
    assert_non_null(strstr(over, "kubectl lp: seconds over the queue depth's target: must be at "
                                 "most 1.000, is "));
    assert_int_equal(CLI(&wrong, "simulate", "-f", f, "--service", "none", "--trace", trace), 2);
    assert_non_null(strstr(wrong, "--service: must be gateway, auth, ai-feedback or progress"));
}

static void why_and_report_tell_without_credentials(void **state)
{
    lp_auto_free char *why = NULL, *report = NULL;
    (void)state;
    create_platform("english", parse_spec("{services: {auth: {env: [{name: DB_PASSWORD, value: "
                                          "hidden-thing}, {name: MAIL_URL, value: "
                                          "'smtp://u:hidden-too@mail'}]}}}"));
    assert_int_equal(CLI(&why, "why", "english", "-n", ns), 0);
    assert_non_null(strstr(why, "  auth: "));
    assert_non_null(strstr(why, "queue_depth"));
    assert_int_equal(CLI(&report, "report", "english", "-n", ns), 0);
    assert_non_null(strstr(report, "kind: LearningPlatform"));
    assert_non_null(strstr(report, "kind: HorizontalPodAutoscaler"));
    assert_non_null(strstr(report, "DB_PASSWORD"));
    assert_null(strstr(report, "hidden-"));
    assert_null(strstr(report, "kind: Secret\n"));
}

/* The HPA controller says of each service that it has no metrics: the first of that is kept. */
static void the_decisions_of_the_last_hour_are_told(void **state)
{
    lp_auto_free char *since = NULL, *at = NULL, *wrong = NULL;
    char now[LP_CLOCK_TEXT];
    (void)state;
    create_platform("english", json_object());
    json_decref(await(&lp_kube_config_maps, "english-decisions", exists, NULL, "kept"));
    assert_int_equal(CLI(&since, "why", "english", "-n", ns, "--since", "1h"), 0);
    assert_non_null(strstr(since, "  not scaling: "));
    lp_clock_format(lp_clock_wall_ms(), 3, now);
    assert_int_equal(CLI(&at, "why", "english", "-n", ns, "--at", now, "-o", "json"), 0);
    json_auto_t *o = parse(at);
    const json_t *platform = json_array_get(json_object_get(o, "platforms"), 0);
    assert_string_equal(lp_json_str(platform, "name", NULL), "english");
    assert_true(json_array_size(json_object_get(platform, "decisions")) > 0);
    assert_int_equal(CLI(&wrong, "why", "english", "-n", ns, "--since", "2d"), 1);
    assert_non_null(strstr(wrong, "--since: must be 1s..24h"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_platform_that_is_carried_out_differs_in_nothing,
                               fixture_namespace),
        cmocka_unit_test_setup(a_platform_whose_secrets_were_made_anew_differs_in_nothing,
                               fixture_namespace),
        cmocka_unit_test_setup(a_file_differs_by_what_it_would_change_and_nothing_is_written,
                               fixture_namespace),
        cmocka_unit_test_setup(a_new_or_a_wrong_file_says_so_by_its_status, fixture_namespace),
        cmocka_unit_test_setup(what_is_rendered_is_what_the_api_server_takes, fixture_namespace),
        cmocka_unit_test(a_simulation_tells_by_its_status_whether_limits_are_kept),
        cmocka_unit_test_setup(why_and_report_tell_without_credentials, fixture_namespace),
        cmocka_unit_test_setup(the_decisions_of_the_last_hour_are_told, fixture_namespace),
    };
    return cmocka_run_group_tests_name("operator_cli", tests, fixture_begin, fixture_end);
}
