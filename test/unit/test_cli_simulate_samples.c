/* test/unit/test_cli_simulate_samples.c -- what the shipped samples must do under the shipped
 * traces, and a run that was recorded. */
#include "cli/simulate.h"

#include <string.h>
#include <unistd.h>

#include "cli/file.h"
#include "json/json.h"
#include "unit/check.h"

static const struct plan_images images = {
    .registry = "", .tag = "v1", .pull_policy = "IfNotPresent", .postgres = "p", .mongo = "m"
};

/* Of the load of config/samples/traces/class-of-20.csv. */
#define ENDS_S 90

struct pods {
    int64_t before, peak, at_end, later; /* later: the most after the load's end */
};

static struct cli_options options_of(const char *platform, const char *trace)
{
    return (struct cli_options){ .command = "simulate",
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

/* All services together, over the changes of each. */
static json_t *simulate(const char *platform, int64_t delay_ms)
{
    struct cli_options o = options_of(platform, "config/samples/traces/class-of-20.csv");
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
    json_auto_t *failures = NULL;
    json_t *answer = NULL;

    o.usage_delay_ms = delay_ms;
    ok(simulate_command(&o, &images, &out, &failures, &err));
    ok(lp_json_parse(out.ptr, out.len, 1 << 20, "answer", &answer, &err));
    return answer;
}

/* Of one service at a moment. */
static int64_t pods_at(const json_t *service, int64_t s)
{
    int64_t n = lp_json_int(0, service, "summary", "min", NULL);
    const json_t *c;
    size_t i;

    json_array_foreach(json_object_get(service, "changes"), i,
                       c) if (lp_json_int(0, c, "time", NULL) <= s) n =
        lp_json_int(0, c, "to", NULL);
    return n;
}

static struct pods count(const json_t *answer)
{
    struct pods p = { 0 };

    for (int64_t s = 0; s <= 900; s++) {
        int64_t n = 0;
        const json_t *service;
        size_t i;
        json_array_foreach(json_object_get(answer, "services"), i, service) n +=
            pods_at(service, s);
        p.before = s == 0 ? n : p.before;
        p.peak = n > p.peak ? n : p.peak;
        p.at_end = s == ENDS_S - 1 ? n : p.at_end;
        p.later = s >= ENDS_S && n > p.later ? n : p.later;
    }
    return p;
}

static void the_existing_sizes_ask_for_no_pods_after_the_load_has_ended(void **state)
{
    static const int64_t delays_ms[] = { 0, 10000, 25000 };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(delays_ms); i++) {
        json_auto_t *answer = simulate("config/samples/existing-platform.yaml", delays_ms[i]);
        struct pods p = count(answer);
        assert_int_equal(p.before, 5);
        assert_in_range(p.peak, 5, 8);
        assert_in_range(p.later, 5, p.at_end);
    }
}

/* What it was like: the cause, so that it is known when a simulation does not see it any more. */
static void cpu_in_percent_of_the_request_asks_for_pods_when_the_load_has_ended(void **state)
{
    json_auto_t *answer = simulate("bench/experiment/before.yaml", 10000);
    struct pods p = count(answer);
    const json_t *auth = json_array_get(json_object_get(answer, "services"), 1);
    (void)state;
    assert_int_equal(p.at_end, 8);
    assert_int_equal(p.later, 15);
    assert_int_equal(pods_at(auth, 0), 2);
    assert_int_equal(pods_at(auth, ENDS_S), 10);
    assert_int_equal(pods_at(auth, 300), 2);
    const json_t *last_up = json_array_get(json_object_get(auth, "changes"), 1);
    assert_string_equal(lp_json_str(last_up, "metric", NULL), "cpu");
}

static void write_text(char path[32], const char *text)
{
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

/* 40m of 10m is 400 %, times 2 of 160 %: 5; then 2 of 5 count, at 40m each: 400 %, with three idle
 * 160 %; then all of them. */
static void a_recorded_run_is_decided_again_at_its_own_times(void **state)
{
    char csv[32] = "/tmp/lp-recorded-XXXXXX", platform[32] = "/tmp/lp-recorded-XXXXXX";
    struct cli_options o = options_of(platform, csv);
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
    json_auto_t *failures = NULL, *answer = NULL;
    (void)state;
    o.service = "auth";
    o.as_recorded = true;
    write_text(csv, "time,cpu,queue_depth,seen_replicas,seen_ready,seen_counted\n0.5,5m,0,2,2,2\n"
                    "13.25,80m,4,2,2,2\n27,200m,4,5,5,2\n41,200m,4,5,5,5\n50,0,0,0,0,0\n");
    write_text(platform, "apiVersion: learningplatform.io/v1alpha1\nkind: LearningPlatform\n"
                         "metadata: {name: a}\nspec: {services: {auth: {autoscaling: {minReplicas: "
                         "2, maxReplicas: 30, cpu: {averageUtilization: 160}, behavior: {scaleUp: "
                         "{stabilizationWindowSeconds: 0}}}}}}\n");
    ok(simulate_command(&o, &images, &out, &failures, &err));
    ok(lp_json_parse(out.ptr, out.len, 1 << 20, "answer", &answer, &err));
    const json_t *changes = json_object_get(answer, "changes");
    assert_int_equal(json_array_size(changes), 2);
    assert_int_equal(lp_json_int(0, json_array_get(changes, 0), "to", NULL), 5);
    assert_int_equal(lp_json_int(0, json_array_get(changes, 1), "time", NULL), 41);
    assert_int_equal(lp_json_int(0, json_array_get(changes, 1), "to", NULL), 10);
    o.trace = "config/samples/traces/exam.csv";
    json_auto_t *none = NULL;
    struct lp_error err;
    assert_int_equal(simulate_command(&o, &images, &out, &none, &err), LP_E_INVALID);
    assert_non_null(strstr(err.msg, "must have the columns seen_replicas and seen_ready"));
    unlink(csv);
    unlink(platform);
}

/* The exam is ten times the load within one minute. */
static void every_shipped_trace_is_simulated_for_every_service(void **state)
{
    static const char *const names[] = { "seed-load",      "ordinary-day", "exam",
                                         "semester-start", "flapping",     "class-of-20" };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(names); i++) {
        lp_auto_free char *path = lp_sprintf("config/samples/traces/%s.csv", names[i]);
        struct cli_options o = options_of("config/samples/existing-platform.yaml", path);
        lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
        json_auto_t *failures = NULL, *answer = NULL;
        o.sync_ms = 60000;
        ok(simulate_command(&o, &images, &out, &failures, &err));
        ok(lp_json_parse(out.ptr, out.len, 1 << 20, "answer", &answer, &err));
        assert_int_equal(json_array_size(json_object_get(answer, "services")), N_SERVICES);
    }
    lp_auto_buf struct lp_buf csv = LP_BUF_INIT(1 << 20);
    trace_auto struct trace exam = { 0 };
    ok(file_read("config/samples/traces/exam.csv", &csv, &err));
    ok(trace_parse(csv.ptr, csv.len, "exam", "auth", &exam, &err));
    int64_t before = exam.rows[60].values[TRACE_ARRIVAL_RATE];
    assert_int_equal(exam.rows[66].at_ms - exam.rows[60].at_ms, 60000);
    assert_int_equal(exam.rows[66].values[TRACE_ARRIVAL_RATE], 10 * before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_existing_sizes_ask_for_no_pods_after_the_load_has_ended),
        cmocka_unit_test(a_recorded_run_is_decided_again_at_its_own_times),
        cmocka_unit_test(every_shipped_trace_is_simulated_for_every_service),
        cmocka_unit_test(cpu_in_percent_of_the_request_asks_for_pods_when_the_load_has_ended),
    };
    return cmocka_run_group_tests_name("cli_simulate_samples", tests, NULL, NULL);
}
