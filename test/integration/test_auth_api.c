/* The contract of lp-auth's routes, asked of the real program on a real PostgreSQL. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "integration/auth_fixture.h"
#include "json/json.h"
#include "service/jwt.h"
#include "services/auth/database/store_sessions.h"
#include "unit/check.h"

static struct program auth;
static const char *url;

#define INVALID_LOGIN "{\"error\":\"Invalid login credentials\"}"
#define INVALID_TOKEN "{\"error\":\"Invalid or expired token\"}"
#define INVALID_REFRESH "{\"error\":\"Invalid or expired refresh token\"}"
#define EXISTS "{\"error\":\"User already exists with this email\"}"

static struct answer ask(const char *method, const char *path, const char *body)
{
    return program_ask(auth.port, path, (struct ask){ .method = method, .body = body });
}

static struct answer me_with(const char *token)
{
    return program_ask(auth.port, ME, (struct ask){ .bearer = token });
}

static void registers_once_whatever_the_case_of_the_address(void **state)
{
    (void)state;
    auto_answer struct answer first = fixture_register(&auth, "Once@Example.org");
    assert_int_equal(first.status, 201);
    assert_string_equal(text_of(&first, "message"),
                        "User registered successfully. Please check your email for verification.");
    assert_int_equal(strlen(text_of(&first, "userId")), 36);
    auto_answer struct answer again = fixture_register(&auth, "Once@Example.org");
    assert_answer(&again, 409, EXISTS);
    auto_answer struct answer shouted = fixture_register(&auth, "ONCE@EXAMPLE.ORG");
    assert_answer(&shouted, 409, EXISTS);
}

static void logs_in_and_shows_the_account(void **state)
{
    (void)state;
    auto_answer struct answer made = fixture_register(&auth, "login@example.org");
    auto_answer struct answer in = fixture_login(&auth, "LOGIN@example.org", PASSWORD);
    assert_int_equal(in.status, 200);
    assert_string_equal(text_of(&in, "message"), "Login successful");
    json_t *user = json_object_get(in.body, "user");
    assert_string_equal(lp_json_str(user, "id", NULL), text_of(&made, "userId"));
    assert_string_equal(lp_json_str(user, "email", NULL), "login@example.org");
    assert_string_equal(lp_json_str(user, "name", NULL), "Ann Learner");
    assert_int_equal(json_object_size(user), 3);

    auto_answer struct answer me = me_with(text_of(&in, "token"));
    assert_int_equal(me.status, 200);
    user = json_object_get(me.body, "user");
    assert_string_equal(lp_json_str(user, "id", NULL), text_of(&made, "userId"));
    assert_string_equal(lp_json_str(user, "role", NULL), "user");
    assert_true(lp_clock_parse(lp_json_str(user, "created_at", NULL)) > 0);
    assert_null(json_object_get(user, "password"));
}

static void puts_the_agreed_claims_into_the_access_token(void **state)
{
    (void)state;
    struct lp_jwt_keys *keys = NULL;
    struct lp_error err;
    json_auto_t *claims = NULL;
    auto_answer struct answer made = fixture_register(&auth, "claims@example.org");
    auto_answer struct answer in = fixture_login(&auth, "claims@example.org", PASSWORD);
    const char *token = text_of(&in, "token");
    assert_int_equal(lp_jwt_keys_new(ACCESS_SECRET, &keys, &err), 0);
    int64_t now = lp_clock_wall_ms() / 1000;
    assert_int_equal(lp_jwt_verify(keys, token, strlen(token), &lp_jwt_access, now, &claims, &err),
                     0);
    lp_jwt_keys_free(keys);
    assert_string_equal(lp_json_str(claims, "userId", NULL), text_of(&made, "userId"));
    assert_string_equal(lp_json_str(claims, "email", NULL), "claims@example.org");
    assert_string_equal(lp_json_str(claims, "role", NULL), "user");
    int64_t iat = lp_json_int(0, claims, "iat", NULL);
    assert_int_equal(lp_json_int(0, claims, "exp", NULL) - iat, 3600);
    assert_true(iat <= now && iat > now - 60);
    assert_int_equal(strlen(lp_json_str(claims, "sid", NULL)), 36);
    assert_int_equal(json_object_size(claims), 8); /* with typ and aud */
}

static void answers_wrong_password_and_unknown_user_alike(void **state)
{
    (void)state;
    auto_answer struct answer made = fixture_register(&auth, "known@example.org");
    assert_int_equal(made.status, 201);
    auto_answer struct answer wrong = fixture_login(&auth, "known@example.org", "wrong");
    assert_answer(&wrong, 400, INVALID_LOGIN);
    auto_answer struct answer unknown = fixture_login(&auth, "unknown@example.org", PASSWORD);
    assert_answer(&unknown, 400, INVALID_LOGIN);
}

