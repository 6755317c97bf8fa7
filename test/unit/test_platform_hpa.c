/*
 * test/unit/test_platform_hpa.c -- the arithmetic of the HPA controller: by hand from its rules,
 * and against what the controller of Kubernetes decided on random HPAs and loads
 * (test/unit/hpa/vectors.jsonl; LP_HPA_VECTORS names others: of generate beside it, or of
 * test/integration/hpa.py, which knows when a decision was made only to some ms).
 */
#include "platform/hpa/hpa.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "unit/check.h"

#define MAX_PODS 4096
#define MAX_LINE (1 << 20)
#define MI INT64_C(1048576000) /* a mebibyte in milli units */

static struct hpa_rules rules_of(const char *text)
{
    struct hpa_rules rules = { 0 };
    json_auto_t *spec = json_loads(text, 0, NULL);
    assert_non_null(spec);
    ok(hpa_rules_read(spec, &rules, &err));
    return rules;
}

#define QUEUE                                                                              \
    "\"metrics\":[{\"type\":\"Object\",\"object\":{\"metric\":{\"name\":\"queue_depth\"}," \
    "\"target\":{\"type\":\"AverageValue\",\"averageValue\":\"4\"}}}]"
#define CPU                                                                           \
    "\"metrics\":[{\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\",\"target\":{" \
    "\"type\":\"Utilization\",\"averageUtilization\":70}}}]"

/* One sync at `s` seconds with this queue; what the replicas become. */
static int32_t sync_queue(const struct hpa_rules *rules, struct hpa_state *state, int64_t s,
                          int32_t replicas, int64_t queue)
{
    struct hpa_observed seen = { .now_ms = s * 1000,
                                 .spec_replicas = replicas,
                                 .status_replicas = replicas,
                                 .object_value = queue < 0 ? -1 : queue * 1000 };
    struct hpa_decision d;
    hpa_decide(rules, &seen, state, &d);
    return d.replicas;
}

static void check_conditions(const struct hpa_state *state, const char *able, const char *active,
                             const char *limited)
{
    const char *const wanted[HPA_CONDITIONS] = { able, active, limited };
    for (unsigned i = 0; i < HPA_CONDITIONS; i++) {
        const struct hpa_condition *c = &state->conditions[i];
        lp_auto_free char *text =
            lp_sprintf("%s %s", c->status ? "True" : "False", c->reason ? c->reason : "");
        assert_string_equal(c->reason ? text : "", wanted[i]);
    }
}

static void a_tenth_more_or_less_changes_nothing(void **state)
{
    static const struct {
        int64_t queue;
        int32_t wanted;
    } cases[] = { { 40, 10 }, { 44, 10 }, { 45, 12 }, { 36, 10 }, { 35, 9 }, { 0, 1 } };
    struct hpa_rules rules =
        rules_of("{\"minReplicas\":1,\"maxReplicas\":20," QUEUE ",\"behavior\":{\"scaleDown\":{"
                 "\"stabilizationWindowSeconds\":0}}}");
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        hpa_auto_state struct hpa_state s = { 0 };
        assert_int_equal(sync_queue(&rules, &s, 0, 10, cases[i].queue), cases[i].wanted);
    }
}

static void without_behavior_it_doubles_and_waits_five_minutes(void **state)
{
    static const int32_t ladder[] = { 4, 8, 16, 20 };
    struct hpa_rules rules = rules_of("{\"minReplicas\":1,\"maxReplicas\":20," QUEUE "}");
    hpa_auto_state struct hpa_state s = { 0 };
    int32_t n = 1;
    (void)state;
    for (size_t i = 0; i < LP_COUNT(ladder); i++) {
        n = sync_queue(&rules, &s, (int64_t)i * 15, n, 400);
        assert_int_equal(n, ladder[i]);
    }
    check_conditions(&s, "True SucceededRescale", "True ValidMetricFound", "True TooManyReplicas");
    /* The last that asked for 100 is of second 45; it counts until 345. */
    assert_int_equal(sync_queue(&rules, &s, 60, 20, 4), 20);
    check_conditions(&s, "True ScaleDownStabilized", "True ValidMetricFound",
                     "True TooManyReplicas");
    assert_int_equal(sync_queue(&rules, &s, 345, 20, 4), 20);
    assert_int_equal(sync_queue(&rules, &s, 346, 20, 4), 1);
}

