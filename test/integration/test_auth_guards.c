/* What lp-auth does against guessing, lost answers, poolers, and for keys that only it has. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "integration/auth_fixture.h"
#include "json/json.h"
#include "service/jwt.h"
#include "unit/check.h"
#include "unit/ed25519.h"

static struct program auth;
static const char *url;

#define INVALID_LOGIN "{\"error\":\"Invalid login credentials\"}"
#define INVALID_REFRESH "{\"error\":\"Invalid or expired refresh token\"}"
#define TOO_MANY "{\"error\":\"Too many failed logins. Try again later.\"}"
#define LOGGED_OUT "{\"message\":\"Logged out successfully\"}"

static void registered(const char *email)
{
    auto_answer struct answer made = fixture_register(&auth, email);
    assert_int_equal(made.status, 201);
}

static struct answer login_from(const char *email, const char *password, const char *address)
{
    json_auto_t *body = lp_json_make("{s:s, s:s}", "email", email, "password", password);
    lp_auto_free char *text = json_dumps(body, JSON_COMPACT);
    lp_auto_free char *header = lp_sprintf("X-Forwarded-For: 203.0.113.99, %s", address);
    return program_ask(auth.port, LOGIN, (struct ask){ .body = text, .header = header });
}

static void backs_off_after_five_wrong_passwords_of_one_address(void **state)
{
    (void)state;
    registered("victim@example.org");
    for (int i = 0; i < 5; i++) {
        auto_answer struct answer wrong = login_from("victim@example.org", "wrong", "192.0.2.1");
        assert_answer(&wrong, 400, INVALID_LOGIN);
    }
    auto_answer struct answer sixth = login_from("victim@example.org", "wrong", "192.0.2.1");
    assert_answer(&sixth, 429, TOO_MANY);
    assert_true(sixth.retry_after_ms > 0);
    /* not even the right password, or a guess would be told from others */
    auto_answer struct answer right = login_from("VICTIM@example.org", PASSWORD, "192.0.2.1");
    assert_answer(&right, 429, TOO_MANY);
    auto_answer struct answer owner = login_from("victim@example.org", PASSWORD, "192.0.2.2");
    assert_int_equal(owner.status, 200);
    auto_answer struct answer neighbour = login_from("other@example.org", "wrong", "192.0.2.1");
    assert_answer(&neighbour, 400, INVALID_LOGIN);
}

static void counts_an_unknown_account_as_a_known_one(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        auto_answer struct answer wrong = login_from("ghost@example.org", "wrong", "192.0.2.3");
        assert_answer(&wrong, 400, INVALID_LOGIN);
    }
    auto_answer struct answer sixth = login_from("ghost@example.org", "wrong", "192.0.2.3");
    assert_answer(&sixth, 429, TOO_MANY);
}

/* Stored hashes that cannot be read leave a line in the log each time one is compared. */
static void an_unknown_address_costs_what_some_account_with_a_password_costs(void **state)
{
    (void)state;
    registered("behind@example.org");
    free(fixture_sql(url, "CREATE TABLE kept AS SELECT id, password FROM accounts;"
                          "UPDATE accounts SET password = '';"
                          "UPDATE accounts SET password = '$2b$31$' || repeat('a', 53)"
                          " WHERE id = (SELECT id FROM accounts ORDER BY id LIMIT 1)"));
    for (int i = 0; i < 8; i++) {
        lp_auto_free char *email = lp_sprintf("nowhere%d@example.org", i);
        auto_answer struct answer a = login_from(email, PASSWORD, "198.51.100.7");
        assert_answer(&a, 400, INVALID_LOGIN);
    }
    free(fixture_sql(url, "UPDATE accounts SET password = kept.password FROM kept"
                          " WHERE kept.id = accounts.id;"
                          "DROP TABLE kept"));
    lp_auto_free char *log = program_read_file(fixture_log());
    int lines = 0;
    for (const char *at = log; (at = strstr(at, "what is stored of it cannot be read")); at++)
        lines++;
    assert_int_equal(lines, 8);
}