static void hashes_for_an_unknown_user_too(void **state)
{
    static const char count[] = "lp_auth_hash_seconds_count";
    (void)state;
    double before = program_metric(&auth, count);
    auto_answer struct answer unknown = fixture_login(&auth, "unknown@example.org", PASSWORD);
    assert_int_equal(unknown.status, 400);
    assert_int_equal((int)(program_metric(&auth, count) - before), 1);
}

static void names_what_is_wrong_in_a_body(void **state)
{
    static const struct {
        const char *path, *body;
        int status;
        const char *want;
    } cases[] = {
        { REGISTER, "{}", 400,
          "{\"error\":\"Validation failed\",\"details\":[\"Email is required\","
          "\"Password is required\",\"Name is required\"]}" },
        { REGISTER, "{\"email\":\"x\",\"password\":\"12345\",\"name\":\"A\"}", 400,
          "{\"error\":\"Validation failed\",\"details\":[\"Email must be valid\","
          "\"Password must be at least 6 characters\",\"Name must be at least 2 characters\"]}" },
        { LOGIN, "{\"email\":{\"$ne\":null},\"password\":\"x\"}", 400,
          "{\"error\":\"Validation failed\",\"details\":[\"Email must be valid\"]}" },
        { LOGIN, "{\"email\"", 400, "{\"error\":\"Invalid JSON in request body\"}" },
        { LOGIN, "[]", 400, "{\"error\":\"Request body must be a JSON object\"}" },
        { REFRESH, "{}", 400, "{\"error\":\"Refresh token is required\"}" },
        { REFRESH, "{\"refreshToken\":\"\"}", 400, "{\"error\":\"Refresh token is required\"}" },
        { REFRESH, "{\"refreshToken\":7}", 400, "{\"error\":\"Refresh token is required\"}" },
        { REFRESH, "{\"refreshToken\":\"nonsense\"}", 401, INVALID_REFRESH },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        auto_answer struct answer a = ask("POST", cases[i].path, cases[i].body);
        assert_answer(&a, cases[i].status, cases[i].want);
    }
}

static void takes_forms_too(void **state)
{
    static const char form[] = "application/x-www-form-urlencoded";
    (void)state;
    auto_answer struct answer made = program_ask(
        auth.port, REGISTER,
        (struct ask){ .type = form,
                      .body = "email=form%40example.org&password=p%26ss+word&name=F%C3%B6rm" });
    assert_int_equal(made.status, 201);
    auto_answer struct answer in = fixture_login(&auth, "form@example.org", "p&ss word");
    assert_int_equal(in.status, 200);
    assert_string_equal(lp_json_str(in.body, "user", "name", NULL), "F\xC3\xB6rm");
    auto_answer struct answer xml =
        program_ask(auth.port, LOGIN, (struct ask){ .type = "application/xml", .body = "<a/>" });
    assert_int_equal(xml.status, 415);
    assert_non_null(text_of(&xml, "error"));
}

static void refuses_a_body_over_the_limit(void **state)
{
    (void)state;
    size_t n = 200000;
    lp_auto_free char *body = lp_alloc(n + 1);
    memset(body, ' ', n);
    auto_answer struct answer a = ask("POST", LOGIN, body);
    assert_int_equal(a.status, 413);
    assert_non_null(text_of(&a, "error"));
}

