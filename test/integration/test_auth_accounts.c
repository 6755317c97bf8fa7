/* Profiles, pictures, mails with their codes, roles and the audit trail of lp-auth. */
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "integration/auth_fixture.h"
#include "json/json.h"
#include "unit/check.h"

static struct program auth;
static const char *url;
static char mail_dir[300];

#define PROFILE "/api/users/profile"
#define UPLOAD PROFILE "/upload-picture"
#define RESET "/api/auth/password-reset"
#define VERIFY "/api/auth/verify-email"
#define EXPIRED "{\"error\":\"The link is invalid or has expired\",\"code\":\"OTP_EXPIRED\"}"
#define MISSING "{\"error\":\"The link has no token\",\"code\":\"MISSING_TOKENS\"}"

static struct answer ask(const char *method, const char *path, const char *bearer, const char *body)
{
    return program_ask(auth.port, path,
                       (struct ask){ .method = method, .bearer = bearer, .body = body });
}

/* A registered account's access token; the caller's. */
static char *token_of(const char *email)
{
    auto_answer struct answer made = fixture_register(&auth, email);
    assert_true(made.status == 201 || made.status == 409);
    auto_answer struct answer in = fixture_login(&auth, email, PASSWORD);
    assert_int_equal(in.status, 200);
    return lp_strdup(text_of(&in, "token"));
}

static char *id_of(const char *email)
{
    lp_auto_free char *sql = lp_sprintf("SELECT id FROM users WHERE email = '%s'", email);
    return fixture_sql(url, sql);
}

/* ---- mails ---- */

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
    lp_auto_free char *token = token_of("reset@example.org");
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
    free(token_of("late@example.org"));
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
    free(token_of("flood@example.org")); /* the first mail */
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
    free(fixture_sql(url, "UPDATE users SET mailed_at = ARRAY[now() - interval '61 minutes',"
                          " mailed_at[2], mailed_at[3]] WHERE email = 'flood@example.org'"));
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

/* ---- profiles ---- */

static void shows_and_changes_the_own_profile(void **state)
{
    static const char change[] = "{\"name\":\" New Name \",\"bio\":\"I learn.\","
                                 "\"avatar_url\":\"https://example.org/a.png\",\"role\":\"user\"}";
    (void)state;
    lp_auto_free char *token = token_of("profile@example.org");
    auto_answer struct answer mine = ask("GET", PROFILE, token, NULL);
    assert_int_equal(mine.status, 200);
    json_t *p = json_object_get(mine.body, "profile");
    assert_int_equal(json_object_size(p), 8);
    assert_string_equal(lp_json_str(p, "email", NULL), "profile@example.org");
    assert_true(json_is_null(json_object_get(p, "bio")));
    auto_answer struct answer changed = ask("PUT", PROFILE, token, change);
    assert_int_equal(changed.status, 200);
    assert_string_equal(text_of(&changed, "message"), "Profile updated successfully");
    auto_answer struct answer after = ask("GET", "/API/users/PROFILE/", token, NULL);
    p = json_object_get(after.body, "profile");
    assert_string_equal(lp_json_str(p, "name", NULL), "New Name");
    assert_string_equal(lp_json_str(p, "bio", NULL), "I learn.");
    auto_answer struct answer cleared =
        ask("PUT", PROFILE, token, "{\"bio\":null,\"avatar_url\":\"\"}");
    p = json_object_get(cleared.body, "profile");
    assert_true(json_is_null(json_object_get(p, "bio")));
    assert_true(json_is_null(json_object_get(p, "avatar_url")));
    assert_string_equal(lp_json_str(p, "name", NULL), "New Name");
}

