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
                                 .target_wait_ms = 250,
                                 .max_differences = -1,
                                 .max_minutes_over = -1,
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

static void assert_refused(const struct cli_options *o, const struct plan_images *with,
                           const char *message)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
    json_t *failures = NULL;
    struct lp_error err = { .msg = "" };
    assert_int_equal(simulate_command(o, with, &out, &failures, &err), LP_E_INVALID);
    if (!strstr(err.msg, message))
        fail_msg("\"%s\" is not in \"%s\"", message, err.msg);
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
    struct file csv auto_file = write_file("time,cpu\n0,1\n1,1\n");
    struct cli_options o = options_of("config/samples/production.yaml", csv.path);
    o.service = "ai";
    assert_refused(&o, &images,
                   "--service: must be gateway, auth, ai-feedback or progress, is \"ai\"");
    o.service = NULL;
    assert_refused(&o, &images, "simulate needs --service, as no column of /tmp/");
    o.service = "auth";
    o.max_minutes_over = 0;
    assert_refused(&o, &images, "--max-minutes-over-target: needs a column arrival_rate in ");
    none.no_metrics_api = true;
    assert_refused(&o, &none,
                   "METRICS_API: must not be None: the operator itself then scales by the queue "
                   "depth, which is not simulated");
}

/* 2025-12-01T09:00:00Z; the floor of the window counts from a minute before it, the pause until
 * 9:10. */
static void schedules_and_pauses_count_where_the_trace_has_a_date(void **state)
{
    static const char platform[] =
        "apiVersion: learningplatform.io/v1alpha1\nkind: LearningPlatform\nmetadata: {name: a}\n"
        "spec: {schedules: [{name: exam, leadMinutes: 1, replicas: {aiFeedback: 5}, dated: [{start:"
        " '2025-12-01T09:05:00Z', end: '2025-12-01T09:06:00Z'}]}], services: {aiFeedback: "
        "{autoscaling: {minReplicas: 1, maxReplicas: 9, queueDepth: {target: 4}, behavior: "
        "{scaleDown: {stabilizationWindowSeconds: 0}}, pause: {directions: [Down], until: "
        "'2025-12-01T09:10:00Z'}}}}}\n";
    json_auto_t *dated = NULL, *undated = NULL;
    (void)state;
    ok(simulate(platform, "time,queue_depth\n1764579600,1\n1764580500,1\n", &dated, &err));
    check_changes(dated, "1764579840: 1 to 5 below minReplicas; 1764580200: 5 to 1 as asked; ");
    check_summary(dated, "{\"mostPods\":5}");
    ok(simulate(platform, "time,queue_depth\n0,1\n900,1\n", &undated, &err));
    check_changes(undated, "");
}

/* 12.5 pods for 1,000 learners; pods take 30 s to start, so that the lead is a minute. */
static void expected_students_are_simulated_by_the_figures_of_the_files_status(void **state)
{
#define EXPECTS                                                                               \
    "apiVersion: learningplatform.io/v1alpha1\nkind: LearningPlatform\nmetadata: {name: a}\n" \
    "spec: {schedules: [{name: exam, expectedStudents: 400, dated: [{start: "                 \
    "'2025-12-01T09:05:00Z', end: '2025-12-01T09:06:00Z'}]}], services: {aiFeedback: "        \
    "{autoscaling: {minReplicas: 1, maxReplicas: 9, queueDepth: {target: 4}, behavior: "      \
    "{scaleDown: "                                                                            \
    "{stabilizationWindowSeconds: 0}}}}}}\n"
    json_auto_t *measured = NULL, *unmeasured = NULL;
    (void)state;
    ok(simulate(EXPECTS "status: {services: [{name: ai-feedback, measured: "
                        "{podsPerThousandLearners: '12.5', learners: 180, at: "
                        "'2025-11-01T09:00:00Z', startSeconds: 30}}]}\n",
                "time,queue_depth\n1764579600,1\n1764580500,1\n", &measured, &err));
    check_changes(measured, "1764579840: 1 to 5 below minReplicas; 1764579960: 5 to 1 as asked; ");
    assert_false(lp_json_bool(true, measured, "unmeasured", NULL));
    ok(simulate(EXPECTS, "time,queue_depth\n1764579600,1\n1764580500,1\n", &unmeasured, &err));
    check_changes(unmeasured, "");
    assert_true(lp_json_bool(false, unmeasured, "unmeasured", NULL));
#undef EXPECTS
}