static void the_default_behavior_adds_four_or_doubles(void **state)
{
    static const int32_t ladder[] = { 5, 10, 20, 40, 50 };
    struct hpa_rules rules =
        rules_of("{\"minReplicas\":1,\"maxReplicas\":50," QUEUE ",\"behavior\":{}}");
    hpa_auto_state struct hpa_state s = { 0 };
    int32_t n = 1;
    (void)state;
    for (size_t i = 0; i < LP_COUNT(ladder); i++) {
        n = sync_queue(&rules, &s, (int64_t)i * 15, n, 400);
        assert_int_equal(n, ladder[i]);
        check_conditions(&s, "True SucceededRescale", "True ValidMetricFound",
                         i < 4 ? "True ScaleUpLimit" : "True TooManyReplicas");
    }
    /* Where the rate and maxReplicas allow the same, it is maxReplicas. */
    hpa_auto_state struct hpa_state other = { 0 };
    assert_int_equal(sync_queue(&rules, &other, 0, 25, 4000), 50);
    check_conditions(&other, "True SucceededRescale", "True ValidMetricFound",
                     "True TooManyReplicas");
}

static void policies_count_what_changed_in_their_period(void **state)
{
    struct hpa_rules rules = rules_of(
        "{\"minReplicas\":1,\"maxReplicas\":50," QUEUE ",\"behavior\":{"
        "\"scaleUp\":{\"policies\":[{\"type\":\"Pods\",\"value\":3,\"periodSeconds\":60}]},"
        "\"scaleDown\":{\"stabilizationWindowSeconds\":0,\"policies\":[{\"type\":"
        "\"Percent\",\"value\":10,\"periodSeconds\":60}]}}}");
    hpa_auto_state struct hpa_state s = { 0 };
    (void)state;
    assert_int_equal(sync_queue(&rules, &s, 0, 10, 400), 13);
    assert_int_equal(sync_queue(&rules, &s, 15, 13, 400), 13); /* three in this minute already */
    assert_int_equal(sync_queue(&rules, &s, 60, 13, 400), 16);
    /* Down: 16 pods, of which 3 came in the last minute: 13 * 0.9 = 11.7, cut to 11. */
    assert_int_equal(sync_queue(&rules, &s, 75, 16, 4), 11);
    check_conditions(&s, "True SucceededRescale", "True ValidMetricFound", "True ScaleDownLimit");
}

static void a_window_upwards_takes_the_lowest_of_it(void **state)
{
    struct hpa_rules rules =
        rules_of("{\"minReplicas\":1,\"maxReplicas\":50," QUEUE ",\"behavior\":{\"scaleUp\":{"
                 "\"stabilizationWindowSeconds\":30}}}");
    hpa_auto_state struct hpa_state s = { 0 };
    (void)state;
    assert_int_equal(sync_queue(&rules, &s, 0, 2, 24), 2); /* the start counts as two */
    check_conditions(&s, "True ScaleUpStabilized", "True ValidMetricFound",
                     "False DesiredWithinRange");
    assert_int_equal(sync_queue(&rules, &s, 15, 2, 40), 2);
    assert_int_equal(sync_queue(&rules, &s, 30, 2, 32), 6); /* of 6, 10 and 8, and 0 s is over */
}

static void disabled_goes_one_way_only(void **state)
{
    struct hpa_rules rules = rules_of("{\"minReplicas\":1,\"maxReplicas\":50," QUEUE
                                      ",\"behavior\":{\"scaleDown\":{\"selectPolicy\":\"Disabled\","
                                      "\"stabilizationWindowSeconds\":0}}}");
    hpa_auto_state struct hpa_state s = { 0 };
    (void)state;
    assert_int_equal(sync_queue(&rules, &s, 0, 5, 40), 10);
    assert_int_equal(sync_queue(&rules, &s, 15, 10, 4), 10);
    check_conditions(&s, "True ReadyForNewScale", "True ValidMetricFound", "True ScaleDownLimit");
}

