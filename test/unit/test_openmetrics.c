/* test/unit/test_openmetrics.c -- the page of metrics as OpenMetrics, and who gets it. */
#include "metrics/openmetrics.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "metrics/metrics_parts.h"
#include "unit/check.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"

static const double bounds[] = { 0.5, 1 };

static char *page(void)
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(4 << 20);
    assert_int_equal(lp_openmetrics_write(&b, &(struct lp_error){ .code = 0 }), 0);
    return lp_buf_take(&b);
}

static void assert_has(const char *text)
{
    lp_auto_free char *now = page();
    if (!strstr(now, text))
        fail_msg("no %s in\n%s", text, now);
}

static struct lp_metric *seconds(const char *name)
{
    return lp_metric_single(lp_metric_family(LP_METRIC_HISTOGRAM, name, "Seconds.", "", bounds, 2));
}

static void the_page_ends_and_names_the_family_of_a_counter_without_total(void **state)
{
    (void)state;
    lp_metric_add(lp_metric_single(lp_metric_family(LP_METRIC_COUNTER, "t_things_total",
                                                    "Things \"so\\called\".", "", NULL, 0)),
                  2);
    assert_has("# TYPE t_things counter\n# HELP t_things Things \\\"so\\\\called\\\".\n"
               "t_things_total 2\n");
    lp_auto_free char *now = page();
    const char *end = strstr(now, "# EOF\n");
    assert_non_null(end);
    assert_string_equal(end, "# EOF\n");
    assert_has("# TYPE process_cpu_seconds counter\n");
    assert_has("# TYPE process_resident_memory_bytes gauge\n");
}

static void a_counter_with_another_name_is_of_no_known_type(void **state)
{
    (void)state;
    lp_metric_add(
        lp_metric_single(lp_metric_family(LP_METRIC_COUNTER, "t_moves", "Moves.", "", NULL, 0)), 1);
    assert_has("# TYPE t_moves unknown\n# HELP t_moves Moves.\nt_moves 1\n");
}

static void a_bucket_has_the_trace_of_a_request_that_it_counts(void **state)
{
    char value[16];
    double seconds_since = 0;
    (void)state;
    struct lp_metric *m = seconds("t_traced_seconds");
    lp_metric_observe_trace(m, 0.75, TRACE);
    lp_metric_observe_trace(m, 0.8, "11111111111111111111111111111111"); /* within the second */
    lp_metric_observe_trace(m, 0.1, "");
    assert_has("t_traced_seconds_bucket{le=\"0.5\"} 1\n"
               "t_traced_seconds_bucket{le=\"1\"} 3 # {trace_id=\"" TRACE "\"} 0.75 ");
    assert_has("t_traced_seconds_bucket{le=\"+Inf\"} 3\n");
    lp_auto_free char *now = page();
    const char *at = strstr(now, "\"" TRACE "\"} ");
    assert_non_null(at);
    assert_int_equal(sscanf(at + 36, "%15s %lf\n", value, &seconds_since), 2);
    assert_true(seconds_since > 1.7e9);
}

static void the_text_format_has_no_exemplars_and_no_end(void **state)
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(4 << 20);
    (void)state;
    lp_metric_observe_trace(seconds("t_plain_seconds"), 0.75, TRACE);
    assert_int_equal(lp_metrics_write(&b, &(struct lp_error){ .code = 0 }), 0);
    assert_non_null(strstr(b.ptr, "t_plain_seconds_bucket{le=\"1\"} 1\n"));
    assert_null(strstr(b.ptr, TRACE));
    assert_null(strstr(b.ptr, "# EOF"));
}

static void a_series_that_begins_anew_has_no_exemplar_of_before(void **state)
{
    (void)state;
    struct lp_metric_family *f =
        lp_metric_family(LP_METRIC_HISTOGRAM, "t_again_seconds", "S.", "v", bounds, 2);
    lp_metric_observe_trace(lp_metric_with(f, "a"), 0.75, TRACE);
    lp_metric_remove(f, (const char *const[]){ "a" });
    lp_metric_with(f, "a");
    assert_has("t_again_seconds_bucket{v=\"a\",le=\"1\"} 0\n");
}

static void *observe(void *m)
{
    for (int i = 0; i < 2000; i++)
        lp_metric_observe_trace(m, 0.2 * (i % 7), TRACE);
    return NULL;
}

static void threads_may_observe_while_the_page_is_written(void **state)
{
    pthread_t threads[4];
    (void)state;
    struct lp_metric *m = seconds("t_threads_seconds");
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, observe, m), 0);
    for (int i = 0; i < 20; i++)
        free(page());
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_true(lp_metric_value(m) > 7999 && lp_metric_value(m) < 8001);
    assert_has("# {trace_id=\"" TRACE "\"}");
}

static void who_prefers_open_metrics_gets_it_and_nobody_else(void **state)
{
    static const struct {
        const char *accept;
        bool wanted;
    } cases[] = {
        { NULL, false },
        { "", false },
        { "*/*", false },
        { "text/plain", false },
        { "application/openmetrics-text", true },
        { "application/openmetrics-text; version=1.0.0; charset=utf-8", true },
        { "application/openmetrics-text;version=\"1.0.0\"", true },
        { "application/openmetrics-text;version=0.0.1", false },
        { "application/openmetrics-text;version=1.0.0;q=0", false },
        { "application/openmetrics-text;version=1.0.0;q=0.000", false },
        { "application/openmetrics-text;version=1.0.0;q=x", false },
        { "application/openmetrics-text;version=1.0.0;q=0x9", false },
        { "application/openmetrics-text;version=1.0.0;q=10", false },
        { "text/plain, application/openmetrics-text;q=0.9", false },
        { "TEXT/plain ; q=0.2 ,\tApplication/OpenMetrics-Text ; Q=0.25", true },
        { "application/openmetrics-textual", false },
        { ",,;;q=,=;", false },
        /* Prometheus 2.42 and 3.4 */
        { "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q="
          "0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
          true },
        { "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
          "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;"
          "escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
          true },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++)
        if (lp_openmetrics_is_wanted(cases[i].accept) != cases[i].wanted)
            fail_msg("%s", cases[i].accept ? cases[i].accept : "none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_ends_and_names_the_family_of_a_counter_without_total),
        cmocka_unit_test(a_counter_with_another_name_is_of_no_known_type),
        cmocka_unit_test(a_bucket_has_the_trace_of_a_request_that_it_counts),
        cmocka_unit_test(the_text_format_has_no_exemplars_and_no_end),
        cmocka_unit_test(a_series_that_begins_anew_has_no_exemplar_of_before),
        cmocka_unit_test(threads_may_observe_while_the_page_is_written),
        cmocka_unit_test(who_prefers_open_metrics_gets_it_and_nobody_else),
    };
    return cmocka_run_group_tests_name("openmetrics", tests, NULL, NULL);
}
