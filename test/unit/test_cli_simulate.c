/* test/unit/test_cli_simulate.c -- simulations reckoned by hand, the sample trace, and what is
 * refused. */
#include "cli/simulate.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "json/json.h"
#include "unit/golden.h"

static const struct plan_images images = {
    .registry = "", .tag = "v1", .pull_policy = "IfNotPresent", .postgres = "p", .mongo = "m"
};

#define HEAD                                                                              \
    "apiVersion: learningplatform.io/v1alpha1\nkind: LearningPlatform\nmetadata: {name: " \
    "english}\nspec: {services: {aiFeedback: {"
#define ONE_TO_TEN "autoscaling: {minReplicas: 1, maxReplicas: 10, queueDepth: {target: 4}"

/* A file that is gone with the block. */
struct file {
    char path[32];
};

static struct file write_file(const char *text)
{
    struct file f = { "/tmp/lp-simulate-XXXXXX" };
    int fd = mkstemp(f.path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return f;
}

static void remove_file(struct file *f)
{
    unlink(f->path);
}
#define auto_file __attribute__((cleanup(remove_file)))

static struct cli_options options_of(const char *platform, const char *trace)
{
    return (struct cli_options){ .command = "simulate",
                                 .service = "ai-feedback",
                                 .files = { platform },
                                 .trace = trace,
                                 .format = CLI_JSON,
                                 .sync_ms = 15000,
                                 .ready_after_ms = 30000,
                                 .max_pod_hours = -1,
                                 .max_over_target = -1 };
}

static int simulate(const char *platform, const char *trace, json_t **ret, struct lp_error *err)
{
    struct file cr auto_file = write_file(platform), csv auto_file = write_file(trace);
    struct cli_options o = options_of(cr.path, csv.path);
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
    json_auto_t *failures = NULL;

    int r = simulate_command(&o, &images, &out, &failures, err);
    return r < 0 ? r : lp_json_parse(out.ptr, out.len, 1 << 20, "answer", ret, err);
}

/* "0: 1 to 4 ScaleUpLimit; " for each change. */
static void check_changes(const json_t *answer, const char *wanted)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 16);
    const json_t *c;
    size_t i;

    json_array_foreach(json_object_get(answer, "changes"), i, c)
        lp_buf_printf(&text, "%d: %d to %d %s; ", (int)lp_json_int(-1, c, "time", NULL),
                      (int)lp_json_int(-1, c, "from", NULL), (int)lp_json_int(-1, c, "to", NULL),
                      lp_json_str(c, "why", NULL));
    assert_string_equal(text.ptr, wanted);
}

static void check_summary(const json_t *answer, const char *wanted)
{
    json_auto_t *want = json_loads(wanted, 0, NULL);
    const json_t *have = json_object_get(answer, "summary");
    lp_auto_free char *text = json_dumps(have, JSON_COMPACT);
    assert_non_null(want);
    if (!lp_json_contains(have, want))
        fail_msg("wanted %s in %s", wanted, text);
}

static void a_queue_is_followed_as_reckoned_by_hand(void **state)
{
    json_auto_t *answer = NULL;
    (void)state;
    ok(simulate(HEAD ONE_TO_TEN "}}}}\n", "time,queue_depth\n0,40\n60,0\n600,0\n", &answer, &err));
    /* 40 / 4 asks for 10. Without behavior it doubles, from four on; ten counts until second 345.
     */
    check_changes(answer, "0: 1 to 4 ScaleUpLimit; 15: 4 to 8 ScaleUpLimit; 30: 8 to 10 as asked; "
                          "360: 10 to 1 TooFewReplicas; ");
    /* 4 * 15 + 8 * 15 + 10 * 330 + 240 = 3720 s; 1 pod is ready until 30, 4 until 45, 8 until 60.
     */
    check_summary(answer,
                  "{\"seconds\":600,\"podHours\":1.033,\"podHoursAtMax\":1.666,\"syncs\":40,"
                  "\"secondsAtMax\":330,\"secondsOverTarget\":60,\"worstOverTarget\":36,"
                  "\"ups\":3,\"downs\":1,\"flaps\":1,\"mostPods\":10}");
    assert_int_equal(json_array_size(json_object_get(answer, "leftOut")), 2);
}