static void names_what_is_wrong_in_a_profile(void **state)
{
    static const struct {
        const char *body, *details;
        int status;
    } cases[] = {
        { "{}", "[\"No data provided for update\"]", 400 },
        { "{\"unknown\":1}", "[\"No data provided for update\"]", 400 },
        { "{\"name\":\"A\",\"avatar_url\":\"javascript:alert(1)\",\"role\":\"root\"}",
          "[\"Name must be at least 2 characters\",\"avatar_url must be a valid URL\","
          "\"role must be one of: user, admin\"]",
          400 },
        { "{\"name\":null,\"bio\":5}", "[\"Name is required\",\"bio must be a string\"]", 400 },
        { "{\"phone\":\"123456789012345678901\"}", "[\"phone must be no more than 20 characters\"]",
          400 },
        { "{\"avatar_url\":\"http://\"}", "[\"avatar_url must be a valid URL\"]", 400 },
    };
    (void)state;
    lp_auto_free char *token = token_of("profile@example.org");
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_free char *want =
            lp_sprintf("{\"error\":\"Validation failed\",\"details\":%s}", cases[i].details);
        auto_answer struct answer a = ask("PUT", PROFILE, token, cases[i].body);
        assert_answer(&a, cases[i].status, want);
    }
    char bio[600] = "{\"bio\":\"";
    memset(bio + 8, 'x', 501);
    memcpy(bio + 509, "\"}", 3);
    auto_answer struct answer long_bio = ask("PUT", PROFILE, token, bio);
    assert_answer(&long_bio, 400,
                  "{\"error\":\"Validation failed\",\"details\":"
                  "[\"bio must be no more than 500 characters\"]}");
    auto_answer struct answer promoted = ask("PUT", PROFILE, token, "{\"role\":\"admin\"}");
    assert_answer(&promoted, 403, "{\"error\":\"You cannot change your own role\"}");
    auto_answer struct answer nobody = ask("GET", PROFILE, NULL, NULL);
    assert_answer(&nobody, 401, "{\"error\":\"Authentication token is required\"}");
}

static void shows_others_without_their_address(void **state)
{
    (void)state;
    lp_auto_free char *token = token_of("curious@example.org");
    lp_auto_free char *id = id_of("profile@example.org");
    lp_auto_free char *path = lp_sprintf(PROFILE "/%s", id);
    auto_answer struct answer other = ask("GET", path, token, NULL);
    assert_int_equal(other.status, 200);
    json_t *p = json_object_get(other.body, "profile");
    assert_true(json_is_null(json_object_get(p, "email")));
    assert_string_equal(lp_json_str(p, "name", NULL), "New Name");
    auto_answer struct answer no_uuid = ask("GET", PROFILE "/1'%20OR%201=1", token, NULL);
    assert_answer(&no_uuid, 400, "{\"error\":\"Invalid input format\"}");
    auto_answer struct answer unknown =
        ask("GET", PROFILE "/00000000-0000-0000-0000-000000000000", token, NULL);
    assert_int_equal(unknown.status, 404);
}

static void deletes_an_account_with_all_that_is_its(void **state)
{
    (void)state;
    lp_auto_free char *token = token_of("leaving@example.org");
    auto_answer struct answer gone = ask("DELETE", PROFILE, token, NULL);
    assert_answer(&gone, 200, "{\"message\":\"Profile deleted successfully\"}");
    auto_answer struct answer me = ask("GET", PROFILE, token, NULL);
    assert_int_equal(me.status, 403);
    auto_answer struct answer in = fixture_login(&auth, "leaving@example.org", PASSWORD);
    assert_int_equal(in.status, 400);
}

/* ---- pictures ---- */

/* "\x89PNG…" of 1 x 1 pixels with `width` in its header, as one part of a form. */
static size_t upload_body(char *out, unsigned width, const char *magic)
{
    static const char head[] = "--b\r\nContent-Disposition: form-data; name=\"profilePicture\"; "
                               "filename=\"a.html\"\r\nContent-Type: text/html\r\n\r\n";
    static const char tail[] = "\r\n--b--\r\n";
    char png[33] = { 0 };
    memcpy(png, magic, 8);
    memcpy(png + 8, "\0\0\0\rIHDR", 8);
    png[18] = (char)(width >> 8);
    png[19] = (char)width;
    png[23] = 1;
    png[24] = 8;
    size_t n = sizeof head - 1;
    memcpy(out, head, n);
    memcpy(out + n, png, sizeof png);
    n += sizeof png;
    memcpy(out + n, tail, sizeof tail - 1);
    return n + sizeof tail - 1;
}

