/* test/unit/test_platform_scope.c -- which platforms an operator is for. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "json/json.h"
#include "platform/scope.h"
#include "unit/check.h"

static void nothing_named_is_every_platform(void **state)
{
    struct scope s = { 0 };
    (void)state;
    ok(scope_parse("", "", "", &s, &err));
    assert_int_equal(scope_watches(&s), 1);
    assert_null(scope_namespace(&s, 0));
    assert_null(s.selector);
    assert_null(s.class_name);
    scope_done(&s);
}

static void each_namespace_is_watched_by_itself(void **state)
{
    struct scope s = { 0 };
    (void)state;
    ok(scope_parse("english,german-2", "team in (a, b)", "", &s, &err));
    assert_int_equal(scope_watches(&s), 2);
    assert_string_equal(scope_namespace(&s, 0), "english");
    assert_string_equal(scope_namespace(&s, 1), "german-2");
    assert_string_equal(s.selector, "team in (a, b)");
    scope_done(&s);
}

static void what_is_no_list_of_namespaces_is_refused_with_the_name(void **state)
{
    static const struct {
        const char *text, *part;
    } wrong[] = {
        { "English", "\"English\"" },
        { "a,", "\"\"" },
        { ",a", "\"\"" },
        { "a, b", "\" b\"" },
        { "-a", "\"-a\"" },
        { "a-", "\"a-\"" },
        { "a,b,a", "\"a\" is there twice" },
        { "a/b", "\"a/b\"" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct scope s = { 0 };
        struct lp_error why = { 0 };
        assert_int_equal(scope_parse(wrong[i].text, "", "", &s, &why), LP_E_INVALID);
        assert_non_null(strstr(why.msg, "--watch-namespaces"));
        assert_non_null(strstr(why.msg, wrong[i].part));
        assert_null(s.text);
    }
}

static void a_name_has_at_most_63_characters_and_a_list_at_most_32_names(void **state)
{
    lp_auto_buf struct lp_buf list = LP_BUF_INIT(1000);
    struct scope s = { 0 };
    struct lp_error why = { 0 };
    char name[65];
    (void)state;
    memset(name, 'a', 64);
    name[64] = '\0';
    assert_int_equal(scope_parse(name, "", "", &s, &why), LP_E_INVALID);
    name[63] = '\0';
    ok(scope_parse(name, "", "", &s, &err));
    scope_done(&s);
    for (int i = 0; i < SCOPE_NAMESPACES; i++)
        lp_buf_printf(&list, "%sn%d", i ? "," : "", i);
    ok(scope_parse(list.ptr, "", "", &s, &err));
    assert_int_equal(scope_watches(&s), SCOPE_NAMESPACES);
    scope_done(&s);
    lp_buf_str(&list, ",more");
    assert_int_equal(scope_parse(list.ptr, "", "", &s, &why), LP_E_INVALID);
    assert_non_null(strstr(why.msg, "more than 32"));
}

static bool takes(const char *class_name, const char *spec)
{
    struct scope s = { 0 };
    ok(scope_parse("", "", class_name, &s, &err));
    json_auto_t *platform = lp_json_make("{s:o}", "spec", json_loads(spec, 0, NULL));
    bool taken = scope_has_class_of(&s, platform);
    scope_done(&s);
    return taken;
}

static void an_operator_takes_the_platforms_of_its_class_alone(void **state)
{
    (void)state;
    assert_true(takes("", "{}"));
    assert_false(takes("", "{\"className\": \"canary\"}"));
    assert_true(takes("canary", "{\"className\": \"canary\"}"));
    assert_false(takes("canary", "{\"className\": \"canary-2\"}"));
    assert_false(takes("canary", "{}"));
}

static bool takes_all(const char *namespaces, const char *selector, const char *platform)
{
    struct scope s = { 0 };
    ok(scope_parse(namespaces, selector, "", &s, &err));
    json_auto_t *object = json_loads(platform, 0, NULL);
    assert_non_null(object);
    bool taken = scope_takes(&s, object);
    scope_done(&s);
    return taken;
}

static void an_operator_takes_a_platform_by_namespace_labels_and_class_together(void **state)
{
    static const char plain[] =
        "{\"metadata\": {\"namespace\": \"english\", \"labels\": {\"team\": \"a\"}}}";
    static const char bare[] = "{\"metadata\": {\"namespace\": \"english\"}}";
    static const char canary[] =
        "{\"metadata\": {\"namespace\": \"english\"}, \"spec\": {\"className\": \"canary\"}}";
    (void)state;
    assert_true(takes_all("", "", plain));
    assert_true(takes_all("german,english", "team in (a, b)", plain));
    assert_false(takes_all("german", "", plain));
    assert_false(takes_all("", "team=b", plain));
    assert_false(takes_all("", "team", bare));
    assert_true(takes_all("", "!team", bare));
    assert_false(takes_all("english", "", canary));
    assert_false(takes_all("", "team>1", plain)); /* a selector that we cannot read takes none */
}

static void a_class_that_is_no_name_is_refused(void **state)
{
    static const char *const wrong[] = { "Canary", "a b", "a,b", "-a", "a.b" };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(wrong); i++) {
        struct scope s = { 0 };
        struct lp_error why = { 0 };
        assert_int_equal(scope_parse("", "", wrong[i], &s, &why), LP_E_INVALID);
        assert_non_null(strstr(why.msg, "--class"));
        assert_non_null(strstr(why.msg, wrong[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_named_is_every_platform),
        cmocka_unit_test(each_namespace_is_watched_by_itself),
        cmocka_unit_test(what_is_no_list_of_namespaces_is_refused_with_the_name),
        cmocka_unit_test(a_name_has_at_most_63_characters_and_a_list_at_most_32_names),
        cmocka_unit_test(an_operator_takes_the_platforms_of_its_class_alone),
        cmocka_unit_test(an_operator_takes_a_platform_by_namespace_labels_and_class_together),
        cmocka_unit_test(a_class_that_is_no_name_is_refused),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("platform_scope", tests, NULL, NULL);
}
