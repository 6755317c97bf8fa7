/* From a request target to a path, a query and an upstream. */
#include "services/gateway/target.h"

#include <string.h>

#include "base/limits.h"
#include "unit/check.h"

static void collapses_slashes_and_keeps_every_other_byte(void **state)
{
    static const struct {
        const char *raw, *path, *query;
    } cases[] = {
        { "/", "/", "" },
        { "//", "/", "" },
        { "//ai///x/", "/ai/x/", "" },
        { "/ai/a%2F%2fb/%zz?x=//&y=%20", "/ai/a%2F%2fb/%zz", "?x=//&y=%20" },
        { "/ai?", "/ai", "?" },
        { "/a/../b/./c", "/a/../b/./c", "" },
        { "/\xc3\xa9#frag", "/\xc3\xa9#frag", "" },
        { "", "/", "" },
        { "?q", "/", "?q" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_buf struct lp_buf path = LP_BUF_INIT(LP_LIMIT_HTTP_TARGET);
        lp_auto_buf struct lp_buf query = LP_BUF_INIT(LP_LIMIT_HTTP_TARGET);
        assert_true(target_split(cases[i].raw, strlen(cases[i].raw), &path, &query));
        assert_string_equal(path.ptr, cases[i].path);
        assert_string_equal(query.ptr, cases[i].query);
    }
}

static void refuses_targets_of_other_forms(void **state)
{
    static const char *const cases[] = { "*", "ai/x", "example.org:443", "#" };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_buf struct lp_buf path = LP_BUF_INIT(LP_LIMIT_HTTP_TARGET);
        lp_auto_buf struct lp_buf query = LP_BUF_INIT(LP_LIMIT_HTTP_TARGET);
        assert_false(target_split(cases[i], strlen(cases[i]), &path, &query));
    }
}

static void doubts_paths_that_lead_upwards_or_end_early(void **state)
{
    static const struct {
        const char *path;
        bool doubtful;
    } cases[] = {
        { "/ai/../progress/x", true }, { "/ai/..", true },         { "/..", true },
        { "/ai/%2e%2E/x", true },      { "/ai/.%2e/x", true },     { "/ai/x%2f..%2fy", true },
        { "/ai/x%2F%2e%2e", true },    { "/ai/..\\x", true },      { "/ai/x%5c..%5cy", true },
        { "/ai/x%00.png", true },      { "/ai/...", false },       { "/ai/..x", false },
        { "/ai/x..", false },          { "/ai/./x", false },       { "/ai/%2e", false },
        { "/ai/a..b/c", false },       { "/ai/%2fx%2525", false }, { "/", false },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        if (target_is_doubtful(cases[i].path) != cases[i].doubtful)
            fail_msg("%s", cases[i].path);
    }
}

/* Where a path leads; `name` NULL: nowhere. */
struct led {
    const char *path, *name, *rest;
};

static void expect_led(const struct gateway_routes *routes, const struct led *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *rest = NULL;
        const struct gateway_upstream *u = target_upstream(routes, cases[i].path, &rest);
        assert_int_equal(u != NULL, cases[i].name != NULL);
        if (u) {
            assert_string_equal(u->name, cases[i].name);
            assert_string_equal(rest, cases[i].rest);
        }
    }
}

