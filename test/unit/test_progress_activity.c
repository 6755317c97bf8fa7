/* test/unit/test_progress_activity.c -- how the members of an activity are read. */
#include "services/progress/activity.h"

#include <string.h>

#include "unit/check.h"

static int read_text(const char *text, struct activity *a, struct lp_error *err)
{
    json_auto_t *o = json_loads(text, 0, NULL);
    assert_non_null(o);
    return activity_read(o, a, err);
}

static void casts_and_trims_what_clients_send(void **state)
{
    static const struct {
        const char *json, *user_id, *name, *comment;
        double score;
    } cases[] = {
        { "{\"userId\":\" u1\\t\",\"activityName\":\"\\u00a0Read\\u3000\"}", "u1", "Read", NULL,
          -1 },
        { "{\"userId\":17,\"activityName\":2.5,\"score\":\"85\"}", "17", "2.5", NULL, 85 },
        { "{\"userId\":9007199254740993,\"activityName\":1e21}", "9007199254740992", "1e+21", NULL,
          -1 },
        { "{\"userId\":-0.0000001,\"activityName\":100.0}", "-1e-7", "100", NULL, -1 },
        { "{\"userId\":0.1,\"activityName\":true,\"score\":\" 8.5e1 \"}", "0.1", "true", NULL, 85 },
        { "{\"userId\":\"u\",\"activityName\":\"a\",\"score\":true}", "u", "a", NULL, 1 },
        { "{\"userId\":\"u\",\"activityName\":\"a\",\"score\":0}", "u", "a", NULL, 0 },
        { "{\"userId\":\"u\",\"activityName\":\"a\",\"score\":\"\"}", "u", "a", NULL, -1 },
        { "{\"userId\":\"u\",\"activityName\":\"a\",\"score\":null,\"comment\":null}", "u", "a",
          NULL, -1 },
        { "{\"userId\":\"u\",\"activityName\":\"a\",\"comment\":\" x y \"}", "u", "a", "x y", -1 },
        { "{\"userId\":\"u\",\"activityName\":\"a\",\"_id\":{\"a\":1},\"$set\":[]}", "u", "a", NULL,
          -1 },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        auto_activity struct activity a = { 0 };
        struct lp_error err;
        if (read_text(cases[i].json, &a, &err) < 0)
            fail_msg("%s: %s", cases[i].json, err.msg);
        assert_string_equal(a.user_id, cases[i].user_id);
        assert_string_equal(a.name, cases[i].name);
        assert_int_equal(a.has_score, cases[i].score >= 0);
        if (a.has_score)
            assert_true(a.score == cases[i].score);
        assert_string_equal(a.comment ? a.comment : "-", cases[i].comment ? cases[i].comment : "-");
    }
}

static void misses_the_two_that_are_required(void **state)
{
    static const char *const cases[] = {
        "{}",
        "{\"userId\":\"u\"}",
        "{\"activityName\":\"a\"}",
        "{\"userId\":\"\",\"activityName\":\"a\"}",
        "{\"userId\":\"  \",\"activityName\":\"a\"}",
        "{\"userId\":\"u\",\"activityName\":\"\\u2003\"}",
        "{\"userId\":0,\"activityName\":\"a\"}",
        "{\"userId\":false,\"activityName\":\"a\"}",
        "{\"userId\":null,\"activityName\":\"a\"}",
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        auto_activity struct activity a = { 0 };
        struct lp_error err;
        if (read_text(cases[i], &a, &err) != LP_E_NOT_FOUND)
            fail_msg("took %s", cases[i]);
    }
}

static void refuses_operators_and_what_cannot_be_cast(void **state)
{
    static const struct {
        const char *json, *want;
    } cases[] = {
        { "{\"userId\":{\"$ne\":null},\"activityName\":\"a\"}", "userId: Cast to string failed" },
        { "{\"userId\":[\"u\"],\"activityName\":\"a\"}", "userId: Cast to string failed" },
        { "{\"userId\":\"u\",\"activityName\":{\"$gt\":\"\"}}", "activityName: Cast to string" },
        { "{\"userId\":\"u\",\"activityName\":\"a\",\"comment\":{}}", "comment: Cast to string" },
        { "{\"userId\":\"u\",\"activityName\":\"a\",\"score\":\"abc\"}",
          "score: Cast to Number failed for value \"abc\" at path \"score\"" },
        { "{\"userId\":\"u\",\"activityName\":\"a\",\"score\":\"1 2\"}", "score: Cast to Number" },
        { "{\"userId\":\"u\",\"activityName\":\"a\",\"score\":\"0x10\"}", "score: Cast to Number" },
        { "{\"userId\":\"u\",\"activityName\":\"a\",\"score\":\"Infinity\"}",
          "score: Cast to Number" },
        { "{\"userId\":\"u\",\"activityName\":\"a\",\"score\":\"1e999\"}",
          "score: Cast to Number" },
        { "{\"userId\":\"u\",\"activityName\":\"a\",\"score\":[]}", "score: Cast to Number" },
        { "{\"userId\":\"u\",\"activityName\":\"a\",\"activityDuration\":{\"$inc\":1}}",
          "activityDuration: Cast to Number" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        auto_activity struct activity a = { 0 };
        struct lp_error err;
        assert_int_equal(read_text(cases[i].json, &a, &err), LP_E_INVALID);
        if (!strstr(err.msg, cases[i].want))
            fail_msg("%s", err.msg);
    }
}

static void limits_the_length_of_texts(void **state)
{
    auto_activity struct activity a = { 0 };
    struct lp_error err;
    char id[258];
    (void)state;
    memset(id, 'u', sizeof id);
    id[257] = '\0';
    json_auto_t *o = json_pack("{s:s,s:s}", "userId", id, "activityName", "a");
    assert_int_equal(activity_read(o, &a, &err), LP_E_INVALID);
    assert_non_null(strstr(err.msg, "userId: 257 bytes, at most 256 allowed"));
    id[256] = '\0';
    json_object_set_new(o, "userId", json_string(id));
    assert_int_equal(activity_read(o, &a, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(casts_and_trims_what_clients_send),
        cmocka_unit_test(misses_the_two_that_are_required),
        cmocka_unit_test(refuses_operators_and_what_cannot_be_cast),
        cmocka_unit_test(limits_the_length_of_texts),
    };
    return cmocka_run_group_tests_name("progress_activity", tests, NULL, NULL);
}