static void leaves_one_try_when_the_back_off_is_over(void **state)
{
    (void)state;
    registered("back@example.org");
    for (int i = 0; i < 5; i++) {
        auto_answer struct answer wrong = login_from("back@example.org", "wrong", "2001:db8::1");
        assert_answer(&wrong, 400, INVALID_LOGIN);
    }
    free(fixture_sql(url, "UPDATE login_failures SET last_at = now() - interval '2 seconds'"));
    /* the same subscriber, another address of its network */
    auto_answer struct answer wrong = login_from("back@example.org", "wrong", "2001:db8::2");
    assert_answer(&wrong, 400, INVALID_LOGIN);
    auto_answer struct answer blocked = login_from("back@example.org", PASSWORD, "2001:db8::1");
    assert_answer(&blocked, 429, TOO_MANY);
    assert_true(blocked.retry_after_ms > 1000); /* doubled */

    free(fixture_sql(url, "UPDATE login_failures SET last_at = now() - interval '5 seconds'"));
    auto_answer struct answer right = login_from("back@example.org", PASSWORD, "2001:db8::1");
    assert_int_equal(right.status, 200);
    auto_answer struct answer anew = login_from("back@example.org", "wrong", "2001:db8::1");
    assert_answer(&anew, 400, INVALID_LOGIN);
    auto_answer struct answer fine = login_from("back@example.org", PASSWORD, "2001:db8::1");
    assert_int_equal(fine.status, 200);
}

static void only_slows_an_account_that_is_guessed_at_from_everywhere(void **state)
{
    (void)state;
    registered("famous@example.org");
    auto_answer struct answer wrong = login_from("famous@example.org", "wrong", "192.0.2.4");
    assert_answer(&wrong, 400, INVALID_LOGIN);
    free(fixture_sql(url, "UPDATE login_failures SET failures = 14 WHERE key ="
                          " sha256(convert_to(E'famous@example.org\\n', 'UTF8'))"));
    int64_t begin = lp_clock_ms();
    auto_answer struct answer owner = login_from("famous@example.org", PASSWORD, "192.0.2.5");
    assert_int_equal(owner.status, 200);
    assert_true(lp_clock_ms() - begin >= 1000); /* 4 beyond 10, 250 ms each */
}

static void keeps_no_address_and_no_email_of_failures(void **state)
{
    (void)state;
    lp_auto_free char *columns = fixture_sql(
        url, "SELECT string_agg(column_name || ' ' || data_type, ',' ORDER BY ordinal_position)"
             " FROM information_schema.columns WHERE table_name = 'login_failures'");
    assert_string_equal(columns, "key bytea,failures integer,last_at timestamp with time zone");
}

static void gives_the_same_successor_for_half_a_minute_and_then_revokes(void **state)
{
    (void)state;
    registered("tabs@example.org");
    auto_answer struct answer in = fixture_login(&auth, "tabs@example.org", PASSWORD);
    const char *first = text_of(&in, "refreshToken");
    auto_answer struct answer one = fixture_refresh(&auth, first);
    auto_answer struct answer two = fixture_refresh(&auth, first);
    assert_int_equal(two.status, 200);
    assert_string_equal(text_of(&one, "refreshToken"), text_of(&two, "refreshToken"));

    free(fixture_sql(url, "UPDATE refresh_tokens SET used_at = used_at - interval '31 seconds'"
                          " WHERE used_at IS NOT NULL"));
    auto_answer struct answer late = fixture_refresh(&auth, first);
    assert_answer(&late, 401, INVALID_REFRESH);
    auto_answer struct answer revoked = fixture_refresh(&auth, text_of(&one, "refreshToken"));
    assert_answer(&revoked, 401, INVALID_REFRESH);
}

static void revokes_the_family_when_a_token_comes_after_its_successor_was_used(void **state)
{
    (void)state;
    auto_answer struct answer in = fixture_login(&auth, "tabs@example.org", PASSWORD);
    const char *first = text_of(&in, "refreshToken");
    auto_answer struct answer second = fixture_refresh(&auth, first);
    auto_answer struct answer third = fixture_refresh(&auth, text_of(&second, "refreshToken"));
    assert_int_equal(third.status, 200);
    auto_answer struct answer thief = fixture_refresh(&auth, first);
    assert_answer(&thief, 401, INVALID_REFRESH);
    auto_answer struct answer all = fixture_refresh(&auth, text_of(&third, "refreshToken"));
    assert_answer(&all, 401, INVALID_REFRESH);
}