static void finds_the_upstream_by_its_first_segment(void **state)
{
    static const struct led cases[] = {
        { "/ai", "ai", "" },
        { "/ai/", "ai", "/" },
        { "/AI/x", "ai", "/x" },
        { "/auth/api/auth/login", "auth", "/api/auth/login" },
        { "/progress/a%2Fb", "progress", "/a%2Fb" },
        { "/quiz/1", "quiz", "/1" },
        { "/g/1", "grammar-book", "/1" },
        { "/grammar-book/1", NULL, NULL },
        { "/aix", NULL, NULL },
        { "/a", NULL, NULL },
        { "/", NULL, NULL },
        { "/x/ai", NULL, NULL },
        { "/%61i/x", NULL, NULL },
    };
    const struct gateway_config config = { .auth_url = "http://a",
                                           .ai_url = "http://b",
                                           .progress_url = "http://c",
                                           .extra_services = "/quiz=http://d:80/base/,"
                                                             "grammar-book:/g=http://e:80" };
    struct gateway_routes routes;
    struct lp_error err;
    (void)state;

    assert_int_equal(gateway_routes_make(&config, &routes, &err), 0);
    expect_led(&routes, cases, LP_COUNT(cases));
    assert_string_equal(routes.upstreams[3].origin, "http://d:80");
    assert_string_equal(routes.upstreams[3].base, "/base");
    gateway_routes_done(&routes);
}

static void a_path_of_a_route_stays_as_it_is_and_goes_before_prefixes(void **state)
{
    static const struct led cases[] = {
        { "/api/words", "quiz", "/api/words" },
        { "/api/words/", "quiz", "/api/words/" },
        { "/API/Words/a%2Fb", "quiz", "/API/Words/a%2Fb" },
        { "/api/words/rare", "g", "/api/words/rare" },
        { "/api/words/rare/1", "g", "/api/words/rare/1" },
        { "/api/words/rarest", "quiz", "/api/words/rarest" },
        { "/quiz/api/words", "quiz", "/api/words" },
        { "/api/wordsx", "api", "/wordsx" },
        { "/api/word", "api", "/word" },
        { "/api", "api", "" },
        { "/x/api/words", NULL, NULL },
    };
    const struct gateway_config config = {
        .auth_url = "http://a",
        .ai_url = "http://b",
        .progress_url = "http://c",
        .extra_services = "/quiz=http://d,/g=http://e,/api=http://f",
        .route_paths = "quiz:/api/words,g:/api/words/rare",
    };
    struct gateway_routes routes;
    struct lp_error err;
    (void)state;

    assert_int_equal(gateway_routes_make(&config, &routes, &err), 0);
    expect_led(&routes, cases, LP_COUNT(cases));
    for (size_t i = 0; i < LP_COUNT(cases); i++)
        assert_false(target_is_open(&routes, cases[i].path));
    gateway_routes_done(&routes);
}

static void names_what_is_wrong_with_a_path_of_a_route(void **state)
{
    static const struct {
        const char *paths, *why;
    } cases[] = {
        { "quiz", "\"quiz\" does not begin with the name of a route" },
        { "words:/api/words", "does not begin with the name of a route" },
        { "quiz:", "\"\" is not a path" },
        { "quiz:api", "\"api\" is not a path" },
        { "quiz:/", "\"/\" is not a path" },
        { "quiz:/api/", "is not a path" },
        { "quiz:/api//x", "is not a path" },
        { "quiz:/api/..", "is not a path" },
        { "quiz:/auth/x", "is not a path" },
        { "quiz:/AUTH/x", "is not a path" },
        { "quiz:/healthy/x", "is not a path" },
        { "quiz:/QUIZ", "/QUIZ is a route of its own" },
        { "quiz:/a/b,quiz:/A/b", "/A/b is there twice" },
        { "quiz:/1,quiz:/2,quiz:/3,quiz:/4,quiz:/5,quiz:/6,quiz:/7,quiz:/8,quiz:/9",
          "more than 8 paths" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        const struct gateway_config config = { .auth_url = "http://a",
                                               .ai_url = "http://b",
                                               .progress_url = "http://c",
                                               .extra_services = "/quiz=http://d",
                                               .route_paths = cases[i].paths };
        struct gateway_routes routes;
        struct lp_error err;
        assert_int_equal(gateway_routes_make(&config, &routes, &err), LP_E_INVALID);
        assert_non_null(strstr(err.msg, "ROUTE_PATHS: "));
        if (!strstr(err.msg, cases[i].why))
            fail_msg("%s: %s", cases[i].paths, err.msg);
    }
}

static void opens_only_two_prefixes_in_that_case_and_the_document(void **state)
{
    static const struct {
        const char *path;
        bool open, health;
    } cases[] = {
        { "/openapi.json", true, false },  { "/openapi.json/x", false, false },
        { "/health", true, true },         { "/health/", true, true },
        { "/healthy", true, false },       { "/HEALTH", false, true },
        { "/auth/x", true, false },        { "/auth/", true, false },
        { "/auth", false, false },         { "/AUTH/x", false, false },
        { "/authx", false, false },        { "/ai/auth/", false, false },
        { "/healthcare/x", false, false }, { "/healthcare", false, false },
        { "/HEALTHCARE", false, false },
    };
    const struct gateway_config config = { .auth_url = "http://a",
                                           .ai_url = "http://b",
                                           .progress_url = "http://c",
                                           .extra_services = "/healthcare=http://d" };
    struct gateway_routes routes;
    struct lp_error err;
    (void)state;

    assert_int_equal(gateway_routes_make(&config, &routes, &err), 0);
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        assert_int_equal(target_is_open(&routes, cases[i].path), cases[i].open);
        assert_int_equal(target_is_health(cases[i].path), cases[i].health);
    }
    gateway_routes_done(&routes);
}

