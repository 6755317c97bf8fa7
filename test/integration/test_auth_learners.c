/* Export and erasure of a learner's data: lp-auth, PostgreSQL, and scripted services. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fake/fake_upstream.h"
#include "integration/auth_fixture.h"
#include "json/json.h"
#include "unit/check.h"

static struct program auth;
static const char *url;
static struct fake_upstream *progress;

#define OK(body) "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " body
#define AWAY "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}"

/* The first erasure finds it away. */
static const struct fake_script scripts[] = {
    { .match = "GET /data/", .reply = OK("14\r\n\r\n{\"waiting\":[]}") },
    { .match = "DELETE /data/", .reply = OK("26\r\n\r\n{\"message\":\"data erased\"}  ") },
    { .match = "GET /api/progress/data/", .reply = OK("17\r\n\r\n{\"activities\":[]}") },
    { .match = "DELETE /api/progress/data/", .reply = AWAY, .times = 1 },
    { .match = "DELETE /api/progress/data/",
      .reply = OK("26\r\n\r\n{\"message\":\"data erased\"}  ") },
    { .match = "GET /api/reasoning/data/", .reply = OK("14\r\n\r\n{\"reviews\":[]}") },
    { .match = "DELETE /api/reasoning/data/", .reply = OK("18\r\n\r\n{\"message\":\"gone\"}") },
    FAKE_SCRIPT_END,
};

static struct answer ask(const char *method, const char *path, const char *bearer)
{
    return program_ask(auth.port, path, (struct ask){ .method = method, .bearer = bearer });
}

/* A registered account: its token and the path of its data, the caller's. */
static char *token_of(const char *email, char **ret_path)
{
    auto_answer struct answer made = fixture_register(&auth, email);
    assert_int_equal(made.status, 201);
    *ret_path = lp_sprintf("/api/users/%s/data", text_of(&made, "userId"));
    auto_answer struct answer in = fixture_login(&auth, email, PASSWORD);
    return lp_strdup(text_of(&in, "token"));
}

static void exports_everything_about_a_user_to_that_user_only(void **state)
{
    (void)state;
    lp_auto_free char *path = NULL, *other_path = NULL;
    lp_auto_free char *token = token_of("export@example.org", &path);
    lp_auto_free char *other = token_of("other@example.org", &other_path);
    auto_answer struct answer data = ask("GET", path, token);
    assert_int_equal(data.status, 200);
    assert_string_equal(lp_json_str(data.body, "account", "email", NULL), "export@example.org");
    assert_null(lp_json_at(data.body, "account", "password", NULL));
    assert_int_equal(json_array_size(json_object_get(data.body, "sessions")), 1);
    assert_int_equal(json_array_size(json_object_get(data.body, "identities")), 0);
    assert_true(json_array_size(json_object_get(data.body, "events")) >= 1);
    assert_true(json_is_array(lp_json_at(data.body, "progress", "activities", NULL)));

    assert_true(json_is_array(lp_json_at(data.body, "ai_feedback", "waiting", NULL)));
    assert_true(json_is_array(lp_json_at(data.body, "learning", "reviews", NULL)));

    auto_answer struct answer stranger = ask("GET", path, other);
    assert_answer(&stranger, 403, "{\"error\":\"Only the user and admins may do this\"}");
    auto_answer struct answer eraser = ask("DELETE", path, other);
    assert_int_equal(eraser.status, 403);
    auto_answer struct answer nobody = ask("GET", path, NULL);
    assert_int_equal(nobody.status, 401);
    auto_answer struct answer no_uuid = ask("GET", "/api/users/1/data", token);
    assert_int_equal(no_uuid.status, 400);

    lp_auto_buf struct lp_buf heads = LP_BUF_INIT(65536);
    fake_upstream_heads(progress, &heads);
    assert_non_null(strstr(heads.ptr, "Authorization: Bearer ")); /* a token of our own */
}

static void await_receipt(const char *receipt)
{
    lp_auto_free char *path = lp_sprintf("/api/users/erasures/%s", receipt);
    int64_t end = lp_clock_ms() + 20000;
    for (;;) {
        auto_answer struct answer a = ask("GET", path, NULL);
        assert_int_equal(a.status, 200);
        if (strcmp(text_of(&a, "status"), "done") == 0)
            return;
        assert_true(lp_clock_ms() < end);
        poll(NULL, 0, 20);
    }
}

static size_t erasures_seen(const char *path)
{
    lp_auto_buf struct lp_buf heads = LP_BUF_INIT(65536);
    size_t n = 0;
    fake_upstream_heads(progress, &heads);
    for (const char *at = heads.ptr; (at = strstr(at, path)); at++)
        n++;
    return n;
}

