/* docs/openapi/auth.json and the table of routes name the same. */
#include "services/auth/openapi.h"

#include <stdio.h>
#include <string.h>

#include "json/json.h"
#include "services/auth/api.h"
#include "unit/check.h"
#include "unit/openapi_routes.h"

static json_t *document(void)
{
    json_error_t why;
    json_t *d = json_loads(openapi_json, JSON_REJECT_DUPLICATES, &why);
    if (!d)
        fail_msg("line %d: %s", why.line, why.text);
    return d;
}

static void describes_every_route_and_no_other(void **state)
{
    (void)state;
    assert_describes(openapi_json, api_routes);
}

static void has_all_that_it_refers_to(void **state)
{
    (void)state;
    json_auto_t *d = document();
    static const char mark[] = "\"$ref\": \"#/";
    size_t n = 0;
    for (const char *at = openapi_json; (at = strstr(at, mark)); n++) {
        char name[128];
        at += strlen(mark);
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at, "\""), at);
        const json_t *here = d;
        for (char *rest = NULL, *key = strtok_r(name, "/", &rest); key && here;
             key = strtok_r(NULL, "/", &rest))
            here = json_object_get(here, key);
        if (!here)
            fail_msg("there is no #/%.60s", at);
    }
    assert_true(n > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describes_every_route_and_no_other),
        cmocka_unit_test(has_all_that_it_refers_to),
    };
    return cmocka_run_group_tests_name("auth_openapi", tests, NULL, NULL);
}