static void the_behavior_of_the_platform_counts(void **state)
{
    json_auto_t *answer = NULL;
    (void)state;
    ok(simulate(HEAD ONE_TO_TEN ", behavior: {scaleUp: {policies: [{type: Pods, value: 2, "
                                "periodSeconds: 60}]}, scaleDown: {stabilizationWindowSeconds: 0, "
                                "policies: [{type: Pods, value: 1, periodSeconds: 30}]}}}}}}\n",
                "time,queue_depth\n0,40\n90,4\n180,4\n", &answer, &err));
    check_changes(answer,
                  "0: 1 to 3 ScaleUpLimit; 60: 3 to 5 ScaleUpLimit; 90: 5 to 4 ScaleDownLimit; "
                  "120: 4 to 3 ScaleDownLimit; 150: 3 to 2 ScaleDownLimit; ");
}

static void cpu_is_shared_and_new_pods_count_when_they_are_measured(void **state)
{
    json_auto_t *answer = NULL;
    (void)state;
    /* 1.6 cores on two pods: 800m of 500m, 160 %, ratio 2.29, five, and without behavior four. At
     * 15 the two that start count as idle: 80 %, ratio 1.14 of four, five. At 30 they are ready,
     * not measured, and the old ones are at 80 %: with three idle ones 32 %, the other way, no
     * change. At 45 four are measured, at 64 %: within the tolerance. */
    ok(simulate(HEAD "resources: {requests: {cpu: 500m}, limits: {cpu: 2}}, autoscaling: "
                     "{minReplicas: 2, maxReplicas: 9, cpu: {averageUtilization: 70}}}}}\n",
                "time,cpu\n0,1.6\n120,1.6\n", &answer, &err));
    check_changes(answer, "0: 2 to 4 ScaleUpLimit; 15: 4 to 5 as asked; ");
    check_summary(answer, "{\"secondsOverTarget\":0,\"syncsWithoutDecision\":0}");
}

static void a_missing_value_freezes_the_way_down(void **state)
{
    json_auto_t *answer = NULL;
    (void)state;
    ok(simulate(HEAD ONE_TO_TEN ", behavior: {scaleDown: {stabilizationWindowSeconds: 0}}}}}}\n",
                "time,queue_depth,cpu\n0,12,1m\n30,4,\n60,4,1m\n90,4,1m\n", &answer, &err));
    check_changes(answer, "0: 1 to 3 as asked; 60: 3 to 1 as asked; ");
    check_summary(answer, "{\"syncsWithoutDecision\":2}");
}

static void a_backlog_is_made_of_rate_and_time(void **state)
{
    static const struct trace_row calm = { 0, { -1, -1, -1, 1000, 1000 } },
                                  storm = { 0, { -1, -1, -1, 4000, 1000 } },
                                  quick = { 0, { -1, -1, -1, 100000, 50 } };
    struct cluster_pod kind = { .concurrency = 2, .queue_limit = 3, .request = { 1, 1 } };
    lp_auto_free struct cluster *c = lp_alloc(sizeof *c);
    (void)state;
    cluster_init(c, &kind, 1, 0);
    cluster_advance(c, &calm, 60000); /* Little: one a second, one second each */
    assert_in_range(c->backlog, 998000, 1000000);
    cluster_advance(c, &storm, 120000); /* four a second, two of them done, five places */
    assert_int_equal(c->backlog, 5000000);
    int64_t before = c->turned_away;
    cluster_advance(c, &storm, 121000);
    assert_int_equal(c->turned_away - before, 2000000);
    cluster_scale(c, 3); /* ready at once here: six slots, and four suffice */
    cluster_advance(c, &storm, 121000);
    cluster_advance(c, &storm, 200000);
    assert_in_range(c->backlog, 4000000, 4000009);
    c->kind.concurrency = 100;
    cluster_advance(c, &quick, 300000);
    assert_in_range(c->backlog, 4990000, 5000000);
}

static void the_sample_of_a_school_day_is_simulated_as_the_golden_file_says(void **state)
{
    struct cli_options o =
        options_of("config/samples/production.yaml", "config/samples/school-day.csv");
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
    json_auto_t *failures = NULL, *again = NULL;
    (void)state;
    o.format = CLI_TEXT;
    ok(simulate_command(&o, &images, &out, &failures, &err));
    assert_int_equal(json_array_size(failures), 0);
    lp_buf_str(&out, "\n");
    o.compare = "config/samples/smallest.yaml";
    o.max_pod_hours = 12000;
    o.max_over_target = 60500;
    ok(simulate_command(&o, &images, &out, &again, &err));
    check_golden("test/unit/golden/simulate_school-day.txt", out.ptr);
    assert_int_equal(json_array_size(again), 2);
    assert_non_null(strstr(json_string_value(json_array_get(again, 0)),
                           "pod-hours: must be at most 12.000, is "));
    assert_non_null(strstr(json_string_value(json_array_get(again, 1)),
                           "seconds over the queue depth's target: must be at most 60.500, is "));
}

