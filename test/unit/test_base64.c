/* test/unit/test_base64.c -- lib/base/base64.h: RFC 4648's own examples, and what is refused. */
#include "base/base64.h"

#include "unit/check.h"

static void decodes_the_examples_of_the_rfc(void **state)
{
    static const char *const cases[][2] = {
        { "", "" },
        { "Zg==", "f" },
        { "Zm8=", "fo" },
        { "Zm9v", "foo" },
        { "Zm9vYg==", "foob" },
        { "Zm9vYmE=", "fooba" },
        { "Zm9vYmFy", "foobar" },
        { "Zm9v\nYmFy\n", "foobar" },
        { " Zm9v\r\n Yg = =\t", "foob" },

        { "fn5+", "~~~" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_free char *text = lp_base64_text(cases[i][0]);
        assert_non_null(text);
        assert_string_equal(text, cases[i][1]);
    }
}

static void refuses_what_is_no_base64(void **state)
{
    static const char *const
        cases[] = { "Zg",   "Zg=",  "Z===", "Zg==Zg==", "Zh==", "=",
                    "Zm9%", "fn5-", "fn5_", "Zm9v=",    "====", "AA==" /* a NUL is no text */ };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++)
        if (lp_base64_text(cases[i]))
            fail_msg("taken: %s", cases[i]);
}

static void bytes_may_hold_a_nul_and_the_room_is_a_limit(void **state)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(3), small = LP_BUF_INIT(2);
    (void)state;
    assert_true(lp_base64_decode("AAEC", 4, &out));
    assert_memory_equal(out.ptr, "\0\1\2", 3);
    assert_false(lp_base64_decode("AAEC", 4, &small) && !small.overflowed);
}

static void encodes_with_the_padding_of_the_rfc(void **state)
{
    static const char *const cases[][2] = {
        { "", "" },        { "f", "Zg==" },          { "fo", "Zm8=" },
        { "foo", "Zm9v" }, { "foobar", "Zm9vYmFy" }, { "\xff\xef\xbe", "/+++" },
    };
    lp_auto_buf struct lp_buf line = LP_BUF_INIT(16);
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_free char *text = lp_base64_of(cases[i][0]);
        assert_string_equal(text, cases[i][1]);
    }
    lp_buf_str(&line, "-_ "); /* what stands before it stays */
    lp_base64_encode("\0\xff", 2, &line);
    assert_string_equal(line.ptr, "-_ AP8=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_the_examples_of_the_rfc),
        cmocka_unit_test(refuses_what_is_no_base64),
        cmocka_unit_test(encodes_with_the_padding_of_the_rfc),
        cmocka_unit_test(bytes_may_hold_a_nul_and_the_room_is_a_limit),
    };
    return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
