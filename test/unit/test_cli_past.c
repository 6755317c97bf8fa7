/* test/unit/test_cli_past.c -- what the dashboard keeps of what it saw. */
#include "cli/dashboard/past.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "unit/check.h"

static void of_a_long_past_the_older_half_is_kept_with_fewer_points(void **state)
{
    struct past *past = past_new();
    json_auto_t *one = lp_json_make("{s:i}", "ready", 1), *read = NULL;
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
    (void)state;

    for (int i = 0; i < 3 * PAST_POINTS; i++)
        past_add(past, "a/b/auth", i * 1000, false, one);
    past_write(past, "a/b", 0, &out);
    past_free(past);
    ok(lp_json_parse(out.ptr, out.len, 1 << 20, "past", &read, &err));
    const json_t *time = lp_json_at(read, "auth", "time", NULL);
    size_t n = json_array_size(time);
    assert_true(n <= PAST_POINTS && n > PAST_POINTS / 2);
    assert_true(json_number_value(json_array_get(time, 0)) < 1);
    assert_true(json_number_value(json_array_get(time, n - 1)) > 3 * PAST_POINTS - 2);
    for (size_t i = 1; i < n; i++)
        assert_true(json_number_value(json_array_get(time, i)) >
                    json_number_value(json_array_get(time, i - 1)));
}

static void the_past_moves_with_a_wall_clock_that_is_set_and_stays_in_order(void **state)
{
    struct past *past = past_new();
    json_auto_t *one = lp_json_make("{s:i}", "ready", 1);
    lp_auto_buf struct lp_buf before = LP_BUF_INIT(4096), after = LP_BUF_INIT(4096);
    (void)state;

    past_add(past, "a/b/auth", 1000, false, one);
    past_write(past, "a/b", 7200000, &before);
    past_add(past, "a/b/auth", 3000, false,
             one); /* and meanwhile the clock was set back by an hour */
    past_write(past, "a/b", 3600000, &after);
    past_free(past);
    assert_non_null(strstr(before.ptr, "\"time\":[7201.000]"));
    assert_non_null(strstr(after.ptr, "\"time\":[3601.000,3603.000]"));
}

/* All services of a look, each of a platform of its own. */
static void look_at(struct past *past, int64_t at_ms, unsigned n, unsigned watched)
{
    json_auto_t *one = lp_json_make("{s:i}", "ready", 1);
    char key[64];

    for (unsigned i = 0; i < n; i++) {
        snprintf(key, sizeof key, "a/p%u/auth", i);
        past_add(past, key, at_ms, i == watched, one);
    }
}

/* How many moments are known of the service of platform `i`. */
static size_t moments(struct past *past, unsigned i)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
    json_auto_t *read = NULL;
    char key[64];

    snprintf(key, sizeof key, "a/p%u", i);
    past_write(past, key, 0, &out);
    ok(lp_json_parse(out.ptr, out.len, 1 << 20, "past", &read, &err));
    return json_array_size(lp_json_at(read, "auth", "time", NULL));
}

static void of_more_services_than_there_is_room_for_some_keep_all_they_had(void **state)
{
    const unsigned many = PAST_SERVICES + 500, none = many;
    struct past *past = past_new();
    (void)state;

    for (int i = 1; i <= 5; i++)
        look_at(past, i * 1000, many, none);
    assert_int_equal(moments(past, 0), 5);
    assert_int_equal(moments(past, PAST_SERVICES - 1), 5);
    assert_int_equal(moments(past, PAST_SERVICES), 0);
    for (int i = 6; i <= 8; i++) /* a tab looks at one that had no room */
        look_at(past, i * 1000, many, many - 1);
    assert_int_equal(moments(past, many - 1), 3);
    size_t kept = 0;
    for (unsigned i = 0; i < PAST_SERVICES; i++)
        kept += moments(past, i) == 8;
    assert_int_equal(kept, PAST_SERVICES - 1);
    for (int i = 9; i <= 12; i++) /* half of the others are gone, and leave their room */
        look_at(past, i * 1000, PAST_SERVICES / 2, none);
    look_at(past, 13000, PAST_SERVICES / 2, none);
    look_at(past, 14000, PAST_SERVICES, none);
    assert_int_equal(moments(past, PAST_SERVICES / 2 - 1), 14);
    assert_int_equal(moments(past, 0), 5);
    assert_int_equal(moments(past, many - 1), 0);
    past_free(past);
}

int main(void)
{
    lp_json_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_long_past_the_older_half_is_kept_with_fewer_points),
        cmocka_unit_test(the_past_moves_with_a_wall_clock_that_is_set_and_stays_in_order),
        cmocka_unit_test(of_more_services_than_there_is_room_for_some_keep_all_they_had),
    };
    return cmocka_run_group_tests_name("cli_past", tests, NULL, NULL);
}
