/* test/unit/test_cli_looks.c -- what an HPA controller's statuses tell of its looks, as rows that
 * simulate decides again. */
#include "cli/looks/rows.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/simulate.h"
#include "cli/trace.h"
#include "json/json.h"
#include "kube/quantity.h"
#include "unit/check.h"

#define T INT64_C(1764590400000)
#define PERIOD 15000

/* ---- pods ---- */

static json_t *parse(const char *text)
{
    json_t *o = NULL;
    ok(lp_json_parse(text, strlen(text), 1 << 20, "t", &o, &err));
    return o;
}

static const char *const cpu_and_queue =
    "{\"minReplicas\":2,\"maxReplicas\":10,\"metrics\":["
    "{\"type\":\"ContainerResource\",\"containerResource\":{\"name\":\"cpu\",\"container\":"
    "\"auth\","
    "\"target\":{\"type\":\"Utilization\",\"averageUtilization\":80}}},"
    "{\"type\":\"Object\",\"object\":{\"describedObject\":{\"apiVersion\":\"v1\",\"kind\":"
    "\"Service\",\"name\":\"a-auth\"},\"metric\":{\"name\":\"queue_depth\"},\"target\":{\"type\":"
    "\"AverageValue\",\"averageValue\":\"8\"}}}]}";

static json_t *pod(const char *phase, const char *start, const char *ready, const char *changed)
{
    lp_auto_free char *text = lp_sprintf(
        "{\"metadata\":{},\"spec\":{\"containers\":[{\"name\":\"auth\",\"resources\":{\"requests\":"
        "{\"cpu\":\"10m\",\"memory\":\"128Mi\"}}},{\"name\":\"side\",\"resources\":{\"requests\":"
        "{\"cpu\":\"1\"}}}]},\"status\":{\"phase\":\"%s\",\"startTime\":\"%s\",\"conditions\":[{"
        "\"type\":\"Ready\",\"status\":\"%s\",\"lastTransitionTime\":\"%s\"}]}}",
        phase, start, ready, changed);
    return parse(text);
}

static json_t *sample(const char *time, const char *window)
{
    return lp_json_make("{s:s, s:s, s:[{s:s, s:{s:s, s:s}}]}", "timestamp", time, "window", window,
                        "containers", "name", "auth", "usage", "cpu", "4m", "memory", "90Mi");
}

/* It is 12:00:00 by the clock of the pods below. */
static void pods_are_what_they_are_to_the_controller(void **state)
{
    json_auto_t *pods = json_object(), *samples = json_object(), *spec = parse(cpu_and_queue);
    struct looks_rules rules;
    struct looks_pods n;
    (void)state;
    ok(looks_rules_read(spec, &rules, &err));
    assert_string_equal(rules.containers[HPA_CPU], "auth");
    json_object_set_new(pods, "old",
                        pod("Running", "2025-12-01T11:00:00Z", "True", "2025-12-01T11:00:09Z"));
    json_object_set_new(samples, "old", sample("2025-12-01T11:59:50Z", "15.1s"));
    /* A young one counts once a whole window was measured: from 11:59:20 on. */
    json_object_set_new(pods, "young",
                        pod("Running", "2025-12-01T11:59:00Z", "True", "2025-12-01T11:59:05Z"));
    json_object_set_new(samples, "young", sample("2025-12-01T11:59:19Z", "15s"));
    json_object_set_new(pods, "grown",
                        pod("Running", "2025-12-01T11:59:00Z", "True", "2025-12-01T11:59:05Z"));
    json_object_set_new(samples, "grown", sample("2025-12-01T11:59:20Z", "15s"));
    json_object_set_new(pods, "unseen",
                        pod("Running", "2025-12-01T11:59:40Z", "True", "2025-12-01T11:59:46Z"));
    json_object_set_new(pods, "comes",
                        pod("Pending", "2025-12-01T11:59:58Z", "False", "2025-12-01T11:59:58Z"));
    json_object_set_new(pods, "goes",
                        pod("Running", "2025-12-01T11:00:00Z", "True", "2025-12-01T11:00:09Z"));
    json_object_set_new(json_object_get(json_object_get(pods, "goes"), "metadata"),
                        "deletionTimestamp", json_string("2025-12-01T11:59:59Z"));
    json_object_set_new(pods, "failed",
                        pod("Failed", "2025-12-01T11:00:00Z", "False", "2025-12-01T11:30:00Z"));
    looks_pods_count(pods, samples, &rules, T, &n);
    assert_int_equal(n.counted, 2);
    assert_int_equal(n.ready, 3);
    assert_int_equal(n.missing, 1);
    assert_int_equal(n.pending, 1);
    assert_int_equal(n.request[HPA_CPU], 10);
    /* Of another container's usage nothing is known of this one. */
    json_object_set_new(samples, "unseen",
                        parse("{\"timestamp\":\"2025-12-01T11:59:50Z\",\"window\":\"15s\","
                              "\"containers\":[{\"name\":\"side\",\"usage\":{\"cpu\":\"1\"}}]}"));
    looks_pods_count(pods, samples, &rules, T, &n);
    assert_int_equal(n.missing, 1);
    /* Without samples at all the Ready ones have one of now. */
    looks_pods_count(pods, NULL, &rules, T, &n);
    assert_int_equal(n.ready, 4);
    assert_int_equal(n.counted, 3); /* of "unseen" no whole window has been */
    assert_int_equal(n.missing, 0);
}

