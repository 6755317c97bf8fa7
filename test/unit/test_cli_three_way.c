/* test/unit/test_cli_three_way.c -- what kubectl apply would send. */
#include "cli/three_way.h"

#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "unit/check.h"

static json_t *parse(const char *text)
{
    json_t *o = json_loads(text, 0, NULL);
    assert_non_null(o);
    return o;
}

#define LIVE(spec, last)                                                                    \
    "{\"metadata\":{\"annotations\":{\"kubectl.kubernetes.io/last-applied-configuration\":" \
    "\"" last "\"}},\"spec\":" spec "}"

static void the_patch_is_that_of_client_side_apply(void **state)
{
    static const struct {
        const char *live, *wanted, *patch;
    } cases[] = {
        /* nothing to do; what others set stays */
        { LIVE("{\"a\":1,\"b\":2}", "{\\\"spec\\\":{\\\"a\\\":1}}"), "{\"spec\":{\"a\":1}}", "{}" },
        /* a field that was applied and is wanted no more goes, one of another manager stays */
        { LIVE("{\"a\":1,\"b\":2,\"c\":3}", "{\\\"spec\\\":{\\\"a\\\":1,\\\"c\\\":3}}"),
          "{\"spec\":{\"a\":1}}", "{\"spec\":{\"c\":null}}" },
        /* one that is gone already is not taken away again */
        { LIVE("{\"a\":1}", "{\\\"spec\\\":{\\\"a\\\":1,\\\"c\\\":3}}"), "{\"spec\":{\"a\":1}}",
          "{}" },
        /* what somebody changed comes back, lists whole, objects by member */
        { LIVE("{\"a\":9,\"l\":[1,2],\"o\":{\"x\":1,\"y\":2}}", "{\\\"spec\\\":{\\\"a\\\":1}}"),
          "{\"spec\":{\"a\":1,\"l\":[1],\"o\":{\"x\":5}}}",
          "{\"spec\":{\"a\":1,\"l\":[1],\"o\":{\"x\":5}}}" },
        /* never applied: nothing is taken away */
        { "{\"spec\":{\"a\":1,\"b\":2}}", "{\"spec\":{\"a\":3}}", "{\"spec\":{\"a\":3}}" },
    };

    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        json_auto_t *live = parse(cases[i].live), *wanted = parse(cases[i].wanted);
        json_auto_t *expected = parse(cases[i].patch), *patch = NULL;
        struct lp_error err;
        assert_int_equal(three_way_patch(live, wanted, &patch, &err), 0);
        assert_true(json_equal(patch, expected));
    }
}

static void an_annotation_that_is_no_json_is_named(void **state)
{
    json_auto_t *live = parse(LIVE("{}", "{")), *wanted = parse("{}");
    json_t *patch = NULL;
    struct lp_error err;

    (void)state;
    assert_int_equal(three_way_patch(live, wanted, &patch, &err), LP_E_INVALID);
    assert_non_null(strstr(err.msg, "last-applied-configuration"));
}

static void server_side_apply_goes_on_where_kubectl_did_it_before(void **state)
{
    static const struct {
        const char *live;
        bool by_server;
    } cases[] = {
        { "{\"metadata\":{}}", false },
        { "{\"metadata\":{\"managedFields\":[{\"manager\":\"kubectl\",\"operation\":\"Apply\"}]}}",
          true },
        { "{\"metadata\":{\"managedFields\":[{\"manager\":\"kubectl\",\"operation\":\"Update\"}]}}",
          false },
        { "{\"metadata\":{\"managedFields\":[{\"manager\":\"flux\",\"operation\":\"Apply\"}]}}",
          false },
        { LIVE("{}", "{}"), false },
    };

    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        json_auto_t *live = parse(cases[i].live);
        assert_int_equal(three_way_by_server(live), cases[i].by_server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_patch_is_that_of_client_side_apply),
        cmocka_unit_test(an_annotation_that_is_no_json_is_named),
        cmocka_unit_test(server_side_apply_goes_on_where_kubectl_did_it_before),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("cli_three_way", tests, NULL, NULL);
}
