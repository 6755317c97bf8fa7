/* test/unit/test_autoscaler_samples.c -- whose values are served, how old, and what is said when
 * there are none. */
#include "autoscaler/samples.h"

#include <stdio.h>
#include <string.h>

#include "json/json.h"
#include "unit/check.h"

#define NOW 1000000

static struct samples *s;
static char message[512];

static json_t *pod_object(const char *name, const char *ip, bool ready)
{
    return lp_json_make("{s:{s:s,s:s,s:s,s:{s:s,s:s}},s:{s:s,s:s,s:[{s:s,s:s}]}}", "metadata",
                        "namespace", "lp", "name", name, "uid", name, "labels",
                        "app.kubernetes.io/name", "auth", "app.kubernetes.io/part-of", "english",
                        "status", "phase", "Running", "podIP", ip, "conditions", "type", "Ready",
                        "status", ready ? "True" : "False");
}

static void pod(const char *name, const char *ip, bool ready)
{
    json_auto_t *o = pod_object(name, ip, ready);
    samples_pod(s, o, false, NOW);
}

static void pod_gone(const char *name)
{
    json_auto_t *o = pod_object(name, "10.0.0.1", true);
    samples_pod(s, o, true, NOW);
}

static void deployment(int replicas)
{
    json_auto_t *o =
        lp_json_make("{s:{s:s,s:s,s:{s:s}},s:{s:i}}", "metadata", "namespace", "lp", "name",
                     "english-auth", "labels", "tier", "front", "spec", "replicas", replicas);
    samples_deployment(s, o, false);
}

static void hpa(const char *target)
{
    json_auto_t *o =
        lp_json_make("{s:{s:s,s:s},s:{s:[{s:{s:{s:s},s:{s:s}}}]}}", "metadata", "namespace", "lp",
                     "name", "english-auth", "spec", "metrics", "object", "metric", "name",
                     "queue_depth", "target", "averageValue", target);
    samples_hpa(s, o, false);
}

/* The id under which the pod with this address is asked at `now`; the others stay due. */
static uint64_t ask(const char *ip, int64_t now)
{
    struct samples_target targets[8];
    int64_t next;
    unsigned n = samples_due(s, now, targets, 8, &next);
    for (unsigned i = 0; i < n; i++)
        if (strcmp(targets[i].ip, ip) == 0)
            return targets[i].id;
    return UINT64_MAX;
}

static uint64_t asked[8];
static void ask_all(int64_t now)
{
    struct samples_target targets[8];
    int64_t next;
    unsigned n = samples_due(s, now, targets, 8, &next);
    for (unsigned i = 0; i < n; i++)
        asked[targets[i].ip[strlen(targets[i].ip) - 1] - '0'] = targets[i].id;
}

static void says(unsigned last_digit, int requests, int backlog, int64_t now)
{
    struct promtext_page page = { .waiting = requests * 1000 };
    if (backlog >= 0) {
        page.n_queues = 1;
        memcpy(page.queues[0].name, "ai", 3);
        page.queues[0].depth = backlog * 1000;
    }
    samples_report(s, asked[last_digit], SAMPLES_OK, &page, now);
}

static json_t *get(const char *resource, const char *name, const char *selector, int64_t now)
{
    struct query q = { .route = QUERY_METRIC, .ns = "lp", .metric = "queue_depth" };
    struct selector sel;
    struct lp_error err = { .msg = "" };
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(65536);
    json_t *o = NULL;
    snprintf(q.resource, sizeof q.resource, "%s", resource);
    snprintf(q.name, sizeof q.name, "%s", name);
    message[0] = '\0';
    assert_int_equal(selector_parse(selector, &sel, &err), 0);
    const struct samples_question question = { &q, &sel, now, 1790845200000 + now };
    if (samples_answer(s, &question, &out, &err) < 0) {
        snprintf(message, sizeof message, "%d %s", err.code, err.msg);
        assert_int_equal(out.len, 0);
        return NULL;
    }
    assert_int_equal(lp_json_parse(out.ptr, out.len, 65536, "answer", &o, &err), 0);
    return o;
}

static const char *value(int64_t now)
{
    static char text[32];
    json_auto_t *o = get("services", "english-auth", NULL, now);
    const json_t *item = json_array_get(json_object_get(o, "items"), 0);
    snprintf(text, sizeof text, "%s", o ? lp_json_str(item, "value", NULL) : "none");
    return text;
}

