/* test/unit/test_cli_trace.c -- the CSV reader: what it takes, and what it says of the rest. */
#include "cli/trace.h"

#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "platform/plan.h"
#include "unit/check.h"

static int parse(const char *text, struct trace *trace, struct lp_error *err)
{
    return trace_parse(text, strlen(text), "t.csv", "auth", trace, err);
}

static void numbers_are_read_to_the_thousandth(void **state)
{
    trace_auto struct trace t = { 0 };
    (void)state;
    ok(parse("# a comment\r\ntime, memory ,queue_depth\r\n1.5,2Gi,250m\r\n# another\n1.501,,0.0001",
             &t, &err));
    assert_int_equal(t.n, 2);
    assert_true(t.has[TRACE_MEMORY] && t.has[TRACE_QUEUE_DEPTH] && !t.has[TRACE_CPU]);
    assert_int_equal(t.rows[0].at_ms, 1500);
    assert_int_equal(t.rows[0].values[TRACE_CPU], -1);
    assert_int_equal(t.rows[0].values[TRACE_MEMORY], INT64_C(2147483648000));
    assert_int_equal(t.rows[0].values[TRACE_QUEUE_DEPTH], 250);
    assert_int_equal(t.rows[1].at_ms, 1501);
    assert_int_equal(t.rows[1].values[TRACE_MEMORY], -1);
    assert_int_equal(t.rows[1].values[TRACE_QUEUE_DEPTH], 1); /* up, as Quantity.MilliValue */
}

static void what_is_wrong_is_told_with_line_column_value_and_limit(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "", "t.csv: must begin with a line of columns, is empty" },
        { "cpu,time\n", "t.csv: line 1: the first column must be time, is \"cpu\"" },
        { "time\n1\n", "t.csv: line 1: a column of a metric must follow time" },
        { "time,CPU\n",
          "t.csv: line 1: a column must be cpu, memory, queue_depth, arrival_rate, "
          "service_time, request_cpu_ms, demand, seen_queue_depth, seen_replicas, seen_ready, "
          "seen_counted, seen_missing, seen_pending, seen_spec, seen_min or decided, or one of "
          "these after a service's name and a dot, is \"CPU\"" },
        { "time,mail.cpu\n",
          "t.csv: line 1: a column must be cpu, memory, queue_depth, arrival_rate, "
          "service_time, request_cpu_ms, demand, seen_queue_depth, seen_replicas, seen_ready, "
          "seen_counted, seen_missing, seen_pending, seen_spec, seen_min or decided, or one of "
          "these after a service's name and a dot, is \"mail.cpu\"" },
        { "time,gateway.cpu\n", "t.csv: line 1: a column of a metric of auth must follow time" },
        { "time,cpu,auth.cpu\n", "t.csv: line 1: column auth.cpu is there twice" },
        { "time,request_cpu_ms\n",
          "t.csv: line 1: request_cpu_ms needs arrival_rate, and no cpu beside it" },
        { "time,cpu,cpu\n", "t.csv: line 1: column cpu is there twice" },
        { "time,arrival_rate\n", "t.csv: line 1: arrival_rate and service_time must be there "
                                 "together, only arrival_rate is" },
        { "time,queue_depth,service_time,arrival_rate\n",
          "t.csv: line 1: must have queue_depth, or arrival_rate of which it is made, has both" },
        { "time,arrival_rate,service_time,demand\n",
          "t.csv: line 1: must have demand, or arrival_rate of which it is made, has both" },
        { "time,cpu\n0,1\n", "t.csv: must have two rows or more, has 1" },
        { "time,cpu\n0,1\n\n", "t.csv: line 3: time: must be seconds of 0 to 100000000000 with at "
                               "most three decimals, is \"\"" },
        { "time,cpu\n1.0001,1\n", "t.csv: line 2: time: must be seconds of 0 to 100000000000 with "
                                  "at most three decimals, is \"1.0001\"" },
        { "time,cpu\n1k,1\n", "t.csv: line 2: time: must be seconds of 0 to 100000000000 with at "
                              "most three decimals, is \"1k\"" },
        { "time,cpu\n2,1\n1.5,1\n",
          "t.csv: line 3: time: must be after 2.000 of the row before, is 1.5" },
        { "time,cpu\n2,1\n2678402.001,1\n",
          "t.csv: line 3: time: must be at most 31 days after the first, is 2678402.001" },
        { "time,cpu\n0,-1\n", "t.csv: line 2: cpu: must be a number of 0 to 1M such as 2, 0.5, "
                              "250m or 2Gi, is \"-1\"" },
        { "time,cpu\n0,1.1M\n", "t.csv: line 2: cpu: must be a number of 0 to 1M such as 2, 0.5, "
                                "250m or 2Gi, is \"1.1M\"" },
        { "time,cpu\n0,11111111111111111111111111111111111111111\n",
          "t.csv: line 2: cpu: must be a number of 0 to 1M such as 2, 0.5, 250m or 2Gi, is "
          "\"1111111111111111111111111111111111111111\"" },
        { "time,cpu,memory\n0,1\n", "t.csv: line 2: must have 3 cells, has 2" },
        { "time,cpu\n0,1,\n", "t.csv: line 2: must have 2 cells, has 3" },
        { "time,arrival_rate,service_time\n0,,1\n",
          "t.csv: line 2: arrival_rate: must be there beside service_time, is \"\"" },
        { "time,arrival_rate,service_time\n0,1,0\n",
          "t.csv: line 2: service_time: must be over 0" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        trace_auto struct trace t = { 0 };
        struct lp_error err = { .msg = "" };
        assert_int_equal(parse(cases[i].text, &t, &err), LP_E_INVALID);
        assert_string_equal(err.msg, cases[i].message);
    }
}