static struct answer upload(const char *token, unsigned width, const char *magic)
{
    char body[400];
    size_t n = upload_body(body, width, magic);
    return program_ask(auth.port, UPLOAD,
                       (struct ask){ .type = "multipart/form-data; boundary=b",
                                     .bearer = token,
                                     .body = body,
                                     .body_len = n });
}

static void takes_a_picture_by_its_content(void **state)
{
    (void)state;
    lp_auto_free char *token = token_of("picture@example.org");
    auto_answer struct answer done = upload(token, 1, "\x89PNG\r\n\x1A\n");
    assert_int_equal(done.status, 200);
    const char *avatar = lp_json_str(done.body, "profile", "avatar_url", NULL);
    const char *path = avatar ? strstr(avatar, "/api/users/pictures/") : NULL;
    assert_non_null(path);
    auto_answer struct answer shown = ask("GET", path, NULL, NULL);
    assert_int_equal(shown.status, 200);
    auto_answer struct answer html = upload(token, 1, "<script>");
    assert_answer(&html, 400, "{\"error\":\"The picture must be PNG, JPEG, GIF or WebP\"}");
    auto_answer struct answer wide = upload(token, 4097, "\x89PNG\r\n\x1A\n");
    assert_int_equal(wide.status, 400);
    auto_answer struct answer none = ask("POST", UPLOAD, token, "{}");
    assert_answer(&none, 400, "{\"error\":\"No file uploaded\"}");
    auto_answer struct answer second = upload(token, 2, "\x89PNG\r\n\x1A\n");
    assert_int_equal(second.status, 200);
    auto_answer struct answer replaced = ask("GET", path, NULL, NULL);
    assert_int_equal(replaced.status, 404);
}

/* ---- roles ---- */

static char *admin_token(void)
{
    free(token_of("admin@example.org"));
    lp_auto_free char *output = NULL;
    assert_int_equal(fixture_make_admin(url, "Admin@example.org", &output), 0);
    auto_answer struct answer in = fixture_login(&auth, "admin@example.org", PASSWORD);
    return lp_strdup(text_of(&in, "token"));
}

static void lets_only_admins_list_users_and_read_the_trail(void **state)
{
    static const char *const paths[] = { "/api/admin/users", "/api/admin/audit" };
    (void)state;
    lp_auto_free char *admin = admin_token();
    lp_auto_free char *user = token_of("curious@example.org");
    for (size_t i = 0; i < LP_COUNT(paths); i++) {
        auto_answer struct answer a = ask("GET", paths[i], user, NULL);
        assert_answer(&a, 403, "{\"error\":\"Only an admin may do this\"}");
        auto_answer struct answer b = ask("GET", paths[i], NULL, NULL);
        assert_int_equal(b.status, 401);
        auto_answer struct answer c = ask("GET", paths[i], admin, NULL);
        assert_int_equal(c.status, 200);
    }
    auto_answer struct answer found = ask("GET", "/api/admin/users?search=CURIOUS%40", admin, NULL);
    json_t *users = json_object_get(found.body, "users");
    assert_int_equal(json_array_size(users), 1);
    assert_string_equal(lp_json_str(json_array_get(users, 0), "email", NULL),
                        "curious@example.org");
    auto_answer struct answer wild = ask("GET", "/api/admin/users?search=%25", admin, NULL);
    assert_int_equal(json_array_size(json_object_get(wild.body, "users")), 0);
    auto_answer struct answer latin = ask("GET", "/api/admin/users?search=%E9", admin, NULL);
    assert_answer(&latin, 400, "{\"error\":\"Invalid input format\"}");
}

static void pages_through_all_users(void **state)
{
    (void)state;
    lp_auto_free char *admin = admin_token();
    lp_auto_free char *all = fixture_sql(url, "SELECT count(*) FROM users");
    lp_auto_free char *path = lp_strdup("/api/admin/users?limit=2");
    size_t n = 0;
    for (int i = 0; i < 100 && path; i++) {
        auto_answer struct answer page = ask("GET", path, admin, NULL);
        assert_int_equal(page.status, 200);
        n += json_array_size(json_object_get(page.body, "users"));
        const char *next = lp_json_str(page.body, "next", NULL);
        free(lp_take(path));
        path = next ? lp_sprintf("/api/admin/users?limit=2&after=%s", next) : NULL;
    }
    assert_int_equal(n, strtoul(all, NULL, 10));
}