/* One pod of 2 slots and half a second serves 4 a second. In the second minute 8 a second come. */
static void minutes_count_in_which_too_many_wait_longer_than_the_target(void **state)
{
    static const char platform[] = HEAD
        "concurrency: 2, queueLimit: 1000, autoscaling: {minReplicas: 1, maxReplicas: 1, metrics: "
        "[queueDepth]}}}}\n";
    json_auto_t *answer = NULL;
    (void)state;
    ok(simulate(platform,
                "time,arrival_rate,service_time\n0,2,0.5\n60,8,0.5\n120,1,0.5\n"
                "300,1,0.5\n",
                &answer, &err));
    /* 240 wait at 120 s and shrink by 3 a second, so for 80 s: the second to the fourth minute. */
    check_summary(answer, "{\"minutesOverTarget\":3,\"targetWaitMs\":250,\"turnedAway\":0}");
    const json_t *wait = lp_json_at(answer, "summary", "waitMs", NULL);
    assert_in_range(lp_json_int(-1, wait, "p95", NULL), 50000, 60000);
}

/* Two slots and one place: of 8 a second 4 are turned away, whom no percentile forgets. */
static void who_is_turned_away_waits_without_end(void **state)
{
    static const char platform[] = HEAD
        "concurrency: 2, queueLimit: 1, autoscaling: {minReplicas: 1, maxReplicas: 1, metrics: "
        "[queueDepth]}}}}\n";
    json_auto_t *answer = NULL;
    (void)state;
    ok(simulate(platform, "time,arrival_rate,service_time\n0,8,0.5\n60,8,0.5\n", &answer, &err));
    check_summary(answer, "{\"minutesOverTarget\":1,\"waitMs\":{\"p95\":null,\"p99\":null}}");
    double lost = json_number_value(lp_json_at(answer, "summary", "turnedAway", NULL));
    assert_true(lost > 230 && lost < 242);
}

/* From 1 to 20 a second, of half a second each, in pods of 10 slots: 14.3 busy slots of 7 a pod. A
 * plain HPA asked for at most twice as many every 15 s. */
static void a_burst_is_answered_between_two_syncs(void **state)
{
#define CROWD \
    HEAD "concurrency: 10, autoscaling: {minReplicas: 1, maxReplicas: 9, metrics: [queueDepth]"
    struct file cr auto_file = write_file(CROWD "}}}}\n");
    struct file with auto_file = write_file(CROWD ", burst: {factor: 2}}}}}\n");
    struct cli_options o = options_of(cr.path, "t.csv");
    lp_auto_buf struct lp_buf csv = LP_BUF_INIT(1000);
    simulate_auto_service struct simulate_service s = { .object = NULL }, b = { .object = NULL };
    simulate_auto_result struct simulate_result plain = { 0 }, lifted = { 0 };
    (void)state;
    lp_buf_str(&csv, "time,arrival_rate,service_time\n0,1,0.5\n61,40,0.5\n240,1,0.5\n900,1,0.5\n");
    ok(simulate_load(cr.path, SERVICE_AI_FEEDBACK, &o, &images, &csv, &s, &err));
    simulate_run(&s, 15000, 250, &plain);
    ok(simulate_load(with.path, SERVICE_AI_FEEDBACK, &o, &images, &csv, &b, &err));
    simulate_run(&b, 15000, 250, &lifted);
    assert_true(lifted.n_changes > 0);
    assert_true(lifted.changes[0].at_once);
    assert_in_range(lifted.changes[0].at_ms, 61500, 64000);
    assert_true(plain.changes[0].at_ms >= 75000);
    assert_true(lifted.waits->minutes_over <= plain.waits->minutes_over);
    assert_true(waits_percentile(lifted.waits, 950) < waits_percentile(plain.waits, 950));
    assert_true(lifted.turned_away < plain.turned_away);
    assert_int_equal(b.rules.min, 1); /* let go in the end */
}

static void services_that_columns_name_are_simulated_together(void **state)
{
    struct file cr auto_file = write_file(HEAD ONE_TO_TEN "}}}}\n");
    struct file csv auto_file = write_file("time,ai-feedback.queue_depth,auth.queue_depth\n"
                                           "0,40,1\n600,0,1\n");
    struct cli_options o = options_of(cr.path, csv.path);
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
    json_auto_t *failures = NULL, *answer = NULL;
    (void)state;
    o.service = NULL;
    o.max_pod_hours = 100;
    ok(simulate_command(&o, &images, &out, &failures, &err));
    ok(lp_json_parse(out.ptr, out.len, 1 << 20, "answer", &answer, &err));
    const json_t *list = json_object_get(answer, "services");
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(lp_json_str(json_array_get(list, 0), "service", NULL),
                        "default/english auth");
    check_changes(json_array_get(list, 1), "0: 1 to 4 ScaleUpLimit; 15: 4 to 8 ScaleUpLimit; 30: 8 "
                                           "to 10 as asked; ");
    assert_int_equal(json_array_size(failures), 1); /* of both together */
    assert_non_null(strstr(json_string_value(json_array_get(failures, 0)),
                           "pod-hours: must be at most 0.100, is 1."));
}

