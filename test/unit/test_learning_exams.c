/* test/unit/test_learning_exams.c -- which of a platform's exams counts, and what is no time. */
#include "services/learning/recommend/exams.h"

#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "unit/check.h"

#define DAY_MS ((int64_t)86400000)

static void the_next_exam_counts_whatever_their_order(void **state)
{
    struct exams exams;
    int64_t now = lp_clock_parse("2026-12-01T00:00:00Z");
    (void)state;
    ok(exams_read("2027-06-01T08:00:00Z,2026-12-03T09:00:00+01:00,2025-06-01T08:00:00Z", &exams,
                  &err));
    assert_int_equal(exams_next(&exams, now, now + 730 * DAY_MS),
                     lp_clock_parse("2026-12-03T08:00:00Z"));
    now = lp_clock_parse("2026-12-03T08:00:00Z"); /* it has begun */
    assert_int_equal(exams_next(&exams, now, now + 730 * DAY_MS),
                     lp_clock_parse("2027-06-01T08:00:00Z"));
    assert_int_equal(exams_next(&exams, now, now + 30 * DAY_MS), 0);
    ok(exams_read("", &exams, &err));
    assert_int_equal(exams_next(&exams, now, now + 730 * DAY_MS), 0);
}

static void what_is_no_time_is_refused_by_name(void **state)
{
    static const char *const wrong[] = {
        "2026-12-03", "2026-12-03T09:00:00Z,tomorrow", ",2026-12-03T09:00:00Z",
        "2026-12-03T09:00:00Z2026-12-03T09:00:00Z2026-12-03T09:00:00Z"
    };
    struct exams exams = { .n = 7 };
    struct lp_error err = { .msg = "" };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(wrong); i++) {
        assert_int_equal(exams_read(wrong[i], &exams, &err), LP_E_INVALID);
        assert_non_null(strstr(err.msg, "must be times as 2026-12-03T09:00:00Z"));
    }
    assert_int_equal(exams.n, 7); /* untouched */
}

static void as_many_are_read_as_schedules_can_have_and_no_more(void **state)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(32768);
    struct exams exams;
    struct lp_error err = { .msg = "" };
    (void)state;
    for (int i = 0; i < EXAMS_MOST; i++)
        lp_buf_printf(&text, "%s2026-12-03T09:00:00+01:00", i > 0 ? "," : "");
    assert_int_equal(exams_read(text.ptr, &exams, &err), 0);
    assert_int_equal(exams.n, EXAMS_MOST);
    lp_buf_str(&text, ",2026-12-03T09:00:00+01:00");
    assert_int_equal(exams_read(text.ptr, &exams, &err), LP_E_INVALID);
    assert_string_equal(err.msg, "more than 512 times");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_exam_counts_whatever_their_order),
        cmocka_unit_test(what_is_no_time_is_refused_by_name),
        cmocka_unit_test(as_many_are_read_as_schedules_can_have_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
