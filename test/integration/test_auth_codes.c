/* Mails of lp-auth, and the codes in their links. */
#include <dirent.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "integration/auth_fixture.h"
#include "unit/check.h"

static struct program auth;
static const char *url;
static char mail_dir[300];

#define RESET "/api/auth/password-reset"
#define VERIFY "/api/auth/verify-email"
#define EXPIRED "{\"error\":\"The link is invalid or has expired\",\"code\":\"OTP_EXPIRED\"}"
#define MISSING "{\"error\":\"The link has no token\",\"code\":\"MISSING_TOKENS\"}"

static struct answer ask(const char *method, const char *path, const char *bearer, const char *body)
{
    return program_ask(auth.port, path,
                       (struct ask){ .method = method, .bearer = bearer, .body = body });
}

/* The text of the newest mail to `to` whose subject holds `subject`; NULL where there is none. */
static char *find_mail(const char *to, const char *subject)
{
    char newest[300] = "";
    char *found = NULL;
    DIR *d = opendir(mail_dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        lp_auto_free char *path = lp_sprintf("%s/%s", mail_dir, e->d_name);
        lp_auto_free char *text = e->d_name[0] == '.' ? NULL : program_read_file(path);
        if (text && strstr(text, to) && strstr(text, subject) && strcmp(e->d_name, newest) > 0) {
            snprintf(newest, sizeof newest, "%s", e->d_name);
            free(found);
            found = lp_strdup(text);
        }
    }
    if (d)
        closedir(d);
    return found;
}

/* The code in a mail's link. */
static char *code_in(const char *mail)
{
    lp_auto_free char *sql = NULL;
    const char *body = strstr(mail, "\r\n\r\n");
    assert_non_null(body);
    sql = lp_sprintf("SELECT substring(convert_from(decode('%s', 'base64'), 'UTF8')"
                     " FROM 'token=([A-Za-z0-9_-]+)')",
                     body + 4);
    char *code = fixture_sql(url, sql);
    assert_non_null(code);
    return code;
}

static char *await_code(const char *to, const char *subject)
{
    int64_t end = lp_clock_ms() + 20000;
    lp_auto_free char *mail = find_mail(to, subject);
    while (!mail && lp_clock_ms() < end) {
        poll(NULL, 0, 20);
        mail = find_mail(to, subject);
    }
    assert_non_null(mail);
    return code_in(mail);
}

static struct answer post_code(const char *path, const char *code, const char *more)
{
    lp_auto_free char *body = lp_sprintf("{\"token\":\"%s\"%s}", code, more);
    return ask("POST", path, NULL, body);
}

static void forget_mails(void)
{
    DIR *d = opendir(mail_dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        lp_auto_free char *path = lp_sprintf("%s/%s", mail_dir, e->d_name);
        unlink(path);
    }
    if (d)
        closedir(d);
}

static void verifies_an_address_by_the_link_of_its_mail_once(void **state)
{
    (void)state;
    auto_answer struct answer made = fixture_register(&auth, "verify@example.org");
    assert_int_equal(made.status, 201);
    lp_auto_free char *code = await_code("verify@example.org", "Confirm your e-mail address");
    lp_auto_free char *link = lp_sprintf(VERIFY "/callback?token=%s&type=email", code);
    for (int i = 0; i < 2; i++) { /* a mail scanner opens it, and changes nothing */
        auto_answer struct answer page = ask("GET", link, NULL, NULL);
        assert_int_equal(page.status, 200);
    }
    lp_auto_free char *before =
        fixture_sql(url, "SELECT email_verified_at FROM users WHERE email = 'verify@example.org'");
    assert_null(before);
    auto_answer struct answer done = post_code(VERIFY, code, ",\"type\":\"email\"");
    assert_answer(&done, 200, "{\"message\":\"Email verified successfully\"}");
    lp_auto_free char *after =
        fixture_sql(url, "SELECT email_verified_at FROM users WHERE email = 'verify@example.org'");
    assert_non_null(after);
    auto_answer struct answer again = post_code(VERIFY, code, "");
    assert_answer(&again, 400, EXPIRED);
    auto_answer struct answer old = ask("GET", link, NULL, NULL);
    assert_answer(&old, 410, EXPIRED);
}

