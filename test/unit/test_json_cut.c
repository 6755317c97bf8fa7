/* test/unit/test_json_cut.c -- what is cut out of a text, and that what remains is the same. */
#include "json/cut.h"

#include <string.h>

#include "json/json.h"
#include "unit/check.h"

static const char *const path[] = { "metadata", "managedFields", NULL };

/* What remains of `text`; *ret_value: what was cut out, or NULL. */
static void cut(const char *text, struct lp_buf *ret_rest, json_t **ret_value)
{
    lp_buf_reset(ret_rest);
    lp_buf_str(ret_rest, text);
    *ret_value = lp_json_cut(ret_rest, path);
}

static void the_member_goes_and_nothing_else(void **state)
{
    static const struct {
        const char *text, *rest, *value;
    } cases[] = {
        { "{\"metadata\":{\"managedFields\":[1]}}", "{\"metadata\":{}}", "[1]" },
        { "{\"metadata\":{\"a\":1,\"managedFields\":[{\"b\":\"]}\"}]},\"x\":2}",
          "{\"metadata\":{\"a\":1},\"x\":2}", "[{\"b\":\"]}\"}]" },
        { "{\"metadata\":{\"managedFields\":null,\"a\":1}}", "{\"metadata\":{\"a\":1}}", "null" },
        { "{\"metadata\":{\"a\":1,\"managedFields\":7,\"b\":2}}",
          "{\"metadata\":{\"a\":1,\"b\":2}}", "7" },
        { " { \"metadata\" : { \"a\" : 1 , \"managedFields\" : \"\\\\\\\"}\" } } ",
          " { \"metadata\" : { \"a\" : 1 } } ", "\"\\\\\\\"}\"" },
        { "{\"spec\":{\"managedFields\":1,\"metadata\":{\"managedFields\":2}},\"metadata\":"
          "{\"labels\":{\"managedFields\":3},\"managedFields\":4}}",
          "{\"spec\":{\"managedFields\":1,\"metadata\":{\"managedFields\":2}},\"metadata\":"
          "{\"labels\":{\"managedFields\":3}}}",
          "4" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_buf struct lp_buf rest = LP_BUF_INIT(1024);
        json_auto_t *value = NULL, *left = NULL, *whole = NULL;
        cut(cases[i].text, &rest, &value);
        assert_string_equal(json_string_value(value), cases[i].value);
        left = json_loads(rest.ptr, 0, NULL);
        whole = json_loads(cases[i].rest, 0, NULL);
        assert_non_null(left);
        assert_true(json_equal(left, whole));
        assert_int_equal(rest.len, strlen(rest.ptr));
    }
}

static void what_has_no_such_member_stays(void **state)
{
    static const char *const texts[] = {
        "",
        "{}",
        "[]",
        "1",
        "{\"metadata\":{}}",
        "{\"metadata\":[{\"managedFields\":1}]}",
        "{\"managedFields\":1}",
        "{\"metadata\":{\"managed\\u0046ields\":1}}",
        "{\"metadata\":{\"managedFields\":\"\xff\"}}",
        "{\"metadata\":{\"managedFields\":}}",
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(texts); i++) {
        lp_auto_buf struct lp_buf rest = LP_BUF_INIT(1024);
        json_auto_t *value = NULL;
        cut(texts[i], &rest, &value);
        assert_null(value);
        assert_string_equal(rest.ptr, texts[i]);
    }
}

/* The parser refuses it afterwards as it did before. */
static void a_text_that_is_cut_short_is_no_json_afterwards_either(void **state)
{
    static const char text[] =
        "{\"kind\":\"A\",\"metadata\":{\"name\":\"a\\\"b\",\"managedFields\":"
        "[{\"f\":{\"k:{\\\"x\\\":1}\":{}}}],\"uid\":\"u\"},\"spec\":[1,2]}";
    (void)state;
    for (size_t n = 0; n < sizeof text - 1; n++) {
        lp_auto_buf struct lp_buf rest = LP_BUF_INIT(1024);
        lp_auto_free char *part = lp_strndup(text, n);
        json_auto_t *value = NULL, *left = NULL;
        cut(part, &rest, &value);
        left = json_loads(rest.ptr, 0, NULL);
        assert_null(left);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_member_goes_and_nothing_else),
        cmocka_unit_test(what_has_no_such_member_stays),
        cmocka_unit_test(a_text_that_is_cut_short_is_no_json_afterwards_either),
    };
    return cmocka_run_group_tests_name("json_cut", tests, NULL, NULL);
}
