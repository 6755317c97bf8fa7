/* test/unit/test_cli_operators.c -- which operator carries a platform out, by its Deployment. */
#include <string.h>

#include "base/alloc.h"
#include "cli/operators.h"
#include "json/json.h"
#include "unit/check.h"

/* A Deployment whose container has this env and these args. */
static json_t *deployment(const char *ns, int replicas, const char *env, const char *args)
{
    json_t *o =
        lp_json_make("{s:{s:s, s:s}, s:{s:i, s:{s:{s:[{s:s}, {s:s, s:o, s:o}]}}}}", "metadata",
                     "namespace", ns, "name", "lp-operator", "spec", "replicas", replicas,
                     "template", "spec", "containers", "name", "sidecar", "name", "operator", "env",
                     json_loads(env, 0, NULL), "args", json_loads(args, 0, NULL));
    assert_non_null(o);
    return o;
}

static json_t *platform(const char *ns, const char *class_name)
{
    return lp_json_make("{s:{s:s, s:s}, s:{s:s*}}", "metadata", "namespace", ns, "name", "english",
                        "spec", "className", class_name);
}

#define CANARY_ENV                                                                           \
    "[{\"name\": \"CLASS\", \"value\": \"canary\"}, {\"name\": \"METRICS_API\", \"value\": " \
    "\"None\"}, {\"name\": \"WATCH_NAMESPACES\", \"value\": \"english\"}, {\"name\": "       \
    "\"LP_IMAGE_TAG\", \"value\": \"v7\"}]"

static const char *found(const struct operators *o, const char *ns, const char *class_name)
{
    json_auto_t *p = platform(ns, class_name);
    const json_t *one = operators_of(o, p);
    return one ? lp_json_str(one, "metadata", "namespace", NULL) : "nobody";
}

static void each_platform_has_the_operator_of_its_namespace_and_class(void **state)
{
    struct operators o = { .deployments = json_array() };
    (void)state;
    json_array_append_new(o.deployments, deployment("canary", 1, CANARY_ENV, "[]"));
    json_array_append_new(o.deployments, deployment("blue", 1, "[]", "[\"--class\", \"blue\"]"));
    json_array_append_new(o.deployments, deployment("idle", 0, "[]", "[]"));
    json_array_append_new(o.deployments, deployment("all", 2, "[]", "[]"));
    assert_string_equal(found(&o, "english", "canary"), "canary");
    assert_string_equal(found(&o, "german", "canary"), "nobody");
    assert_string_equal(found(&o, "german", "blue"), "blue");
    assert_string_equal(found(&o, "german", NULL), "all"); /* that of 0 pods carries nothing out */
    operators_done(&o);
}

static void a_flag_goes_over_the_variable(void **state)
{
    json_auto_t *d = deployment("canary", 1, CANARY_ENV,
                                "[\"--watch-namespaces=german,french\", \"--selector\", \"a=b\"]");
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1000);
    json_auto_t *in = platform("german", "canary"), *out = platform("english", "canary");
    (void)state;
    json_object_set_new(json_object_get(in, "metadata"), "labels", lp_json_make("{s:s}", "a", "b"));
    assert_true(operators_takes(d, in));
    assert_false(operators_takes(d, out));
    operators_text(d, &text);
    assert_string_equal(text.ptr, "canary/lp-operator: CLASS canary, WATCH_NAMESPACES "
                                  "german,french, SELECTOR a=b, METRICS_API None");
}

static void a_setting_with_line_ends_stays_on_one_line(void **state)
{
    json_auto_t *d = deployment("english", 1, "[]", "[\"--selector=a\\n---\\nkind: Secret\"]");
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1000);
    (void)state;
    operators_text(d, &text);
    assert_string_equal(text.ptr, "english/lp-operator: SELECTOR a --- kind: Secret");
}

static void its_images_and_mode_go_over_the_defaults_and_ours_over_them(void **state)
{
    json_auto_t *d = deployment("canary", 1, CANARY_ENV, "[]");
    static struct cli_options options;
    struct plan_images images;
    (void)state;
    operators_images(d, &options, &images);
    assert_string_equal(images.tag, "v7");
    assert_true(images.no_metrics_api);
    options.images[1] = "v8";
    operators_images(d, &options, &images);
    assert_string_equal(images.tag, "v8");
    options.images[7] = "false";
    operators_images(d, &options, &images);
    assert_true(images.no_adapter);
    options.images[7] = NULL;
    operators_images(NULL, &options, &images);
    assert_false(images.no_adapter);
    assert_false(images.no_metrics_api);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_platform_has_the_operator_of_its_namespace_and_class),
        cmocka_unit_test(a_flag_goes_over_the_variable),
        cmocka_unit_test(a_setting_with_line_ends_stays_on_one_line),
        cmocka_unit_test(its_images_and_mode_go_over_the_defaults_and_ours_over_them),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("cli_operators", tests, NULL, NULL);
}
