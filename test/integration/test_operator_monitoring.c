/* test/integration/test_operator_monitoring.c -- spec.monitoring against a real API server: with
 * the definitions of a Prometheus Operator, before they come and after they went. */
#include <string.h>

#include "integration/operator_fixture.h"
#include "json/yaml.h"

/* As much of the definitions of the Prometheus Operator as ours need; what they do not know is
 * refused, as theirs do. */
#define DEFINITION(kind, plural, singular, spec)                                                  \
    "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: "     \
    "" plural ".monitoring.coreos.com}, spec: {group: monitoring.coreos.com, scope: Namespaced, " \
    "names: {kind: " kind ", plural: " plural ", singular: " singular ", listKind: " kind         \
    "List}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: " \
    "object, required: [spec], properties: {spec: " spec "}}}}]}}"
#define RELABELING                                                                           \
    "{type: object, properties: {action: {type: string, default: replace, enum: [replace, "  \
    "keep, drop]}, sourceLabels: {type: array, items: {type: string}}, targetLabel: {type: " \
    "string}, replacement: {type: string}, regex: {type: string}}}"
static const char monitors[] = DEFINITION(
    "PodMonitor", "podmonitors", "podmonitor",
    "{type: object, required: [selector], properties: {selector: {type: object, properties: "
    "{matchLabels: {type: object, additionalProperties: {type: string}}}}, podMetricsEndpoints: "
    "{type: array, items: {type: object, properties: {port: {type: string}, path: {type: string}, "
    "interval: {type: string, pattern: "
    "'^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$'}"
    ", honorLabels: {type: boolean}, relabelings: {type: array, items: " RELABELING "}}}}}}");
static const char rules[] = DEFINITION(
    "PrometheusRule", "prometheusrules", "prometheusrule",
    "{type: object, properties: {groups: {type: array, x-kubernetes-list-type: map, "
    "x-kubernetes-list-map-keys: [name], items: {type: object, required: [name], properties: "
    "{name: {type: string, minLength: 1}, interval: {type: string}, rules: {type: array, items: "
    "{type: object, required: [expr], properties: {alert: {type: string}, record: {type: string}, "
    "expr: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}, for: "
    "{type: string}, labels: {type: object, additionalProperties: {type: string}}, annotations: "
    "{type: object, additionalProperties: {type: string}}}}}}}}}}");
#define NAME "english-monitoring"

static void install(const char *definition)
{
    static const struct lp_kube_apply_options options = { .field_manager = "test", .force = true };
    json_auto_t *crd = parse_spec(definition);
    ok(lp_kube_apply(client, &lp_kube_crds, crd, &options, NULL, &err));
}

static void uninstall(const char *name)
{
    ok(lp_kube_delete(client, &lp_kube_crds, NULL, name, NULL, &err));
    await_gone(&lp_kube_crds, name);
}

static const json_t *monitored(const json_t *o)
{
    return lp_json_find(lp_json_at(o, "status", "conditions", NULL), "type", "Monitored");
}

static bool has_reason(const json_t *o, const void *want)
{
    const char *reason = lp_json_str(monitored(o), "reason", NULL);
    return reason && strcmp(reason, want) == 0;
}

static void await_monitored(const char *status, const char *reason)
{
    json_auto_t *o = await(&lp_kube_platforms, "english", has_reason, reason, reason);
    assert_string_equal(lp_json_str(monitored(o), "status", NULL), status);
}

static bool says_nothing(const json_t *o, const void *want)
{
    (void)want;
    return !monitored(o);
}

/* Of the page about errors. */
static bool has_threshold(const json_t *rule, const void *want)
{
    const json_t *groups = lp_json_at(rule, "spec", "groups", NULL);
    const json_t *goals = lp_json_find(groups, "name", "learning-platform-goals");
    const json_t *page =
        lp_json_find(json_object_get(goals, "rules"), "alert", "LearnersSeeErrors");
    return strstr(lp_json_str(page, "expr", NULL), want) != NULL;
}

static bool is_plan_of(const json_t *config_map, const void *want)
{
    const char *text = lp_json_str(config_map, "data", "plan.txt", NULL);
    return text && strstr(text, want);
}

static void await_plan(const char *want)
{
    json_decref(await(&lp_kube_config_maps, "planned-plan", is_plan_of, want, want));
}

