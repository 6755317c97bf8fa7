/* test/unit/test_progress_parts.c -- keys of deliveries, readers of long lists, the OpenAPI
 * document. */
#include <ctype.h>
#include <string.h>

#include "json/json.h"
#include "services/progress/api.h"
#include "service/idempotency.h"
#include "services/progress/openapi.h"
#include "unit/check.h"

/* Issue 12, 40. */
static void a_quoted_key_is_the_text_in_its_quotes(void **state)
{
    static const struct {
        const char *value, *key; /* NULL: refused */
    } cases[] = {
        { "abc", "abc" },
        { "\"abc\"", "abc" },
        { "\"abc\"  ", "abc" },
        { "\"a b\"", "a b" },
        { "\"a\\\"b\\\\c\"", "a\"b\\c" },
        { "a\"b", "a\"b" },
        { "", NULL },
        { "\"\"", NULL },
        { "\"", NULL },
        { "\"abc", NULL },
        { "\"abc\"d", NULL },
        { "\"a\\bc\"", NULL },
        { "\"a\\", NULL },
        { "a b", NULL },
        { "\"\xc3\xa4\"", NULL },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_buf struct lp_buf key = LP_BUF_INIT(LP_IDEMPOTENCY_KEY_MAX + 1);
        struct lp_error err;
        int r = lp_idempotency_key(cases[i].value, &key, &err);
        assert_int_equal(r, cases[i].key ? 0 : LP_E_INVALID);
        if (cases[i].key)
            assert_string_equal(key.ptr, cases[i].key);
    }
}

static void a_key_has_255_characters_at_most(void **state)
{
    char value[LP_IDEMPOTENCY_KEY_MAX + 4];
    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        lp_auto_buf struct lp_buf key = LP_BUF_INIT(LP_IDEMPOTENCY_KEY_MAX + 1);
        struct lp_error err;
        memset(value, 'k', sizeof value);
        value[0] = value[LP_IDEMPOTENCY_KEY_MAX + 1 + extra] = '"';
        value[LP_IDEMPOTENCY_KEY_MAX + 2 + extra] = '\0';
        assert_int_equal(lp_idempotency_key(value, &key, &err), extra ? LP_E_INVALID : 0);
    }
}

/* "/a/:userId" as "/a/{userId}" */
static void template_of(const char *path, struct lp_buf *out)
{
    for (; *path; path++) {
        if (*path != ':') {
            lp_buf_char(out, *path);
            continue;
        }
        lp_buf_char(out, '{');
        while (isalnum((unsigned char)path[1]))
            lp_buf_char(out, *++path);
        lp_buf_char(out, '}');
    }
}

static void the_openapi_document_has_the_routes_of_the_program_and_no_others(void **state)
{
    json_t *document = NULL, *path;
    const char *name;
    size_t described = 0, routes = 0;
    (void)state;
    ok(lp_json_parse(openapi_json, strlen(openapi_json), 1 << 20, "openapi", &document, &err));
    json_object_foreach(json_object_get(document, "paths"), name, path) described +=
        json_object_size(path);
    for (const struct lp_route *r = api_routes; r->method; r++, routes++) {
        lp_auto_buf struct lp_buf template = LP_BUF_INIT(256);
        char method[8] = "";
        template_of(r->path, &template);
        for (size_t i = 0; r->method[i]; i++)
            method[i] = (char)tolower((unsigned char)r->method[i]);
        if (!lp_json_at(document, "paths", template.ptr, method, NULL))
            fail_msg("%s %s is not in docs/openapi/progress.json", r->method, template.ptr);
    }
    assert_int_equal(described, routes);
    json_decref(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quoted_key_is_the_text_in_its_quotes),
        cmocka_unit_test(a_key_has_255_characters_at_most),
        cmocka_unit_test(the_openapi_document_has_the_routes_of_the_program_and_no_others),
    };
    return cmocka_run_group_tests_name("progress_parts", tests, NULL, NULL);
}