static void erases_a_user_once_the_other_service_is_back(void **state)
{
    (void)state;
    lp_auto_free char *path = NULL;
    lp_auto_free char *token = token_of("erase@example.org", &path);
    auto_answer struct answer asked = ask("DELETE", path, token);
    assert_int_equal(asked.status, 202);
    const char *receipt = text_of(&asked, "receipt");
    auto_answer struct answer me = ask("GET", ME, token);
    assert_int_equal(me.status, 403); /* from the first moment on */
    fake_upstream_await_requests(progress, 5);
    lp_auto_free char *still =
        fixture_sql(url, "SELECT count(*) FROM users WHERE email = 'erase@example.org'");
    assert_string_equal(still, "1"); /* the other part is not done */

    int64_t end = lp_clock_ms() + 20000;
    lp_auto_free char *tried = NULL;
    while (!tried || strcmp(tried, "1") != 0) {
        free(lp_take(tried));
        tried = fixture_sql(url, "SELECT attempts FROM erasures");
        assert_true(lp_clock_ms() < end);
    }
    assert_int_equal(erasures_seen("DELETE /api/reasoning/data/"), 0); /* in order */
    free(fixture_sql(url, "UPDATE erasures SET due_at = now()"));
    await_receipt(receipt);
    assert_int_equal(erasures_seen("DELETE /api/reasoning/data/"), 1);
    lp_auto_free char *gone =
        fixture_sql(url, "SELECT count(*) FROM users WHERE email = 'erase@example.org'");
    assert_string_equal(gone, "0");
    lp_auto_free char *addresses = fixture_sql(
        url, "SELECT count(*) FROM audit_events e JOIN erasures r ON e.subject = r.user_id"
             " WHERE e.address IS NOT NULL");
    assert_string_equal(addresses, "0");
}

static void forgets_from_where_an_admin_who_is_erased_acted(void **state)
{
    (void)state;
    lp_auto_free char *path = NULL, *other_path = NULL, *output = NULL;
    free(token_of("judged@example.org", &other_path));
    free(token_of("leaving@example.org", &path));
    assert_int_equal(fixture_make_admin(url, "leaving@example.org", &output), 0);
    auto_answer struct answer in = fixture_login(&auth, "leaving@example.org", PASSWORD);
    const char *token = text_of(&in, "token");
    lp_auto_free char *role =
        lp_sprintf("/api/admin/users/%.36s/role", other_path + strlen("/api/users/"));
    auto_answer struct answer judged = program_ask(
        auth.port, role,
        (struct ask){ .method = "PUT", .bearer = token, .body = "{\"role\":\"teacher\"}" });
    assert_int_equal(judged.status, 200);
    static const char by[] = "SELECT count(*) FROM audit_events WHERE event = 'role_changed' AND"
                             " actor IS NOT NULL AND address IS NOT NULL";
    lp_auto_free char *before = fixture_sql(url, by);
    assert_string_equal(before, "1");
    auto_answer struct answer asked = ask("DELETE", path, token);
    await_receipt(text_of(&asked, "receipt"));
    lp_auto_free char *after = fixture_sql(url, by);
    assert_string_equal(after, "0");
}

static void sweeps_once_more_when_no_token_of_before_is_good_any_longer(void **state)
{
    (void)state;
    lp_auto_free char *path = NULL;
    lp_auto_free char *token = token_of("sweep@example.org", &path);
    auto_answer struct answer asked = ask("DELETE", path, token);
    lp_auto_free char *receipt_path =
        lp_sprintf("/api/users/erasures/%s", text_of(&asked, "receipt"));
    await_receipt(text_of(&asked, "receipt"));
    size_t before = erasures_seen("DELETE /api/progress/data/");
    auto_answer struct answer done = ask("GET", receipt_path, NULL);
    assert_true(json_is_null(json_object_get(done.body, "swept_at")));
    lp_auto_free char *after = fixture_sql(
        url, "SELECT due_at > done_at + interval '1 hour' FROM erasures WHERE swept_at IS NULL"
             " ORDER BY asked_at DESC LIMIT 1");
    assert_string_equal(after, "t"); /* the life of an access token, and a margin */
    free(fixture_sql(url, "UPDATE erasures SET due_at = now() WHERE swept_at IS NULL"));
    int64_t end = lp_clock_ms() + 30000;
    for (bool swept = false; !swept; poll(NULL, 0, 50)) {
        auto_answer struct answer a = ask("GET", receipt_path, NULL);
        swept = json_is_string(json_object_get(a.body, "swept_at"));
        assert_true(swept || lp_clock_ms() < end);
    }
    assert_true(erasures_seen("DELETE /api/progress/data/") > before);
    lp_auto_free char *noted =
        fixture_sql(url, "SELECT max(n) FROM (SELECT count(*) n FROM audit_events WHERE event ="
                         " 'account_erased' GROUP BY subject) e");
    assert_string_equal(noted, "1");
}

