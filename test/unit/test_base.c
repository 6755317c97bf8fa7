/* test/unit/test_base.c -- errors, buffers, clock text, log lines and the stop flag. */
#include "unit/check.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/stop.h"
#include "json/json.h"

static void an_error_carries_its_message_and_gains_context_upward(void **state)
{
    struct lp_error err;
    (void)state;
    assert_int_equal(lp_error_set(&err, LP_E_TIMEOUT, "no answer in %d ms", 500), LP_E_TIMEOUT);
    assert_int_equal(lp_error_wrap(&err, "get %s", "pods"), LP_E_TIMEOUT);
    assert_string_equal(err.msg, "get pods: no answer in 500 ms");
    assert_string_equal(lp_error_name(err.code), "timeout");
}

static void a_long_error_is_cut_not_overrun(void **state)
{
    struct lp_error err;
    char longer[2000];
    (void)state;
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    lp_error_set(&err, LP_E_INVALID, "%s", longer);
    assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
    lp_error_wrap(&err, "field");
    assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
    assert_memory_equal(err.msg, "field: xxx", 10);
}

static void an_error_is_valid_utf_8_wherever_it_is_cut(void **state)
{
    static char text[600];
    struct lp_error err;
    (void)state;
    for (size_t lead = 0; lead < 3; lead++) {
        memset(text, 'x', lead);
        for (size_t i = lead; i + 3 < sizeof text; i += 3)
            memcpy(text + i, "\xe2\x82\xac", 4);
        lp_error_set(&err, LP_E_INVALID, "%s", text);
        json_auto_t *whole = json_string(err.msg);
        assert_non_null(whole);
        lp_error_wrap(&err, "more");
        json_auto_t *wrapped = json_string(err.msg);
        assert_non_null(wrapped);
    }
}

static void what_is_no_utf_8_is_repaired_and_the_rest_is_kept(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
          "plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
        { "cut \xe2\x82", "cut ??" },
        { "\xff\xfe", "??" },
        { "\xc0\xaf overlong", "?? overlong" },
        { "\xed\xa0\x80 surrogate", "??? surrogate" },
        { "\xf4\x90\x80\x80 too high", "???? too high" },
        { "\xf5\x80", "??" },
        { "\xc3 x", "? x" },
        { "", "" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        json_auto_t *o = lp_json_text(cases[i].text);
        assert_string_equal(json_string_value(o), cases[i].want);
    }
}

static void a_buffer_grows_to_its_limit_and_overflow_sticks(void **state)
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(10);
    (void)state;
    assert_string_equal(b.ptr, "");
    lp_buf_str(&b, "12345");
    lp_buf_printf(&b, "%05d", 67);
    assert_string_equal(b.ptr, "1234500067");
    assert_false(b.overflowed);
    lp_buf_char(&b, '!');
    assert_true(b.overflowed);
    lp_buf_reset(&b);
    lp_buf_str(&b, "again");
    assert_false(b.overflowed);
    lp_buf_consume(&b, 2);
    assert_string_equal(b.ptr, "ain");
}

static void an_overflowed_buffer_takes_nothing_more_until_reset(void **state)
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(4);
    (void)state;
    lp_buf_str(&b, "12345");
    lp_buf_str(&b, "1");
    assert_true(b.overflowed);
    assert_int_equal(b.len, 0);
}