/* ---- rows ---- */

static json_t *hpa(int replicas, int desired, int percent, const char *cpu, const char *queue,
                   const char *scaled)
{
    json_t *o = lp_json_make("{s:{s:s}, s:o, s:{s:i, s:i, s:s*}}", "metadata", "name", "a-auth",
                             "spec", parse(cpu_and_queue), "status", "currentReplicas", replicas,
                             "desiredReplicas", desired, "lastScaleTime", scaled);
    if (percent >= 0)
        json_object_set_new(json_object_get(o, "status"), "currentMetrics",
                            lp_json_make("[{s:s, s:{s:s, s:{s:i, s:s}}}, {s:s, s:{s:{s:s}}}]",
                                         "type", "ContainerResource", "containerResource", "name",
                                         "cpu", "current", "averageUtilization", percent,
                                         "averageValue", cpu, "type", "Object", "object", "current",
                                         "averageValue", queue));
    return o;
}

static struct looks_moment moment(int64_t at_s, int spec, int before, int counted, int ready)
{
    return (
        struct looks_moment){ .at_ms = T + at_s * 1000,
                              .spec = spec,
                              .spec_before = before,
                              .pods = { .counted = counted, .ready = ready, .request = { 10 } } };
}

static void change(struct looks *l, json_t *hpa, struct looks_moment m, struct lp_buf *out)
{
    looks_changed(l, hpa, &m, out);
    json_decref(hpa);
}

/* The controller looks more than a period after the last time, also where its status was told of
 * late. Two pods at 35 % of 10m are 7m; five of 6 have 41m each, one of them 42m: 206m of 50m. */
static void each_status_that_changes_is_a_row(void **state)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(65536);
    struct looks l;
    (void)state;
    json_t *first = hpa(2, 2, 30, "3m", "0", NULL);
    ok(looks_begin(&l, "auth", 2, PERIOD, first, &out, &err));
    assert_int_equal(looks_next_ms(&l), INT64_MAX);
    change(&l, first, moment(1, 2, -1, 2, 2), &out); /* nothing has changed */
    assert_int_equal(l.rows, 0);
    change(&l, hpa(2, 2, 35, "3m", "333m", NULL), moment(3, 2, -1, 2, 2), &out);
    assert_int_equal(looks_next_ms(&l), T + 18001);
    /* It scales to 6; its own write came before its status. */
    change(&l, hpa(2, 6, 100, "10m", "24", "2025-12-01T12:00:18Z"), moment(18, 6, 2, 2, 2), &out);
    /* A burst has made it 8, the controller found 6 in the status. */
    change(&l, hpa(6, 8, 412, "41m", "1667m", "2025-12-01T12:00:18Z"), moment(33, 8, 6, 5, 6),
           &out);
    struct looks_moment due = moment(48, 8, 6, 6, 6);
    due.pods.missing = 2;
    looks_unchanged(&l, &due, &out);
    /* Below what somebody lifted minReplicas to no metric is asked. */
    json_t *lifted = hpa(8, 9, -1, NULL, NULL, "2025-12-01T12:01:03Z");
    json_object_set_new(json_object_get(lifted, "spec"), "minReplicas", json_integer(9));
    change(&l, lifted, moment(63, 8, 6, 8, 8), &out);
    looks_end(&l, T + 70000, &out);
    assert_string_equal(
        out.ptr,
        "# looks of the HPA a-auth, for kubectl lp simulate --as-recorded\n"
        "time,auth.cpu,auth.queue_depth,auth.seen_replicas,auth.seen_ready,auth.seen_counted,"
        "auth.seen_missing,auth.seen_pending,auth.seen_spec,auth.seen_min,auth.decided\n"
        "1764590403.000,7m,666m,2,2,2,0,0,2,,2\n"
        "1764590418.001,20m,48,2,2,2,0,0,,,6\n"
        "1764590433.002,247m,10,6,6,5,0,0,8,,8\n"
        "1764590448.003,248m,10,6,6,6,2,0,,,8\n"
        "1764590463.004,,,8,8,8,0,0,,9,9\n"
        "1764590470.000,,,,,,,,,,\n");
    assert_false(l.too_near);
    looks_gone(&l);
    assert_int_equal(looks_next_ms(&l), INT64_MAX);
    looks_done(&l);
}

