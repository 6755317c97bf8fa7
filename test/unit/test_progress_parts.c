/* test/unit/test_progress_parts.c -- keys of deliveries, readers of long lists, the OpenAPI
 * document. */
#include <string.h>

#include "json/json.h"
#include "services/progress/api.h"
#include "service/idempotency.h"
#include "services/progress/openapi.h"
#include "unit/check.h"
#include "unit/openapi_routes.h"

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

static void the_openapi_document_has_the_routes_of_the_program_and_no_others(void **state)
{
    (void)state;
    assert_describes(openapi_json, api_routes);
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
