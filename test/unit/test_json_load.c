/* test/unit/test_json_load.c -- the fast reader, the writer and jansson agree, on good texts,
 * broken ones, and good ones cut anywhere. */
#include "json/load.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "unit/check.h"

static void agrees(const char *text, size_t len)
{
    json_error_t why, wanted_why;
    json_auto_t *got = lp_json_load(text, len, &why);
    json_auto_t *want = json_loadb(text, len, JSON_REJECT_DUPLICATES, &wanted_why);

    if ((got == NULL) != (want == NULL) || (got && !json_equal(got, want)))
        fail_msg("read differently: %.*s", (int)len, text);
    if (got) {
        lp_auto_buf struct lp_buf written = LP_BUF_INIT(1 << 20);
        lp_auto_free char *dumped = json_dumps(got, JSON_COMPACT | JSON_SORT_KEYS);
        lp_json_write(got, &written);
        assert_string_equal(written.ptr, dumped);
    }
    if (!got)
        assert_string_equal(why.text, wanted_why.text);
}

static const char *const texts[] = {
    "{}",
    "[]",
    " [ ] ",
    "{\"a\":{\"b\":[1,-2,0,{\"c\":null}],\"d\":true,\"e\":false}}",
    "{\"k:{\\\"name\\\":\\\"x\\\"}\":{\".\":{}},\"s\":\"a\\\\b\\/c\\n\\t\\r\\b\\f\"}",
    "[123456789012345678,1234567890123456789,12345678901234567890]",
    "[-0]",
    "[1.5,1e3,-2E-2]",
    "{\"b\":1,\"a\":2,\"aa\":3,\"\":4,\"a.b\":5}",
    "[\"\\u0001\\u001f\x7f\\b\\f\\n\\r\\t\\/\"]",
    "{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,\"9\":1,\"10\":1,\"11\":1,"
    "\"12\":1,"
    "\"13\":1,\"14\":1,\"15\":1,\"16\":1,\"17\":1,\"18\":1,\"19\":1,\"20\":1,\"21\":1,\"22\":1,"
    "\"23\":1,"
    "\"24\":1,\"25\":1,\"26\":1,\"27\":1,\"28\":1,\"29\":1,\"30\":1,\"31\":1,\"32\":1,\"33\":1,"
    "\"34\":1}",
    "[01]",
    "[-]",
    "[1x]",
    "[\"\\u00e9\",\"\xc3\xa9\",\"\x7f\"]",
    "[\"\xff\"]",
    "[\"a\nb\"]",
    "[\"\\x\"]",
    "{\"a\":1,\"a\":2}",
    "{\"a\":1,}",
    "[1,]",
    "{\"a\"}",
    "{a:1}",
    "[tru]",
    "[trueish]",
    "[1] 2",
    "1",
    "\"text\"",
    "",
};

static void it_reads_what_jansson_reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        for (size_t len = 0; len <= strlen(texts[i]); len++)
            agrees(texts[i], len);
}

static void a_nul_byte_ends_nothing(void **state)
{
    (void)state;
    agrees("[1\0]", 4);
    agrees("[\"a\0b\"]", 7);
    agrees("[\"a\\\0b\"]", 8);
}

static void depth_and_long_keys_are_left_to_jansson(void **state)
{
    char deep[5000], key[1000];
    (void)state;
    for (size_t depth = 60; depth < 2100; depth += 510) {
        memset(deep, '[', depth);
        memset(deep + depth, ']', depth);
        agrees(deep, 2 * depth);
    }
    snprintf(key, sizeof key, "{\"%0500d\":{\"%0254d\":1,\"%0*d\":2}}", 1, 1, 20, 7);
    agrees(key, strlen(key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_reads_what_jansson_reads),
        cmocka_unit_test(a_nul_byte_ends_nothing),
        cmocka_unit_test(depth_and_long_keys_are_left_to_jansson),
    };
    return cmocka_run_group_tests_name("json_load", tests, NULL, NULL);
}
