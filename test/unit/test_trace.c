/* test/unit/test_trace.c -- which ids of a caller go on. */
#include "service/trace.h"

#include <string.h>

#include "base/alloc.h"
#include "unit/check.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"
#define ZEROS "00000000000000000000000000000000"

static void only_a_sound_traceparent_goes_on(void **state)
{
    static const struct {
        const char *text;
        bool sound;
    } cases[] = {
        { "00-" TRACE "-" PARENT "-01", true },
        { "cc-" TRACE "-" PARENT "-00", true },
        { "ff-" TRACE "-" PARENT "-01", false },
        { "00-" ZEROS "-" PARENT "-01", false },
        { "00-" TRACE "-0000000000000000-01", false },
        { "00-0AF7651916CD43DD8448EB211C80319C-" PARENT "-01", false },
        { "00-0af7651916cd43dd8448eb211c80319g-" PARENT "-01", false },
        { "00-" TRACE "_" PARENT "-01", false },
        { "00-" TRACE "-" PARENT "-01-more", false },
        { "00-" TRACE "-" PARENT "-0", false },
        { "", false },
    };
    (void)state;

    for (size_t i = 0; i < LP_COUNT(cases); i++)
        assert_int_equal(lp_trace_is_parent(cases[i].text, strlen(cases[i].text)), cases[i].sound);
}

static void one_that_is_made_is_sound(void **state)
{
    char made[LP_TRACE_PARENT];
    (void)state;

    lp_trace_parent(TRACE, PARENT "beyond", made);
    assert_string_equal(made, "00-" TRACE "-" PARENT "-01");
    assert_true(lp_trace_is_parent(made, strlen(made)));
}

static void a_request_id_is_harmless_wherever_it_is_written(void **state)
{
    static const char allowed[] = "azAZ09._-+/=:";
    char longest[LP_REQUEST_ID_MAX + 1];
    (void)state;

    for (int c = 0; c < 256; c++) {
        char one = (char)c;
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        assert_int_equal(lp_trace_is_request_id(&one, 1),
                         letter || (c != 0 && strchr(allowed, c) != NULL));
    }
    memset(longest, 'a', sizeof longest);
    assert_true(lp_trace_is_request_id(longest, LP_REQUEST_ID_MAX));
    assert_false(lp_trace_is_request_id(longest, sizeof longest));
    assert_false(lp_trace_is_request_id("", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_sound_traceparent_goes_on),
        cmocka_unit_test(one_that_is_made_is_sound),
        cmocka_unit_test(a_request_id_is_harmless_wherever_it_is_written),
    };
    return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
