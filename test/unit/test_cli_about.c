/* test/unit/test_cli_about.c -- which Events are about a platform. */
#include "cli/about.h"

#include "base/alloc.h"
#include "json/json.h"
#include "unit/check.h"

static struct about *about_of(const char *name, json_t *spec)
{
    json_auto_t *platform =
        lp_json_make("{s:s, s:s, s:{s:s, s:s, s:s}, s:o}", "apiVersion",
                     "learningplatform.io/v1alpha1", "kind", "LearningPlatform", "metadata",
                     "namespace", "learning", "name", name, "uid", "u-1", "spec", spec);

    return about_new(platform);
}

static struct about *english(json_t *spec)
{
    return about_of("english", spec);
}

static bool has(const struct about *a, const char *kind, const char *name, const char *uid)
{
    json_auto_t *regarding =
        lp_json_make("{s:s*, s:s*, s:s*}", "kind", kind, "name", name, "uid", uid);

    return about_has(a, regarding);
}

static void what_the_plan_has_and_what_that_makes_is_the_platforms(void **state)
{
    static const char *const own[][2] = {
        { "Deployment", "english-gateway" },
        { "HorizontalPodAutoscaler", "english-ai-feedback" },
        { "ReplicaSet", "english-gateway-7d9f8b6c5d" },
        { "Pod", "english-gateway-7d9f8b6c5d-x2x4z" },
        { "Pod", "english-ai-feedback-7d9f8b6c5d-x2x4z" },
        { "StatefulSet", "english-postgres" },
        { "Pod", "english-postgres-0" },
        { "PodDisruptionBudget", "english-auth" },
    };
    struct about *a = english(json_object());
    (void)state;

    for (size_t i = 0; i < LP_COUNT(own); i++)
        assert_true(has(a, own[i][0], own[i][1], NULL));
    assert_true(has(a, "LearningPlatform", "english", "u-1"));
    assert_true(has(a, "LearningPlatform", "english", NULL));
    about_free(a);
}

static void what_only_begins_with_its_name_is_another_platforms(void **state)
{
    static const char *const others[][2] = {
        { "LearningPlatform", "english-2" },
        { "Deployment", "english-2-gateway" },
        { "Deployment", "english" },
        { "Service", "english-gateway-2" },
        { "ReplicaSet", "english-2-gateway-7d9f8b6c5d" },
        { "ReplicaSet", "english-gateway-2-7d9f8b6c5d" },
        { "ReplicaSet", "english-gateway" },
        { "ReplicaSet", "english-gateway-" },
        { "Pod", "english-gateway-auth-7d9f8b6c5d-x2x4z" },
        { "Pod", "english-gateway-7d9f8b6c5d" },
        { "Pod", "english-gateway--" },
        { "Pod", "english-postgres-x" },
        { "Pod", "english-postgres-0-1" },
        { "Pod", "-" },
        { "Pod", "" },
        { "Node", "english" },
    };
    struct about *a = english(json_object());
    (void)state;

    for (size_t i = 0; i < LP_COUNT(others); i++)
        assert_false(has(a, others[i][0], others[i][1], NULL));
    assert_false(has(a, NULL, "english", NULL));
    assert_false(has(a, "Pod", NULL, NULL));
    about_free(a);
}

/* "<Deployment>-<hash>-" is cut to 58 bytes before the API server adds five. */
static void a_pod_whose_name_was_cut_is_its_deployments(void **state)
{
    struct about *a =
        about_of("a23456789-123456789-123456789-1234567890",
                 lp_json_make("{s:[{s:s, s:s, s:s, s:i}]}", "extraServices", "name",
                              "abcdefghijklmnopqrst", "image", "i", "path", "/q", "port", 8000));
    static const char *const own[] = {
        "a23456789-123456789-123456789-1234567890-progress-7d9f8b6cx2x4z",
        "a23456789-123456789-123456789-1234567890-ai-feedback-7d9f8x2x4z",
        "a23456789-123456789-123456789-1234567890-abcdefghijklmnopqx2x4z",
    };
    static const char *const others[] = {
        "a23456789-123456789-123456789-1234567890-ai-feedbac-7d9f8bx2x4z",
        "a23456789-123456789-123456789-1234567890-ai-feedback-7-f-8x2x4z",
        "a23456789-123456789-123456789-1234567890-ai-feedback-7d9f8x2x4", /* 62 bytes */
        "a23456789-123456789-123456789-1234567890-auth-7d9f8b6c5d7d9x2x4",
    };
    (void)state;

    for (size_t i = 0; i < LP_COUNT(own); i++)
        assert_true(has(a, "Pod", own[i], NULL));
    for (size_t i = 0; i < LP_COUNT(others); i++)
        assert_false(has(a, "Pod", others[i], NULL));
    about_free(a);
}

static void a_platform_of_the_same_name_that_was_there_before_is_another(void **state)
{
    struct about *a = english(json_object());
    (void)state;

    assert_false(has(a, "LearningPlatform", "english", "u-0"));
    about_free(a);
}

static void of_a_spec_that_cannot_be_decoded_it_is_the_platform_alone(void **state)
{
    struct about *a = english(lp_json_make("{s:s}", "services", "none"));
    (void)state;

    assert_true(has(a, "LearningPlatform", "english", "u-1"));
    assert_false(has(a, "Deployment", "english-gateway", NULL));
    about_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_plan_has_and_what_that_makes_is_the_platforms),
        cmocka_unit_test(what_only_begins_with_its_name_is_another_platforms),
        cmocka_unit_test(a_pod_whose_name_was_cut_is_its_deployments),
        cmocka_unit_test(a_platform_of_the_same_name_that_was_there_before_is_another),
        cmocka_unit_test(of_a_spec_that_cannot_be_decoded_it_is_the_platform_alone),
    };
    return cmocka_run_group_tests_name("cli_about", tests, NULL, NULL);
}
