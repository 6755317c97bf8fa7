/* test/unit/test_operator_notices.c -- what a status says of what is not written, and its metrics.
 */
#include "operator/status/notices.h"

#include <string.h>

#include "json/json.h"
#include "json/yaml.h"
#include "kube/conditions.h"
#include "metrics/metrics.h"
#include "unit/check.h"
#include "platform/spec_decode.h"

static json_t *parse(const char *yaml)
{
    json_auto_t *documents = NULL;
    ok(lp_yaml_parse(yaml, strlen(yaml), 65536, "test", &documents, &err));
    return json_incref(json_array_get(documents, 0));
}

/* The status of a platform with this spec. */
static json_t *status_of(const char *spec, const struct notices *n, const char *before)
{
    json_auto_t *object =
        lp_json_make("{s:{s:s}, s:o}", "metadata", "name", "english", "spec", parse(spec));
    json_auto_t *was = parse(before);
    struct platform p = { .ns = "learning", .name = "english", .generation = 7 };
    json_t *status = lp_json_make("{s:[]}", "conditions");
    struct conditions c = { json_object_get(status, "conditions"), was, 7, 1000 };
    ok(spec_decode(object, &p.spec, &err));
    notices_set(n, &p, was, &c, status);
    return status;
}

static void check_condition(const json_t *status, const char *type, const char *reason,
                            const char *message)
{
    const json_t *c = lp_kube_condition(status, type);
    assert_non_null(c);
    assert_string_equal(lp_json_str(c, "reason", NULL), reason);
    assert_string_equal(lp_json_str(c, "message", NULL), message);
}

static void what_is_paused_is_named(void **state)
{
    struct notices n notices_auto = NOTICES_INIT;
    (void)state;
    json_auto_t *none = status_of("{}", &n, "{}");
    assert_int_equal(json_array_size(json_object_get(none, "conditions")), 0);
    assert_null(json_object_get(none, "paused"));
    json_auto_t *two =
        status_of("{services: {auth: {paused: true}, progress: {paused: true}}}", &n, "{}");
    assert_string_equal(lp_json_str(two, "paused", NULL), "auth,progress");
    check_condition(
        two, "Paused", "ServicesPaused",
        "spec.services.*.paused is true for auth,progress: nothing of theirs is written "
        "until it is false");
    json_auto_t *all = status_of("{mode: Paused}", &n, "{}");
    assert_string_equal(lp_json_str(all, "paused", NULL), "all");
}

static void a_plan_is_summed_up(void **state)
{
    struct notices n notices_auto = NOTICES_INIT;
    (void)state;
    json_auto_t *unknown = status_of("{mode: Plan}", &n, "{}");
    assert_string_equal(lp_json_str(lp_kube_condition(unknown, "Planned"), "status", NULL),
                        "Unknown");
    json_auto_t *preview = parse("{create: 1, change: 2, delete: 0, errors: 1, restarts: [a, b]}");
    n.preview = preview;
    json_auto_t *planned = status_of("{mode: Plan}", &n, "{}");
    check_condition(
        planned, "Planned", "ChangesPending",
        "1 to create, 2 to change, 0 to delete, 1 refused by the API server; restarts "
        "pods: yes (a, b); see ConfigMap english-plan, spec.mode Active carries it out");
    assert_true(notices_plan_differs(&n));
}

static void what_an_upgrade_waits_for_is_said(void **state)
{
    struct notices n notices_auto = NOTICES_INIT;
    (void)state;
    lp_buf_str(&n.held, "Deployment english-auth (image)");
    json_auto_t *annotation = status_of("{}", &n, "{}");
    check_condition(annotation, "UpgradePending", "PodsWouldRestart",
                    "operator " LP_VERSION " would restart pods though the spec is the same: "
                    "Deployment english-auth (image); waits for kubectl annotate lp english -n "
                    "learning --overwrite learningplatform.io/approve-upgrade=" LP_VERSION);
    n.window_ms = 1000;
    json_auto_t *window = status_of("{}", &n, "{}");
    const char *message = lp_json_str(lp_kube_condition(window, "UpgradePending"), "message", NULL);
    assert_non_null(strstr(message, "waits for the maintenance window at 1970-01-01T00:00:01Z, or "
                                    "kubectl annotate"));
}

static void the_generation_that_was_carried_out_is_kept_until_the_next_is(void **state)
{
    struct notices n notices_auto = NOTICES_INIT;
    (void)state;
    json_auto_t *kept = status_of("{}", &n, "{appliedGeneration: 6}");
    assert_int_equal(lp_json_int(0, kept, "appliedGeneration", NULL), 6);
    n.applied = true;
    json_auto_t *next = status_of("{}", &n, "{appliedGeneration: 6}");
    assert_int_equal(lp_json_int(0, next, "appliedGeneration", NULL), 7);
}

static bool exposed(const char *line)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 20);
    assert_int_equal(lp_metrics_write(&text, &(struct lp_error){ .code = 0 }), 0);
    return strstr(text.ptr, line) != NULL;
}

#define OF "{namespace=\"learning\",platform=\"english\""

static void series_are_there_while_they_hold(void **state)
{
    json_auto_t *status = parse("{paused: 'auth,progress', conditions: [{type: UpgradePending}]}");
    json_auto_t *nothing = json_object();
    (void)state;
    notices_publish("learning", "english", NULL, nothing);
    assert_true(exposed("# TYPE lp_platform_paused gauge\n"));
    assert_true(exposed("# TYPE lp_platform_upgrade_pending gauge\n"));
    notices_publish("learning", "english", nothing, status);
    assert_true(exposed("lp_platform_paused" OF ",service=\"auth\"} 1\n"));
    assert_true(exposed("lp_platform_paused" OF ",service=\"progress\"} 1\n"));
    assert_false(exposed(",service=\"gateway\"}"));
    assert_false(exposed(",service=\"all\"}"));
    assert_true(exposed("lp_platform_upgrade_pending" OF "} 1\n"));
    json_auto_t *next = parse("{paused: 'progress,quiz'}");
    notices_publish("learning", "english", status, next);
    assert_false(exposed(",service=\"auth\"}"));
    assert_true(exposed("lp_platform_paused" OF ",service=\"progress\"} 1\n"));
    assert_true(exposed("lp_platform_paused" OF ",service=\"quiz\"} 1\n"));
    assert_false(exposed("lp_platform_upgrade_pending" OF));
    notices_publish("learning", "english-2", NULL, status);
    notices_forget("learning", "english");
    assert_false(exposed(OF));
    assert_true(exposed("platform=\"english-2\",service=\"auth\"} 1\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_paused_is_named),
        cmocka_unit_test(a_plan_is_summed_up),
        cmocka_unit_test(what_an_upgrade_waits_for_is_said),
        cmocka_unit_test(the_generation_that_was_carried_out_is_kept_until_the_next_is),
        cmocka_unit_test(series_are_there_while_they_hold),
    };
    return cmocka_run_group_tests_name("operator_notices", tests, NULL, NULL);
}