/*
 * 40 a second for 0.5 s are 20 busy slots of 10 a pod: 20 / (10 * 0.7) = 2.857 pods, so 3; then 10
 * a second: 0.714, 2 being the least, once the recommendations of the first minute are five minutes
 * old.
 */
static void demand_is_made_of_rate_and_time(void **state)
{
    static const char trace[] = "time,arrival_rate,service_time\n0,40,0.5\n60,10,0.5\n600,10,0.5\n";
    static const char platform[] =
        "apiVersion: learningplatform.io/v1alpha1\nkind: LearningPlatform\nmetadata: {name: a}\n"
        "spec: {services: {aiFeedback: {concurrency: 10, autoscaling: {minReplicas: 2, "
        "metrics: [demand]}}}}\n";
    json_auto_t *answer = NULL;
    struct lp_error err;
    (void)state;
    if (simulate(platform, trace, &answer, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(json_array_size(json_object_get(answer, "leftOut")), 0);
    check_changes(answer, "0: 2 to 3 as asked; 360: 3 to 2 TooFewReplicas; ");
    json_auto_t *queue = NULL;
    assert_int_equal(simulate(platform, "time,queue_depth\n0,1\n60,1\n", &queue, &err),
                     LP_E_INVALID);
    assert_non_null(strstr(err.msg, "the trace has no column that the HPA goes by"));
}

static void what_cannot_be_simulated_is_told(void **state)
{
    static const struct {
        const char *platform, *trace, *message;
    } cases[] = {
        { HEAD "autoscaling: {enabled: false}}}}\n", "time,cpu\n0,1\n1,1\n",
          "spec.services.aiFeedback.autoscaling.enabled: must be true to simulate it" },
        { HEAD "autoscaling: {minReplicas: 7, maxReplicas: 3}}}}\n", "time,cpu\n0,1\n1,1\n",
          "minReplicas: must not exceed maxReplicas (3), is 7" },
        { HEAD "}}}\n---\n" HEAD "}}}\n", "time,cpu\n0,1\n1,1\n",
          "must hold one LearningPlatform, holds 2" },
        { HEAD ONE_TO_TEN ", behavior: {scaleUp: {policies: []}}}}}}\n", "time,cpu\n0,1\n1,1\n",
          "behavior.scaleUp: policies: must be 1..8, are 0" },
        { HEAD "}}}\n", "time,cpu\n", "must have two rows or more, has 0" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        json_auto_t *answer = NULL;
        struct lp_error err = { .msg = "" };
        assert_int_equal(simulate(cases[i].platform, cases[i].trace, &answer, &err), LP_E_INVALID);
        if (!strstr(err.msg, cases[i].message))
            fail_msg("\"%s\" is not in \"%s\"", cases[i].message, err.msg);
    }
    struct plan_images none = images;
    struct cli_options o = options_of("config/samples/production.yaml", "x.csv");
    struct simulate_service service;
    const struct trace trace = { .has = { [TRACE_CPU] = true } };
    struct lp_error err;
    o.service = "ai";
    assert_int_equal(simulate_load(o.files[0], &o, &none, &trace, &service, &err), LP_E_INVALID);
    assert_string_equal(err.msg,
                        "--service: must be gateway, auth, ai-feedback or progress, is \"ai\"");
    none.no_metrics_api = true;
    assert_int_equal(simulate_load(o.files[0], &o, &none, &trace, &service, &err), LP_E_INVALID);
    assert_string_equal(err.msg, "METRICS_API: must not be None: the operator itself then scales "
                                 "by the queue depth, which is not simulated");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queue_is_followed_as_reckoned_by_hand),
        cmocka_unit_test(the_behavior_of_the_platform_counts),
        cmocka_unit_test(cpu_is_shared_and_new_pods_count_when_they_are_measured),
        cmocka_unit_test(a_missing_value_freezes_the_way_down),
        cmocka_unit_test(a_backlog_is_made_of_rate_and_time),
        cmocka_unit_test(the_sample_of_a_school_day_is_simulated_as_the_golden_file_says),
        cmocka_unit_test(demand_is_made_of_rate_and_time),
        cmocka_unit_test(what_cannot_be_simulated_is_told),
    };
    return cmocka_run_group_tests_name("simulate", tests, NULL, NULL);
}