static void what_the_status_does_not_say_is_an_empty_cell(void **state)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(65536);
    struct looks l;
    (void)state;
    json_t *first = hpa(0, 0, 30, "3m", "0", NULL);
    ok(looks_begin(&l, "auth", 2, PERIOD, first, &out, &err));
    json_decref(first);
    lp_buf_reset(&out);
    /* A metric failed: nothing was decided, and the count stays. */
    json_t *failed = hpa(3, 2, -1, NULL, NULL, NULL);
    json_object_set_new(json_object_get(failed, "status"), "conditions",
                        lp_json_make("[{s:s, s:s}]", "type", "ScalingActive", "status", "False"));
    change(&l, failed, moment(0, 3, -1, 0, 0), &out);
    /* It could not write what it had decided. */
    json_t *refused = hpa(3, 3, 10, "1m", "1", NULL);
    json_object_set_new(json_object_get(refused, "status"), "conditions",
                        lp_json_make("[{s:s, s:s}]", "type", "AbleToScale", "status", "False"));
    change(&l, refused, moment(15, 3, -1, 0, 0), &out);
    change(&l, hpa(0, 3, 10, "1m", "-9223372036854775808", NULL), moment(20, 3, -1, 3, 3), &out);
    assert_string_equal(out.ptr, "1764590400.000,,,3,0,0,0,0,3,,3\n"
                                 "1764590415.001,1m,3,3,1,1,0,0,,,\n"
                                 "1764590420.000,3m,,0,3,3,0,0,3,,3\n");
    assert_true(l.too_near);
    lp_buf_reset(&out);
    json_t *other = hpa(0, 3, 10, "1m", "-9223372036854775808", NULL);
    json_object_set_new(json_object_get(other, "spec"), "maxReplicas", json_integer(20));
    change(&l, other, moment(21, 3, -1, 3, 3), &out);
    assert_string_equal(out.ptr,
                        "# from here on the HPA has other metrics, behavior or maxReplicas\n");
    looks_done(&l);
}

/* Whatever the controller saw: its utilization and average come out again. */
static void every_utilization_comes_out_again(void **state)
{
    (void)state;
    for (int n = 1; n <= 9; n++) {
        for (int used = 0; used <= 60 * n; used++) {
            lp_auto_buf struct lp_buf out = LP_BUF_INIT(65536);
            lp_auto_free char *average = lp_sprintf("%dm", used / n);
            struct looks l;
            int64_t cpu;
            json_t *first = hpa(1, 1, 1, "1m", "999", NULL);
            ok(looks_begin(&l, "auth", 2, PERIOD, first, &out, &err));
            json_decref(first);
            lp_buf_reset(&out);
            change(&l, hpa(n, n, used * 100 / (10 * n), average, "0", NULL),
                   moment(0, n, -1, n, n + 2), &out);
            looks_done(&l);
            char *at = strchr(out.ptr, ',') + 1;
            *strchr(at, ',') = '\0';
            ok(lp_quantity_parse(at, &cpu, &err));
            int64_t ready = n + 2, rest = cpu % ready;
            int64_t seen = cpu / ready * n + (rest < n ? rest : n);
            assert_int_equal(seen * 100 / (10 * n), used * 100 / (10 * n));
        }
    }
}

/* ---- decided again ---- */

static const struct plan_images images = {
    .registry = "", .tag = "v1", .pull_policy = "IfNotPresent", .postgres = "p", .mongo = "m"
};

