/* test/integration/test_operator_plan.c -- lp-operator where it does not write: mode Plan, paused
 * services, an upgrade that would restart pods. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "integration/operator_fixture.h"

static const json_t *condition(const json_t *platform, const char *type)
{
    const json_t *c;
    size_t i;
    json_array_foreach(lp_json_at(platform, "status", "conditions", NULL), i,
                       c) if (strcmp(lp_json_str(c, "type", NULL), type) == 0) return c;
    return NULL;
}

/* `want` "Type Reason", or "Type" for a condition that is not there. */
static bool has_condition(const json_t *platform, const void *want)
{
    char type[64] = "", reason[64] = "";
    sscanf(want, "%63s %63s", type, reason);
    const json_t *c = condition(platform, type);
    if (!*reason)
        return !c;
    return c && strcmp(lp_json_str(c, "reason", NULL), reason) == 0 &&
           lp_json_int(0, c, "observedGeneration", NULL) ==
               lp_json_int(1, platform, "metadata", "generation", NULL);
}

static json_t *await_condition(const char *want)
{
    return await(&lp_kube_platforms, "english", has_condition, want, want);
}

static char *await_message(const char *want)
{
    json_auto_t *platform = await_condition(want);
    char type[64] = "";
    sscanf(want, "%63s", type);
    return lp_strdup(lp_json_str(condition(platform, type), "message", NULL));
}

static json_t *get(const struct lp_kube_kind *kind, const char *name)
{
    json_t *o = NULL;
    ok(lp_kube_get(client, kind, ns, name, &o, &err));
    return o;
}

static int64_t generation_of(const struct lp_kube_kind *kind, const char *name)
{
    json_auto_t *o = get(kind, name);
    return lp_json_int(0, o, "metadata", "generation", NULL);
}

/* The plan of this generation, as text and as JSON. */
static bool is_plan_of(const json_t *config_map, const void *want)
{
    const char *text = lp_json_str(config_map, "data", "plan.txt", NULL);
    return text && strstr(text, want);
}

static json_t *await_plan(const char *text_in_it)
{
    json_auto_t *o =
        await(&lp_kube_config_maps, "english-plan", is_plan_of, text_in_it, text_in_it);
    const char *text = lp_json_str(o, "data", "plan.json", NULL);
    json_t *plan = NULL;
    ok(lp_json_parse(text, strlen(text), LP_LIMIT_KUBE_OBJECT, "plan", &plan, &err));
    return plan;
}

static const json_t *change_of(const json_t *plan, const char *kind, const char *name)
{
    const json_t *c;
    size_t i;
    json_array_foreach(json_object_get(plan, "changes"), i,
                       c) if (strcmp(lp_json_str(c, "kind", NULL), kind) == 0 &&
                              strcmp(lp_json_str(c, "name", NULL), name) == 0) return c;
    return NULL;
}

