/* test/unit/test_quantity.c -- quantities as resource.Quantity reads and writes them. */
#include "kube/quantity.h"

#include <string.h>

#include "unit/check.h"

static void good_texts_give_milli_units_rounded_up(void **state)
{
    static const struct {
        const char *text;
        int64_t want;
    } cases[] = {
        { "0", 0 },
        { "4", 4000 },
        { "+4", 4000 },
        { "250m", 250 },
        { "0.5", 500 },
        { ".5", 500 },
        { "5.", 5000 },
        { "1n", 1 },
        { "1000000n", 1 },
        { "1000001n", 2 },
        { "1500u", 2 },
        { "0.0001", 1 },
        { "2k", 2000000 },
        { "128Mi", 134217728000 },
        { "0.5Ki", 512000 },
        { "1e3", 1000000 },
        { "1E3", 1000000 },
        { "25e-1", 2500 },
        { "9223372036854775", 9223372036854775000 },
        { "0.000000000000000000000000000000000001", 1 },
        { "0000000000000000000000000000000000000001", 1000 },
        { "0E", 0 },
        { "0Ei", 0 },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct lp_error err = { .msg = "" };
        int64_t got = -1;
        int r = lp_quantity_parse(cases[i].text, &got, &err);
        if (r != 0 || got != cases[i].want)
            fail_msg("%s: %d, %lld: %s", cases[i].text, r, (long long)got, err.msg);
    }
}

static void bad_texts_are_named_in_the_error(void **state)
{
    static const char *const cases[] = {
        "",      "-1",   "m",     ".",
        "1x",    "1 ",   " 1",    "1.2.3",
        "1e",    "1e+",  "1mi",   "1KI",
        "0x10",  "1e3m", "1,5",   "nan",
        "1e100", "--1",  "+-1",   "9223372036854776",
        "8Ei",   "1E",   "10e30", "99999999999999999999999999999999999999",
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct lp_error err = { .msg = "" };
        int64_t got = -7;
        if (lp_quantity_parse(cases[i], &got, &err) != LP_E_INVALID || got != -7)
            fail_msg("\"%s\" was taken as %lld", cases[i], (long long)got);
        assert_non_null(strstr(err.msg, cases[i]));
    }
}

static void formatting_gives_the_shortest_text(void **state)
{
    static const struct {
        int64_t milli;
        const char *want;
    } cases[] = { { 0, "0" },
                  { 4000, "4" },
                  { 6500, "6500m" },
                  { 1, "1m" },
                  { INT64_MAX, "9223372036854775807m" } };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        char text[LP_QUANTITY_TEXT];
        lp_quantity_format(cases[i].milli, text);
        assert_string_equal(text, cases[i].want);
    }
}

static void what_is_formatted_is_read_back(void **state)
{
    (void)state;
    for (int64_t milli = 1; milli > 0 && milli < INT64_MAX / 1000 / 7; milli *= 7) {
        char text[LP_QUANTITY_TEXT];
        struct lp_error err;
        int64_t got;
        lp_quantity_format(milli, text);
        assert_int_equal(lp_quantity_parse(text, &got, &err), 0);
        assert_true(got == milli);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_texts_give_milli_units_rounded_up),
        cmocka_unit_test(bad_texts_are_named_in_the_error),
        cmocka_unit_test(formatting_gives_the_shortest_text),
        cmocka_unit_test(what_is_formatted_is_read_back),
    };
    return cmocka_run_group_tests_name("quantity", tests, NULL, NULL);
}
