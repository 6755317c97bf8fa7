/* test/unit/test_platform_alerts.c -- alerts: one source gives the file for all platforms and the
 * PrometheusRule of each. */
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "json/yaml.h"
#include "metrics/metrics.h"
#include "platform/alerts.h"
#include "platform/images.h"
#include "platform/plan_parts.h"
#include "platform/spec_decode.h"
#include "unit/check.h"
#include "unit/golden.h"

static struct lp_error err;

static json_t *parse(const char *yaml)
{
    json_t *documents = NULL;
    assert_int_equal(lp_yaml_parse(yaml, strlen(yaml), 1 << 20, "test", &documents, &err), 0);
    json_t *first = json_incref(json_array_get(documents, 0));
    json_decref(documents);
    return first;
}

static json_t *platform_of(const char *monitoring)
{
    lp_auto_free char *yaml = lp_sprintf(
        "{metadata: {name: english, namespace: school}, spec: {monitoring: %s}}", monitoring);
    return parse(yaml);
}

/* The groups of a platform with this spec.monitoring. */
static json_t *groups_of(const char *monitoring)
{
    json_auto_t *object = platform_of(monitoring);
    struct platform_spec spec;
    if (spec_decode_strict(object, &spec, &err) < 0)
        fail_msg("%s", err.msg);
    return alerts_groups(&spec.monitoring, "school", "english");
}

static const json_t *alert(const json_t *groups, const char *name)
{
    const json_t *group;
    size_t i;
    json_array_foreach(groups, i, group)
    {
        const json_t *rule = lp_json_find(json_object_get(group, "rules"), "alert", name);
        if (rule)
            return rule;
    }
    fail_msg("no alert %s", name);
    return NULL;
}

static void says(const json_t *object, const char *field, const char *part)
{
    const char *text = lp_json_str(object, field, NULL);
    if (!text || !strstr(text, part))
        fail_msg("%s: %s", field, text ? text : "none");
}

static void the_file_for_all_platforms_is_what_the_source_gives(void **state)
{
    static const struct monitoring_spec nothing = { .owners = NULL };
    const struct alert_goals goals = alert_goals_of(&nothing);
    struct lp_buf text = LP_BUF_INIT(1 << 20);
    (void)state;
    alerts_write(&goals, NULL, NULL, &text);
    check_golden("dashboards/alerts.yaml", text.ptr);
    check_golden("config/monitoring/alerts.yaml", text.ptr); /* kustomize reads its folder alone */
    lp_buf_done(&text);
}

/* In place of a PrometheusRule of each platform, as there is one operator. */
static void the_rules_about_the_operator_are_a_file_of_their_own(void **state)
{
    static const char head[] =
        "# For a Prometheus Operator: lp-operator's pods and the alerts about it. Made from\n"
        "# platform/alerts.yaml; platforms with spec.monitoring have theirs by themselves.\n---\n";
    struct lp_buf text = LP_BUF_INIT(1 << 20);
    (void)state;
    json_auto_t *monitor = parse(
        "{apiVersion: monitoring.coreos.com/v1, kind: PodMonitor, metadata: {name: lp-operator, "
        "namespace: learning-platform-system}, spec: {selector: {matchLabels: "
        "{app.kubernetes.io/name: lp-operator}}, podMetricsEndpoints: [{port: metrics, path: "
        "/metrics, interval: 15s, honorLabels: true, relabelings: [{targetLabel: app, replacement: "
        "lp-operator, action: replace}]}]}}");
    json_auto_t *rule =
        lp_json_make("{s:s, s:s, s:{s:s, s:s}, s:{s:o}}", "apiVersion", "monitoring.coreos.com/v1",
                     "kind", "PrometheusRule", "metadata", "name", "lp-operator", "namespace",
                     "learning-platform-system", "spec", "groups", alerts_operator_groups());
    lp_buf_str(&text, head);
    lp_yaml_write(monitor, &text);
    lp_buf_str(&text, "---\n");
    lp_yaml_write(rule, &text);
    check_golden("dashboards/prometheus-operator.yaml", text.ptr);
    lp_buf_done(&text);
}

/* Takes the scope out of each expression, and what owners add. */
static void make_general(json_t *groups)
{
    static const char scope[] = "namespace=\"school\",platform=\"english\",";
    json_t *group, *rule;
    size_t i, k;
    json_array_foreach(groups, i, group)
        json_array_foreach(json_object_get(group, "rules"), k, rule)
    {
        lp_auto_free char *expr = lp_strdup(lp_json_str(rule, "expr", NULL));
        assert_non_null(strstr(expr, scope));
        for (char *at; (at = strstr(expr, scope)) != NULL;)
            memmove(at, at + strlen(scope), strlen(at + strlen(scope)) + 1);
        lp_json_set_str(rule, "expr", expr);
    }
}