static void mode_plan_tells_what_would_change_and_writes_nothing_else(void **state)
{
    (void)state;
    create_platform("english", json_object());
    int64_t before = generation_of(&lp_kube_deployments, "english-auth");
    edit_platform("english", parse_spec("{mode: Plan, services: {auth: {concurrency: 9}}, "
                                        "networkPolicy: {enabled: false}}"));
    json_auto_t *plan = await_plan("restarts pods: yes (english-auth)");
    assert_int_equal(lp_json_int(0, plan, "create", NULL), 0);
    assert_int_equal(lp_json_int(0, plan, "change", NULL), 2);
    assert_int_equal(lp_json_int(0, plan, "delete", NULL), 6);
    const json_t *config = change_of(plan, "ConfigMap", "english-auth");
    const json_t *field = json_array_get(json_object_get(config, "fields"), 0);
    assert_string_equal(lp_json_str(field, "path", NULL), "data.CONCURRENCY");
    assert_string_equal(lp_json_str(field, "before", NULL), "32");
    assert_string_equal(lp_json_str(field, "after", NULL), "9");
    const json_t *deployment = change_of(plan, "Deployment", "english-auth");
    assert_true(lp_json_bool(false, deployment, "restartsPods", NULL));
    assert_int_equal(generation_of(&lp_kube_deployments, "english-auth"), before);
    json_decref(get(&lp_kube_network_policies, "english-auth"));

    lp_auto_free char *message = await_message("Planned ChangesPending");
    assert_non_null(strstr(message, "0 to create, 2 to change, 6 to delete"));
    json_decref(await_condition("Ready PodsNotReady"));

    json_auto_t *drift =
        lp_json_make("{s:{s:{s:s}}}", "spec", "selector", "app.kubernetes.io/name", "nobody");
    ok(lp_kube_merge_patch(client, &lp_kube_services, ns, "english-auth", NULL, drift, NULL, &err));
    json_auto_t *again = await_plan("0 to create, 3 to change, 6 to delete");
    assert_non_null(change_of(again, "Service", "english-auth"));
    json_auto_t *port = lp_json_make("{s:{s:[{s:s, s:i, s:s}]}}", "spec", "ports", "name", "http",
                                     "port", 3999, "targetPort", "http");
    ok(lp_kube_merge_patch(client, &lp_kube_services, ns, "english-auth", NULL, port, NULL, &err));
    json_decref(await_plan("spec.ports[http].port: 3999 -> 3000"));

    edit_platform("english", lp_json_make("{s:s}", "mode", "Active"));
    await_gone(&lp_kube_config_maps, "english-plan");
    await_gone(&lp_kube_network_policies, "english-auth");
    assert_int_equal(generation_of(&lp_kube_deployments, "english-auth"), before + 1);
    json_decref(await_condition("Planned"));
}

static void a_new_platform_in_mode_plan_is_a_plan_only(void **state)
{
    unsigned n = 0;
    json_t *change;
    size_t i;
    (void)state;
    create_platform("english", parse_spec("{mode: Plan}"));
    json_auto_t *plan = await_plan("restarts pods: no");
    json_array_foreach(json_object_get(plan, "changes"), i, change)
    {
        assert_string_equal(lp_json_str(change, "action", NULL), "create");
        n++;
    }
    assert_int_equal(n, 4 * 7 + 2 * 5);
    json_t *none = NULL;
    struct lp_error err;
    assert_int_equal(lp_kube_get(client, &lp_kube_deployments, ns, "english-auth", &none, &err),
                     LP_E_NOT_FOUND);
}

static void a_plan_takes_over_no_config_map_of_somebody_else(void **state)
{
    (void)state;
    json_auto_t *theirs = parse_spec("{apiVersion: v1, kind: ConfigMap, metadata: {name: "
                                     "english-plan}, data: {plan.txt: theirs}}");
    lp_json_set_str(json_object_get(theirs, "metadata"), "namespace", ns);
    ok(lp_kube_create(client, &lp_kube_config_maps, theirs, NULL, &err));
    create_platform("english", parse_spec("{mode: Plan}"));
    lp_auto_free char *message = await_message("NameConflict NotOurs");
    assert_non_null(strstr(message, "ConfigMap english-plan"));
    assert_non_null(strstr(message, "learningplatform.io/adopt=english"));
    json_auto_t *left = get(&lp_kube_config_maps, "english-plan");
    assert_string_equal(lp_json_str(left, "data", "plan.txt", NULL), "theirs");
    assert_null(lp_json_str(left, "data", "plan.json", NULL));
    assert_null(lp_json_at(left, "metadata", "ownerReferences", NULL));

    json_auto_t *adopt =
        parse_spec("{metadata: {annotations: {learningplatform.io/adopt: english}}}");
    ok(lp_kube_merge_patch(client, &lp_kube_config_maps, ns, "english-plan", NULL, adopt, NULL,
                           &err));
    json_decref(await_plan("restarts pods: no"));
    json_decref(await_condition("NameConflict Resolved"));
}

