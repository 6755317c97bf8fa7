/* test/unit/test_kube_version.c -- the order of resourceVersions, as KEP-5504 has it. */
#include "kube/version.h"

#include "unit/check.h"

static void versions_are_compared_as_numbers_of_any_length(void **state)
{
    static const struct {
        const char *now, *wanted;
        bool reached;
    } cases[] = {
        { "9", "9", true },
        { "10", "9", true },
        { "9", "10", false },
        { "99999999999999999999", "18446744073709551616", true }, /* over 64 bits */
        { "18446744073709551615", "18446744073709551616", false },
        { "340282366920938463463374607431768211455", "9", true },
        /* not of the form: only equal or not */
        { "010", "9", false },
        { "1f", "1f", true },
        { "1f", "1e", false },
        { "0", "0", true },
        { "", "", true },
        { "5", "0", false },
        { NULL, "1", false },
        { "1", NULL, false },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        if (lp_kube_version_reached(cases[i].now, cases[i].wanted) != cases[i].reached)
            print_error("%s, wanted %s\n", cases[i].now, cases[i].wanted);
        assert_int_equal(lp_kube_version_reached(cases[i].now, cases[i].wanted), cases[i].reached);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_compared_as_numbers_of_any_length),
    };
    return cmocka_run_group_tests_name("kube_version", tests, NULL, NULL);
}