static void a_platform_has_the_rules_of_the_file_but_only_for_itself(void **state)
{
    struct lp_buf text = LP_BUF_INIT(1 << 20);
    static const struct monitoring_spec nothing = { .owners = NULL };
    const struct alert_goals goals = alert_goals_of(&nothing);
    (void)state;
    alerts_write(&goals, NULL, NULL, &text);
    json_auto_t *file = parse(text.ptr);
    json_auto_t *ours = groups_of("{}");
    json_t *groups = json_object_get(file, "groups");
    make_general(ours);
    assert_int_equal(json_array_size(ours), json_array_size(groups) - 1);
    for (size_t i = 0; i < json_array_size(ours); i++)
        assert_true(json_equal(json_array_get(ours, i), json_array_get(groups, i)));
    lp_buf_done(&text);
}

static void
goals_of_the_spec_are_in_the_rules_and_the_latency_lies_between_two_buckets(void **state)
{
    (void)state;
    json_auto_t *groups = groups_of("{slo: {availability: '99.95', latency: {p95: 180ms}}, owners: "
                                    "{gateway: {team: core, severity: critical, runbook: "
                                    "'https://wiki.example.org/gw'}, auth: {team: identity}, "
                                    "platform: {team: ops}}}");
    json_auto_t *document = lp_json_make("{s:O}", "groups", groups);
    struct lp_buf text = LP_BUF_INIT(1 << 20);
    lp_yaml_write(document, &text);
    check_golden("test/unit/golden/platform_alerts.yaml", text.ptr);
    const json_t *ratios = json_object_get(json_array_get(groups, 0), "rules");
    const json_t *slow = lp_json_find(ratios, "record", "lp:gateway_slow:ratio_rate5m");
    const json_t *errors = alert(groups, "LearnersSeeErrors");
    says(errors, "expr", "> 14.4 * 0.0005 ");
    says(json_object_get(alert(groups, "LearnersSeeErrorsSlowly"), "annotations"), "summary",
         "over the 0.05 % allowed");
    says(json_object_get(alert(groups, "LearnersWait"), "annotations"), "summary",
         "longer than 180 ms");
    says(slow, "expr",
         "1 - (0.467 * sum by (namespace, platform) (rate(lp_request_seconds_bucket{namespace="
         "\"school\",platform=\"english\",app=\"gateway\",le=\"0.1\"}[5m])) + 0.533 * ");
    lp_buf_done(&text);
}

static void the_bounds_are_those_of_the_metric(void **state)
{
    (void)state;
    assert_int_equal(alert_n_bounds, lp_metrics_n_seconds);
    for (unsigned i = 0; i < alert_n_bounds; i++)
        assert_true((double)alert_bounds_us[i] == lp_metrics_seconds[i] * 1e6);
}

static void a_bound_of_whole_seconds_is_found_by_both_of_its_names(void **state)
{
    (void)state;
    json_auto_t *groups = groups_of("{slo: {latency: {p95: 1s}}}");
    const json_t *ratios = json_object_get(json_array_get(groups, 0), "rules");
    const json_t *slow = lp_json_find(ratios, "record", "lp:gateway_slow:ratio_rate5m");
    says(slow, "expr", "le=~\"1([.]0)?\"}[5m]");
}

/* `field` of an alert's labels. */
static const char *label(const json_t *groups, const char *name, const char *field)
{
    return lp_json_str(alert(groups, name), "labels", field, NULL);
}

static void each_alert_names_its_owner_and_a_ticket_stays_a_ticket(void **state)
{
    (void)state;
    json_auto_t *groups = groups_of(
        "{owners: {gateway: {team: core, severity: critical, runbook: 'https://w.org/gw'}, auth: "
        "{team: identity}, platform: {team: ops}}}");
    assert_string_equal(label(groups, "LearnersSeeErrors", "team"), "core");
    assert_string_equal(label(groups, "LearnersSeeErrors", "severity"), "critical");
    assert_string_equal(label(groups, "LearnersSeeErrorsSlowly", "severity"), "ticket");
    assert_string_equal(label(groups, "PasswordsWait", "team"), "identity");
    assert_string_equal(label(groups, "PlatformNotReady", "team"), "ops");
    assert_string_equal(label(groups, "PlatformNotReady", "severity"), "page");
    assert_string_equal(
        lp_json_str(alert(groups, "CircuitOpen"), "annotations", "runbook_url", NULL),
        "https://w.org/gw");
    assert_null(lp_json_str(alert(groups, "PlatformNotReady"), "annotations", "runbook_url", NULL));
    assert_string_equal(label(groups, "DatabaseDown", "team"),
                        "{{ if eq $labels.app \"gateway\" }}core{{ else if eq $labels.app "
                        "\"auth\" }}identity{{ else }}ops{{ end }}");
    assert_string_equal(label(groups, "DatabaseDown", "severity"),
                        "{{ if eq $labels.app \"gateway\" }}critical{{ else }}page{{ end }}");
}