static void changes_roles_and_disables_accounts_of_others_only(void **state)
{
    (void)state;
    lp_auto_free char *admin = admin_token();
    lp_auto_free char *token = token_of("pupil@example.org");
    lp_auto_free char *id = id_of("pupil@example.org");
    lp_auto_free char *own = id_of("admin@example.org");
    lp_auto_free char *role = lp_sprintf("/api/admin/users/%s/role", id);
    lp_auto_free char *disabled = lp_sprintf("/api/admin/users/%s/disabled", id);
    lp_auto_free char *own_role = lp_sprintf("/api/admin/users/%s/role", own);

    auto_answer struct answer stranger = ask("PUT", role, token, "{\"role\":\"admin\"}");
    assert_int_equal(stranger.status, 403);
    auto_answer struct answer myself = ask("PUT", own_role, admin, "{\"role\":\"user\"}");
    assert_int_equal(myself.status, 403);
    auto_answer struct answer wrong = ask("PUT", role, admin, "{\"role\":\"root\"}");
    assert_int_equal(wrong.status, 400);
    auto_answer struct answer teacher = ask("PUT", role, admin, "{\"role\":\"teacher\"}");
    assert_int_equal(teacher.status, 200);
    auto_answer struct answer ended = ask("GET", ME, token, NULL);
    assert_int_equal(ended.status, 403); /* its token says what is no longer true */
    auto_answer struct answer off = ask("PUT", disabled, admin, "{\"disabled\":true}");
    assert_int_equal(off.status, 200);
    auto_answer struct answer in = fixture_login(&auth, "pupil@example.org", PASSWORD);
    assert_int_equal(in.status, 403);
    auto_answer struct answer on = ask("PUT", disabled, admin, "{\"disabled\":false}");
    assert_int_equal(on.status, 200);
    auto_answer struct answer again = fixture_login(&auth, "pupil@example.org", PASSWORD);
    assert_int_equal(again.status, 200);

    lp_auto_free char *trail = lp_sprintf("/api/admin/audit?user=%s", id);
    auto_answer struct answer events = ask("GET", trail, admin, NULL);
    json_t *list = json_object_get(events.body, "events");
    static const char *const want[] = { "account_enabled", "account_disabled", "role_changed",
                                        "registered" };
    assert_int_equal(json_array_size(list), LP_COUNT(want));
    for (size_t i = 0; i < LP_COUNT(want); i++)
        assert_string_equal(lp_json_str(json_array_get(list, i), "event", NULL), want[i]);
    assert_string_equal(lp_json_str(json_array_get(list, 0), "actor", NULL), own);
    assert_string_equal(lp_json_str(json_array_get(list, 0), "address", NULL), "127.0.0.1");
}

static int start(void **state)
{
    (void)state;
    unlink(fixture_log());
    snprintf(mail_dir, sizeof mail_dir, "%s.mails", fixture_log());
    mkdir(mail_dir, 0700);
    forget_mails();
    url = fixture_database("auth_accounts");
    lp_auto_free char *variable = lp_sprintf("MAIL_DIR=%s", mail_dir);
    fixture_start(&auth, url, variable);
    program_wait(&auth, true);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    program_stop(&auth);
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
        cmocka_unit_test(keeps_codes_only_as_hashes_and_puts_none_into_the_queue),
        cmocka_unit_test(registers_while_mails_cannot_be_sent_and_sends_them_later),
        cmocka_unit_test(shows_and_changes_the_own_profile),
        cmocka_unit_test(names_what_is_wrong_in_a_profile),
        cmocka_unit_test(shows_others_without_their_address),
        cmocka_unit_test(deletes_an_account_with_all_that_is_its),
        cmocka_unit_test(takes_a_picture_by_its_content),
        cmocka_unit_test(lets_only_admins_list_users_and_read_the_trail),
        cmocka_unit_test(pages_through_all_users),
        cmocka_unit_test(changes_roles_and_disables_accounts_of_others_only),
    };
    return cmocka_run_group_tests_name("auth_accounts", tests, start, stop);
}
