/* The texts are what node's String() gives. */
#include "json/number.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/check.h"

static void numbers_are_written_as_javascript_writes_them(void **state)
{
    static const struct {
        double v;
        const char *want;
    } cases[] = {
        { 0, "0" },
        { -0.0, "0" },
        { 1, "1" },
        { -7, "-7" },
        { 4711, "4711" },
        { 0.1, "0.1" },
        { 12.5, "12.5" },
        { -0.000001, "-0.000001" },
        { 0.0000001, "1e-7" },
        { 1.5e-7, "1.5e-7" },
        { 123456789.125, "123456789.125" },
        { 1e20, "100000000000000000000" },
        { 123456789012345680000.0, "123456789012345680000" },
        { 1e21, "1e+21" },
        { 1.2345e25, "1.2345e+25" },
        { 9007199254740993.0, "9007199254740992" },
        { 12345678901234567890.0, "12345678901234567000" },
        { 0.1 + 0.2, "0.30000000000000004" },
        { DBL_MAX, "1.7976931348623157e+308" },
        { 5e-324, "5e-324" },
        { -1.2345678901234567e-300, "-1.2345678901234568e-300" },
        { NAN, "NaN" },
        { INFINITY, "Infinity" },
        { -INFINITY, "-Infinity" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        char text[LP_NUMBER_TEXT];
        lp_number_text(cases[i].v, text);
        assert_string_equal(text, cases[i].want);
    }
}

/* As many significant digits as the shortest text has that is read as v again. */
static int fewest_digits(double v)
{
    char text[64];
    for (int precision = 0;; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, v);
        if (strtod(text, NULL) == v)
            return precision + 1;
    }
}

static int digits_of(const char *text)
{
    int n = 0, zeros = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9' || (n == 0 && *text == '0'))
            continue;
        n++;
        zeros = *text == '0' ? zeros + 1 : 0;
    }
    return n - zeros;
}

/* Any bits that are a number, from the least to the greatest, and what people write. */
static void numbers_are_read_back_and_no_text_is_longer_than_need_be(void **state)
{
    uint64_t bits = 1;
    (void)state;
    for (int i = 0; i < 50000; i++) {
        char text[LP_NUMBER_TEXT];
        double v;
        bits = bits * 6364136223846793005U + 1442695040888963407U;
        memcpy(&v, &bits, sizeof v);
        if (i % 4 == 1)
            v = (double)(bits >> 40) / 1000;
        if (i % 4 == 2) /* less than all bits */
            v = (double)(bits >> 50) * 5e-324;
        if (!isfinite(v) || v == 0)
            continue;
        lp_number_text(v, text);
        if (strtod(text, NULL) != v || digits_of(text) != fewest_digits(fabs(v)))
            fail_msg("%.17g became %s", v, text);
    }
}

static void an_integer_is_a_double_first(void **state)
{
    json_auto_t *n = json_integer(9007199254740993);
    char text[LP_NUMBER_TEXT];
    (void)state;
    lp_json_number_text(n, text);
    assert_string_equal(text, "9007199254740992");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_as_javascript_writes_them),
        cmocka_unit_test(numbers_are_read_back_and_no_text_is_longer_than_need_be),
        cmocka_unit_test(an_integer_is_a_double_first),
    };
    return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