static size_t n_pods(const char *selector, int64_t now)
{
    json_auto_t *o = get("pods", "*", selector, now);
    return json_array_size(json_object_get(o, "items"));
}

static int fresh(void **state)
{
    (void)state;
    s = samples_new(1000);
    return 0;
}

static int end(void **state)
{
    (void)state;
    samples_free(s);
    return 0;
}

static void two_pods_with_values(void)
{
    deployment(2);
    pod("auth-1", "10.0.0.1", true);
    pod("auth-2", "10.0.0.2", true);
    samples_synced(s);
    ask_all(NOW);
    says(1, 3, 5, NOW + 10);
    says(2, 4, 6, NOW + 20);
}

static void a_service_has_the_sum_of_its_pods_and_the_newest_backlog_once(void **state)
{
    (void)state;
    two_pods_with_values();
    assert_string_equal(value(NOW + 30), "13");
    assert_int_equal(n_pods(NULL, NOW + 30), 2);
}

static void nothing_is_served_before_the_first_sweep(void **state)
{
    char why[128];
    (void)state;
    pod("auth-1", "10.0.0.1", true);
    pod("auth-2", "10.0.0.2", true);
    assert_string_equal(value(NOW), "none");
    samples_synced(s);
    assert_string_equal(value(NOW), "none");
    assert_non_null(strstr(message, "first sweep"));
    assert_false(samples_swept(s, NOW, why));
    ask_all(NOW);
    says(1, 1, -1, NOW);
    assert_string_equal(value(NOW), "none");
    samples_report(s, asked[2], SAMPLES_FAILED, NULL, NOW);
    assert_string_equal(value(NOW), "1");
    assert_true(samples_swept(s, NOW, why));
    assert_false(samples_swept(s, NOW + SAMPLES_SWEEP_AGE_MS + 1, why));
}

static void a_deleted_or_unready_pod_is_gone_at_once(void **state)
{
    (void)state;
    two_pods_with_values();
    pod("auth-2", "10.0.0.2", false);
    assert_string_equal(value(NOW + 30), "9");
    pod_gone("auth-1");
    assert_string_equal(value(NOW + 30), "none");
    assert_non_null(strstr(message, "no pod of english-auth is Ready (1 exist)"));
    assert_int_equal(n_pods(NULL, NOW + 30), 0);
}

static void a_terminating_pod_is_not_asked(void **state)
{
    (void)state;
    two_pods_with_values();
    json_auto_t *o = pod_object("auth-2", "10.0.0.2", true);
    lp_json_set_str(json_object_get(o, "metadata"), "deletionTimestamp", "2026-01-01T00:00:00Z");
    samples_pod(s, o, false, NOW);
    assert_int_equal(n_pods(NULL, NOW + 30), 1);
    assert_int_equal(ask("10.0.0.2", NOW + 5000), UINT64_MAX);
}

static void a_report_for_an_earlier_life_is_dropped(void **state)
{
    (void)state;
    two_pods_with_values();
    uint64_t before = ask("10.0.0.1", NOW + 2000);
    assert_int_not_equal(before, UINT64_MAX);
    pod("auth-1", "10.0.0.9", true);
    asked[1] = before;
    says(1, 100, -1, NOW + 2000);
    assert_string_equal(value(NOW + 2000), "10");
}

static void a_timeout_counts_as_saturated(void **state)
{
    (void)state;
    two_pods_with_values();
    hpa("8");
    ask_all(NOW + 2000);
    samples_report(s, asked[1], SAMPLES_TIMEOUT, NULL, NOW + 2500);
    assert_string_equal(value(NOW + 2500), "18");
    hpa("1");
    ask_all(NOW + 4000);
    samples_report(s, asked[1], SAMPLES_TIMEOUT, NULL, NOW + 4500);
    assert_string_equal(value(NOW + 4500), "18");
}

static void a_refused_connection_takes_the_value_away(void **state)
{
    (void)state;
    two_pods_with_values();
    ask_all(NOW + 2000);
    samples_report(s, asked[1], SAMPLES_REFUSED, NULL, NOW + 2000);
    assert_string_equal(value(NOW + 2000), "10");
    samples_report(s, asked[2], SAMPLES_REFUSED, NULL, NOW + 2100);
    assert_string_equal(value(NOW + 3300), "none");
    assert_non_null(strstr(message, "0 of 2 pods of english-auth have a value"));
    assert_non_null(strstr(message, "refused the connection (1."));
}