static void resets_a_password_once_and_ends_all_sessions(void **state)
{
    (void)state;
    lp_auto_free char *token = fixture_token(&auth, "reset@example.org");
    auto_answer struct answer in = fixture_login(&auth, "reset@example.org", PASSWORD);
    auto_answer struct answer sent =
        ask("POST", RESET "/request", NULL, "{\"email\":\"RESET@example.org\"}");
    assert_answer(&sent, 200,
                  "{\"message\":\"Password reset email sent. Please check your email.\"}");
    lp_auto_free char *code = await_code("reset@example.org", "Choose a new password");
    for (int i = 0; i < 5; i++) {
        auto_answer struct answer wrong = fixture_login(&auth, "reset@example.org", "forgotten");
        assert_int_equal(wrong.status, 400);
    }
    lp_auto_free char *link = lp_sprintf(RESET "/callback?token=%s", code);
    auto_answer struct answer page = ask("GET", link, NULL, NULL);
    assert_int_equal(page.status, 200);

    auto_answer struct answer brief = post_code(RESET, code, ",\"newPassword\":\"short\"");
    assert_answer(&brief, 400,
                  "{\"error\":\"Validation failed\",\"details\":"
                  "[\"New password must be at least 6 characters\"]}");
    auto_answer struct answer as_verify = post_code(VERIFY, code, "");
    assert_answer(&as_verify, 400, EXPIRED); /* a code is good for its own purpose */
    auto_answer struct answer done = post_code(RESET, code, ",\"newPassword\":\"new password\"");
    assert_answer(&done, 200, "{\"message\":\"Password reset successfully\"}");
    auto_answer struct answer twice = post_code(RESET, code, ",\"newPassword\":\"other password\"");
    assert_answer(&twice, 400, EXPIRED);

    auto_answer struct answer old = fixture_login(&auth, "reset@example.org", PASSWORD);
    assert_int_equal(old.status, 400);
    auto_answer struct answer fresh = fixture_login(&auth, "reset@example.org", "new password");
    assert_int_equal(fresh.status, 200);
    auto_answer struct answer refresh = fixture_refresh(&auth, text_of(&in, "refreshToken"));
    assert_int_equal(refresh.status, 401);
    auto_answer struct answer me = ask("GET", ME, token, NULL);
    assert_int_equal(me.status, 403);
}

static void refuses_a_reset_without_a_code_of_ours(void **state)
{
    static const char *const bodies[] = {
        "{\"token\":\"nonsense\",\"newPassword\":\"new password\"}",
        ("{\"token\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"newPassword\":\"new "
         "password\"}"),
        "{\"token\":\"' OR 1=1 --\",\"newPassword\":\"new password\"}",
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(bodies); i++) {
        auto_answer struct answer a = ask("POST", RESET, NULL, bodies[i]);
        assert_answer(&a, 400, EXPIRED);
    }
    auto_answer struct answer none = ask("POST", RESET, NULL, "{}");
    assert_answer(&none, 400,
                  "{\"error\":\"Validation failed\",\"details\":"
                  "[\"Token is required\",\"New password is required\"]}");
    auto_answer struct answer missing = ask("POST", VERIFY, NULL, "{\"type\":\"email\"}");
    assert_answer(&missing, 400, MISSING);
    auto_answer struct answer link = ask("GET", VERIFY "/callback", NULL, NULL);
    assert_answer(&link, 400, MISSING);
    auto_answer struct answer late =
        ask("GET", VERIFY "/callback?error=access_denied&error_code=otp_expired", NULL, NULL);
    assert_answer(&late, 410, EXPIRED);
}

static void lets_a_code_expire_after_a_quarter_of_an_hour(void **state)
{
    (void)state;
    free(fixture_token(&auth, "late@example.org"));
    auto_answer struct answer sent =
        ask("POST", RESET "/request", NULL, "{\"email\":\"late@example.org\"}");
    assert_int_equal(sent.status, 200);
    lp_auto_free char *code = await_code("late@example.org", "Choose a new password");
    lp_auto_free char *ttl =
        fixture_sql(url, "SELECT round(extract(epoch FROM max(expires_at) - now()) / 60) FROM codes"
                         " WHERE kind = 'reset' AND used_at IS NULL");
    assert_string_equal(ttl, "15");
    free(fixture_sql(url, "UPDATE codes SET expires_at = expires_at - interval '15 minutes'"));
    auto_answer struct answer late = post_code(RESET, code, ",\"newPassword\":\"new password\"");
    assert_answer(&late, 400, EXPIRED);
}