static void a_paused_service_is_left_alone_and_says_so(void **state)
{
    char series[256];
    (void)state;
    create_platform("english", json_object());
    edit_platform("english", parse_spec("{services: {auth: {paused: true}}}"));
    ok(lp_kube_delete(client, &lp_kube_config_maps, ns, "english-auth", NULL, &err));
    ok(lp_kube_delete(client, &lp_kube_config_maps, ns, "english-progress", NULL, &err));
    json_decref(await(&lp_kube_config_maps, "english-progress", exists, NULL, "put back"));
    lp_auto_free char *message = await_message("Paused ServicesPaused");
    assert_non_null(strstr(message, "auth"));
    json_auto_t *platform = get(&lp_kube_platforms, "english");
    assert_string_equal(lp_json_str(platform, "status", "paused", NULL), "auth");
    snprintf(series, sizeof series,
             "lp_platform_paused{namespace=\"%s\",platform=\"english\",service=\"auth\"}", ns);
    assert_int_equal((int)program_metric(&operator, series), 1);

    edit_platform("english", lp_json_make("{s:s}", "mode", "Paused"));
    json_decref(await_condition("Paused PlatformPaused"));
    ok(lp_kube_delete(client, &lp_kube_services, ns, "english-progress", NULL, &err));
    json_decref(await_like(
        &lp_kube_platforms, "english",
        lp_json_make("{s:{s:s, s:s}}", "status", "phase", "Paused", "paused", "all"), "paused"));
    edit_platform("english", parse_spec("{mode: Active, services: {auth: {paused: false}}}"));
    json_decref(await(&lp_kube_services, "english-progress", exists, NULL, "put back"));
    json_decref(await(&lp_kube_config_maps, "english-auth", exists, NULL, "put back"));
    json_decref(await_condition("Paused"));
    assert_int_equal((int)program_metric(&operator, series), -1);
}

static void restart_with_tag(const char *tag)
{
    fixture_image_tag = tag;
    assert_int_equal(program_stop(&operator), 0);
    fixture_start(&operator, "operator");
}

static bool has_image(const json_t *deployment, const void *tag)
{
    const json_t *container =
        json_array_get(lp_json_at(deployment, "spec", "template", "spec", "containers", NULL), 0);
    const char *image = lp_json_str(container, "image", NULL);
    return image && strstr(image, tag);
}

static void await_image(const char *tag)
{
    static const char *const names[] = { "english-gateway", "english-auth", "english-ai-feedback",
                                         "english-progress" };
    for (size_t i = 0; i < LP_COUNT(names); i++)
        json_decref(await(&lp_kube_deployments, names[i], has_image, tag, tag));
}

static void annotate(const char *value)
{
    json_auto_t *patch = lp_json_make("{s:{s:{s:s}}}", "metadata", "annotations",
                                      "learningplatform.io/approve-upgrade", value);
    ok(lp_kube_merge_patch(client, &lp_kube_platforms, ns, "english", NULL, patch, NULL, &err));
}

static void an_upgrade_that_restarts_pods_waits_for_the_annotation(void **state)
{
    char series[256];
    (void)state;
    create_platform("english", json_object());
    await_image("v9.9.9");
    await_ready("english");
    int64_t before = generation_of(&lp_kube_deployments, "english-auth");
    restart_with_tag("v9.9.10");
    lp_auto_free char *message = await_message("UpgradePending PodsWouldRestart");
    assert_non_null(strstr(message,
                           "Deployment english-auth (spec.template.spec.containers[auth].image: "
                           "\"registry.example/lp/lp-auth:v9.9.9\" -> "
                           "\"registry.example/lp/lp-auth:v9.9.10\")"));
    assert_non_null(strstr(message, "learningplatform.io/approve-upgrade="));
    snprintf(series, sizeof series,
             "lp_platform_upgrade_pending{namespace=\"%s\",platform=\"english\"}", ns);
    assert_int_equal((int)program_metric(&operator, series), 1);

    /* What restarts no pods goes on. */
    ok(lp_kube_delete(client, &lp_kube_services, ns, "english-auth", NULL, &err));
    json_decref(await(&lp_kube_services, "english-auth", exists, NULL, "put back"));
    annotate("v0.0.0-another");
    restart_with_tag("v9.9.10");
    json_decref(await_condition("UpgradePending PodsWouldRestart"));
    assert_int_equal(generation_of(&lp_kube_deployments, "english-auth"), before);

    annotate("1");
    await_image("v9.9.10");
    json_decref(await_condition("UpgradePending"));
    assert_int_equal((int)program_metric(&operator, series), -1);
    restart_with_tag("v9.9.9");
}