static void times_are_written_and_read_as_rfc_3339(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        { "1970-01-01T00:00:00Z", 0 },
        { "2026-12-01T09:00:00.250Z", 1796115600250 },
        { "2026-12-01T16:00:00+07:00", 1796115600000 },
        { "2026-12-01T09:00:00.123456Z", 1796115600123 },
        { "2026-12-01", -1 },
        { "2026-12-01T09:00:00", -1 },
        { "2026-12-01T09:00:00+7", -1 },
        { "2026-12-01T09:00:00+-1:00", -1 },
        { "2026-12-01T09:00:00+07:000", -1 },
        { "nonsense", -1 },
    };
    char text[LP_CLOCK_TEXT];
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++)
        assert_int_equal(lp_clock_parse(cases[i].text), cases[i].ms);
    lp_clock_format(1796115600250, 0, text);
    assert_string_equal(text, "2026-12-01T09:00:00Z");
    lp_clock_format(1796115600250, 6, text);
    assert_string_equal(text, "2026-12-01T09:00:00.250000Z");
    lp_clock_format(1796115600007, 3, text);
    assert_string_equal(text, "2026-12-01T09:00:00.007Z");
    lp_clock_format(0, 3, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    lp_clock_format(253402300799999, 3, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

/* Of every day until 9999, at another time of it each. */
static void every_day_is_the_one_of_the_calendar(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 2932897; day++) {
        time_t at = (time_t)(day * 86400 + day * 7919 % 86400);
        char text[LP_CLOCK_TEXT], want[32];
        struct tm tm;
        gmtime_r(&at, &tm);
        snprintf(want, sizeof want, "%04d-%02d-%02dT%02d:%02d:%02dZ", (tm.tm_year + 1900) % 10000,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        lp_clock_format(at * 1000 + day % 1000, 0, text);
        if (strcmp(text, want) != 0)
            fail_msg("%s, not %s", text, want);
    }
}

/* Runs `write_lines` with stderr in a pipe and gives what came out. */
static void capture_stderr(void (*write_lines)(void), char *out, size_t size)
{
    int ends[2], saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    write_lines();
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    ssize_t n = read(ends[0], out, size - 1);
    close(ends[0]);
    assert_true(n >= 0);
    out[n] = '\0';
}

static void log_some_lines(void)
{
    static char longer[20000];
    memset(longer, '"', sizeof longer - 1);
    lp_log_context("object", "learning/english");
    lp_log_context_id("work", "7");
    lp_log_info("quote \" slash \\ line\nend", "null", (const char *)NULL);
    lp_log_debug("not shown");
    lp_log_warn("cut", "value", longer);
    lp_log_context(NULL, NULL);
    lp_log_context_id(NULL, NULL);
}

static void every_log_line_is_valid_json_whatever_the_values(void **state)
{
    char out[32768];
    (void)state;
    capture_stderr(log_some_lines, out, sizeof out);
    char *second = strchr(out, '\n') + 1;
    struct lp_error err;
    json_auto_t *first_line = NULL, *second_line = NULL;
    assert_int_equal(lp_json_parse(out, (size_t)(second - out), 9000, "log", &first_line, &err), 0);
    assert_string_equal(lp_json_str(first_line, "msg", NULL), "quote \" slash \\ line\nend");
    assert_string_equal(lp_json_str(first_line, "object", NULL), "learning/english");
    assert_string_equal(lp_json_str(first_line, "work", NULL), "7");
    assert_int_equal(lp_json_parse(second, strlen(second), 9000, "log", &second_line, &err), 0);
    assert_string_equal(lp_json_str(second_line, "level", NULL), "warn");
}

static void *request_stop(void *s)
{
    lp_stop_request(s);
    return NULL;
}

static void a_stop_wakes_who_waits_for_it(void **state)
{
    struct lp_stop *s = lp_stop_new();
    pthread_t t;
    (void)state;
    assert_false(lp_stop_wait(s, 0));
    assert_int_equal(pthread_create(&t, NULL, request_stop, s), 0);
    assert_true(lp_stop_wait(s, 60000));
    assert_true(lp_stop_wait(s, 0));
    pthread_join(t, NULL);
    lp_stop_free(s);
    assert_false(lp_stop_requested(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_carries_its_message_and_gains_context_upward),
        cmocka_unit_test(a_long_error_is_cut_not_overrun),
        cmocka_unit_test(an_error_is_valid_utf_8_wherever_it_is_cut),
        cmocka_unit_test(what_is_no_utf_8_is_repaired_and_the_rest_is_kept),
        cmocka_unit_test(a_buffer_grows_to_its_limit_and_overflow_sticks),
        cmocka_unit_test(an_overflowed_buffer_takes_nothing_more_until_reset),
        cmocka_unit_test(times_are_written_and_read_as_rfc_3339),
        cmocka_unit_test(every_day_is_the_one_of_the_calendar),
        cmocka_unit_test(every_log_line_is_valid_json_whatever_the_values),
        cmocka_unit_test(a_stop_wakes_who_waits_for_it),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
