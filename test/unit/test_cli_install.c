/* test/unit/test_cli_install.c -- what `kubectl lp install` writes is what the repository ships. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/install.h"
#include "unit/check.h"

/* The file without the comments at its head, which say who made it; the caller's. */
static char *shipped(const char *path)
{
    static char text[1 << 20];
    FILE *f = fopen(path, "r");

    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    const char *at = strstr(text, "---\n");
    assert_non_null(at);
    return lp_strdup(at);
}

static void check_same(const struct cli_options *o, const char *path)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(4 << 20);
    lp_auto_free char *wish = shipped(path);
    size_t at = 0;

    ok(install_write(o, &out, &err));
    const char *is = strstr(out.ptr, "---\n");
    assert_non_null(is);
    while (wish[at] && wish[at] == is[at])
        at++;
    if (wish[at] || is[at])
        fail_msg("differs from %s at byte %zu:\n%.200s\nwanted:\n%.200s", path, at,
                 is + (at > 60 ? at - 60 : 0), wish + (at > 60 ? at - 60 : 0));
}

static void without_options_it_is_install_yaml(void **state)
{
    const struct cli_options o = { .command = "install", .name = "generate", .tag = "v0.1.0" };
    (void)state;
    check_same(&o, "config/install.yaml");
}

static void of_a_namespace_it_is_install_namespaced_yaml(void **state)
{
    const struct cli_options o = { .command = "install",
                                   .name = "generate",
                                   .tag = "v0.1.0",
                                   .ns = "learning",
                                   .watch_namespaces = "learning" };
    (void)state;
    check_same(&o, "config/install-namespaced.yaml");
}

static void the_mode_of_the_metrics_api_is_set(void **state)
{
    const struct cli_options o = { .name = "generate", .metrics_api = "Chain" };
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(4 << 20);
    (void)state;
    ok(install_write(&o, &out, &err));
    assert_non_null(strstr(out.ptr, "- {name: METRICS_API, value: \"Chain\"}\n"));
    assert_non_null(strstr(out.ptr, "image: learning-platform/lp-operator:" LP_VERSION "\n"));
}

static void the_definition_is_what_an_administrator_applies_once(void **state)
{
    const struct cli_options o = { .name = "definition" };
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(4 << 20);
    (void)state;
    ok(install_write(&o, &out, &err));
    assert_non_null(strstr(out.ptr, "kind: CustomResourceDefinition"));
    assert_non_null(strstr(out.ptr, "name: learning-platform-editor"));
    assert_null(strstr(out.ptr, "kind: Deployment"));
}

static void a_wrong_value_is_refused_with_option_and_what_is_wanted(void **state)
{
    static const struct {
        struct cli_options o;
        const char *message;
    } wrong[] = {
        { { .registry = "x/" }, "--registry: must be a reference" },
        { { .registry = "a\"b" }, "--registry: must be a reference" },
        { { .tag = "a/b" },
          "--tag: must be a tag such as v0.1.0, of at most 128 bytes, is \"a/b\"" },
        { { .pull_policy = "Sometimes" }, "--pull-policy: must be Always, IfNotPresent or Never" },
        { { .postgres_image = "" }, "--postgres-image: must be" },
        { { .mongo_image = "m\n" }, "--mongo-image: must be" },
        { { .mongodb_auth = "yes" }, "--mongodb-auth: must be true or false, is \"yes\"" },
        { { .ns = "A" }, "--namespace: must be the name of a namespace, is \"A\"" },
        { { .watch_namespaces = "" }, "--watch-namespaces: must be names of namespaces" },
        { { .watch_namespaces = "a,B" }, "--watch-namespaces: \"B\" is no name" },
        { { .class_name = "B" }, "--class" },
        { { .metrics_api = "Both" }, "--metrics-api: must be Own, Chain or None, is \"Both\"" },
        { { .watch_namespaces = "a", .metrics_api = "Own" }, "--metrics-api: must be None with" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(wrong); i++) {
        lp_auto_buf struct lp_buf out = LP_BUF_INIT(4 << 20);
        struct cli_options o = wrong[i].o;
        struct lp_error err;
        o.name = "generate";
        assert_int_equal(install_write(&o, &out, &err), LP_E_INVALID);
        assert_int_equal(strncmp(err.msg, wrong[i].message, strlen(wrong[i].message)), 0);
        assert_int_equal(out.len, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_options_it_is_install_yaml),
        cmocka_unit_test(of_a_namespace_it_is_install_namespaced_yaml),
        cmocka_unit_test(the_mode_of_the_metrics_api_is_set),
        cmocka_unit_test(the_definition_is_what_an_administrator_applies_once),
        cmocka_unit_test(a_wrong_value_is_refused_with_option_and_what_is_wanted),
    };
    return cmocka_run_group_tests_name("cli_install", tests, NULL, NULL);
}