/* Logs out with this body and the Bearer of a new login; then its refresh token must be dead. */
static void logs_out_with(const char *body)
{
    auto_answer struct answer in = fixture_login(&auth, "out@example.org", PASSWORD);
    auto_answer struct answer out = program_ask(
        auth.port, LOGOUT,
        (struct ask){ .method = "POST", .bearer = text_of(&in, "token"), .body = body });
    assert_answer(&out, 200, LOGGED_OUT);
    auto_answer struct answer dead = fixture_refresh(&auth, text_of(&in, "refreshToken"));
    assert_answer(&dead, 401, INVALID_REFRESH);
    auto_answer struct answer me =
        program_ask(auth.port, ME, (struct ask){ .bearer = text_of(&in, "token") });
    assert_int_equal(me.status, 403);
}

static void ends_the_session_of_the_bearer_whatever_refresh_token_comes_with_it(void **state)
{
    (void)state;
    registered("out@example.org");
    auto_answer struct answer other = fixture_login(&auth, "out@example.org", PASSWORD);
    logs_out_with(NULL);
    logs_out_with("{}");
    logs_out_with("{\"refreshToken\":\"\"}");
    logs_out_with("{\"refreshToken\":null}");
    logs_out_with("{\"refreshToken\":\"nonsense\"}");
    auto_answer struct answer unharmed = fixture_refresh(&auth, text_of(&other, "refreshToken"));
    assert_int_equal(unharmed.status, 200);
}

static void ends_the_session_of_a_refresh_token_that_is_used_up(void **state)
{
    (void)state;
    auto_answer struct answer in = fixture_login(&auth, "out@example.org", PASSWORD);
    auto_answer struct answer next = fixture_refresh(&auth, text_of(&in, "refreshToken"));
    lp_auto_free char *body = lp_sprintf("{\"refreshToken\":\"%s\"}", text_of(&in, "refreshToken"));
    auto_answer struct answer out = program_ask(auth.port, LOGOUT, (struct ask){ .body = body });
    assert_answer(&out, 200, LOGGED_OUT);
    auto_answer struct answer dead = fixture_refresh(&auth, text_of(&next, "refreshToken"));
    assert_answer(&dead, 401, INVALID_REFRESH);
}

static void lists_sessions_and_ends_one_or_all(void **state)
{
    (void)state;
    registered("devices@example.org");
    auto_answer struct answer phone = fixture_login(&auth, "devices@example.org", PASSWORD);
    auto_answer struct answer laptop = fixture_login(&auth, "devices@example.org", PASSWORD);
    const char *bearer = text_of(&laptop, "token");
    auto_answer struct answer list =
        program_ask(auth.port, "/api/auth/sessions", (struct ask){ .bearer = bearer });
    assert_int_equal(list.status, 200);
    json_t *sessions = json_object_get(list.body, "sessions"), *one;
    assert_int_equal(json_array_size(sessions), 2);
    size_t i, current = 0;
    const char *other = NULL;
    json_array_foreach(sessions, i, one)
    {
        assert_true(lp_clock_parse(lp_json_str(one, "last_used_at", NULL)) > 0);
        if (lp_json_bool(false, one, "current", NULL))
            current++;
        else
            other = lp_json_str(one, "id", NULL);
    }
    assert_int_equal(current, 1);
    assert_non_null(other);
    lp_auto_free char *path = lp_sprintf("/api/auth/sessions/%s", other);
    auto_answer struct answer ended =
        program_ask(auth.port, path, (struct ask){ .method = "DELETE", .bearer = bearer });
    assert_answer(&ended, 200, "{\"message\":\"Session ended\"}");
    auto_answer struct answer gone = fixture_refresh(&auth, text_of(&phone, "refreshToken"));
    assert_answer(&gone, 401, INVALID_REFRESH);
    auto_answer struct answer twice =
        program_ask(auth.port, path, (struct ask){ .method = "DELETE", .bearer = bearer });
    assert_answer(&twice, 404, "{\"error\":\"Session not found\"}");
    auto_answer struct answer all = program_ask(auth.port, "/api/auth/logout-everywhere",
                                                (struct ask){ .method = "POST", .bearer = bearer });
    assert_int_equal(all.status, 200);
    assert_int_equal(lp_json_int(0, all.body, "sessions", NULL), 1);
    auto_answer struct answer last = fixture_refresh(&auth, text_of(&laptop, "refreshToken"));
    assert_answer(&last, 401, INVALID_REFRESH);
}

