/* test/unit/test_cli_record.c -- decisions become a trace that simulate reads. */
#include "cli/record.h"

#include <string.h>

#include "cli/trace.h"
#include "json/json.h"
#include "unit/check.h"

static json_t *decision(const char *second, const char *service, int to, json_t *load)
{
    lp_auto_free char *time = lp_sprintf("2025-12-01T12:00:%sZ", second);
    return lp_json_make("{s:s, s:s, s:I, s:o}", "time", time, "service", service, "to",
                        (json_int_t)to, "load", load);
}

static json_t *load(double rate, double seconds, double cpu)
{
    return lp_json_make("{s:f, s:f, s:f, s:f, s:f}", "arrivalRate", rate, "serviceTime", seconds,
                        "queueDepth", 2.5, "cpu", cpu, "memory", 1e9);
}

static void each_moment_has_a_row_with_what_was_known_last(void **state)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(4096);
    json_auto_t *all =
        lp_json_make("[o, o, o, o, o]", decision("00.000", "auth", 2, load(10, 0.25, 0.5)),
                     decision("00.000", "gateway", 1, load(0, 0, 0.01)),
                     decision("15.250", "auth", 3, load(0, 0, 0.02)),
                     decision("30.000", "auth", 3, json_object()),
                     decision("45.000", "gateway", 1, load(4, 0.002, 0.1)));
    (void)state;
    assert_int_equal(record_csv(all, NULL, &out), 4);
    assert_string_equal(
        out.ptr,
        "time,gateway.arrival_rate,gateway.service_time,gateway.request_cpu_ms,gateway.memory,"
        "gateway.seen_queue_depth,gateway.seen_replicas,auth.arrival_rate,auth.service_time,"
        "auth.request_cpu_ms,auth.memory,auth.seen_queue_depth,auth.seen_replicas\n"
        "1764590400.000,0.000,0.001,,1000000000.000,2.500,1.000,"
        "10.000,0.250,50.000,1000000000.000,2.500,2.000\n"
        "1764590415.250,0.000,0.001,,1000000000.000,2.500,1.000,"
        "0.000,0.250,50.000,1000000000.000,2.500,3.000\n"
        "1764590430.000,0.000,0.001,,1000000000.000,2.500,1.000,,,50.000,,,3.000\n"
        "1764590445.000,4.000,0.002,25.000,1000000000.000,2.500,1.000,,,50.000,,,3.000\n");
    trace_auto struct trace auth = { 0 }, gateway = { 0 };
    ok(trace_parse(out.ptr, out.len, "t", "auth", &auth, &err));
    assert_int_equal(auth.n, 4);
    assert_int_equal(auth.rows[0].values[TRACE_ARRIVAL_RATE], 10000);
    ok(trace_parse(out.ptr, out.len, "t", "gateway", &gateway, &err));
    assert_int_equal(gateway.rows[3].values[TRACE_REQUEST_CPU], 25000);
}

static void one_service_is_recorded_alone(void **state)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(4096);
    json_auto_t *all = lp_json_make("[o, o, o]", decision("00.000", "auth", 2, load(10, 0.25, 0.5)),
                                    decision("01.000", "gateway", 1, load(0, 0, 0.01)),
                                    lp_json_make("{s:s}", "service", "auth")); /* of no time */
    (void)state;
    assert_int_equal(record_csv(all, "auth", &out), 1);
    assert_null(strstr(out.ptr, "gateway"));
    assert_non_null(strstr(out.ptr, "\n1764590400.000,10.000,0.250,50.000,"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_moment_has_a_row_with_what_was_known_last),
        cmocka_unit_test(one_service_is_recorded_alone),
    };
    return cmocka_run_group_tests_name("cli_record", tests, NULL, NULL);
}