static void monitors_wait_for_their_definitions_and_follow_the_spec(void **state)
{
    (void)state;
    create_platform("english", json_object());
    json_decref(await(&lp_kube_platforms, "english", says_nothing, NULL, "nothing said"));
    assert_true(program_metric(&operator, "lp_kube_watch_lists_total{kind=\"PodMonitor\"}") <= 0);
    edit_platform("english", parse_spec("{monitoring: {owners: {auth: {team: identity}}}}"));
    await_monitored("False", "DefinitionMissing");
    await_ready("english"); /* all else is as it should be */
    create_platform("planned", parse_spec("{mode: Plan, monitoring: {}}"));
    await_plan("error PodMonitor planned-monitoring");
    install(monitors);
    json_decref(await(&lp_kube_pod_monitors, NAME, exists, NULL, "made"));
    await_monitored("False", "DefinitionMissing");      /* of the other */
    await_plan("create PodMonitor planned-monitoring"); /* no child and no spec has changed */
    install(rules);
    json_auto_t *rule = await(&lp_kube_prometheus_rules, NAME, exists, NULL, "made");
    await_monitored("True", "AsAsked");
    is_there_and_ours(&lp_kube_pod_monitors, NAME);
    is_there_and_ours(&lp_kube_prometheus_rules, NAME);
    assert_int_equal(json_array_size(lp_json_at(rule, "spec", "groups", NULL)), 4);
    edit_platform("english", parse_spec("{monitoring: {slo: {availability: '99.5'}}}"));
    json_decref(
        await(&lp_kube_prometheus_rules, NAME, has_threshold, "> 14.4 * 0.005 ", "changed"));
    ok(lp_kube_delete(client, &lp_kube_pod_monitors, ns, NAME, NULL, &err));
    json_decref(await(&lp_kube_pod_monitors, NAME, exists, NULL, "back"));
    edit_platform("english", parse_spec("{monitoring: {podMonitor: None}}"));
    await_gone(&lp_kube_pod_monitors, NAME);
    await_monitored("True", "AsAsked");
}

/* With a definition its objects go, and come back; a process that starts now knows of neither. */
static void monitors_come_back_with_their_definition_and_go_after_a_restart(void **state)
{
    (void)state;
    install(monitors);
    install(rules);
    create_platform("english", parse_spec("{monitoring: {}}"));
    json_decref(await(&lp_kube_prometheus_rules, NAME, exists, NULL, "made"));
    uninstall("prometheusrules.monitoring.coreos.com");
    await_monitored("False", "DefinitionMissing");
    install(rules);
    json_decref(await(&lp_kube_prometheus_rules, NAME, exists, NULL, "made anew"));
    await_monitored("True", "AsAsked");
    assert_int_equal(program_stop(&operator), 0);
    json_auto_t *without = parse_spec("{spec: {monitoring: null}}");
    ok(lp_kube_merge_patch(client, &lp_kube_platforms, ns, "english", NULL, without, NULL, &err));
    fixture_start(&operator, "operator");
    await_gone(&lp_kube_prometheus_rules, NAME);
    await_gone(&lp_kube_pod_monitors, NAME);
    json_decref(await(&lp_kube_platforms, "english", says_nothing, NULL, "nothing to say"));
    uninstall("prometheusrules.monitoring.coreos.com");
    uninstall("podmonitors.monitoring.coreos.com");
}

static bool has_label(const json_t *o, const void *want)
{
    const char *label = lp_json_str(o, "metadata", "labels", "grafana_dashboard", NULL);
    return want ? label && strcmp(label, want) == 0 : !label;
}

/* No definition is needed; what Grafana's sidecar goes by is put back, and goes with the wish. */
static void a_dashboard_is_made_put_back_and_goes(void **state)
{
    (void)state;
    create_platform("english", parse_spec("{monitoring: {podMonitor: None, prometheusRule: None, "
                                          "dashboards: ConfigMap}}"));
    json_auto_t *made = await(&lp_kube_config_maps, NAME, has_label, "1", "made");
    lp_auto_free char *key = lp_sprintf("%s.english.json", ns);
    const char *text = lp_json_str(made, "data", key, NULL);
    assert_non_null(text);
    assert_non_null(strstr(text, "lp_service_replicas"));
    is_there_and_ours(&lp_kube_config_maps, NAME);
    await_monitored("True", "AsAsked");
    json_auto_t *without = parse_spec("{metadata: {labels: {grafana_dashboard: null}}}");
    ok(lp_kube_merge_patch(client, &lp_kube_config_maps, ns, NAME, NULL, without, NULL, &err));
    json_decref(await(&lp_kube_config_maps, NAME, has_label, "1", "put back"));
    edit_platform("english", parse_spec("{monitoring: {dashboards: None}}"));
    await_gone(&lp_kube_config_maps, NAME);
    json_decref(await(&lp_kube_platforms, "english", says_nothing, NULL, "nothing to say"));
}

static void goals_and_owners_that_cannot_be_are_refused(void **state)
{
    (void)state;
    is_refused("{monitoring: {slo: {availability: '90'}}}", "spec.monitoring.slo.availability",
               "should match");
    is_refused("{monitoring: {slo: {latency: {p95: 1m}}}}", "spec.monitoring.slo.latency.p95",
               "should match");
    is_refused("{monitoring: {owners: {nobody: {team: a}}}}", "spec.monitoring.owners",
               "each must be gateway");
    is_refused("{monitoring: {owners: {auth: {runbook: 'https://a/{{b}}'}}}}",
               "spec.monitoring.owners.auth.runbook", "should match");
    is_refused("{monitoring: {podMonitor: On}}", "spec.monitoring.podMonitor", "Unsupported value");
    is_refused("{monitoring: {dashboards: Auto}}", "spec.monitoring.dashboards",
               "Unsupported value");
}

#define test(f) cmocka_unit_test_setup(f, fixture_namespace)
int main(void)
{
    const struct CMUnitTest tests[] = {
        test(monitors_wait_for_their_definitions_and_follow_the_spec),
        test(monitors_come_back_with_their_definition_and_go_after_a_restart),
        test(a_dashboard_is_made_put_back_and_goes),
        test(goals_and_owners_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests_name("operator_monitoring", tests, fixture_begin, fixture_end);
}
