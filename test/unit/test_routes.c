/* test/unit/test_routes.c -- which route a path means. */
#include "service/routes.h"

#include <string.h>

#include "unit/check.h"

static const struct lp_route routes[] = {
    { .method = "GET", .path = "/", .name = "root" },
    { .method = "GET", .path = "/api/users/me", .name = "me" },
    { .method = "GET", .path = "/api/users/:id", .name = "user" },
    { .method = "POST", .path = "/api/users/:id", .name = "post" },
    { .method = "GET", .path = "/api/:a/of/:b", .name = "two" },
    { 0 },
};

static void finds_the_route_of_a_path(void **state)
{
    static const struct {
        const char *method, *path, *route, *a, *b;
    } cases[] = {
        { "GET", "/", "root", NULL, NULL },
        { "GET", "/api/users/me", "me", NULL, NULL },
        { "GET", "/API/Users/ME/", "me", NULL, NULL },
        { "HEAD", "/api/users/me", "me", NULL, NULL },
        { "GET", "/api/users/Ab%2Fc", "user", "Ab/c", NULL },
        { "GET", "/api/users/a+b%20c/", "user", "a+b c", NULL },
        { "POST", "/api/users/me", "post", "me", NULL },
        { "GET", "/api/x/of/y", "two", "x", "y" },
        { "GET", "/api/users", NULL, NULL, NULL },
        { "GET", "/api/users//", NULL, NULL, NULL },
        { "GET", "//api/users/me", NULL, NULL, NULL },
        { "GET", "/api/users/me/more", NULL, NULL, NULL },
        { "PUT", "/api/users/me", NULL, NULL, NULL },
        { "get", "/api/users/me", NULL, NULL, NULL },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct lp_route_path p;
        assert_true(lp_route_path_read(cases[i].path, &p));
        const struct lp_route *r = lp_route_find(routes, cases[i].method, &p);
        if (strcmp(r ? r->name : "-", cases[i].route ? cases[i].route : "-") != 0)
            fail_msg("%s %s: %s", cases[i].method, cases[i].path, r ? r->name : "none");
        if (cases[i].a)
            assert_string_equal(p.params[0], cases[i].a);
        if (cases[i].b)
            assert_string_equal(p.params[1], cases[i].b);
        lp_route_path_done(&p);
    }
}

static void refuses_paths_that_cannot_be_decoded(void **state)
{
    static const char *const paths[] = {
        "", "*", "a/b", "/%", "/%4", "/%zz", "/a%00b", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(paths); i++) {
        struct lp_route_path p;
        if (lp_route_path_read(paths[i], &p))
            fail_msg("took \"%s\"", paths[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_route_of_a_path),
        cmocka_unit_test(refuses_paths_that_cannot_be_decoded),
    };
    return cmocka_run_group_tests_name("routes", tests, NULL, NULL);
}
