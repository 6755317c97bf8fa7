/* Profiles, pictures, roles and the audit trail of lp-auth. */
#include <stdio.h>
#include <string.h>

#include "integration/auth_fixture.h"
#include "json/json.h"
#include "unit/check.h"

static struct program auth;
static const char *url;

#define PROFILE "/api/users/profile"
#define UPLOAD PROFILE "/upload-picture"

static struct answer ask(const char *method, const char *path, const char *bearer, const char *body)
{
    return program_ask(auth.port, path,
                       (struct ask){ .method = method, .bearer = bearer, .body = body });
}

static char *id_of(const char *email)
{
    lp_auto_free char *sql = lp_sprintf("SELECT id FROM users WHERE email = '%s'", email);
    return fixture_sql(url, sql);
}

/* ---- profiles ---- */

static void shows_and_changes_the_own_profile(void **state)
{
    static const char change[] = "{\"name\":\" New Name \",\"bio\":\"I learn.\","
                                 "\"avatar_url\":\"https://example.org/a.png\",\"role\":\"user\"}";
    (void)state;
    lp_auto_free char *token = fixture_token(&auth, "profile@example.org");
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
    lp_auto_free char *token = fixture_token(&auth, "profile@example.org");
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
    lp_auto_free char *token = fixture_token(&auth, "curious@example.org");
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
    lp_auto_free char *token = fixture_token(&auth, "leaving@example.org");
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
    lp_auto_free char *token = fixture_token(&auth, "picture@example.org");
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
    free(fixture_token(&auth, "admin@example.org"));
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
    lp_auto_free char *user = fixture_token(&auth, "curious@example.org");
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
    lp_auto_free char *token = fixture_token(&auth, "pupil@example.org");
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
    *state = &auth;
    url = fixture_begin(&auth, "auth_accounts", NULL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_and_changes_the_own_profile),
        cmocka_unit_test(names_what_is_wrong_in_a_profile),
        cmocka_unit_test(shows_others_without_their_address),
        cmocka_unit_test(deletes_an_account_with_all_that_is_its),
        cmocka_unit_test(takes_a_picture_by_its_content),
        cmocka_unit_test(lets_only_admins_list_users_and_read_the_trail),
        cmocka_unit_test(pages_through_all_users),
        cmocka_unit_test(changes_roles_and_disables_accounts_of_others_only),
    };
    return cmocka_run_group_tests_name("auth_accounts", tests, start, fixture_end);
}