static void erases_what_others_hold_of_a_deleted_profile(void **state)
{
    (void)state;
    lp_auto_free char *path = NULL;
    lp_auto_free char *token = token_of("profile@example.org", &path);
    auto_answer struct answer gone = ask("DELETE", "/api/users/profile", token);
    assert_int_equal(gone.status, 200);
    lp_auto_free char *receipt =
        fixture_sql(url, "SELECT id FROM erasures ORDER BY asked_at DESC LIMIT 1");
    await_receipt(receipt);
    auto_answer struct answer unknown =
        ask("GET", "/api/users/erasures/00000000-0000-0000-0000-000000000000", NULL);
    assert_answer(&unknown, 404, "{\"error\":\"Receipt not found\"}");
}

/* Begins auth anew, with or without a learning service. */
static void begin_again(bool with_learning)
{
    lp_auto_free char *variable =
        lp_sprintf("PROGRESS_SERVICE_URL=%s", fake_upstream_url(progress));
    assert_int_equal(program_stop(&auth), 0);
    if (with_learning)
        setenv("LEARNING_SERVICE_URL", fake_upstream_url(progress), 1);
    else
        unsetenv("LEARNING_SERVICE_URL");
    fixture_start(&auth, url, variable);
    program_wait(&auth, true);
}

static void what_a_disabled_service_keeps_goes_once_it_is_there_again(void **state)
{
    (void)state;
    lp_auto_free char *path = NULL;
    lp_auto_free char *token = token_of("left@example.org", &path);
    begin_again(false);
    size_t before = erasures_seen("DELETE /api/reasoning/data/");
    auto_answer struct answer asked = ask("DELETE", path, token);
    assert_int_equal(asked.status, 202);
    lp_auto_free char *receipt = lp_sprintf("/api/users/erasures/%s", text_of(&asked, "receipt"));
    await_receipt(text_of(&asked, "receipt"));
    auto_answer struct answer done = ask("GET", receipt, NULL);
    json_t *left = json_object_get(done.body, "left_out");
    assert_int_equal(json_array_size(left), 1);
    assert_string_equal(json_string_value(json_array_get(left, 0)), "learning");
    assert_int_equal(erasures_seen("DELETE /api/reasoning/data/"), before);
    free(fixture_sql(url, "UPDATE erasures SET swept_at = coalesce(swept_at, now()),"
                          " due_at = now() WHERE NOT learning_asked"));
    begin_again(true);
    int64_t end = lp_clock_ms() + 30000;
    for (size_t n = 1; n > 0; poll(NULL, 0, 50)) {
        auto_answer struct answer a = ask("GET", receipt, NULL);
        n = json_array_size(json_object_get(a.body, "left_out"));
        assert_true(lp_clock_ms() < end);
    }
    assert_int_equal(erasures_seen("DELETE /api/reasoning/data/"), before + 1);
    lp_auto_free char *again = fixture_sql(
        url, "SELECT count(*) FROM erasures WHERE swept_at IS NOT NULL AND NOT learning_asked");
    assert_string_equal(again, "0"); /* each is asked for once */
}

static int start(void **state)
{
    (void)state;
    progress = fake_upstream_start(scripts);
    lp_auto_free char *variable =
        lp_sprintf("PROGRESS_SERVICE_URL=%s", fake_upstream_url(progress));
    setenv("AI_SERVICE_URL", fake_upstream_url(progress), 1);
    setenv("LEARNING_SERVICE_URL", fake_upstream_url(progress), 1);
    setenv("SERVICE_TOKEN_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", 1);
    url = fixture_begin(&auth, "auth_learners", variable);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    program_stop(&auth);
    fake_upstream_stop(progress);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exports_everything_about_a_user_to_that_user_only),
        cmocka_unit_test(erases_a_user_once_the_other_service_is_back),
        cmocka_unit_test(forgets_from_where_an_admin_who_is_erased_acted),
        cmocka_unit_test(sweeps_once_more_when_no_token_of_before_is_good_any_longer),
        cmocka_unit_test(erases_what_others_hold_of_a_deleted_profile),
        cmocka_unit_test(what_a_disabled_service_keeps_goes_once_it_is_there_again),
    };
    return cmocka_run_group_tests_name("auth_learners", tests, start, stop);
}