static void sends_three_mails_an_hour_to_one_address_and_tells_nobody(void **state)
{
    (void)state;
    free(fixture_token(&auth, "flood@example.org")); /* the first mail */
    for (int i = 0; i < 5; i++) {
        auto_answer struct answer a =
            ask("POST", RESET "/request", NULL, "{\"email\":\"flood@example.org\"}");
        assert_int_equal(a.status, 200);
        auto_answer struct answer unknown =
            ask("POST", RESET "/request", NULL, "{\"email\":\"unknown@example.org\"}");
        assert_true(json_equal(a.body, unknown.body));
    }
    lp_auto_free char *n = fixture_sql(url, "SELECT count(*) FROM mails m JOIN users u ON"
                                            " u.id = m.user_id WHERE email = 'flood@example.org'");
    assert_string_equal(n, "3");
    free(fixture_sql(url, "UPDATE mailed_addresses SET mailed_at = ARRAY[now() - interval '61"
                          " minutes', mailed_at[2], mailed_at[3]]"
                          " WHERE key = sha256('flood@example.org')"));
    for (int i = 0; i < 3; i++) {
        auto_answer struct answer a =
            ask("POST", "/api/auth/resend-verification", NULL, "{\"email\":\"flood@example.org\"}");
        assert_answer(&a, 200,
                      "{\"message\":\"Verification email sent. Please check your email.\"}");
    }
    lp_auto_free char *four =
        fixture_sql(url, "SELECT count(*) FROM mails m JOIN users u ON u.id = m.user_id"
                         " WHERE email = 'flood@example.org'");
    assert_string_equal(four, "4");
    auto_answer struct answer inject = ask("POST", RESET "/request", NULL,
                                           "{\"email\":\"a@example.org\\r\\nBcc: b@example.org\"}");
    assert_int_equal(inject.status, 400);
}

static void counts_the_mails_to_an_address_whatever_becomes_of_its_accounts(void **state)
{
    static const char *const wanted[] = { "1", "1", "1", "0", "0" };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(wanted); i++) {
        lp_auto_free char *token = fixture_token(&auth, "again@example.org");
        lp_auto_free char *n =
            fixture_sql(url, "SELECT count(*) FROM mails m JOIN users u ON u.id = m.user_id"
                             " WHERE email = 'again@example.org'");
        assert_string_equal(n, wanted[i]);
        auto_answer struct answer gone = ask("DELETE", "/api/users/profile", token, NULL);
        assert_int_equal(gone.status, 200);
    }
}

/* The database has Unicode's cases, as on a platform; what comes in is lower case in ASCII alone.
 */
static void counts_the_mails_to_an_address_in_whatever_case_it_is_given(void **state)
{
    static const char *const emails[] = { "Ärö@example.org", "ärÖ@example.org", "ÄRÖ@example.org" };
    (void)state;
    auto_answer struct answer made = fixture_register(&auth, "ärö@example.org");
    assert_int_equal(made.status, 201);
    for (size_t i = 0; i < LP_COUNT(emails); i++) {
        lp_auto_free char *body = lp_sprintf("{\"email\":\"%s\"}", emails[i]);
        auto_answer struct answer a = ask("POST", RESET "/request", NULL, body);
        assert_int_equal(a.status, 200);
    }
    lp_auto_free char *n =
        fixture_sql(url, "SELECT count(*) FROM mails m JOIN users u ON u.id = m.user_id"
                         " WHERE email = 'ärö@example.org'");
    assert_string_equal(n, "3");
}

static void *ask_reset(void *arg)
{
    struct answer *a = arg;
    *a = ask("POST", RESET "/request", NULL, "{\"email\":\"going@example.org\"}");
    return NULL;
}

/* Until the count that `sql` asks for is not 0. */
static void await_count(const char *sql)
{
    int64_t end = lp_clock_ms() + 20000;
    for (;;) {
        lp_auto_free char *n = fixture_sql(url, sql);
        if (strcmp(n, "0") != 0)
            return;
        assert_true(lp_clock_ms() < end);
        poll(NULL, 0, 20);
    }
}

#define WAITING "SELECT count(*) FROM pg_locks WHERE NOT granted AND "

/* SQL on a connection of its own, which fails the test where it fails. */
static void run_sql(PGconn *db, const char *sql)
{
    PGresult *result = PQexec(db, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(db));
    PQclear(result);
}

/* Between its look at the account and its mail. */
static void an_account_that_is_deleted_while_its_mail_is_asked_for_is_no_error(void **state)
{
    struct answer answer = { 0 };
    pthread_t thread;
    (void)state;
    free(fixture_token(&auth, "going@example.org"));
    PGconn *db = PQconnectdb(url);
    run_sql(db, "BEGIN");
    run_sql(db, "UPDATE mailed_addresses SET mailed_at = '{}'"
                " WHERE key = sha256('going@example.org')");
    assert_int_equal(pthread_create(&thread, NULL, ask_reset, &answer), 0);
    await_count(WAITING "locktype = 'transactionid'");
    /* it waits for its address: with the account held, or the account may go */
    run_sql(db, "DELETE FROM accounts WHERE id IN (SELECT id FROM accounts WHERE id ="
                " (SELECT id FROM users WHERE email = 'going@example.org')"
                " FOR UPDATE SKIP LOCKED)");
    run_sql(db, "COMMIT");
    PQfinish(db);
    pthread_join(thread, NULL);
    assert_int_equal(answer.status, 200);
    answer_done(&answer);
}

