/* test/unit/test_metrics.c -- series, escapes, histograms, limits, and updates from many threads.
 */
#include "metrics/metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "metrics/metrics_parts.h"
#include "unit/check.h"

static void assert_exposed(const char *line, bool wanted)
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(4 << 20);
    assert_int_equal(lp_metrics_write(&b, &(struct lp_error){ .code = 0 }), 0);
    assert_false(b.overflowed);
    const char *at = strstr(b.ptr, line);
    while (at && at > b.ptr && at[-1] != '\n')
        at = strstr(at + 1, line);
    if ((at != NULL) != wanted)
        fail_msg("%s: %s in\n%s", line, wanted ? "not" : "still", b.ptr);
}

static struct lp_metric_family *gauges(const char *name, const char *labels)
{
    return lp_metric_family(LP_METRIC_GAUGE, name, "For a test.", labels, NULL, 0);
}

static void the_same_family_and_labels_give_the_same_series(void **state)
{
    (void)state;
    struct lp_metric_family *f = gauges("t_same", "a,b");
    assert_ptr_equal(f, gauges("t_same", "a,b"));
    assert_ptr_equal(lp_metric_with(f, "1", "2"), lp_metric_with(f, "1", "2"));
    assert_ptr_not_equal(lp_metric_with(f, "1", "2"), lp_metric_with(f, "2", "1"));
}

static void a_counter_is_exposed_with_help_and_type(void **state)
{
    (void)state;
    struct lp_metric_family *f =
        lp_metric_family(LP_METRIC_COUNTER, "t_things_total", "Things.", "kind", NULL, 0);
    lp_metric_add(lp_metric_with(f, "round"), 2);
    lp_metric_add(lp_metric_with(f, "round"), 0.5);
    assert_exposed("# HELP t_things_total Things.\n# TYPE t_things_total counter\n"
                   "t_things_total{kind=\"round\"} 2.5\n",
                   true);
}

static void label_values_are_escaped_and_cut_after_whole_characters(void **state)
{
    (void)state;
    struct lp_metric_family *f = gauges("t_escape", "v");
    char text[300];
    lp_metric_set(lp_metric_with(f, "a\"b\\c\nd"), 1);
    assert_exposed("t_escape{v=\"a\\\"b\\\\c\\nd\"} 1\n", true);
    memset(text, 'x', sizeof text);
    memcpy(text + 255, "\xc3\xa9", 2);
    text[sizeof text - 1] = '\0';
    lp_metric_set(lp_metric_with(f, text), 7);
    lp_auto_buf struct lp_buf want = LP_BUF_INIT(1000);
    lp_buf_printf(&want, "t_escape{v=\"%.255s\"} 7\n", text);
    assert_exposed(want.ptr, true);
}

static void a_histogram_counts_cumulatively_and_bounds_are_inclusive(void **state)
{
    static const double bounds[] = { 0.5, 1 };
    (void)state;
    struct lp_metric *m = lp_metric_single(
        lp_metric_family(LP_METRIC_HISTOGRAM, "t_seconds", "Seconds.", "", bounds, 2));
    lp_metric_observe(m, 0.5);
    lp_metric_observe(m, 0.75);
    lp_metric_observe(m, 3);
    assert_true(lp_metric_value(m) > 2.9 && lp_metric_value(m) < 3.1);
    assert_exposed("t_seconds_bucket{le=\"0.5\"} 1\nt_seconds_bucket{le=\"1\"} 2\n"
                   "t_seconds_bucket{le=\"+Inf\"} 3\nt_seconds_sum 4.25\nt_seconds_count 3\n",
                   true);
}

static void a_removed_series_is_gone_and_starts_again_at_zero(void **state)
{
    static const char *const values[] = { "x" };
    (void)state;
    struct lp_metric_family *f = gauges("t_removed", "v");
    lp_metric_set(lp_metric_get(f, values), 5);
    lp_metric_remove(f, values);
    assert_exposed("t_removed{", false);
    lp_metric_get(f, values);
    assert_exposed("t_removed{v=\"x\"} 0\n", true);
}

static void series_over_the_limit_are_counted_and_not_exposed(void **state)
{
    char text[16];
    (void)state;
    struct lp_metric_family *f = gauges("t_many", "v");
    for (int i = 0; i < LP_LIMIT_METRIC_SERIES; i++) {
        snprintf(text, sizeof text, "%d", i);
        lp_metric_set(lp_metric_with(f, text), 1);
    }
    lp_metric_set(lp_metric_with(f, "one more"), 1);
    assert_exposed("t_many{v=\"4095\"} 1\n", true);
    assert_exposed("t_many{v=\"one more\"}", false);
    assert_exposed("lp_metrics_dropped_series_total{family=\"t_many\"} 1\n", true);

    lp_metrics_grace_ms = 0;
    lp_metric_remove(f, (const char *const[]){ "17" });
    lp_metric_set(lp_metric_with(f, "one more"), 2);
    assert_exposed("t_many{v=\"one more\"} 2\n", true);
    lp_metrics_grace_ms = LP_METRIC_GRACE_MS;
}

