/* test/unit/test_url.c -- percent-encoding both ways. */
#include "http/url.h"

#include <string.h>

#include "unit/check.h"

static void segments_and_queries_are_encoded(void **state)
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(256);
    (void)state;
    lp_buf_str(&b, "http://h");
    lp_url_segment(&b, "a/b c");
    lp_url_segment(&b, "x-._~9");
    lp_url_query(&b, "labelSelector", "a=b,c!=d");
    lp_url_query(&b, "left-out", NULL);
    lp_url_query(&b, "k&", "\xc3\xa9+");
    assert_string_equal(b.ptr,
                        "http://h/a%2Fb%20c/x-._~9?labelSelector=a%3Db%2Cc%21%3Dd&k%26=%C3%A9%2B");
}

static void decoding_takes_good_escapes_only(void **state)
{
    static const struct {
        const char *text, *want;
        bool plus;
    } cases[] = {
        { "a%20b", "a b", false }, { "a+b", "a b", true },  { "a+b", "a+b", false },
        { "%2f%2F", "//", false }, { "", "", false },       { "%", NULL, false },
        { "%2", NULL, false },     { "%2g", NULL, false },  { "%00", NULL, false },
        { "a%2", NULL, true },     { "%%20", NULL, false },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_buf struct lp_buf b = LP_BUF_INIT(64);
        bool good = lp_url_decode(cases[i].text, strlen(cases[i].text), cases[i].plus, &b);
        if (good != (cases[i].want != NULL))
            fail_msg("\"%s\": %s", cases[i].text, good ? "taken" : "refused");
        if (good)
            assert_string_equal(b.ptr, cases[i].want);
    }
}

static void decoding_reads_no_byte_past_the_length(void **state)
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(64);
    (void)state;
    assert_false(lp_url_decode("%20", 2, false, &b));
    assert_true(lp_url_decode("ab%20", 2, false, &b));
    assert_string_equal(b.ptr, "ab");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_and_queries_are_encoded),
        cmocka_unit_test(decoding_takes_good_escapes_only),
        cmocka_unit_test(decoding_reads_no_byte_past_the_length),
    };
    return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