static void names_variable_and_value_of_a_bad_route(void **state)
{
    static const struct {
        const char *auth, *extra, *variable, *value;
    } cases[] = {
        { "ftp://a", "", "AUTH_SERVICE_URL", "ftp://a" },
        { "http://", "", "AUTH_SERVICE_URL", "http://" },
        { "http://u@a", "", "AUTH_SERVICE_URL", "http://u@a" },
        { "http://a?q", "", "AUTH_SERVICE_URL", "http://a?q" },
        { "http://a", "/quiz", "EXTRA_SERVICES", "http" },
        { "http://a", "quiz=http://b", "EXTRA_SERVICES", "quiz" },
        { "http://a", "/a/b=http://b", "EXTRA_SERVICES", "/a/b" },
        { "http://a", "/AI=http://b", "EXTRA_SERVICES", "/AI" },
        { "http://a", "/health=http://b", "EXTRA_SERVICES", "/health" },
        { "http://a", "=http://b", "EXTRA_SERVICES", "is not a path" },
        { "http://a", ":/x=http://b", "EXTRA_SERVICES", "is not a name" },
        { "http://a", "a b:/x=http://b", "EXTRA_SERVICES", "\"a b\"" },
        { "http://a", "ai:/x=http://b", "EXTRA_SERVICES", "the name ai is there twice" },
        { "http://a", "x:/x=http://b,x:/y=http://b", "EXTRA_SERVICES",
          "the name x is there twice" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        const struct gateway_config config = { .auth_url = cases[i].auth,
                                               .ai_url = "http://b",
                                               .progress_url = "http://c",
                                               .extra_services = cases[i].extra };
        struct gateway_routes routes;
        struct lp_error err;
        assert_int_equal(gateway_routes_make(&config, &routes, &err), LP_E_INVALID);
        assert_non_null(strstr(err.msg, cases[i].variable));
        assert_non_null(strstr(err.msg, cases[i].value));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(collapses_slashes_and_keeps_every_other_byte),
        cmocka_unit_test(refuses_targets_of_other_forms),
        cmocka_unit_test(doubts_paths_that_lead_upwards_or_end_early),
        cmocka_unit_test(finds_the_upstream_by_its_first_segment),
        cmocka_unit_test(a_path_of_a_route_stays_as_it_is_and_goes_before_prefixes),
        cmocka_unit_test(names_what_is_wrong_with_a_path_of_a_route),
        cmocka_unit_test(opens_only_two_prefixes_in_that_case_and_the_document),
        cmocka_unit_test(names_variable_and_value_of_a_bad_route),
    };
    return cmocka_run_group_tests_name("gateway_target", tests, NULL, NULL);
}