/* The window opens when the restart has had four times what a whole platform took, and 10 s. */
static void an_upgrade_waits_for_the_maintenance_window(void **state)
{
    char start[LP_CLOCK_TEXT], end[LP_CLOCK_TEXT];
    int64_t before = lp_clock_wall_ms();
    (void)state;
    create_platform("english", json_object());
    await_ready("english");
    int64_t now = lp_clock_wall_ms();
    lp_clock_format(now + 10000 + 4 * (now - before), 0, start);
    lp_clock_format(now + 3600000, 0, end);
    edit_platform("english", lp_json_make("{s:{s:[{s:s, s:s}]}}", "maintenanceWindow", "dated",
                                          "start", start, "end", end));
    restart_with_tag("v9.9.10");
    lp_auto_free char *message = await_message("UpgradePending PodsWouldRestart");
    assert_non_null(strstr(message, start));
    await_image("v9.9.10");
    assert_true(lp_clock_wall_ms() >= lp_clock_parse(start));
    json_decref(await_condition("UpgradePending"));
    restart_with_tag("v9.9.9");
}

/* The user's own change carries the upgrade along. Before: an operator that wrote no
 * appliedGeneration. */
static void a_change_of_the_spec_does_not_wait(void **state)
{
    (void)state;
    create_platform("english", json_object());
    await_ready("english");
    assert_int_equal(program_stop(&operator), 0);
    json_auto_t *older = lp_json_make("{s:{s:n}}", "status", "appliedGeneration");
    ok(lp_kube_merge_patch(client, &lp_kube_platforms, ns, "english", "status", older, NULL, &err));
    fixture_image_tag = "v9.9.10";
    fixture_start(&operator, "operator");
    json_decref(await_condition("UpgradePending PodsWouldRestart"));
    edit_platform("english", parse_spec("{services: {auth: {concurrency: 9}}}"));
    await_image("v9.9.10");
    json_decref(await_condition("UpgradePending"));
    restart_with_tag("v9.9.9");
}

/* Nothing serves that a restart could disturb, and the upgrade may be what helps. */
static void the_cure_of_pods_that_never_ran_does_not_wait(void **state)
{
    (void)state;
    create_platform("english", json_object());
    await_image("v9.9.9");
    restart_with_tag("v9.9.10");
    await_image("v9.9.10");
    restart_with_tag("v9.9.9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(mode_plan_tells_what_would_change_and_writes_nothing_else,
                               fixture_namespace),
        cmocka_unit_test_setup(a_new_platform_in_mode_plan_is_a_plan_only, fixture_namespace),
        cmocka_unit_test_setup(a_plan_takes_over_no_config_map_of_somebody_else, fixture_namespace),
        cmocka_unit_test_setup(a_paused_service_is_left_alone_and_says_so, fixture_namespace),
        cmocka_unit_test_setup(an_upgrade_that_restarts_pods_waits_for_the_annotation,
                               fixture_namespace),
        cmocka_unit_test_setup(an_upgrade_waits_for_the_maintenance_window, fixture_namespace),
        cmocka_unit_test_setup(a_change_of_the_spec_does_not_wait, fixture_namespace),
        cmocka_unit_test_setup(the_cure_of_pods_that_never_ran_does_not_wait, fixture_namespace),
    };
    return cmocka_run_group_tests_name("operator_plan", tests, fixture_begin, fixture_end);
}
