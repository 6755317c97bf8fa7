/* Request bodies: JSON and forms give the same objects, and what is neither gets a status of its
 * own. */
#include "services/auth/http/body.h"

#include <string.h>
#include "base/buf.h"
#include "unit/check.h"

#define FORM "application/x-www-form-urlencoded"

/* The status of the refusal, 0 where the body was taken and equals `want`. */
static int taken(const char *type, const char *bytes, const char *want)
{
    struct lp_error err;
    json_auto_t *got = NULL;
    if (body_parse(type, bytes, strlen(bytes), &got, &err) < 0)
        return err.http_status;
    json_auto_t *wanted = json_loads(want, 0, NULL);
    assert_non_null(wanted);
    assert_true(json_equal(got, wanted));
    return 0;
}

static void reads_json_and_forms_alike(void **state)
{
    static const struct {
        const char *type, *body, *want;
    } cases[] = {
        { "application/json", "{\"a\":\"b c\"}", "{\"a\":\"b c\"}" },
        { "Application/JSON; charset=UTF-8", "{\"a\":1}", "{\"a\":1}" },
        { "application/merge-patch+json", "{}", "{}" },
        { NULL, "{\"a\":\"b\"}", "{\"a\":\"b\"}" },
        { NULL, "", "{}" },
        { "text/plain", "", "{}" },
        { FORM, "email=a%40b.co&name=Ann+B", "{\"email\":\"a@b.co\",\"name\":\"Ann B\"}" },
        { FORM "; charset=utf-8", "a=1=2&&b&c=", "{\"a\":\"1=2\",\"b\":\"\",\"c\":\"\"}" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++)
        assert_int_equal(taken(cases[i].type, cases[i].body, cases[i].want), 0);
}

static void refuses_what_is_neither(void **state)
{
    static const struct {
        const char *type, *body;
        int status;
    } cases[] = {
        { "application/json", "{\"a\":", 400 },
        { "application/json", "{\"a\":1,\"a\":2}", 400 },
        { "application/json", "[]", 400 },
        { "application/json", "\"text\"", 400 },
        { "application/json", "{\"a\":\"\\u0000\"}", 400 },
        { "application/json", "{\"a\":\"\xFF\"}", 400 },
        { FORM, "a=%zz", 400 },
        { FORM, "a=%00", 400 },
        { FORM, "a=%FF", 400 },
        { FORM, "a=1&a=2", 400 },
        { "text/plain", "{}", 415 },
        { "multipart/form-data; boundary=x", "--x--", 415 },
        { "application/json; charset=utf-16", "{}", 415 },
        { "application/jsonx", "{}", 415 },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++)
        assert_int_equal(taken(cases[i].type, cases[i].body, "{}"), cases[i].status);
}

static void limits_size_and_fields(void **state)
{
    (void)state;
    char *big = lp_alloc(BODY_MAX + 2);
    memset(big, 'a', BODY_MAX + 1);
    assert_int_equal(taken(FORM, big, "{}"), 413);
    free(big);

    lp_auto_buf struct lp_buf form = LP_BUF_INIT(2000);
    for (int i = 0; i < BODY_MAX_FIELDS; i++)
        lp_buf_printf(&form, "k%d=v&", i);
    struct lp_error err;
    json_auto_t *got = NULL;
    assert_int_equal(body_parse(FORM, form.ptr, form.len, &got, &err), 0);
    assert_int_equal(json_object_size(got), BODY_MAX_FIELDS);
    lp_buf_str(&form, "one=more");
    assert_int_equal(taken(FORM, form.ptr, "{}"), 400);
}

static void says_nothing_of_the_content_in_its_messages(void **state)
{
    (void)state;
    struct lp_error err;
    json_auto_t *got = NULL;
    static const char body[] = "{\"password\":\"hunter2hunter2\" x}";
    assert_true(body_parse("application/json", body, strlen(body), &got, &err) < 0);
    assert_null(strstr(err.msg, "hunter2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_json_and_forms_alike),
        cmocka_unit_test(refuses_what_is_neither),
        cmocka_unit_test(limits_size_and_fields),
        cmocka_unit_test(says_nothing_of_the_content_in_its_messages),
    };
    return cmocka_run_group_tests_name("auth_body", tests, NULL, NULL);
}