static void min_and_max_need_no_metric_and_zero_is_off(void **state)
{
    struct hpa_rules rules = rules_of("{\"minReplicas\":3,\"maxReplicas\":5," QUEUE "}");
    hpa_auto_state struct hpa_state s = { 0 };
    (void)state;
    assert_int_equal(sync_queue(&rules, &s, 0, 9, -1), 5);
    assert_int_equal(sync_queue(&rules, &s, 15, 1, -1), 3);
    check_conditions(&s, "True SucceededRescale", "", "");
    assert_int_equal(sync_queue(&rules, &s, 30, 0, 400), 0);
    check_conditions(&s, "True SucceededGetScale", "False ScalingDisabled", "");
    assert_int_equal(sync_queue(&rules, &s, 45, 4, -1), 4);
    check_conditions(&s, "True SucceededGetScale", "False FailedGetObjectMetric", "");
}

static void one_failed_metric_stops_the_way_down_only(void **state)
{
    struct hpa_rules rules = rules_of(
        "{\"minReplicas\":1,\"maxReplicas\":9,\"metrics\":[{\"type\":\"Resource\",\"resource\":{"
        "\"name\":\"cpu\",\"target\":{\"averageUtilization\":70}}},{\"type\":\"Object\",\"object\":"
        "{\"metric\":{\"name\":\"queue_depth\"},\"target\":{\"averageValue\":\"4\"}}}]}");
    hpa_auto_state struct hpa_state s = { 0 };
    (void)state;
    assert_int_equal(sync_queue(&rules, &s, 0, 3, 1), 3);
    check_conditions(&s, "True SucceededGetScale", "False FailedGetResourceMetric", "");
    assert_int_equal(sync_queue(&rules, &s, 15, 3, 20), 5);
    check_conditions(&s, "True SucceededRescale", "True ValidMetricFound",
                     "False DesiredWithinRange");
}

static void a_container_s_metric_that_fails_is_named_as_such(void **state)
{
    struct hpa_rules rules = rules_of(
        "{\"minReplicas\":1,\"maxReplicas\":9,\"metrics\":[{\"type\":\"ContainerResource\","
        "\"containerResource\":{\"name\":\"cpu\",\"container\":\"auth\",\"target\":{"
        "\"averageUtilization\":70}}}]}");
    hpa_auto_state struct hpa_state s = { 0 };
    (void)state;
    assert_int_equal(sync_queue(&rules, &s, 0, 3, 1), 3);
    check_conditions(&s, "True SucceededGetScale", "False FailedGetContainerResourceMetric", "");
}

/* Three old pods of 500m that use `used`, and a fourth as `fourth` says. */
static int32_t sync_cpu_to(int64_t target, int64_t used, struct hpa_pod fourth)
{
    struct hpa_rules rules =
        rules_of("{\"minReplicas\":1,\"maxReplicas\":20," CPU ",\"behavior\":{\"scaleDown\":{"
                 "\"stabilizationWindowSeconds\":0}}}");
    struct hpa_pod pods[4] = { [3] = fourth };
    rules.metrics[0].target = target;
    for (unsigned i = 0; i < 3; i++)
        pods[i] = (struct hpa_pod){ .ready = true,
                                    .usage = { used, 100 * MI },
                                    .sampled_ms = 990000,
                                    .window_ms = 15000,
                                    .changed_ms = 20000,
                                    .request = { 500, 128 * MI } };
    hpa_auto_state struct hpa_state s = { 0 };
    struct hpa_observed seen = { .now_ms = 1000000,
                                 .spec_replicas = 4,
                                 .status_replicas = 4,
                                 .pods = pods,
                                 .n_pods = 4,
                                 .usage_known = true,
                                 .object_value = -1 };
    struct hpa_decision d;
    hpa_decide(&rules, &seen, &s, &d);
    return d.replicas;
}