static void write_text(char path[32], const char *text)
{
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static json_t *decide_again(const char *csv, int64_t most, json_t **ret_failures)
{
    char trace[32] = "/tmp/lp-looks-XXXXXX", platform[32] = "/tmp/lp-looks-XXXXXX";
    struct cli_options o = { .command = "simulate",
                             .files = { platform },
                             .trace = trace,
                             .format = CLI_JSON,
                             .as_recorded = true,
                             .sync_ms = PERIOD,
                             .max_differences = most,
                             .max_minutes_over = -1,
                             .max_pod_hours = -1,
                             .max_over_target = -1 };
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
    json_t *answer = NULL;

    write_text(trace, csv);
    write_text(platform, "apiVersion: learningplatform.io/v1alpha1\nkind: LearningPlatform\n"
                         "metadata: {name: a}\nspec: {services: {auth: {resources: {requests: "
                         "{cpu: 10m}, limits: {cpu: 40m}}, autoscaling: {minReplicas: 2, "
                         "maxReplicas: 10, metrics: [cpu, queueDepth], cpu: {averageUtilization: "
                         "80}, queueDepth: {target: 8}, behavior: {scaleUp: "
                         "{stabilizationWindowSeconds: 0}}}}}}\n");
    ok(simulate_command(&o, &images, &out, ret_failures, &err));
    ok(lp_json_parse(out.ptr, out.len, 1 << 20, "answer", &answer, &err));
    unlink(trace);
    unlink(platform);
    return answer;
}

#define HEADER                                                                             \
    "time,auth.cpu,auth.queue_depth,auth.seen_replicas,auth.seen_ready,auth.seen_counted," \
    "auth.seen_missing,auth.seen_pending,auth.seen_spec,auth.seen_min,auth.decided\n"

/* 48 requests of 8 are 6 pods. 60m of five that count of 10m each are 120 %, with one more without
 * a sample and one that does not run yet, both idle on the way up, 85 %: within the tolerance of 80
 * %. 82m of two are with seven others 91 %, and would be 88 % if the limit of 40m held. Then
 * somebody makes it 3, where a floor of 10 is. */
static void a_recording_is_decided_again_by_all_its_columns(void **state)
{
    json_auto_t *failures = NULL;
    json_auto_t *answer = decide_again(HEADER "1764590403.000,7m,1,2,2,2,0,0,2,,2\n"
                                              "1764590418.000,20m,48,2,2,2,0,0,,,6\n"
                                              "1764590433.000,60m,10,6,5,5,1,1,,,6\n"
                                              "1764590440.000,82m,10,6,2,2,3,4,,,10\n"
                                              "1764590448.000,40m,0,9,4,4,0,0,3,10,10\n"
                                              "1764590470.000,,,,,,,,,,\n",
                                       0, &failures);
    const json_t *told = lp_json_at(answer, "summary", "recorded", NULL);
    (void)state;
    assert_int_equal(lp_json_int(-1, told, "differ", NULL), 0);
    assert_int_equal(lp_json_int(0, told, "looks", NULL), 5);
    assert_int_equal(json_array_size(failures), 0);
    const json_t *changes = json_object_get(answer, "changes");
    assert_string_equal(lp_json_str(json_array_get(changes, 2), "why", NULL),
                        "by others, as recorded");
}

/* The last two of the looks: one of the first 300 s, which the controller's memory excuses. */
static void a_look_that_was_decided_otherwise_is_told(void **state)
{
    json_auto_t *failures = NULL;
    json_auto_t *answer = decide_again(HEADER "1764590400.000,16m,1,2,2,2,0,0,2,,2\n"
                                              "1764590415.000,16m,1,2,2,2,0,0,,,3\n"
                                              "1764590700.000,16m,1,2,2,2,0,0,,,4\n"
                                              "1764590720.000,,,,,,,,,,\n",
                                       0, &failures);
    const json_t *told = lp_json_at(answer, "summary", "recorded", NULL);
    (void)state;
    assert_int_equal(lp_json_int(0, told, "looks", NULL), 3);
    assert_int_equal(lp_json_int(0, told, "differ", NULL), 2);
    assert_int_equal(lp_json_int(0, told, "early", NULL), 1);
    const json_t *last = json_array_get(json_object_get(told, "differences"), 1);
    assert_int_equal(lp_json_int(0, last, "recorded", NULL), 4);
    assert_int_equal(lp_json_int(0, last, "simulated", NULL), 2);
    assert_string_equal(json_string_value(json_array_get(failures, 0)),
                        "looks that were decided otherwise: must be at most 0.000, is 1.000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pods_are_what_they_are_to_the_controller),
        cmocka_unit_test(each_status_that_changes_is_a_row),
        cmocka_unit_test(what_the_status_does_not_say_is_an_empty_cell),
        cmocka_unit_test(every_utilization_comes_out_again),
        cmocka_unit_test(a_recording_is_decided_again_by_all_its_columns),
        cmocka_unit_test(a_look_that_was_decided_otherwise_is_told),
    };
    return cmocka_run_group_tests_name("cli_looks", tests, NULL, NULL);
}