static void tells_a_disabled_account_only_to_who_has_its_password(void **state)
{
    (void)state;
    registered("disabled@example.org");
    auto_answer struct answer in = fixture_login(&auth, "disabled@example.org", PASSWORD);
    free(fixture_sql(url, "UPDATE users SET disabled_at = now()"
                          " WHERE email = 'disabled@example.org'"));
    auto_answer struct answer right = fixture_login(&auth, "disabled@example.org", PASSWORD);
    assert_answer(&right, 403, "{\"error\":\"This account is disabled\"}");
    auto_answer struct answer wrong = fixture_login(&auth, "disabled@example.org", "wrong");
    assert_answer(&wrong, 400, INVALID_LOGIN);
    auto_answer struct answer refresh = fixture_refresh(&auth, text_of(&in, "refreshToken"));
    assert_answer(&refresh, 401, INVALID_REFRESH);
    auto_answer struct answer me =
        program_ask(auth.port, ME, (struct ask){ .bearer = text_of(&in, "token") });
    assert_int_equal(me.status, 403);
}

static void hashes_a_password_once_and_knows_it_for_a_while(void **state)
{
    static const char count[] = "lp_auth_hash_seconds_count";
    (void)state;
    registered("class@example.org");
    double before = program_metric(&auth, count);
    for (int i = 0; i < 3; i++) {
        auto_answer struct answer in = fixture_login(&auth, "class@example.org", PASSWORD);
        assert_int_equal(in.status, 200);
    }
    assert_int_equal((int)(program_metric(&auth, count) - before), 0); /* known since registering */
    for (int i = 0; i < 2; i++) {
        auto_answer struct answer wrong = fixture_login(&auth, "class@example.org", "wrong");
        assert_answer(&wrong, 400, INVALID_LOGIN);
    }
    assert_int_equal((int)(program_metric(&auth, count) - before),
                     2); /* a wrong one costs it all */
    free(fixture_sql(url, "UPDATE users SET password = '$argon2id$v=19$m=7168,t=5,p=1$"
                          "c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'"
                          " WHERE email = 'class@example.org'"));
    auto_answer struct answer changed = fixture_login(&auth, "class@example.org", PASSWORD);
    assert_answer(&changed, 400, INVALID_LOGIN);
}

static void goes_on_behind_a_pooler_that_loses_prepared_statements(void **state)
{
    (void)state;
    struct program pooled = { 0 };
    const char *database = fixture_database("auth_pooled");
    fixture_start(&pooled, database, "DATABASE_CONNECTIONS=1");
    program_wait(&pooled, true);
    auto_answer struct answer one = fixture_register(&pooled, "one@example.org");
    assert_int_equal(one.status, 201);
    auto_answer struct answer first = fixture_login(&pooled, "one@example.org", PASSWORD);
    assert_int_equal(first.status, 200);
    /* as another connection of the server would have it: nothing prepared (26000) */
    free(fixture_sql(database,
                     "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS"
                     " $$BEGIN EXECUTE 'DEALLOCATE ALL'; RETURN NULL; END$$;"
                     "CREATE TRIGGER lose AFTER INSERT ON accounts EXECUTE FUNCTION lose()"));
    auto_answer struct answer two = fixture_register(&pooled, "two@example.org");
    assert_int_equal(two.status, 201);
    auto_answer struct answer in = fixture_login(&pooled, "two@example.org", PASSWORD);
    assert_int_equal(in.status, 200);
    assert_int_equal(program_stop(&pooled), 0);

    /* or what somebody else prepared under our name (42P05) */
    free(fixture_sql(database, "CREATE OR REPLACE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql"
                               " AS $$BEGIN EXECUTE 'PREPARE begin_login AS SELECT 1';"
                               " RETURN NULL; END$$"));
    fixture_start(&pooled, database, "DATABASE_CONNECTIONS=1");
    program_wait(&pooled, true);
    auto_answer struct answer three = fixture_register(&pooled, "three@example.org");
    assert_int_equal(three.status, 201);
    auto_answer struct answer third = fixture_login(&pooled, "three@example.org", PASSWORD);
    assert_int_equal(third.status, 200);
    assert_int_equal(program_stop(&pooled), 0);
}