struct login_under_way {
    const char *email;
    struct answer answer;
};

static void *log_in(void *arg)
{
    struct login_under_way *l = arg;
    l->answer = fixture_login(&auth, l->email, PASSWORD);
    return NULL;
}

/* Its password is right, and its session about to begin, when the reset ends all sessions. */
static void a_login_that_is_under_way_during_a_reset_begins_no_session(void **state)
{
    struct login_under_way login = { .email = "race@example.org" };
    pthread_t thread;
    (void)state;
    free(fixture_token(&auth, login.email));
    auto_answer struct answer sent =
        ask("POST", RESET "/request", NULL, "{\"email\":\"race@example.org\"}");
    assert_int_equal(sent.status, 200);
    lp_auto_free char *code = await_code(login.email, "Choose a new password");
    PGconn *db = PQconnectdb(url);
    PQclear(PQexec(db, "BEGIN"));
    PGresult *locked = PQexec(db, "LOCK TABLE refresh_tokens IN SHARE ROW EXCLUSIVE MODE");
    assert_int_equal(PQresultStatus(locked), PGRES_COMMAND_OK);
    PQclear(locked);
    assert_int_equal(pthread_create(&thread, NULL, log_in, &login), 0);
    await_count(WAITING "relation = 'refresh_tokens'::regclass");
    auto_answer struct answer done = post_code(RESET, code, ",\"newPassword\":\"new password\"");
    PQfinish(db); /* its transaction is over */
    pthread_join(thread, NULL);
    assert_int_equal(done.status, 200);
    assert_answer(&login.answer, 400, "{\"error\":\"Invalid login credentials\"}");
    answer_done(&login.answer);
    lp_auto_free char *alive =
        fixture_sql(url, "SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id"
                         " WHERE email = 'race@example.org' AND revoked_at IS NULL");
    assert_string_equal(alive, "0");
    auto_answer struct answer in = fixture_login(&auth, login.email, "new password");
    assert_int_equal(in.status, 200);
}

struct change_under_way {
    const char *method, *path, *bearer, *body;
    struct answer answer;
};

static void *change(void *arg)
{
    struct change_under_way *c = arg;
    c->answer = ask(c->method, c->path, c->bearer, c->body);
    return NULL;
}

/* The login has its session made, and is held before its end; the change waits for the account. */
static void changes_at_the_end_of_a_login(const char *email, struct change_under_way *c)
{
    struct login_under_way login = { .email = email };
    pthread_t threads[2];
    PGconn *db = PQconnectdb(url);
    run_sql(db, "CREATE OR REPLACE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NEW; END $$;"
                "CREATE TRIGGER hold BEFORE INSERT ON refresh_tokens FOR EACH ROW"
                " EXECUTE FUNCTION hold()");
    run_sql(db, "SELECT pg_advisory_lock(7)");
    assert_int_equal(pthread_create(&threads[0], NULL, log_in, &login), 0);
    await_count(WAITING "locktype = 'advisory'");
    assert_int_equal(pthread_create(&threads[1], NULL, change, c), 0);
    await_count(WAITING "locktype = 'transactionid'");
    run_sql(db, "SELECT pg_advisory_unlock(7)");
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    run_sql(db, "DROP TRIGGER hold ON refresh_tokens");
    PQfinish(db);
    assert_int_equal(login.answer.status, 200);
    answer_done(&login.answer);
    assert_int_equal(c->answer.status, 200);
    answer_done(&c->answer);
    lp_auto_free char *sql =
        lp_sprintf("SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id"
                   " WHERE email = '%s' AND revoked_at IS NULL",
                   email);
    lp_auto_free char *alive = fixture_sql(url, sql);
    assert_string_equal(alive, "0");
}