static void what_cannot_be_a_goal_or_an_owner_is_refused_by_name(void **state)
{
    static const char *const cases[][2] = {
        { "{slo: {availability: '94.9'}}", "slo.availability: must be 95 to 99.999" },
        { "{slo: {availability: '100'}}", "slo.availability" },
        { "{slo: {availability: '99.'}}", "slo.availability" },
        { "{slo: {availability: '99.1234'}}", "slo.availability" },
        { "{slo: {latency: {p95: 0ms}}}", "latency.p95: must be 1ms" },
        { "{slo: {latency: {p95: 31s}}}", "latency.p95" },
        { "{slo: {latency: {p95: 5m}}}", "latency.p95" },
        { "{owners: {nobody: {team: a}}}", "each must be a service of the platform" },
        { "{owners: {auth: {team: 'a b'}}}", "owners.auth.team: must be" },
        { "{owners: {auth: {runbook: 'javascript:x'}}}", "owners.auth.runbook: must be" },
        { "{owners: {auth: {runbook: 'https://a/{{x}}'}}}", "owners.auth.runbook: must be" },
        { "{podMonitor: On}", "podMonitor" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        json_auto_t *object = platform_of(cases[i][0]);
        struct platform_spec spec;
        assert_int_equal(spec_decode(object, &spec, &err), LP_E_INVALID);
        if (!strstr(err.msg, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], err.msg);
    }
}

static unsigned monitors_of(const char *monitoring, json_t **ret_monitor)
{
    json_auto_t *object = monitoring ? platform_of(monitoring)
                                     : parse("{metadata: {name: english, namespace: school}, "
                                             "spec: {}}");
    const struct plan_images images = images_defaults();
    struct platform p = { .ns = "school", .name = "english", .uid = "u", .images = &images };
    struct plan plan plan_auto;
    unsigned n = 0;
    assert_int_equal(spec_decode(object, &p.spec, &err), 0);
    plan_init(&plan, &p);
    for (unsigned i = 0; i < plan.n; i++) {
        const struct child *c = &plan.children[i];
        if (c->kind != CHILD_POD_MONITOR && c->kind != CHILD_PROMETHEUS_RULE)
            continue;
        assert_string_equal(c->name, "english-monitoring");
        if (c->kind == CHILD_POD_MONITOR && ret_monitor)
            *ret_monitor = json_incref(c->intent);
        n++;
    }
    return n;
}

static void a_platform_without_monitoring_has_none_and_each_kind_can_be_left_out(void **state)
{
    (void)state;
    json_auto_t *monitor = NULL;
    assert_int_equal(monitors_of(NULL, NULL), 0);
    assert_int_equal(monitors_of("{}", &monitor), 2);
    assert_int_equal(monitors_of("{podMonitor: None}", NULL), 1);
    assert_int_equal(monitors_of("{podMonitor: None, prometheusRule: None}", NULL), 0);
    assert_string_equal(lp_json_str(monitor, "apiVersion", NULL), "monitoring.coreos.com/v1");
    assert_string_equal(
        lp_json_str(monitor, "metadata", "labels", "app.kubernetes.io/component", NULL),
        "monitoring");
    json_auto_t *spec = parse(
        "{selector: {matchLabels: {app.kubernetes.io/part-of: english, "
        "app.kubernetes.io/component: service}}, podMetricsEndpoints: [{port: metrics, path: "
        "/metrics, interval: 15s, relabelings: [{sourceLabels: "
        "[__meta_kubernetes_pod_label_app_kubernetes_io_name], targetLabel: app, action: replace}, "
        "{sourceLabels: [__meta_kubernetes_pod_label_app_kubernetes_io_part_of], targetLabel: "
        "platform, action: replace}]}]}");
    assert_true(json_equal(json_object_get(monitor, "spec"), spec));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_for_all_platforms_is_what_the_source_gives),
        cmocka_unit_test(the_rules_about_the_operator_are_a_file_of_their_own),
        cmocka_unit_test(a_platform_has_the_rules_of_the_file_but_only_for_itself),
        cmocka_unit_test(
            goals_of_the_spec_are_in_the_rules_and_the_latency_lies_between_two_buckets),
        cmocka_unit_test(the_bounds_are_those_of_the_metric),
        cmocka_unit_test(a_bound_of_whole_seconds_is_found_by_both_of_its_names),
        cmocka_unit_test(each_alert_names_its_owner_and_a_ticket_stays_a_ticket),
        cmocka_unit_test(what_cannot_be_a_goal_or_an_owner_is_refused_by_name),
        cmocka_unit_test(a_platform_without_monitoring_has_none_and_each_kind_can_be_left_out),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("platform_alerts", tests, NULL, NULL);
}