static void signs_with_ed25519_and_publishes_the_key(void **state)
{
    (void)state;
    struct program signing = { 0 };
    struct lp_error err;
    lp_auto_free char *pem = new_private_key();
    lp_auto_free char *variable = lp_sprintf("JWT_SIGNING_KEY=%s", pem);
    auto_answer struct answer before = fixture_login(&auth, "tabs@example.org", PASSWORD);

    fixture_start(&signing, url, variable);
    program_wait(&signing, true);
    auto_answer struct answer jwks =
        program_ask(signing.port, "/.well-known/jwks.json", (struct ask){ 0 });
    assert_int_equal(jwks.status, 200);
    json_t *key = json_array_get(json_object_get(jwks.body, "keys"), 0);
    assert_string_equal(lp_json_str(key, "kty", NULL), "OKP");
    assert_string_equal(lp_json_str(key, "crv", NULL), "Ed25519");
    assert_null(json_object_get(key, "d"));

    auto_answer struct answer in = fixture_login(&signing, "tabs@example.org", PASSWORD);
    const char *token = text_of(&in, "token");
    struct lp_jwt_keys *public = NULL;
    json_auto_t *claims = NULL;
    assert_int_equal(lp_jwt_keys_new(NULL, &public, &err), 0);
    assert_int_equal(lp_jwt_keys_add_jwks(public, jwks.body, &err), 0);
    assert_int_equal(lp_jwt_verify(public, token, strlen(token), &lp_jwt_access,
                                   lp_clock_wall_ms() / 1000, &claims, &err),
                     0);
    lp_jwt_keys_free(public);
    const char *const good[] = { token, text_of(&before, "token") }; /* HS256 until it expires */
    for (size_t i = 0; i < LP_COUNT(good); i++) {
        auto_answer struct answer me =
            program_ask(signing.port, ME, (struct ask){ .bearer = good[i] });
        assert_int_equal(me.status, 200);
    }
    auto_answer struct answer refused =
        program_ask(signing.port, ME, (struct ask){ .bearer = text_of(&in, "refreshToken") });
    assert_int_equal(refused.status, 403);
    assert_int_equal(program_stop(&signing), 0);
}