static void a_reset_ends_the_session_of_a_login_that_it_waited_for(void **state)
{
    (void)state;
    free(fixture_token(&auth, "waits@example.org"));
    auto_answer struct answer sent =
        ask("POST", RESET "/request", NULL, "{\"email\":\"waits@example.org\"}");
    assert_int_equal(sent.status, 200);
    lp_auto_free char *code = await_code("waits@example.org", "Choose a new password");
    lp_auto_free char *body =
        lp_sprintf("{\"token\":\"%s\",\"newPassword\":\"new password\"}", code);
    struct change_under_way reset = { .method = "POST", .path = RESET, .body = body };
    changes_at_the_end_of_a_login("waits@example.org", &reset);
}

static void a_change_of_role_ends_the_session_of_a_login_that_it_waited_for(void **state)
{
    (void)state;
    lp_auto_free char *output = NULL, *id = NULL, *path = NULL;
    free(fixture_token(&auth, "promoted@example.org"));
    free(fixture_token(&auth, "chief@example.org"));
    assert_int_equal(fixture_make_admin(url, "chief@example.org", &output), 0);
    lp_auto_free char *token = fixture_token(&auth, "chief@example.org");
    id = fixture_sql(url, "SELECT id FROM users WHERE email = 'promoted@example.org'");
    path = lp_sprintf("/api/admin/users/%s/role", id);
    struct change_under_way role = { "PUT", path, token, "{\"role\":\"teacher\"}", { 0 } };
    changes_at_the_end_of_a_login("promoted@example.org", &role);
}

static void keeps_codes_only_as_hashes_and_puts_none_into_the_queue(void **state)
{
    (void)state;
    lp_auto_free char *columns =
        fixture_sql(url, "SELECT string_agg(column_name, ',' ORDER BY ordinal_position)"
                         " FROM information_schema.columns WHERE table_name = 'mails'");
    assert_string_equal(columns, "id,user_id,kind,created_at,due_at,attempts,sent_at");
    lp_auto_free char *sizes = fixture_sql(url, "SELECT DISTINCT length(code_hash) FROM codes");
    assert_string_equal(sizes, "32");
}

static void registers_while_mails_cannot_be_sent_and_sends_them_later(void **state)
{
    (void)state;
    lp_auto_free char *away = lp_sprintf("%s.away", mail_dir);
    forget_mails();
    assert_int_equal(rename(mail_dir, away), 0);
    auto_answer struct answer made = fixture_register(&auth, "patient@example.org");
    assert_int_equal(made.status, 201);
    int64_t end = lp_clock_ms() + 20000;
    while (program_metric(&auth, "lp_auth_mails_total{result=\"failed\"}") < 1 &&
           lp_clock_ms() < end)
        poll(NULL, 0, 20);
    assert_true(program_metric(&auth, "lp_auth_mails_total{result=\"failed\"}") >= 1);
    assert_int_equal(rename(away, mail_dir), 0);
    free(fixture_sql(url, "UPDATE mails SET due_at = now() WHERE sent_at IS NULL"));
    lp_auto_free char *code = await_code("patient@example.org", "Confirm your e-mail address");
    auto_answer struct answer done = post_code(VERIFY, code, "");
    assert_int_equal(done.status, 200);
}

static int start(void **state)
{
    *state = &auth;
    snprintf(mail_dir, sizeof mail_dir, "%s.mails", fixture_log());
    mkdir(mail_dir, 0700);
    forget_mails();
    lp_auto_free char *variable = lp_sprintf("MAIL_DIR=%s", mail_dir);
    url = fixture_begin(&auth, "auth_codes", variable);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verifies_an_address_by_the_link_of_its_mail_once),
        cmocka_unit_test(resets_a_password_once_and_ends_all_sessions),
        cmocka_unit_test(refuses_a_reset_without_a_code_of_ours),
        cmocka_unit_test(lets_a_code_expire_after_a_quarter_of_an_hour),
        cmocka_unit_test(sends_three_mails_an_hour_to_one_address_and_tells_nobody),
        cmocka_unit_test(counts_the_mails_to_an_address_whatever_becomes_of_its_accounts),
        cmocka_unit_test(counts_the_mails_to_an_address_in_whatever_case_it_is_given),
        cmocka_unit_test(an_account_that_is_deleted_while_its_mail_is_asked_for_is_no_error),
        cmocka_unit_test(a_login_that_is_under_way_during_a_reset_begins_no_session),
        cmocka_unit_test(a_reset_ends_the_session_of_a_login_that_it_waited_for),
        cmocka_unit_test(a_change_of_role_ends_the_session_of_a_login_that_it_waited_for),
        cmocka_unit_test(keeps_codes_only_as_hashes_and_puts_none_into_the_queue),
        cmocka_unit_test(registers_while_mails_cannot_be_sent_and_sends_them_later),
    };
    return cmocka_run_group_tests_name("auth_codes", tests, start, fixture_end);
}
