/* Items are checked member by member, learners are slowed one by one, the document has every route.
 */
#include "services/learning/content/item.h"

#include <stdio.h>
#include <string.h>

#include "json/json.h"
#include "service/pseudonym.h"
#include "services/learning/api.h"
#include "services/learning/openapi.h"
#include "services/learning/pace.h"
#include "unit/check.h"
#include "unit/openapi_routes.h"

static json_t *parsed(const char *text)
{
    json_t *o = json_loads(text, JSON_ALLOW_NUL, NULL);
    assert_non_null(o);
    return o;
}

static void a_document_has_every_member_and_no_other(void **state)
{
    json_auto_t *object =
        parsed("{\"class\":\"Noun\",\"level\":\"A2\",\"phrase\":\"bridge\",\"x\":1,"
               "\"tags\":[\"city\"],\"seconds\":20,\"prerequisites\":null}");
    json_auto_t *want =
        parsed("{\"id\":\"word-bridge\",\"class\":\"Noun\",\"level\":\"A2\",\"phrase\":"
               "\"bridge\",\"rank\":1000000,\"seconds\":20,\"tags\":[\"city\"],"
               "\"prerequisites\":[],\"confusableWith\":[],\"partOf\":[],\"content\":{}}");
    json_auto_t *got = NULL;
    (void)state;
    ok(item_read(object, "word-bridge", &got, &err));
    assert_true(json_equal(got, want));
}

static void a_wrong_member_is_named_with_its_limit(void **state)
{
    static const struct {
        const char *members, *why;
    } cases[] = {
        { "\"class\":\"a b\"", "class: must be 1 to 64 letters" },
        { "\"level\":\"A3\"", "level" },
        { "\"phrase\":\"\"", "phrase" },
        { "\"rank\":1000001", "rank" },
        { "\"seconds\":0", "seconds" },
        { "\"tags\":[\"\"]", "tags: each must be a text of 1 to 64 bytes" },
        { "\"tags\":[7]", "tags" },
        { "\"prerequisites\":[\"x/y\"]", "prerequisites: must be 1 to 64" },
        { "\"confusableWith\":[null]", "confusableWith" },
        { "\"partOf\":7", "partOf" },
        { "\"content\":{\"meaning\":\"a\\u0000b\"}", "\\u0000" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_free char *text = lp_sprintf("{%s}", cases[i].members);
        json_auto_t *object = parsed("{\"class\":\"Noun\",\"level\":\"A1\",\"phrase\":\"sun\"}");
        json_auto_t *change = parsed(text);
        json_auto_t *got = NULL;
        struct lp_error err = { .msg = "" };
        json_object_update(object, change);
        assert_int_equal(item_read(object, "i", &got, &err), LP_E_INVALID);
        if (!strstr(err.msg, cases[i].why))
            fail_msg("%s: %s", cases[i].members, err.msg);
    }
}

static void content_has_its_bytes(void **state)
{
    char big[ITEM_CONTENT + 1];
    json_auto_t *object = parsed("{\"class\":\"Noun\",\"level\":\"A1\",\"phrase\":\"sun\"}");
    json_auto_t *got = NULL;
    struct lp_error why = { .msg = "" };
    (void)state;
    memset(big, 'x', sizeof big - 1);
    big[ITEM_CONTENT - strlen("{\"m\":\"\"}")] = '\0';
    json_object_set_new(object, "content", lp_json_make("{s:s}", "m", big));
    ok(item_read(object, "i", &got, &err));
    json_object_set_new(object, "content", lp_json_make("{s:s,s:i}", "m", big, "n", 1));
    json_auto_t *none = NULL;
    assert_int_equal(item_read(object, "i", &none, &why), LP_E_INVALID);
    assert_non_null(strstr(why.msg, "content: must have at most 8192 bytes"));
}

static void an_item_names_itself_where_the_path_does_not(void **state)
{
    json_auto_t *object =
        parsed("{\"id\":\"word-sun\",\"class\":\"Noun\",\"level\":\"A1\",\"phrase\":\"sun\"}");
    json_auto_t *got = NULL, *none = NULL;
    struct lp_error why = { .msg = "" };
    (void)state;
    ok(item_read(object, NULL, &got, &err));
    assert_string_equal(lp_json_str(got, "id", NULL), "word-sun");
    json_object_del(object, "id");
    assert_int_equal(item_read(object, NULL, &none, &why), LP_E_INVALID);
}

static void a_learner_who_writes_too_fast_waits_and_the_others_do_not(void **state)
{
    struct pace *p = pace_new(60);
    int64_t wait_ms = 0;
    (void)state;
    lp_pseudonym_key("");
    for (int i = 0; i < 60; i++)
        assert_true(pace_take(p, "fast", 1000, &wait_ms));
    assert_false(pace_take(p, "fast", 1000, &wait_ms));
    assert_in_range(wait_ms, 900, 1001);
    assert_true(pace_take(p, "calm", 1000, &wait_ms));
    assert_true(pace_take(p, "fast", 2100, &wait_ms));
    assert_false(pace_take(p, "fast", 2100, &wait_ms));
    assert_true(pace_take(p, "fast", 120000, &wait_ms));
    pace_free(p);
}

static void a_quarter_as_many_learners_as_there_is_room_for_are_nearly_all_known(void **state)
{
    struct pace *p = pace_new(1);
    int64_t wait_ms = 0;
    int forgotten = 0;
    char learner[24];
    (void)state;
    lp_pseudonym_key("");
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 4096; i++) {
            snprintf(learner, sizeof learner, "learner-%d", i);
            forgotten += pace_take(p, learner, 1000 + round, &wait_ms) && round == 1;
        }
    assert_in_range(forgotten, 0, 250); /* rows of four fill unevenly */
    pace_free(p);
}

static void the_openapi_document_has_the_routes_of_the_program_and_no_others(void **state)
{
    (void)state;
    assert_describes(openapi_json, api_routes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_has_every_member_and_no_other),
        cmocka_unit_test(a_wrong_member_is_named_with_its_limit),
        cmocka_unit_test(content_has_its_bytes),
        cmocka_unit_test(an_item_names_itself_where_the_path_does_not),
        cmocka_unit_test(the_openapi_document_has_the_routes_of_the_program_and_no_others),
        cmocka_unit_test(a_learner_who_writes_too_fast_waits_and_the_others_do_not),
        cmocka_unit_test(a_quarter_as_many_learners_as_there_is_room_for_are_nearly_all_known),
    };
    return cmocka_run_group_tests_name("learning_parts", tests, NULL, NULL);
}
