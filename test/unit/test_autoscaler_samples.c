/* test/unit/test_autoscaler_samples.c -- whose values are served, how old, and what is said when
 * there are none. */
#include "unit/samples_fixture.h"

static void two_pods_with_values(void)
{
    deployment(2);
    pod("auth-1", "10.0.0.1", true);
    pod("auth-2", "10.0.0.2", true);
    samples_synced(s, NOW);
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
    samples_synced(s, NOW);
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
    tell(o, NOW);
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
    assert_string_equal(value(NOW + 4500), "13");
}

static void timeouts_of_over_half_the_pods_are_no_load(void **state)
{
    int64_t late = NOW + SAMPLES_MAX_AGE_MS + 3000;
    (void)state;
    two_pods_with_values();
    pod("auth-3", "10.0.0.3", true);
    hpa("8");
    ask_all(late - 1200);
    for (unsigned i = 1; i <= 3; i++)
        samples_report(s, asked[i], SAMPLES_TIMEOUT, NULL, late - 1200);
    assert_string_equal(value(late), "none");
    assert_non_null(strstr(message, "0 of 3 english-auth pods scraped; auth-"));
    assert_non_null(strstr(message, " timed out 1.2 s ago"));
}

#define SILENT (SAMPLES_MAX_AGE_MS + 1) /* the last word is too old then */

static void all_refuse(unsigned n, int64_t now)
{
    ask_all(now);
    for (unsigned i = 1; i <= n; i++)
        samples_report(s, asked[i], SAMPLES_REFUSED, NULL, now);
}

static void a_ready_pod_that_refuses_keeps_its_last_value_and_its_time(void **state)
{
    (void)state;
    two_pods_with_values();
    all_refuse(1, NOW + 2000);
    says(2, 4, 6, NOW + 20000);
    json_auto_t *o = get("services", "english-auth", NULL, NOW + 20000);
    const json_t *item = json_array_get(json_object_get(o, "items"), 0);
    assert_string_equal(lp_json_str(item, "value", NULL), "13");
    assert_string_equal(lp_json_str(item, "timestamp", NULL), "2026-10-01T09:16:40Z");
    assert_int_equal(n_pods(NULL, NOW + 20000), 2);
}

/* 4 of the one that tells, and as much again; the backlog of 6 is nobody's. */
static void one_that_goes_on_refusing_counts_as_the_mean_of_the_others(void **state)
{
    (void)state;
    two_pods_with_values();
    all_refuse(1, NOW + 2000);
    says(2, 4, 6, NOW + 20000);
    assert_string_equal(value(NOW + 10 + SAMPLES_MAX_AGE_MS), "13");
    assert_int_equal(samples_silent(s, NOW + 10 + SAMPLES_MAX_AGE_MS), 0);
    assert_string_equal(value(NOW + 10 + SILENT), "14");
    assert_int_equal(samples_silent(s, NOW + 10 + SILENT), 1);
    assert_int_equal(n_pods(NULL, NOW + 10 + SILENT), 1);
    ask_all(NOW + 40000);
    says(1, 2, -1, NOW + 40000);
    assert_string_equal(value(NOW + 40000), "12");
    pod("auth-1", "10.0.0.1", false);
    assert_string_equal(value(NOW + 40000), "10");
}

static void one_that_never_told_adds_nothing(void **state)
{
    (void)state;
    two_pods_with_values();
    pod("auth-3", "10.0.0.3", true);
    all_refuse(3, NOW + 2000);
    says(1, 3, -1, NOW + SILENT);
    says(2, 4, 6, NOW + SILENT);
    assert_string_equal(value(NOW + SILENT), "13");
    pod("auth-2", "10.0.0.2", false); /* a restart that the kubelet saw is another life */
    pod("auth-2", "10.0.0.2", true);
    pod_gone("auth-3");
    all_refuse(2, NOW + SILENT + 1000);
    assert_string_equal(value(NOW + SILENT + 1000), "9");
}

/* The sums at most double, whoever is silent. */
static void where_most_are_silent_nothing_is_made_up(void **state)
{
    (void)state;
    two_pods_with_values();
    pod("auth-3", "10.0.0.3", true);
    ask_all(NOW + 1000);
    says(3, 9, -1, NOW + 1000);
    all_refuse(3, NOW + 3000);
    says(2, 4, 6, NOW + 20000);
    assert_string_equal(value(NOW + 1000 + SILENT), "none");
    assert_non_null(strstr(message, "1 of 3 english-auth pods scraped; auth-"));
    assert_non_null(strstr(message, "refused the connection 28.0 s ago, its last value is 3"));
    assert_non_null(strstr(message, " s old"));
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
    assert_int_equal(n_pods(NULL, NOW + 10 + SILENT), 1);
    assert_string_equal(value(NOW + 15000 + SAMPLES_MAX_AGE_MS + 1), "none");
}

static void a_service_scaled_to_zero_is_zero_and_not_missing(void **state)
{
    (void)state;
    deployment(0);
    samples_synced(s, NOW);
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
    samples_synced(s, NOW);
    assert_int_equal(n_pods(NULL, NOW), 0);
}