static int32_t sync_cpu(int64_t used, struct hpa_pod fourth)
{
    return sync_cpu_to(70, used, fourth);
}

static void pods_that_start_or_have_no_sample_dampen_both_ways(void **state)
{
    struct hpa_pod one = { .ready = true,
                           .started_ms = 0,
                           .changed_ms = 20000,
                           .usage = { 500, 0 },
                           .sampled_ms = 990000,
                           .window_ms = 15000,
                           .request = { 500, 128 * MI } };
    struct hpa_pod pending = one, missing = one, young = one, failed = one;
    (void)state;
    pending.pending = true;
    missing.usage[HPA_CPU] = -1;
    failed.failed = true;
    young.started_ms = 900000;
    young.changed_ms = 980000; /* ready for 20 s, its sample is from 10 s after, of 15 s */
    /* 500 of 500: 100 %, ratio 1.43, times 4 pods. */
    assert_int_equal(sync_cpu(500, one), 6);
    /* Three at 100 % and one at nothing: 75 %, ratio 1.07, within the tolerance. */
    assert_int_equal(sync_cpu(500, pending), 4);
    assert_int_equal(sync_cpu(500, missing), 4);
    assert_int_equal(sync_cpu(500, young), 4);
    /* Three at 140 %, and one at nothing: 105 %, ratio 1.5, times 4. */
    assert_int_equal(sync_cpu(700, missing), 6);
    /* One that failed is not there: ratio 1.43 times 3. */
    assert_int_equal(sync_cpu(500, failed), 5);
    /* Down: 20 %, ratio 0.29, times 3; without a sample it counts as full: 40 %, 0.57 times 4. */
    assert_int_equal(sync_cpu(100, pending), 1);
    assert_int_equal(sync_cpu(100, missing), 3);
    /* Full is the target where that is over 100 %: 60 % and 150 %: 82 %, 0.55 times 4. */
    assert_int_equal(sync_cpu_to(150, 300, missing), 3);
}

