/* The messages of validation, their order, and what is a valid address, password and name. */
#include "services/auth/http/validate.h"

#include <string.h>
#include "base/buf.h"
#include "unit/check.h"

static json_t *parse(const char *text)
{
    json_t *o = json_loads(text, 0, NULL);
    assert_non_null(o);
    return o;
}

/* The details of the refusal, joined with "|"; "" where the body is valid. */
static void details_of(json_t *(*validate)(const json_t *, struct validate_account *),
                       const char *body, struct lp_buf *out)
{
    struct validate_account account = { 0 };
    json_auto_t *o = parse(body);
    json_auto_t *details = validate(o, &account);
    size_t i;
    json_t *line;
    json_array_foreach(details, i, line)
        lp_buf_printf(out, "%s%s", i ? "|" : "", json_string_value(line));
}

static void names_every_wrong_field_of_a_registration_in_order(void **state)
{
    static const struct {
        const char *body, *want;
    } cases[] = {
        { "{}", "Email is required|Password is required|Name is required" },
        { "{\"email\":null,\"password\":\"\",\"name\":\"\"}",
          "Email is required|Password is required|Name is required" },
        { "{\"email\":\"x\",\"password\":\"12345\",\"name\":\"A\"}",
          "Email must be valid|Password must be at least 6 characters|"
          "Name must be at least 2 characters" },
        { "{\"email\":5,\"password\":123456,\"name\":[]}",
          "Email must be valid|Password must be a string|Name must be a string" },
        { "{\"name\":\"Ann\",\"password\":\"123456\"}", "Email is required" },
        { "{\"email\":\"a@b.co\",\"password\":\"123456\",\"name\":\" A \"}",
          "Name must be at least 2 characters" },
        { "{\"email\":{\"$ne\":null},\"password\":\"123456\",\"name\":\"Ann\"}",
          "Email must be valid" },
        { "{\"email\":\"a@b.co\",\"password\":\"123456\",\"name\":\"Ann\"}", "" },
        { "{\"email\":\"a@b.co\",\"password\":\"\\u00e9\\u00e9\\u00e9\",\"name\":\"Li\"}",
          "Password must be at least 6 characters" },
        { "{\"email\":\"a@b.co\",\"password\":\"\\ud83d\\ude00\\ud83d\\ude00\\ud83d\\ude00\","
          "\"name\":\"\\u674e\\u660e\"}",
          "" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_buf struct lp_buf got = LP_BUF_INIT(1000);
        details_of(validate_register, cases[i].body, &got);
        assert_string_equal(got.ptr, cases[i].want);
    }
}

static void asks_a_login_for_no_length_and_no_name(void **state)
{
    static const struct {
        const char *body, *want;
    } cases[] = {
        { "{}", "Email is required|Password is required" },
        { "{\"email\":\"a@b.co\",\"password\":\"x\"}", "" },
        { "{\"email\":\"a@b\",\"password\":\"x\"}", "Email must be valid" },
        { "{\"email\":\"a@b.co\",\"password\":true}", "Password must be a string" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_buf struct lp_buf got = LP_BUF_INIT(1000);
        details_of(validate_login, cases[i].body, &got);
        assert_string_equal(got.ptr, cases[i].want);
    }
}

static void limits_the_length_of_passwords_and_names(void **state)
{
    static const struct {
        size_t password, name;
        const char *want;
    } cases[] = {
        { 1024, 100, "" },
        { 1025, 100, "Password must be no more than 1024 characters" },
        { 6, 101, "Name must be no more than 100 characters" },
    };
    char password[1100], name[200];
    memset(password, 'p', sizeof password);
    memset(name, 'n', sizeof name);
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_buf struct lp_buf body = LP_BUF_INIT(2000);
        lp_auto_buf struct lp_buf got = LP_BUF_INIT(1000);
        lp_buf_printf(&body, "{\"email\":\"a@b.co\",\"password\":\"%.*s\",\"name\":\"%.*s\"}",
                      (int)cases[i].password, password, (int)cases[i].name, name);
        details_of(validate_register, body.ptr, &got);
        assert_string_equal(got.ptr, cases[i].want);
    }
}

static void keeps_the_widest_name_that_the_limit_allows(void **state)
{
    (void)state;
    struct validate_account account = { 0 };
    lp_auto_buf struct lp_buf name = LP_BUF_INIT(1000);
    for (int i = 0; i < VALIDATE_NAME_MAX; i++)
        lp_buf_str(&name, "\xE6\x9D\x8E"); /* one unit, three bytes */
    json_auto_t *body =
        json_pack("{s:s, s:s, s:s}", "email", "a@b.co", "password", "123456", "name", name.ptr);
    assert_null(validate_register(body, &account));
    assert_string_equal(account.name, name.ptr);
}

static void lowers_the_address_and_trims_the_name(void **state)
{
    (void)state;
    struct validate_account account = { 0 };
    json_auto_t *body =
        parse("{\"email\":\"Ann.B@Example.COM\",\"password\":\" P w \\t\",\"name\":\" Ann B\\n\"}");
    assert_null(validate_register(body, &account));
    assert_string_equal(account.email, "ann.b@example.com");
    assert_string_equal(account.name, "Ann B");
    assert_string_equal(account.password, " P w \t");
}

static void tells_an_address_from_other_text(void **state)
{
    static const struct {
        const char *text;
        bool want;
    } cases[] = {
        { "a@b.co", true },
        { "first.last+tag@sub.example.org", true },
        { "o'neil@example.org", true },
        { "\xC3\xA9l\xC3\xA8ve@\xC3\xA9"
          "cole.fr",
          true },
        { "", false },
        { "a", false },
        { "a@", false },
        { "@b.co", false },
        { "a@b", false },
        { "a@b.", false },
        { "a@.co", false },
        { "a@b..co", false },
        { "a@b@c.co", false },
        { "a b@c.co", false },
        { "a@c.co\n", false },
        { "<a@c.co>", false },
        { "a@c.co,b@c.co", false },
        { "a\xC2\xA0"
          "b@c.co",
          false },                       /* no-break space */
        { "a@c.co\xE3\x80\x80", false }, /* wide space */
        { "a\xE2\x80\x8B@c.co", false }, /* zero width space */
        { "\xEF\xBB\xBF"
          "a@c.co",
          false },                           /* byte order mark */
        { "a@c\xC2\xAD.co", false },         /* soft hyphen */
        { "a\xE2\x80\xAE@c.co", false },     /* writes from right to left */
        { "a\xF3\xA0\x81\x81@c.co", false }, /* tag letter */
        { "a\xC2\x85@c.co", false },         /* control */
        { "\xF0\x9F\x98\x80@c.co", true },
        { "0123456789012345678901234567890123456789012345678901234567890123@b.co", true },
        { "01234567890123456789012345678901234567890123456789012345678901234@b.co", false },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++)
        assert_int_equal(validate_is_email(cases[i].text), cases[i].want);

    char longest[300] = "a@";
    memset(longest + 2, 'b', 252);
    memcpy(longest + 100, ".", 1);
    assert_int_equal(strlen(longest), VALIDATE_EMAIL_MAX);
    assert_true(validate_is_email(longest));
    longest[254] = 'b';
    assert_false(validate_is_email(longest));
}

static void tells_a_uuid_from_other_text(void **state)
{
    (void)state;
    assert_true(validate_is_uuid("01234567-89ab-CDEF-0123-456789abcdef"));
    assert_false(validate_is_uuid("01234567-89ab-cdef-0123-456789abcde"));
    assert_false(validate_is_uuid("01234567-89ab-cdef-0123-456789abcdef0"));
    assert_false(validate_is_uuid("0123456789abcdef0123456789abcdef0123"));
    assert_false(validate_is_uuid("g1234567-89ab-cdef-0123-456789abcdef"));
    assert_false(validate_is_uuid(""));
}

static void takes_blanks_of_all_scripts_from_around_a_name(void **state)
{
    struct validate_account account;
    (void)state;
    json_auto_t *wide = parse("{\"email\":\"a@b.co\",\"password\":\"123456\","
                              "\"name\":\"\\u3000 \\u00a0Ann \\u2009B\\ufeff\\n\"}");
    assert_null(validate_register(wide, &account));
    assert_string_equal(account.name, "Ann \xE2\x80\x89"
                                      "B");
    json_auto_t *none = parse("{\"email\":\"a@b.co\",\"password\":\"123456\","
                              "\"name\":\"\\u3000\\u200b\\u00a0\"}");
    json_auto_t *details = validate_register(none, &account);
    assert_int_equal(json_array_size(details), 1);
    assert_string_equal(json_string_value(json_array_get(details, 0)),
                        "Name must be at least 2 characters");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_every_wrong_field_of_a_registration_in_order),
        cmocka_unit_test(asks_a_login_for_no_length_and_no_name),
        cmocka_unit_test(limits_the_length_of_passwords_and_names),
        cmocka_unit_test(keeps_the_widest_name_that_the_limit_allows),
        cmocka_unit_test(lowers_the_address_and_trims_the_name),
        cmocka_unit_test(tells_an_address_from_other_text),
        cmocka_unit_test(takes_blanks_of_all_scripts_from_around_a_name),
        cmocka_unit_test(tells_a_uuid_from_other_text),
    };
    return cmocka_run_group_tests_name("auth_validate", tests, NULL, NULL);
}