static void a_pod_counts_once_it_is_past_its_warm_up(void **state)
{
    (void)state;
    pod_of("auth-1", "10.0.0.1", "set-1", NOW - 60000);
    pod_of("auth-2", "10.0.0.2", "set-1", NOW - 1000);
    samples_synced(s, NOW);
    ask_all(NOW);
    says(1, 3, -1, NOW);
    says(2, 4, -1, NOW);
    assert_string_equal(value(NOW), "3");
    assert_int_equal(n_pods(NULL, NOW), 1);
    assert_string_equal(value(NOW + 1000), "7");
    pod_gone("auth-1");
    assert_string_equal(value(NOW), "none");
    assert_non_null(strstr(message, "no pod of english-auth has been Ready for 2.0 s yet (1 are"));
}

static void pods_of_the_newest_replica_set_count(void **state)
{
    (void)state;
    two_pods_with_values();
    replica_set("set-2", "2", false);
    assert_int_equal(n_pods(NULL, NOW), 2);
    pod_of("auth-3", "10.0.0.3", "set-2", NOW - 1000);
    ask_all(NOW + 100);
    says(3, 1, -1, NOW + 100);
    assert_int_equal(n_pods(NULL, NOW + 100), 2);
    assert_int_equal(n_pods(NULL, NOW + 1000), 1);
    assert_string_equal(value(NOW + 1000), "14");
    pod_gone("auth-1");
    pod_gone("auth-2");
    assert_string_equal(value(NOW + 1000), "7");
}

static void an_undone_rollout_makes_the_older_pods_current_again(void **state)
{
    (void)state;
    replica_set("set-2", "2", false);
    two_pods_with_values();
    pod_of("auth-3", "10.0.0.3", "set-2", NOW - 5000);
    ask_all(NOW);
    says(3, 1, -1, NOW);
    assert_int_equal(n_pods(NULL, NOW + 30), 1);
    replica_set("set-1", "3", false);
    assert_int_equal(n_pods(NULL, NOW + 30), 2);
}

static void a_pod_of_no_replica_set_of_the_deployment_does_not_count(void **state)
{
    (void)state;
    two_pods_with_values();
    pod_of("auth-3", "10.0.0.3", "another", NOW - 5000);
    ask_all(NOW);
    says(3, 100, -1, NOW);
    assert_string_equal(value(NOW + 30), "13");
    replica_set("set-1", "1", true);
    assert_string_equal(value(NOW + 30), "none");
    assert_non_null(
        strstr(message, "none of the 3 Ready pods of english-auth is owned by a ReplicaSet"));
}

static void a_loss_and_a_recovery_are_told_once_each(void **state)
{
    struct samples_loss found[4];
    (void)state;
    two_pods_with_values();
    assert_int_equal(samples_losses(s, NOW + 30, found, 4), 0);
    all_refuse(2, NOW + 2000);
    assert_int_equal(samples_losses(s, NOW + 2000, found, 4), 0);
    assert_int_equal(samples_losses(s, NOW + 20 + SILENT, found, 4), 1);
    assert_true(found[0].lost);
    assert_string_equal(found[0].ns, "lp");
    assert_string_equal(found[0].name, "english-auth");
    assert_non_null(strstr(found[0].note, "0 of 2 english-auth pods scraped"));
    assert_int_equal(samples_losses(s, NOW + 20 + SILENT, found, 4), 0);
    ask_all(NOW + 40000);
    says(1, 1, -1, NOW + 40000);
    says(2, 1, -1, NOW + 40000);
    assert_int_equal(samples_losses(s, NOW + 40000, found, 4), 1);
    assert_false(found[0].lost);
    assert_int_equal(samples_losses(s, NOW + 40000, found, 4), 0);
}

static void a_service_scaled_to_zero_is_not_lost(void **state)
{
    struct samples_loss found[4];
    (void)state;
    two_pods_with_values();
    assert_int_equal(samples_losses(s, NOW + 30, found, 4), 0);
    deployment(0);
    pod_gone("auth-1");
    pod_gone("auth-2");
    assert_int_equal(samples_losses(s, NOW + 1000, found, 4), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_table(a_service_has_the_sum_of_its_pods_and_the_newest_backlog_once),
        with_table(nothing_is_served_before_the_first_sweep),
        with_table(a_deleted_or_unready_pod_is_gone_at_once),
        with_table(a_terminating_pod_is_not_asked),
        with_table(a_report_for_an_earlier_life_is_dropped),
        with_table(a_timeout_counts_as_saturated),
        with_table(timeouts_of_over_half_the_pods_are_no_load),
        with_table(a_ready_pod_that_refuses_keeps_its_last_value_and_its_time),
        with_table(one_that_goes_on_refusing_counts_as_the_mean_of_the_others),
        with_table(one_that_never_told_adds_nothing),
        with_table(where_most_are_silent_nothing_is_made_up),
        with_table(an_old_value_keeps_its_time_and_is_left_out_in_the_end),
        with_table(a_service_scaled_to_zero_is_zero_and_not_missing),
        with_table(pods_and_services_are_chosen_by_labels),
        with_table(each_pod_is_due_once_in_an_interval),
        with_table(names_that_could_break_an_answer_are_not_taken),
        with_table(a_pod_counts_once_it_is_past_its_warm_up),
        with_table(pods_of_the_newest_replica_set_count),
        with_table(an_undone_rollout_makes_the_older_pods_current_again),
        with_table(a_pod_of_no_replica_set_of_the_deployment_does_not_count),
        with_table(a_loss_and_a_recovery_are_told_once_each),
        with_table(a_service_scaled_to_zero_is_not_lost),
    };
    return cmocka_run_group_tests_name("autoscaler_samples", tests, NULL, NULL);
}