static void knows_its_routes_and_no_other(void **state)
{
    static const struct {
        const char *method, *path;
    } unknown[] = {
        { "GET", "/" },   { "GET", LOGIN },      { "DELETE", ME },           { "GET", "/api/auth" },
        { "PUT", LOGIN }, { "POST", "/health" }, { "GET", "/api/auth/mee" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(unknown); i++) {
        auto_answer struct answer a = ask(unknown[i].method, unknown[i].path, NULL);
        assert_answer(&a, 404, "{\"error\":\"Route not found\"}");
    }
    auto_answer struct answer health = ask("GET", "/health", NULL);
    assert_answer(&health, 200, "{\"status\":\"ok\",\"service\":\"auth-service\"}");
    auto_answer struct answer shouted = ask("POST", "/API/Auth/LOGIN/", "{}");
    assert_int_equal(shouted.status, 400);
}

static void makes_nobody_an_admin(void **state)
{
    (void)state;
    auto_answer struct answer made =
        ask("POST", REGISTER,
            "{\"email\":\"mallory@example.org\",\"password\":\"" PASSWORD
            "\",\"name\":\"Mallory\",\"role\":\"admin\",\"id\":\"1\",\"email_verified_at\":\"x\"}");
    assert_int_equal(made.status, 201);
    lp_auto_free char *role =
        fixture_sql(url, "SELECT role FROM users WHERE email = 'mallory@example.org'");
    assert_string_equal(role, "user");
}

static void rotates_refresh_tokens_and_revokes_a_reused_one(void **state)
{
    (void)state;
    auto_answer struct answer made = fixture_register(&auth, "rotate@example.org");
    assert_int_equal(made.status, 201);
    auto_answer struct answer in = fixture_login(&auth, "rotate@example.org", PASSWORD);
    auto_answer struct answer other = fixture_login(&auth, "rotate@example.org", PASSWORD);
    const char *first = text_of(&in, "refreshToken");

    auto_answer struct answer second = fixture_refresh(&auth, first);
    assert_int_equal(second.status, 200);
    assert_int_equal(json_object_size(second.body), 2);
    auto_answer struct answer me = me_with(text_of(&second, "token"));
    assert_int_equal(me.status, 200);
    auto_answer struct answer third = fixture_refresh(&auth, text_of(&second, "refreshToken"));
    assert_int_equal(third.status, 200);

    auto_answer struct answer reuse = fixture_refresh(&auth, first);
    assert_answer(&reuse, 401, INVALID_REFRESH);
    auto_answer struct answer newest = fixture_refresh(&auth, text_of(&third, "refreshToken"));
    assert_answer(&newest, 401, INVALID_REFRESH);
    auto_answer struct answer unharmed = fixture_refresh(&auth, text_of(&other, "refreshToken"));
    assert_int_equal(unharmed.status, 200);

    auto_answer struct answer again = fixture_refresh(&auth, first);
    assert_answer(&again, 401, INVALID_REFRESH);
    lp_auto_free char *events =
        fixture_sql(url, "SELECT count(*) FROM audit_events WHERE event = 'refresh_token_reused'"
                         " AND subject = (SELECT id FROM users WHERE email = 'rotate@example.org')"
                         " AND address IS NOT NULL");
    assert_string_equal(events, "1");
}

/* Who only ever refreshes fills no table; a token of late still tells of a thief. */
static void keeps_the_last_hundred_used_tokens_of_a_session(void **state)
{
    (void)state;
    auto_answer struct answer made = fixture_register(&auth, "often@example.org");
    assert_int_equal(made.status, 201);
    auto_answer struct answer in = fixture_login(&auth, "often@example.org", PASSWORD);
    lp_auto_free char *newest = lp_strdup(text_of(&in, "refreshToken")), *late = NULL;
    for (int i = 0; i < STORE_USED_TOKENS + 20; i++) {
        auto_answer struct answer next = fixture_refresh(&auth, newest);
        assert_int_equal(next.status, 200);
        free(late);
        late = newest;
        newest = lp_strdup(text_of(&next, "refreshToken"));
    }
    lp_auto_free char *kept =
        fixture_sql(url, "SELECT count(*) FROM refresh_tokens WHERE session_id = (SELECT s.id FROM"
                         " sessions s JOIN users u ON u.id = s.user_id"
                         " WHERE email = 'often@example.org')");
    assert_int_equal(strtol(kept, NULL, 10), STORE_USED_TOKENS + 1);
    auto_answer struct answer forgotten = fixture_refresh(&auth, text_of(&in, "refreshToken"));
    assert_answer(&forgotten, 401, INVALID_REFRESH);
    auto_answer struct answer after = fixture_refresh(&auth, newest);
    assert_int_equal(after.status, 200);
    lp_auto_free char *many = fixture_sql(
        url,
        "WITH s AS (SELECT s.id FROM sessions s JOIN users u ON u.id = s.user_id"
        "  WHERE email = 'often@example.org'),"
        " made AS (INSERT INTO refresh_tokens (token_hash, session_id, expires_at, used_at)"
        "  SELECT sha256(n::text::bytea), s.id, now() + interval '1 day',"
        "   now() - n * interval '1 second' FROM s, generate_series(3600, 33600) n RETURNING 1)"
        " SELECT count(*) FROM made");
    assert_string_equal(many, "30001");
    auto_answer struct answer pruned = fixture_refresh(&auth, text_of(&after, "refreshToken"));
    assert_int_equal(pruned.status, 200);
    lp_auto_free char *left =
        fixture_sql(url, "SELECT count(*) FROM refresh_tokens WHERE session_id = (SELECT s.id FROM"
                         " sessions s JOIN users u ON u.id = s.user_id"
                         " WHERE email = 'often@example.org')");
    assert_int_equal(strtol(left, NULL, 10), STORE_USED_TOKENS + 1);
    auto_answer struct answer thief = fixture_refresh(&auth, late);
    assert_answer(&thief, 401, INVALID_REFRESH);
    auto_answer struct answer ended = fixture_refresh(&auth, text_of(&after, "refreshToken"));
    assert_answer(&ended, 401, INVALID_REFRESH);
}

static void ends_sessions_at_logout(void **state)
{
    (void)state;
    auto_answer struct answer made = fixture_register(&auth, "logout@example.org");
    assert_int_equal(made.status, 201);
    auto_answer struct answer one = fixture_login(&auth, "logout@example.org", PASSWORD);
    auto_answer struct answer two = fixture_login(&auth, "logout@example.org", PASSWORD);
    lp_auto_free char *body =
        lp_sprintf("{\"refreshToken\":\"%s\"}", text_of(&one, "refreshToken"));
    auto_answer struct answer out = ask("POST", LOGOUT, body);
    assert_answer(&out, 200, "{\"message\":\"Logged out successfully\"}");
    auto_answer struct answer ended = fixture_refresh(&auth, text_of(&one, "refreshToken"));
    assert_answer(&ended, 401, INVALID_REFRESH);
    auto_answer struct answer goes_on = fixture_refresh(&auth, text_of(&two, "refreshToken"));
    assert_int_equal(goes_on.status, 200);

    auto_answer struct answer all = program_ask(
        auth.port, LOGOUT, (struct ask){ .method = "POST", .bearer = text_of(&goes_on, "token") });
    assert_int_equal(all.status, 200);
    auto_answer struct answer none = fixture_refresh(&auth, text_of(&goes_on, "refreshToken"));
    assert_answer(&none, 401, INVALID_REFRESH);
}

/* A token of `secret` for a user, with `exp` so many seconds from now. */
static char *forged(const char *secret, const char *user_id, int64_t exp)
{
    struct lp_jwt_keys *keys = NULL;
    struct lp_error err;
    char *token = NULL;
    json_auto_t *claims =
        lp_json_make("{s:s, s:s, s:s, s:I}", "userId", user_id, "email", "x@example.org", "role",
                     "admin", "exp", (json_int_t)(lp_clock_wall_ms() / 1000 + exp));
    assert_int_equal(lp_jwt_keys_new(secret, &keys, &err), 0);
    assert_int_equal(lp_jwt_sign(keys, claims, &token, &err), 0);
    lp_jwt_keys_free(keys);
    return token;
}

static void opens_me_to_valid_access_tokens_only(void **state)
{
    static const char none[] = "eyJhbGciOiJub25lIn0.eyJ1c2VySWQiOiJ4In0.";
    (void)state;
    auto_answer struct answer made = fixture_register(&auth, "me@example.org");
    auto_answer struct answer in = fixture_login(&auth, "me@example.org", PASSWORD);
    const char *id = text_of(&made, "userId");
    lp_auto_free char *expired = forged(ACCESS_SECRET, id, -1);
    lp_auto_free char *good = forged(ACCESS_SECRET, id, 60);
    lp_auto_free char *other_key = forged("some other key of some length", id, 60);
    lp_auto_free char *no_uuid = forged(ACCESS_SECRET, "1' OR '1'='1", 60);
    const char *const bad[] = { "nonsense", none,    expired,
                                other_key,  no_uuid, text_of(&in, "refreshToken") };

    auto_answer struct answer absent = ask("GET", ME, NULL);
    assert_answer(&absent, 401, "{\"error\":\"Authentication token is required\"}");
    auto_answer struct answer empty = me_with("");
    assert_answer(&empty, 401, "{\"error\":\"Authentication token is required\"}");
    for (size_t i = 0; i < LP_COUNT(bad); i++) {
        auto_answer struct answer a = me_with(bad[i]);
        assert_answer(&a, 403, INVALID_TOKEN);
    }
    auto_answer struct answer fine = me_with(good);
    assert_int_equal(fine.status, 200);
    free(fixture_sql(url, "DELETE FROM users WHERE email = 'me@example.org'"));
    auto_answer struct answer deleted = me_with(good);
    assert_answer(&deleted, 403, INVALID_TOKEN);
}

static void takes_imported_bcrypt_hashes_and_renews_them(void **state)
{
    (void)state;
    free(fixture_sql(url, "INSERT INTO users (email, name, password) VALUES "
                          "('Imported@example.org', 'Imported', "
                          "'$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e')"));
    for (int i = 0; i < 2; i++) {
        auto_answer struct answer wrong = fixture_login(&auth, "imported@example.org", "wrong");
        assert_answer(&wrong, 400, INVALID_LOGIN);
        auto_answer struct answer in =
            fixture_login(&auth, "imported@example.org", "correct horse");
        assert_int_equal(in.status, 200);
        lp_auto_free char *kind = fixture_sql(
            url, "SELECT left(password, 10) FROM users WHERE email = 'Imported@example.org'");
        assert_string_equal(kind, "$argon2id$");
    }
}

static void keeps_sql_in_values_as_text(void **state)
{
    static const char name[] = "Robert'); DROP TABLE users; --";
    static const char password[] = "' OR '1'='1'; --";
    (void)state;
    json_auto_t *body = lp_json_make("{s:s, s:s, s:s}", "email", "o'neil--@example.org", "password",
                                     password, "name", name);
    lp_auto_free char *text = json_dumps(body, 0);
    auto_answer struct answer made = ask("POST", REGISTER, text);
    assert_int_equal(made.status, 201);
    auto_answer struct answer in = fixture_login(&auth, "o'neil--@example.org", password);
    assert_int_equal(in.status, 200);
    assert_string_equal(lp_json_str(in.body, "user", "name", NULL), name);
    auto_answer struct answer other = fixture_login(&auth, "login@example.org", password);
    assert_answer(&other, 400, INVALID_LOGIN);
    lp_auto_free char *count = fixture_sql(url, "SELECT count(*) FROM users");
    assert_true(strtol(count, NULL, 10) > 1);
}

static void stores_tokens_and_passwords_only_as_hashes(void **state)
{
    (void)state;
    auto_answer struct answer made = fixture_register(&auth, "hashed@example.org");
    assert_int_equal(made.status, 201);
    auto_answer struct answer in = fixture_login(&auth, "hashed@example.org", PASSWORD);
    lp_auto_free char *query =
        lp_sprintf("SELECT count(*) FROM refresh_tokens WHERE token_hash = sha256('%s'::bytea)",
                   text_of(&in, "refreshToken"));
    lp_auto_free char *count = fixture_sql(url, query);
    assert_string_equal(count, "1");
    lp_auto_free char *plain =
        fixture_sql(url, "SELECT count(*) FROM users WHERE password NOT LIKE '$argon2id$v=19$m=%'");
    assert_string_equal(plain, "0");
}

static void ends_well_and_has_logged_no_secret(void **state)
{
    static const char *const never[] = { PASSWORD,       "$argon2id$v", "$2b$",        "eyJ",
                                         "@example.org", ACCESS_SECRET, REFRESH_SECRET };
    (void)state;
    assert_int_equal(program_stop(&auth), 0);
    lp_auto_free char *log = program_read_file(fixture_log());
    assert_non_null(strstr(log, "session revoked")); /* the log is the right file */
    for (size_t i = 0; i < LP_COUNT(never); i++)
        if (strstr(log, never[i]))
            fail_msg("%s is in the log %s", never[i], fixture_log());
}

static int start(void **state)
{
    *state = &auth;
    url = fixture_begin(&auth, "auth_api", NULL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_once_whatever_the_case_of_the_address),
        cmocka_unit_test(logs_in_and_shows_the_account),
        cmocka_unit_test(puts_the_agreed_claims_into_the_access_token),
        cmocka_unit_test(answers_wrong_password_and_unknown_user_alike),
        cmocka_unit_test(hashes_for_an_unknown_user_too),
        cmocka_unit_test(names_what_is_wrong_in_a_body),
        cmocka_unit_test(takes_forms_too),
        cmocka_unit_test(refuses_a_body_over_the_limit),
        cmocka_unit_test(knows_its_routes_and_no_other),
        cmocka_unit_test(makes_nobody_an_admin),
        cmocka_unit_test(rotates_refresh_tokens_and_revokes_a_reused_one),
        cmocka_unit_test(keeps_the_last_hundred_used_tokens_of_a_session),
        cmocka_unit_test(ends_sessions_at_logout),
        cmocka_unit_test(opens_me_to_valid_access_tokens_only),
        cmocka_unit_test(takes_imported_bcrypt_hashes_and_renews_them),
        cmocka_unit_test(keeps_sql_in_values_as_text),
        cmocka_unit_test(stores_tokens_and_passwords_only_as_hashes),
        cmocka_unit_test(ends_well_and_has_logged_no_secret),
    };
    return cmocka_run_group_tests_name("auth_api", tests, start, fixture_end);
}