static void write_key(const char *dir, const char *first, const char *second)
{
    lp_auto_free char *next = lp_sprintf("%s/next", dir), *path = lp_sprintf("%s/signing.pem", dir);
    FILE *f = fopen(next, "w");
    assert_non_null(f);
    assert_true(fputs(first, f) >= 0 && fputs(second, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(rename(next, path), 0); /* at once, as the kubelet does */
}

static size_t public_keys(const struct program *p)
{
    auto_answer struct answer jwks =
        program_ask(p->port, "/.well-known/jwks.json", (struct ask){ 0 });
    return json_array_size(json_object_get(jwks.body, "keys"));
}

static void takes_a_new_signing_key_from_its_folder_without_a_restart(void **state)
{
    (void)state;
    struct program p = { 0 };
    char dir[] = "/tmp/lp-auth-keys.XXXXXX";
    lp_auto_free char *old = new_private_key(), *new = new_private_key();
    assert_non_null(mkdtemp(dir));
    lp_auto_free char *variable = lp_sprintf("JWT_KEYS_DIR=%s", dir);
    write_key(dir, old, "");
    fixture_start(&p, url, variable);
    program_wait(&p, true);
    auto_answer struct answer before = fixture_login(&p, "tabs@example.org", PASSWORD);
    write_key(dir, new, old);
    for (int64_t end = lp_clock_ms() + 30000; public_keys(&p) < 2; poll(NULL, 0, 100))
        assert_true(lp_clock_ms() < end);
    auto_answer struct answer after = fixture_login(&p, "tabs@example.org", PASSWORD);
    const char *const good[] = { text_of(&before, "token"), text_of(&after, "token") };
    for (size_t i = 0; i < LP_COUNT(good); i++) {
        auto_answer struct answer me = program_ask(p.port, ME, (struct ask){ .bearer = good[i] });
        assert_int_equal(me.status, 200);
    }
    size_t head = strcspn(good[0], "."); /* another kid */
    assert_true(strncmp(good[0], good[1], head) != 0);
    assert_int_equal(program_stop(&p), 0);
    lp_auto_free char *path = lp_sprintf("%s/signing.pem", dir);
    unlink(path);
    rmdir(dir);
}

static void refuses_addresses_that_nobody_would_type_again(void **state)
{
    static const char *const bodies[] = {
        "{\"email\":\"a\\u200b@example.org\",\"password\":\"123456\",\"name\":\"Ann\"}",
        "{\"email\":\"a@example.org\\u3000\",\"password\":\"123456\",\"name\":\"Ann\"}",
        "{\"email\":\"\\ufeffa@example.org\",\"password\":\"123456\",\"name\":\"Ann\"}",
        "{\"email\":\"a\\u00a0b@example.org\",\"password\":\"123456\",\"name\":\"Ann\"}",
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(bodies); i++) {
        auto_answer struct answer a =
            program_ask(auth.port, REGISTER, (struct ask){ .body = bodies[i] });
        assert_answer(&a, 400,
                      "{\"error\":\"Validation failed\",\"details\":[\"Email must be valid\"]}");
    }
}

static void reads_a_body_with_a_byte_order_mark_and_huge_numbers(void **state)
{
    (void)state;
    auto_answer struct answer marked = program_ask(
        auth.port, LOGIN,
        (struct ask){ .body =
                          "\xEF\xBB\xBF{\"email\":\"nobody@example.org\",\"password\":\"x\"}" });
    assert_answer(&marked, 400, INVALID_LOGIN);
    auto_answer struct answer huge =
        program_ask(auth.port, LOGIN,
                    (struct ask){ .body = "{\"email\":\"nobody@example.org\",\"password\":\"x\","
                                          "\"n\":123456789012345678901234567890}" });
    assert_answer(&huge, 400, INVALID_LOGIN);
}

static void refuses_a_compressed_body(void **state)
{
    (void)state;
    auto_answer struct answer zipped = program_ask(
        auth.port, LOGIN,
        (struct ask){ .body = "\x1F\x8B\x08 and so on", .header = "Content-Encoding: gzip" });
    assert_answer(&zipped, 415, "{\"error\":\"Content-Encoding is not supported\"}");
    auto_answer struct answer plain =
        program_ask(auth.port, LOGIN,
                    (struct ask){ .body = "{\"email\":\"nobody@example.org\",\"password\":\"x\"}",
                                  .header = "Content-Encoding: identity" });
    assert_answer(&plain, 400, INVALID_LOGIN);
}

static int start(void **state)
{
    *state = &auth;
    url = fixture_begin(&auth, "auth_guards", NULL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backs_off_after_five_wrong_passwords_of_one_address),
        cmocka_unit_test(counts_an_unknown_account_as_a_known_one),
        cmocka_unit_test(an_unknown_address_costs_what_some_account_with_a_password_costs),
        cmocka_unit_test(leaves_one_try_when_the_back_off_is_over),
        cmocka_unit_test(only_slows_an_account_that_is_guessed_at_from_everywhere),
        cmocka_unit_test(keeps_no_address_and_no_email_of_failures),
        cmocka_unit_test(gives_the_same_successor_for_half_a_minute_and_then_revokes),
        cmocka_unit_test(revokes_the_family_when_a_token_comes_after_its_successor_was_used),
        cmocka_unit_test(ends_the_session_of_the_bearer_whatever_refresh_token_comes_with_it),
        cmocka_unit_test(ends_the_session_of_a_refresh_token_that_is_used_up),
        cmocka_unit_test(lists_sessions_and_ends_one_or_all),
        cmocka_unit_test(tells_a_disabled_account_only_to_who_has_its_password),
        cmocka_unit_test(hashes_a_password_once_and_knows_it_for_a_while),
        cmocka_unit_test(goes_on_behind_a_pooler_that_loses_prepared_statements),
        cmocka_unit_test(signs_with_ed25519_and_publishes_the_key),
        cmocka_unit_test(takes_a_new_signing_key_from_its_folder_without_a_restart),
        cmocka_unit_test(refuses_addresses_that_nobody_would_type_again),
        cmocka_unit_test(reads_a_body_with_a_byte_order_mark_and_huge_numbers),
        cmocka_unit_test(refuses_a_compressed_body),
    };
    return cmocka_run_group_tests_name("auth_guards", tests, start, fixture_end);
}