static void columns_of_other_services_are_left_out(void **state)
{
    static const char text[] = "time,gateway.cpu,auth.arrival_rate,auth.service_time,"
                               "auth.request_cpu_ms,auth.seen_replicas,gateway.memory\n"
                               "0,7,1,0.2,12.5,3,9\n10,,,,,,\n";
    trace_auto struct trace t = { 0 }, gateway = { 0 };
    (void)state;
    ok(parse(text, &t, &err));
    assert_true(t.has[TRACE_ARRIVAL_RATE] && !t.has[TRACE_CPU] && !t.has[TRACE_MEMORY]);
    assert_int_equal(t.rows[0].values[TRACE_REQUEST_CPU], 12500);
    assert_int_equal(t.rows[0].values[TRACE_SEEN_REPLICAS], 3000);
    assert_int_equal(t.rows[0].values[TRACE_CPU], -1);
    assert_int_equal(t.rows[1].values[TRACE_ARRIVAL_RATE], -1);
    ok(trace_parse(text, strlen(text), "t.csv", "gateway", &gateway, &err));
    assert_int_equal(gateway.rows[0].values[TRACE_CPU], 7000);
    assert_int_equal(gateway.rows[0].values[TRACE_MEMORY], 9000);
    assert_false(gateway.has[TRACE_ARRIVAL_RATE]);
    assert_int_equal(trace_services(text, strlen(text)), 1 << SERVICE_GATEWAY | 1 << SERVICE_AUTH);
    assert_int_equal(trace_services("time,cpu\n", 9), 0);
}

static void a_file_that_is_too_large_is_refused(void **state)
{
    static char long_line[LP_LIMIT_TRACE_LINE + 64] = "time,cpu\n";
    lp_auto_buf struct lp_buf rows = LP_BUF_INIT(LP_LIMIT_TRACE_BYTES + 64);
    trace_auto struct trace t = { 0 };
    struct lp_error err;
    (void)state;
    memset(long_line + 9, '1', LP_LIMIT_TRACE_LINE + 1);
    assert_int_equal(parse(long_line, &t, &err), LP_E_INVALID);
    assert_string_equal(err.msg, "t.csv: line 2: must be at most 1024 bytes, is 1025");
    assert_int_equal(trace_parse("time,cpu\n0,\0001\n", 14, "t.csv", NULL, &t, &err), LP_E_INVALID);
    assert_string_equal(err.msg, "t.csv: line 2: must be text, has a NUL byte");
    lp_buf_str(&rows, "time,cpu\n");
    for (int i = 0; i <= LP_LIMIT_TRACE_ROWS; i++)
        lp_buf_printf(&rows, "%d,1\n", i);
    assert_int_equal(trace_parse(rows.ptr, rows.len, "t.csv", NULL, &t, &err), LP_E_TOO_LARGE);
    assert_string_equal(err.msg, "t.csv: line 1000002: over 1000000 rows");
    while (rows.len <= LP_LIMIT_TRACE_BYTES)
        lp_buf_str(&rows, "# and so on\n");
    assert_int_equal(trace_parse(rows.ptr, rows.len, "t.csv", NULL, &t, &err), LP_E_TOO_LARGE);
    assert_string_equal(err.msg, "t.csv: over 16777216 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_to_the_thousandth),
        cmocka_unit_test(what_is_wrong_is_told_with_line_column_value_and_limit),
        cmocka_unit_test(columns_of_other_services_are_left_out),
        cmocka_unit_test(a_file_that_is_too_large_is_refused),
    };
    return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