static void an_old_value_keeps_its_time_and_is_left_out_in_the_end(void **state)
{
    (void)state;
    two_pods_with_values();
    ask_all(NOW + 2000);
    says(2, 4, 6, NOW + 15000);
    json_auto_t *o = get("services", "english-auth", NULL, NOW + 20000);
    const json_t *item = json_array_get(json_object_get(o, "items"), 0);
    assert_string_equal(lp_json_str(item, "value", NULL), "13");
    assert_string_equal(lp_json_str(item, "timestamp", NULL), "2026-10-01T09:16:40Z");
    assert_string_equal(value(NOW + 10 + SAMPLES_MAX_AGE_MS + 1), "10");
    assert_string_equal(value(NOW + 15000 + SAMPLES_MAX_AGE_MS + 1), "none");
}

static void a_service_scaled_to_zero_is_zero_and_not_missing(void **state)
{
    (void)state;
    deployment(0);
    samples_synced(s);
    assert_string_equal(value(NOW), "0");
    deployment(1);
    assert_string_equal(value(NOW), "none");
    json_auto_t *o = get("services", "nobody", NULL, NOW);
    assert_null(o);
    assert_non_null(strstr(message, "lp/nobody is no service"));
}

static void pods_and_services_are_chosen_by_labels(void **state)
{
    (void)state;
    two_pods_with_values();
    assert_int_equal(n_pods("app.kubernetes.io/name in (auth,gateway)", NOW + 30), 2);
    assert_int_equal(n_pods("app.kubernetes.io/name!=auth", NOW + 30), 0);
    assert_non_null(strstr(message, "no Ready pod"));
    json_auto_t *all = get("services", "*", "tier=front", NOW + 30);
    assert_int_equal(json_array_size(json_object_get(all, "items")), 1);
    json_auto_t *one = get("pods", "auth-2", NULL, NOW + 30);
    assert_string_equal(
        lp_json_str(json_array_get(json_object_get(one, "items"), 0), "value", NULL), "4");
}

static void each_pod_is_due_once_in_an_interval(void **state)
{
    struct samples_target targets[8];
    int64_t next;
    (void)state;
    two_pods_with_values();
    assert_int_equal(samples_due(s, NOW + 20, targets, 8, &next), 0);
    assert_in_range(next, NOW + 500, NOW + 1520);
    assert_int_equal(samples_due(s, NOW + 1520, targets, 1, &next), 1);
    assert_int_equal(samples_due(s, NOW + 1520, targets, 8, &next), 1);
    assert_int_equal(samples_due(s, NOW + 9999, targets, 8, &next), 0);
}

static void names_that_could_break_an_answer_are_not_taken(void **state)
{
    (void)state;
    assert_true(samples_name_ok("english-auth-7d9.x_1"));
    assert_false(samples_name_ok("a\"b"));
    assert_false(samples_name_ok("a/b"));
    assert_false(samples_name_ok(""));
    assert_false(samples_name_ok(NULL));
    pod("a\"b", "10.0.0.1", true);
    samples_synced(s);
    assert_int_equal(n_pods(NULL, NOW), 0);
}

#define with_table(f) cmocka_unit_test_setup_teardown(f, fresh, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_table(a_service_has_the_sum_of_its_pods_and_the_newest_backlog_once),
        with_table(nothing_is_served_before_the_first_sweep),
        with_table(a_deleted_or_unready_pod_is_gone_at_once),
        with_table(a_terminating_pod_is_not_asked),
        with_table(a_report_for_an_earlier_life_is_dropped),
        with_table(a_timeout_counts_as_saturated),
        with_table(a_refused_connection_takes_the_value_away),
        with_table(an_old_value_keeps_its_time_and_is_left_out_in_the_end),
        with_table(a_service_scaled_to_zero_is_zero_and_not_missing),
        with_table(pods_and_services_are_chosen_by_labels),
        with_table(each_pod_is_due_once_in_an_interval),
        with_table(names_that_could_break_an_answer_are_not_taken),
    };
    return cmocka_run_group_tests_name("autoscaler_samples", tests, NULL, NULL);
}