static void pods_and_waits_over_time_are_csv_and_a_picture(void **state)
{
    static const char csv_text[] = "time,arrival_rate,service_time\n0,1,0.5\n2,1,0.5\n3,,\n4,,\n";
    struct file cr auto_file = write_file(HEAD ONE_TO_TEN "}}}}\n"),
                   csv auto_file = write_file(csv_text);
    struct cli_options o = options_of(cr.path, csv.path);
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
    json_auto_t *failures = NULL, *again = NULL;
    (void)state;
    o.format = CLI_CSV;
    ok(simulate_command(&o, &images, &out, &failures, &err));
    assert_string_equal(out.ptr, "service,time,pods,ready,wait_ms,queue_depth,arrival_rate\n"
                                 "ai-feedback,0.000,1,1,0,0.432,1.000\n"
                                 "ai-feedback,1.000,1,1,0,0.492,1.000\n"
                                 "ai-feedback,2.000,1,1,0,0.499,1.000\n"
                                 "ai-feedback,3.000,1,1,,,\n");
    lp_buf_reset(&out);
    o.format = CLI_SVG;
    ok(simulate_command(&o, &images, &out, &again, &err));
    assert_int_equal(strncmp(out.ptr, "<svg xmlns=", 11), 0);
    assert_non_null(strstr(out.ptr, "default/english ai-feedback</text>"));
    assert_non_null(strstr(out.ptr, " d=\"M60 50H245L245 50H430L430 50H615L615 50H800\"/>"));
    assert_non_null(strstr(out.ptr, "</svg>\n"));
}

/* A thousand that wait 0 to 999 ms, and one that waits without end. */
static void percentiles_are_of_all_that_came(void **state)
{
    lp_auto_free struct waits *w = lp_alloc(sizeof *w);
    (void)state;
    w->target_ms = 250;
    assert_int_equal(waits_percentile(w, 500), -1);
    for (int64_t i = 0; i < 1000; i++)
        waits_add(w, i, i, 1000000);
    assert_int_equal(waits_percentile(w, 500), 499);
    assert_int_equal(waits_percentile(w, 950), 949);
    assert_int_equal(w->minutes_over, 0);
    waits_add(w, 60000, INT64_MAX, 1000000);
    assert_int_equal(w->minutes_over, 1);
    waits_end(w);
    assert_int_equal(w->minutes_over, 2);
    assert_int_equal(waits_percentile(w, 1000), WAIT_MOST_MS + 1);
}

static void slots_keep_what_was_worst_in_them(void **state)
{
    lp_auto_free struct series *s = lp_alloc(sizeof *s);
    (void)state;
    series_init(s, 1000, 1000 + 1200 * 1000); /* slots of 2 s */
    assert_int_equal(s->step_ms, 2000);
    series_add(s, &(struct series_point){ 1000, 3, 3, 5, 10, 7 });
    series_add(s, &(struct series_point){ 2999, 4, 2, 9, 8, 6 });
    series_add(s, &(struct series_point){ 3000, 1, 1, -1, -1, -1 });
    series_add(s, &(struct series_point){ 1201000, 9, 9, 1, 1, 1 });
    assert_int_equal(s->n, 3);
    assert_int_equal(s->points[0].pods, 4);
    assert_int_equal(s->points[0].ready, 2);
    assert_int_equal(s->points[0].wait_ms, 9);
    assert_int_equal(s->points[0].queue, 10);
    assert_int_equal(s->points[1].at_ms, 3000);
    assert_int_equal(s->points[1].wait_ms, -1);
    assert_int_equal(s->points[2].at_ms, 1199000);
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
        cmocka_unit_test(schedules_and_pauses_count_where_the_trace_has_a_date),
        cmocka_unit_test(expected_students_are_simulated_by_the_figures_of_the_files_status),
        cmocka_unit_test(minutes_count_in_which_too_many_wait_longer_than_the_target),
        cmocka_unit_test(who_is_turned_away_waits_without_end),
        cmocka_unit_test(a_burst_is_answered_between_two_syncs),
        cmocka_unit_test(services_that_columns_name_are_simulated_together),
        cmocka_unit_test(pods_and_waits_over_time_are_csv_and_a_picture),
        cmocka_unit_test(percentiles_are_of_all_that_came),
        cmocka_unit_test(slots_keep_what_was_worst_in_them),
    };
    return cmocka_run_group_tests_name("simulate", tests, NULL, NULL);
}
