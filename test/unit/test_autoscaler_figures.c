/* test/unit/test_autoscaler_figures.c -- by what schedules make pods of learners. */
#include "autoscaler/policy/figures.h"

#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "unit/check.h"

#define NOON INT64_C(1764590400000) /* 2025-12-01T12:00:00Z */

static void a_demand_becomes_a_figure_where_enough_learners_were_active(void **state)
{
    const struct measured m = { .peak_milli = 2250 };
    struct figure f = { .at_ms = 0 };
    (void)state;
    figure_take(&f, &m, FIGURES_LEARNERS - 1, NOON);
    figure_take(&f, &m, -1, NOON);
    assert_int_equal(figure_pods(&f, 400), -1);
    figure_take(&f, &m, 180, NOON);
    assert_int_equal(f.per_thousand, 12500);
    assert_int_equal(figure_pods(&f, 400), 5);
    assert_int_equal(figure_pods(&f, 401), 6);
}

static void a_demand_that_is_not_known_leaves_the_figure(void **state)
{
    const struct measured unknown = { .peak_milli = -1 };
    struct figure f = { .per_thousand = 12500, .learners = 180, .at_ms = NOON };
    (void)state;
    figure_take(&f, &unknown, 500, NOON + 2 * FIGURES_OLD_MS);
    assert_int_equal(f.per_thousand, 12500);
}

static void a_greater_peak_takes_its_place_at_once_a_smaller_one_after_60_days(void **state)
{
    const struct measured same = { .peak_milli = 1300 }, more = { .peak_milli = 1320 };
    const struct measured less = { .peak_milli = 500 };
    struct figure f = { .per_thousand = 12500, .learners = 180, .at_ms = NOON };
    (void)state;
    figure_take(&f, &same, 100, NOON + 1000); /* by 4 % */
    assert_int_equal(f.at_ms, NOON);
    figure_take(&f, &more, 100, NOON + 1000);
    assert_int_equal(f.per_thousand, 13200);
    assert_int_equal(f.learners, 100);
    figure_take(&f, &less, 100, NOON + 1000 + FIGURES_OLD_MS);
    assert_int_equal(f.per_thousand, 13200);
    figure_take(&f, &less, 100, NOON + 1001 + FIGURES_OLD_MS);
    assert_int_equal(f.per_thousand, 5000);
}

static void the_lead_is_the_start_of_pods_and_a_margin_or_else_five_minutes(void **state)
{
    const struct measured none = { .peak_milli = -1, .start_s = 0 };
    const struct measured some = { .peak_milli = -1, .starts = 3, .start_s = 12 };
    struct figure f = { .at_ms = 0 };
    (void)state;
    figure_take(&f, &none, -1, NOON);
    assert_int_equal(figure_lead_s(&f), 300);
    figure_take(&f, &some, -1, NOON);
    assert_int_equal(f.start_s, 15);
    assert_int_equal(figure_lead_s(&f), 45);
    figure_take(&f, &none, -1, NOON); /* a new operator has seen none yet */
    assert_int_equal(f.start_s, 15);
}

static void a_demand_beyond_what_any_service_may_have_counts_as_for_its_most(void **state)
{
    const struct measured absurd = { .peak_milli = INT64_MAX };
    struct figure f = { .at_ms = 0 };
    (void)state;
    figure_take(&f, &absurd, 10, NOON);
    assert_int_equal(f.per_thousand, 100000000); /* 1,000 pods for 10 learners */
    assert_int_equal(figure_pods(&f, 1000000), 100000000);
    figure_take(&f, &absurd, INT64_MAX / 2, NOON + 1);
    assert_int_equal(f.at_ms, NOON);
}

/* Who may write statuses writes anything. */
static void a_status_that_no_measurement_gives_is_no_figure(void **state)
{
    static const char *const bad[] = { "-5", "100000.001", "9P", "x" };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(bad); i++) {
        struct figures read;
        json_auto_t *status =
            lp_json_make("{s:[{s:s, s:{s:s, s:s, s:I}}]}", "services", "name", "auth", "measured",
                         "podsPerThousandLearners", bad[i], "at", "2025-12-01T12:00:00Z",
                         "startSeconds", (json_int_t)(i % 2 ? -1 : 1806));
        figures_read(status, &read);
        assert_int_equal(read.of[SERVICE_AUTH].at_ms, 0);
        assert_int_equal(read.of[SERVICE_AUTH].per_thousand, 0);
        assert_int_equal(read.of[SERVICE_AUTH].start_s, 0);
    }
}

static void a_figure_is_read_back_from_the_status_as_it_was_written(void **state)
{
    const struct figure f = { 12345, 180, NOON, 15 }, none = { .at_ms = 0 };
    struct figures read;
    json_auto_t *status = lp_json_make("{s:[{s:s, s:o}, {s:s}]}", "services", "name", "auth",
                                       "measured", figure_status(&f), "name", "progress");
    (void)state;
    assert_string_equal(lp_json_str(json_array_get(json_object_get(status, "services"), 0),
                                    "measured", "podsPerThousandLearners", NULL),
                        "12.345");
    figures_read(status, &read);
    assert_memory_equal(&read.of[SERVICE_AUTH], &f, sizeof f);
    assert_memory_equal(&read.of[SERVICE_PROGRESS], &none, sizeof none);
    figures_read(NULL, &read);
    assert_memory_equal(&read.of[SERVICE_AUTH], &none, sizeof none);
    assert_null(figure_status(&none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_demand_becomes_a_figure_where_enough_learners_were_active),
        cmocka_unit_test(a_demand_that_is_not_known_leaves_the_figure),
        cmocka_unit_test(a_greater_peak_takes_its_place_at_once_a_smaller_one_after_60_days),
        cmocka_unit_test(the_lead_is_the_start_of_pods_and_a_margin_or_else_five_minutes),
        cmocka_unit_test(a_demand_beyond_what_any_service_may_have_counts_as_for_its_most),
        cmocka_unit_test(a_status_that_no_measurement_gives_is_no_figure),
        cmocka_unit_test(a_figure_is_read_back_from_the_status_as_it_was_written),
    };
    return cmocka_run_group_tests_name("autoscaler_figures", tests, NULL, NULL);
}
