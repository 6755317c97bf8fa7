/* docs/openapi/auth.json and the table of routes name the same. */
#include "services/auth/openapi.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "json/json.h"
#include "services/auth/api.h"
#include "unit/check.h"

/* "/a/:id/b" as OpenAPI writes it: "/a/{id}/b". */
static void write_template(const char *path, struct lp_buf *out)
{
    while (*path) {
        size_t n = strcspn(path, ":");
        lp_buf_add(out, path, n);
        path += n;
        if (*path == '\0')
            break;
        n = strcspn(++path, "/");
        lp_buf_printf(out, "{%.*s}", (int)n, path);
        path += n;
    }
}

static json_t *document(void)
{
    json_error_t why;
    json_t *d = json_loads(openapi_json, JSON_REJECT_DUPLICATES, &why);
    if (!d)
        fail_msg("line %d: %s", why.line, why.text);
    return d;
}

static void describes_every_route(void **state)
{
    (void)state;
    json_auto_t *d = document();
    for (const struct lp_route *r = api_routes; r->method; r++) {
        lp_auto_buf struct lp_buf path = LP_BUF_INIT(256);
        char method[16] = "";
        write_template(r->path, &path);
        for (size_t i = 0; r->method[i] && i < sizeof method - 1; i++)
            method[i] = (char)tolower((unsigned char)r->method[i]);
        if (!lp_json_at(d, "paths", path.ptr, method, "responses", NULL))
            fail_msg("%s %s is not described", r->method, path.ptr);
    }
}

static void describes_no_route_that_is_not_there(void **state)
{
    (void)state;
    json_auto_t *d = document();
    size_t described = 0, routes = 0;
    const char *path;
    json_t *operations;
    json_object_foreach(json_object_get(d, "paths"), path, operations) described +=
        json_object_size(operations);
    for (const struct lp_route *r = api_routes; r->method; r++)
        routes++;
    assert_int_equal(described, routes);
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
        cmocka_unit_test(describes_every_route),
        cmocka_unit_test(describes_no_route_that_is_not_there),
        cmocka_unit_test(has_all_that_it_refers_to),
    };
    return cmocka_run_group_tests_name("auth_openapi", tests, NULL, NULL);
}
