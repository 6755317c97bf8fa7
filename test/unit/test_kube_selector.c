/* test/unit/test_kube_selector.c -- label selectors as Kubernetes reads them. */
#include <string.h>

#include "kube/labels.h"
#include "json/json.h"
#include "unit/check.h"

static struct lp_labels *auth_pod(void)
{
    json_auto_t *pod = lp_json_make("{s:{s:{s:s,s:s,s:s}}}", "metadata", "labels", "app", "auth",
                                    "app.kubernetes.io/part-of", "english", "empty", "");
    return lp_labels_new(pod);
}

static void matches_by_every_operator(void **state)
{
    static const struct {
        const char *text;
        bool want;
    } cases[] = {
        { "", true },
        { "app=auth", true },
        { "app==auth", true },
        { " app = auth , empty= ", true },
        { "app=gateway", false },
        { "app!=gateway", true },
        { "app!=auth", false },
        { "absent!=x", true },
        { "app in (gateway, auth)", true },
        { "app in(gateway)", false },
        { "app notin (gateway)", true },
        { "app notin (auth)", false },
        { "absent notin (x)", true },
        { "absent in (x)", false },
        { "app", true },
        { "absent", false },
        { "!absent", true },
        { "! app", false },
        { "empty in ()", true },
        { "app.kubernetes.io/part-of=english,app", true },
        { "app.kubernetes.io/part-of=english,!app", false },
    };
    struct lp_labels *pod = auth_pod();
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct lp_selector s;
        struct lp_error err = { 0 };
        if (lp_selector_parse(cases[i].text, &s, &err) < 0)
            fail_msg("%s: %s", cases[i].text, err.msg);
        if (lp_selector_matches(&s, pod) != cases[i].want)
            fail_msg("%s", cases[i].text);
    }
    lp_labels_unref(pod);
}

static void nothing_given_is_everything(void **state)
{
    struct lp_selector s;
    struct lp_error err;
    (void)state;
    assert_int_equal(lp_selector_parse(NULL, &s, &err), 0);
    assert_true(lp_selector_matches(&s, NULL));
}

static void says_where_a_selector_is_wrong(void **state)
{
    static const char *const wrong[] = {
        "=a",         ",",    "a=b,", "a in",    "a in x", "a in (x", "a > 1", "a b",
        "a in (x) y", "!a=b", "a!b",  "a=b c=d", "a=b/c",  "(a)",     "a ~ b", "a in (x,y))",
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(wrong); i++) {
        struct lp_selector s;
        struct lp_error err = { 0 };
        if (lp_selector_parse(wrong[i], &s, &err) != LP_E_INVALID)
            fail_msg("taken: %s", wrong[i]);
        assert_non_null(strstr(err.msg, "at byte"));
    }
}

static void has_limits(void **state)
{
    struct lp_selector s;
    struct lp_error err;
    lp_auto_buf struct lp_buf many = LP_BUF_INIT(65536);
    (void)state;
    for (int i = 0; i <= LP_SELECTOR_REQUIREMENTS; i++)
        lp_buf_printf(&many, "%sa%d", i > 0 ? "," : "", i);
    assert_int_equal(lp_selector_parse(many.ptr, &s, &err), LP_E_INVALID);
    lp_buf_reset(&many);
    lp_buf_str(&many, "a in (0");
    for (int i = 0; i < LP_SELECTOR_VALUES; i++)
        lp_buf_printf(&many, ",%d", i);
    lp_buf_str(&many, ")");
    assert_int_equal(lp_selector_parse(many.ptr, &s, &err), LP_E_INVALID);
    lp_buf_reset(&many);
    while (many.len < LP_SELECTOR_TEXT)
        lp_buf_str(&many, "a");
    assert_int_equal(lp_selector_parse(many.ptr, &s, &err), LP_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_by_every_operator),
        cmocka_unit_test(nothing_given_is_everything),
        cmocka_unit_test(says_where_a_selector_is_wrong),
        cmocka_unit_test(has_limits),
    };
    return cmocka_run_group_tests_name("kube_selector", tests, NULL, NULL);
}