static void what_the_api_server_would_refuse_is_named(void **state)
{
    static const struct {
        const char *spec, *message;
    } cases[] = {
        { "{\"minReplicas\":3,\"maxReplicas\":2," QUEUE "}",
          "minReplicas: must be 1..maxReplicas (2), is 3" },
        { "{\"maxReplicas\":2,\"metrics\":[{\"type\":\"Pods\"}]}",
          "metrics[0]: type: must be Resource, ContainerResource or Object, is \"Pods\"" },
        { "{\"maxReplicas\":2," QUEUE ",\"behavior\":{\"scaleUp\":{\"policies\":[]}}}",
          "behavior.scaleUp: policies: must be 1..8, are 0" },
        { "{\"maxReplicas\":2," QUEUE
          ",\"behavior\":{\"scaleDown\":{\"stabilizationWindowSeconds\":3601}}}",
          "behavior.scaleDown: stabilizationWindowSeconds: must be 0..3600, is 3601" },
        { "{\"maxReplicas\":2," QUEUE ",\"behavior\":{\"scaleUp\":{\"selectPolicy\":\"Most\"}}}",
          "behavior.scaleUp: selectPolicy: must be Max, Min or Disabled, is \"Most\"" },
        { "{\"maxReplicas\":2," QUEUE ",\"behavior\":{\"scaleUp\":{\"policies\":[{\"type\":\"Pod\","
          "\"value\":1,\"periodSeconds\":15}]}}}",
          "behavior.scaleUp: policies[0].type: must be Pods or Percent, is \"Pod\"" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        json_auto_t *spec = json_loads(cases[i].spec, 0, NULL);
        struct hpa_rules rules;
        struct lp_error err;
        assert_non_null(spec);
        assert_int_equal(hpa_rules_read(spec, &rules, &err), LP_E_INVALID);
        assert_string_equal(err.msg, cases[i].message);
    }
}

static int64_t at(const json_t *list, size_t i)
{
    return json_integer_value(json_array_get(list, i));
}

/* The groups of a vector, one pod after the other. */
static size_t read_pods(const json_t *groups, struct hpa_pod *pods)
{
    const json_t *g;
    size_t i, n = 0;

    json_array_foreach(groups, i, g)
    {
        for (int64_t k = 0; k < at(g, 0); k++) {
            assert_true(n < MAX_PODS);
            pods[n++] = (struct hpa_pod){ .pending = at(g, 1) == 0,
                                          .failed = at(g, 1) == 2,
                                          .deleting = at(g, 2) != 0,
                                          .ready = at(g, 3) != 0,
                                          .started_ms = at(g, 4),
                                          .changed_ms = at(g, 5),
                                          .usage = { at(g, 6), at(g, 7) },
                                          .sampled_ms = at(g, 8),
                                          .window_ms = at(g, 9),
                                          .request = { at(g, 10), at(g, 11) } };
        }
    }
    return n;
}

/* What we decided, in the words of the vectors. */
static json_t *in_words(const struct hpa_rules *rules, const struct hpa_state *state,
                        const struct hpa_decision *d, size_t n_values)
{
    json_t *conditions = json_array(), *values = json_array();

    for (unsigned i = 0; i < HPA_CONDITIONS; i++) {
        const struct hpa_condition *c = &state->conditions[i];
        lp_auto_free char *text = lp_sprintf("%s %s", c->status ? "True" : "False", c->reason);
        json_array_append_new(conditions, json_string(c->reason ? text : ""));
    }
    for (size_t i = 0; i < n_values; i++)
        json_array_append_new(values, json_integer(d->values[i]));
    return lp_json_make("{s:i, s:s, s:o, s:o}", "replicas", d->replicas, "winner",
                        d->winner < 0 ? "" : rules->metrics[d->winner].name, "conditions",
                        conditions, "values", values);
}

/* What was compared; a test of decisions that were made somewhere else names their file. */
struct replay {
    size_t scenarios, syncs, edges, differences;
};

static void copy_list(struct hpa_list *to, const struct hpa_list *from)
{
    *to = *from;
    to->marks = lp_alloc((from->room + 1) * sizeof *to->marks);
    if (from->n > 0)
        memcpy(to->marks, from->marks, from->n * sizeof *to->marks);
}

static struct hpa_state copy_state(const struct hpa_state *from)
{
    struct hpa_state to = *from;
    copy_list(&to.recommendations, &from->recommendations);
    copy_list(&to.ups, &from->ups);
    copy_list(&to.downs, &from->downs);
    return to;
}

/* Decides as of `late_ms` after the sync's moment; whether it is what was decided. Then the state
 * is that of after. */
static bool decides(const struct hpa_rules *rules, struct hpa_state *state,
                    const struct hpa_observed *seen, const json_t *want, int64_t late_ms,
                    json_t **ret_ours)
{
    hpa_auto_state struct hpa_state after = copy_state(state);
    struct hpa_observed then = *seen;
    struct hpa_decision d;

    then.now_ms += late_ms;
    hpa_decide(rules, &then, &after, &d);
    json_auto_t *ours =
        in_words(rules, &after, &d, json_array_size(json_object_get(want, "values")));
    bool same = json_equal(ours, want);
    if (same || late_ms == 0) {
        struct hpa_state before = *state;
        *state = after;
        after = before;
        json_decref(*ret_ours);
        *ret_ours = json_incref(ours);
    }
    return same;
}

/* A decision of which only the time to `slack` ms is known may lie on the other side of a window's
 * edge: then it must be what is decided a little earlier or later. */
static bool decides_within(const struct hpa_rules *rules, struct hpa_state *state,
                           const struct hpa_observed *seen, const json_t *sync,
                           struct replay *replay, json_t **ret_ours)
{
    const json_t *want = json_object_get(sync, "want");
    int64_t slack = lp_json_int(0, sync, "slack", NULL);
    hpa_auto_state struct hpa_state before = copy_state(state);

    if (decides(rules, state, seen, want, 0, ret_ours))
        return true;
    for (int way = -1; slack > 0 && way <= 1; way += 2) {
        hpa_auto_state struct hpa_state other = copy_state(&before);
        if (!decides(rules, &other, seen, want, way * slack, ret_ours))
            continue;
        struct hpa_state lost = *state;
        *state = other;
        other = lost;
        replay->edges++;
        return true;
    }
    return false;
}

static void replay_sync(const struct hpa_rules *rules, struct hpa_state *state, const json_t *sync,
                        struct replay *replay)
{
    static struct hpa_pod pods[MAX_PODS];
    struct hpa_observed seen = {
        .now_ms = lp_json_int(0, sync, "at", NULL),
        .spec_replicas = (int32_t)lp_json_int(0, sync, "spec", NULL),
        .status_replicas = (int32_t)lp_json_int(0, sync, "status", NULL),
        .pods = pods,
        .n_pods = read_pods(json_object_get(sync, "pods"), pods),
        .usage_known = lp_json_bool(false, sync, "usage", NULL),
        .object_value = lp_json_int(-1, sync, "queue", NULL),
        .demand = lp_json_int(-1, sync, "demand", NULL),
    };
    json_auto_t *ours = NULL;

    replay->syncs++;
    if (decides_within(rules, state, &seen, sync, replay, &ours) || replay->differences++ > 9)
        return;
    lp_auto_free char *a = json_dumps(ours, JSON_COMPACT | JSON_SORT_KEYS);
    lp_auto_free char *b = json_dumps(json_object_get(sync, "want"), JSON_COMPACT | JSON_SORT_KEYS);
    lp_auto_free char *c = json_dumps(sync, JSON_COMPACT | JSON_SORT_KEYS);
    print_error("scenario %zu:\nwe decide   %s\nKubernetes  %s\nof          %s\n",
                replay->scenarios, a, b, c);
}

static void replay_scenario(const json_t *scenario, struct replay *replay)
{
    hpa_auto_state struct hpa_state s = { 0 };
    struct hpa_rules rules;
    const json_t *sync;
    size_t i;

    assert_non_null(scenario);
    ok(hpa_rules_read(json_object_get(scenario, "spec"), &rules, &err));
    json_array_foreach(json_object_get(scenario, "syncs"), i, sync)
    {
        replay_sync(&rules, &s, sync, replay);
    }
    replay->scenarios++;
}

static void every_vector_of_the_real_controller_is_met(void **state)
{
    static char line[MAX_LINE];
    const char *path = getenv("LP_HPA_VECTORS");
    struct replay replay = { 0 };
    FILE *in = fopen(path ? path : "test/unit/hpa/vectors.jsonl", "r");
    (void)state;
    assert_non_null(in);
    while (fgets(line, sizeof line, in)) {
        json_auto_t *scenario = json_loads(line, 0, NULL);
        replay_scenario(scenario, &replay);
    }
    fclose(in);
    if (path)
        print_message("decisions %zu, at an edge of a window %zu, differences %zu\n", replay.syncs,
                      replay.edges, replay.differences);
    else
        assert_true(replay.scenarios >= 50 && replay.syncs >= 1000);
    assert_int_equal(replay.differences, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tenth_more_or_less_changes_nothing),
        cmocka_unit_test(without_behavior_it_doubles_and_waits_five_minutes),
        cmocka_unit_test(the_default_behavior_adds_four_or_doubles),
        cmocka_unit_test(policies_count_what_changed_in_their_period),
        cmocka_unit_test(a_window_upwards_takes_the_lowest_of_it),
        cmocka_unit_test(disabled_goes_one_way_only),
        cmocka_unit_test(min_and_max_need_no_metric_and_zero_is_off),
        cmocka_unit_test(one_failed_metric_stops_the_way_down_only),
        cmocka_unit_test(a_container_s_metric_that_fails_is_named_as_such),
        cmocka_unit_test(pods_that_start_or_have_no_sample_dampen_both_ways),
        cmocka_unit_test(what_the_api_server_would_refuse_is_named),
        cmocka_unit_test(every_vector_of_the_real_controller_is_met),
    };
    return cmocka_run_group_tests_name("hpa", tests, NULL, NULL);
}