static void a_removed_series_is_not_relabelled_while_somebody_may_hold_it(void **state)
{
    (void)state;
    struct lp_metric_family *f = gauges("t_held", "v");
    lp_metric_limit(f, 1);
    struct lp_metric *held = lp_metric_with(f, "old");
    lp_metric_remove(f, (const char *const[]){ "old" });
    lp_metric_set(lp_metric_with(f, "new"), 1);
    lp_metric_set(held, 7); /* went to "new" before */
    assert_exposed("t_held{", false);
    assert_exposed("lp_metrics_dropped_series_total{family=\"t_held\"} 1\n", true);
}

static void a_family_may_have_another_limit(void **state)
{
    (void)state;
    struct lp_metric_family *f = gauges("t_few", "v");
    lp_metric_limit(f, 1);
    lp_metric_set(lp_metric_with(f, "a"), 1);
    lp_metric_set(lp_metric_with(f, "b"), 1);
    lp_metric_set(lp_metric_with(f, "c"), 1);
    assert_exposed("t_few{v=\"a\"} 1\n", true);
    assert_exposed("t_few{v=\"b\"}", false);
    assert_exposed("lp_metrics_dropped_series_total{family=\"t_few\"} 2\n", true);
    lp_metric_limit(f, 2);
    lp_metric_set(lp_metric_with(f, "b"), 1);
    assert_exposed("t_few{v=\"b\"} 1\n", true);
}

static void the_process_and_the_build_are_exposed(void **state)
{
    static const char *const names[] = {
        "process_cpu_seconds_total ",
        "process_resident_memory_bytes ",
        "process_virtual_memory_bytes ",
        "process_open_fds ",
        "process_max_fds ",
        "process_start_time_seconds ",
        "lp_build_info{program=\"tester\",version=\"v9\"} 1\n",
    };
    (void)state;
    lp_metrics_set_program("tester", "v9");
    for (size_t i = 0; i < LP_COUNT(names); i++)
        assert_exposed(names[i], true);
    assert_exposed("lp_build_info{program=\"lp\"", false);
}

static void set_answer(void *user)
{
    lp_metric_set(user, 42);
}

static void collectors_run_before_each_exposition(void **state)
{
    (void)state;
    lp_metrics_on_collect(set_answer, lp_metric_single(gauges("t_collected", "")));
    assert_exposed("t_collected 42\n", true);
}

static void *add_many(void *user)
{
    struct lp_metric_family *f = user;
    char text[16];
    for (int i = 0; i < 10000; i++) {
        snprintf(text, sizeof text, "%d", i % 50);
        lp_metric_add(lp_metric_with(f, text), 1);
    }
    return NULL;
}

static void no_update_is_lost_between_threads(void **state)
{
    pthread_t threads[4];
    double sum = 0;
    char text[16];
    (void)state;
    struct lp_metric_family *f = gauges("t_threads", "v");
    for (size_t i = 0; i < LP_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, f), 0);
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(4 << 20);
    assert_int_equal(lp_metrics_write(&b, &(struct lp_error){ .code = 0 }),
                     0); /* a scrape meanwhile */
    for (size_t i = 0; i < LP_COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 50; i++) {
        snprintf(text, sizeof text, "%d", i);
        sum += lp_metric_value(lp_metric_with(f, text));
    }
    assert_int_equal((int)sum, 40000);
}

static void a_page_that_does_not_fit_is_an_error_and_no_part_of_it_an_answer(void **state)
{
    lp_auto_buf struct lp_buf page = LP_BUF_INIT(64);
    struct lp_error err = { .msg = "" };
    (void)state;
    assert_int_equal(lp_metrics_write(&page, &err), LP_E_TOO_LARGE);
    assert_string_equal(err.msg, "the metrics have over 64 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_family_and_labels_give_the_same_series),
        cmocka_unit_test(a_counter_is_exposed_with_help_and_type),
        cmocka_unit_test(label_values_are_escaped_and_cut_after_whole_characters),
        cmocka_unit_test(a_histogram_counts_cumulatively_and_bounds_are_inclusive),
        cmocka_unit_test(a_removed_series_is_gone_and_starts_again_at_zero),
        cmocka_unit_test(series_over_the_limit_are_counted_and_not_exposed),
        cmocka_unit_test(a_removed_series_is_not_relabelled_while_somebody_may_hold_it),
        cmocka_unit_test(a_family_may_have_another_limit),
        cmocka_unit_test(the_process_and_the_build_are_exposed),
        cmocka_unit_test(collectors_run_before_each_exposition),
        cmocka_unit_test(no_update_is_lost_between_threads),
        cmocka_unit_test(a_page_that_does_not_fit_is_an_error_and_no_part_of_it_an_answer),
    };
    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
