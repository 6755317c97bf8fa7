/* Personal fields of lp-auth at rest: encryption that begins when every pod can read it, another
 * master key, and what refuses to start. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "integration/auth_fixture.h"
#include "json/json.h"
#include "postgres/migrations.h"
#include "services/auth/database/migrate.h"
#include "unit/check.h"
#include "unit/key_folder.h"

#define KEY_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define ID_A "58c4b19902bb6bab"
#define KEY_B "//79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA="
#define PROFILE "/api/users/profile"

static struct program one, two;
static const char *url;
static char variable[96];
/* What the rows are looked through for afterwards. */
static const char *const planted[] = { "planted.ann",      "Ann Learner", "+49 30 5550",
                                       "Planted Street 7", "planted.bob", "planted.old",
                                       "Olga Planted",     "planted.new" };

/* Until the first value of `sql` is `want`. */
static void await_sql(const char *sql, const char *want)
{
    int64_t end = lp_clock_ms() + 40000;
    for (;;) {
        lp_auto_free char *value = fixture_sql(url, sql);
        if (value && strcmp(value, want) == 0)
            return;
        if (lp_clock_ms() > end)
            fail_msg("%s: %s, not %s", sql, value ? value : "NULL", want);
        poll(NULL, 0, 50);
    }
}

static void assert_sql(const char *sql, const char *want)
{
    lp_auto_free char *value = fixture_sql(url, sql);
    assert_string_equal(value, want);
}

static struct answer ask(const struct program *p, const char *method, const char *path,
                         const char *bearer, const char *body)
{
    return program_ask(p->port, path,
                       (struct ask){ .method = method, .bearer = bearer, .body = body });
}

static char *log_in(const struct program *p, const char *email)
{
    auto_answer struct answer in = fixture_login(p, email, PASSWORD);
    assert_int_equal(in.status, 200);
    return lp_strdup(text_of(&in, "token"));
}

/* All rows of all tables, as PostgreSQL writes them. */
static bool is_in_a_dump(const char *text)
{
    lp_auto_free char *dump = fixture_sql(url, "SELECT database_to_xml(true, true, '')");
    assert_non_null(dump);
    assert_non_null(strstr(dump, "schema_migrations"));
    return strstr(dump, text) != NULL;
}

static struct lp_db *open_db(const char *database, int64_t query_timeout_ms)
{
    const struct lp_db_options options = { .url = database,
                                           .application = "test",
                                           .connections_metric = "lp_test_connections",
                                           .failures_metric = "lp_test_failures",
                                           .max_connections = 1,
                                           .connect_timeout_ms = 3000,
                                           .query_timeout_ms = query_timeout_ms };
    return lp_db_new(&options);
}

/* Else the tables of a big database would never be there: each try would end too early. */
static void a_version_of_the_tables_may_take_longer_than_a_statement_of_a_request(void **state)
{
    static const char *const versions[] = { "SELECT pg_sleep(2)" };
    static const struct lp_db_statement slow = { "slow", "SELECT pg_sleep(2)", 0, true };
    const struct lp_migrations migrations = { .lock = 7, .versions = versions, .n = 1 };
    struct lp_db *db = open_db(fixture_database("auth_privacy_slow"), 300);
    PGresult *none = NULL;
    struct lp_error why;
    (void)state;
    ok(lp_db_migrate(db, &migrations, &err));
    assert_int_equal(lp_db_run(db, &slow, NULL, &none, &why), LP_E_TIMEOUT);
    lp_db_free(db);
}

/* Another pod migrates: that is no time-out of ours, whatever a statement of a request may take. */
static void who_waits_for_another_pods_migration_is_told_of_a_conflict(void **state)
{
    static const char *const versions[] = { "SELECT 1" };
    const struct lp_migrations migrations = { .lock = 8, .versions = versions, .n = 1 };
    const char *database = fixture_database("auth_privacy_lock");
    PGconn *other = PQconnectdb(database);
    struct lp_db *db = open_db(database, 300);
    struct lp_error why;
    (void)state;
    PQclear(PQexec(other, "SELECT pg_advisory_lock(8)"));
    assert_int_equal(lp_db_migrate(db, &migrations, &why), LP_E_CONFLICT);
    PQfinish(other);
    ok(lp_db_migrate(db, &migrations, &err));
    lp_db_free(db);
}

static void moves_the_rows_of_the_version_before_and_serves_its_pods_on(void **state)
{
    (void)state;
    struct lp_db *db = open_db(url, 5000);
    ok(migrate_up_to(db, 6, &err));
    lp_db_free(db);
    free(fixture_sql(url, "INSERT INTO users (email, name, password, phone) VALUES"
                          " ('planted.old@example.org', 'Olga Planted', 'none', '+49 30 5550')"));
    fixture_start(&one, url, NULL);
    program_wait(&one, true);
    assert_sql("SELECT name || phone FROM personal.people WHERE email = 'planted.old@example.org'",
               "Olga Planted+49 30 5550");
    assert_sql("SELECT count(*) FROM information_schema.columns WHERE table_name = 'accounts'"
               " AND column_name IN ('email', 'name', 'phone', 'address')",
               "0");
    /* as a pod of before does it */
    free(fixture_sql(url, "INSERT INTO users (email, name, password) VALUES"
                          " ('Planted.New@example.org', 'N', 'none') RETURNING id"));
    assert_sql("WITH u AS (UPDATE users SET role = 'teacher', name = 'New' WHERE"
               " lower(email) = 'planted.new@example.org' RETURNING *) SELECT name || role FROM u",
               "Newteacher");
    auto_answer struct answer taken = fixture_register(&one, "planted.new@example.org");
    assert_int_equal(taken.status, 409);
    free(fixture_sql(url, "DELETE FROM users WHERE lower(email) = 'planted.new@example.org'"));
    assert_sql("SELECT count(*) FROM accounts", "1");
    assert_sql("SELECT count(*) FROM personal.people", "1");
}

static void encrypts_nothing_while_a_pod_has_no_key(void **state)
{
    (void)state;
    auto_answer struct answer ann = fixture_register(&one, "planted.ann@example.org");
    assert_int_equal(ann.status, 201);
    fixture_start(&two, url, variable);
    program_wait(&two, true);
    await_sql("SELECT count(*) FROM personal_keys.pods WHERE masters[1] = '" ID_A "'", "1");
    lp_auto_free char *seen =
        fixture_sql(url, "SELECT seen_at FROM personal_keys.pods WHERE masters[1] = '" ID_A "'");
    lp_auto_free char *later = lp_sprintf("SELECT count(*) FROM personal_keys.pods WHERE"
                                          " seen_at > '%s'::timestamptz + interval '2 seconds' AND"
                                          " masters[1] = '" ID_A "'",
                                          seen);
    await_sql(later, "1"); /* it has looked again since */
    assert_sql("SELECT count(*) FROM personal_keys.lookup", "0");
    auto_answer struct answer bob = fixture_register(&two, "planted.bob@example.org");
    assert_int_equal(bob.status, 201);
    free(log_in(&two, "planted.ann@example.org"));
    free(log_in(&one, "planted.bob@example.org")); /* each reads what the other writes */
    assert_true(is_in_a_dump("planted.bob"));
}

static void encrypts_all_rows_once_every_pod_has_the_key(void **state)
{
    (void)state;
    lp_auto_free char *token = log_in(&one, "planted.ann@example.org");
    auto_answer struct answer changed =
        ask(&one, "PUT", PROFILE, token,
            "{\"phone\":\"+49 30 5550\",\"address\":\"Planted Street 7\"}");
    assert_int_equal(changed.status, 200);
    assert_true(is_in_a_dump("Planted Street 7"));
    assert_int_equal(program_stop(&one), 0);
    await_sql("SELECT count(*) FROM personal.people WHERE sealed_email IS NULL", "0");
    await_sql("SELECT begun_at IS NOT NULL FROM personal_keys.lookup", "t");
    assert_sql("SELECT count(*) FROM personal_keys.keys WHERE master = '" ID_A "'", "3");
    for (size_t i = 0; i < LP_COUNT(planted); i++)
        if (is_in_a_dump(planted[i]))
            fail_msg("%s is in the rows", planted[i]);
    fixture_start(&one, url, variable);
    program_wait(&one, true);
}

static void serves_every_route_on_encrypted_rows(void **state)
{
    (void)state;
    lp_auto_free char *token = log_in(&one, "PLANTED.ann@example.org");
    auto_answer struct answer me = ask(&two, NULL, ME, token, NULL);
    assert_string_equal(lp_json_str(me.body, "user", "email", NULL), "planted.ann@example.org");
    assert_string_equal(lp_json_str(me.body, "user", "name", NULL), "Ann Learner");
    lp_auto_free char *data =
        lp_sprintf("/api/users/%s/data", lp_json_str(me.body, "user", "id", NULL));
    auto_answer struct answer all = ask(&one, NULL, data, token, NULL);
    assert_string_equal(lp_json_str(all.body, "account", "phone", NULL), "+49 30 5550");
    assert_string_equal(lp_json_str(all.body, "account", "address", NULL), "Planted Street 7");
    assert_string_equal(lp_json_str(all.body, "account", "name", NULL), "Ann Learner");
    auto_answer struct answer changed =
        ask(&two, "PUT", PROFILE, token, "{\"name\":\"Anna Planted\",\"phone\":\"+49 30 5551\"}");
    assert_string_equal(lp_json_str(changed.body, "profile", "name", NULL), "Anna Planted");
    auto_answer struct answer again = ask(&one, NULL, data, token, NULL);
    assert_string_equal(lp_json_str(again.body, "account", "phone", NULL), "+49 30 5551");
    assert_string_equal(lp_json_str(again.body, "account", "address", NULL), "Planted Street 7");
    auto_answer struct answer taken = fixture_register(&two, "Planted.BOB@example.org");
    assert_int_equal(taken.status, 409);
    auto_answer struct answer made = fixture_register(&one, "planted.new@example.org");
    assert_int_equal(made.status, 201);
    auto_answer struct answer in = fixture_login(&two, "planted.new@example.org", PASSWORD);
    auto_answer struct answer next = fixture_refresh(&one, text_of(&in, "refreshToken"));
    assert_int_equal(next.status, 200);
    auto_answer struct answer reset = ask(&one, "POST", "/api/auth/password-reset/request", NULL,
                                          "{\"email\":\"Planted.New@example.org\"}");
    assert_int_equal(reset.status, 200);
    assert_sql("SELECT count(*) FROM mails WHERE kind = 'reset'", "1");
    assert_false(is_in_a_dump("planted"));
    assert_false(is_in_a_dump("Anna Planted"));
    assert_false(is_in_a_dump("5551"));
}

static size_t found(const char *token, const char *search, const char *email)
{
    lp_auto_free char *path = lp_sprintf("/api/admin/users?search=%s", search);
    auto_answer struct answer list = ask(&two, NULL, path, token, NULL);
    assert_int_equal(list.status, 200);
    const json_t *users = json_object_get(list.body, "users");
    if (email)
        assert_string_equal(lp_json_str(json_array_get(users, 0), "email", NULL), email);
    return json_array_size(users);
}

static void admins_search_by_exact_address_or_id(void **state)
{
    (void)state;
    lp_auto_free char *token = log_in(&one, "planted.ann@example.org");
    free(fixture_sql(url, "UPDATE accounts SET role = 'admin' WHERE id IN (SELECT user_id FROM"
                          " sessions ORDER BY last_used_at DESC LIMIT 1)"));
    auto_answer struct answer bob = fixture_login(&one, "planted.bob@example.org", PASSWORD);
    assert_int_equal(found(token, "Planted.bob@example.org", "planted.bob@example.org"), 1);
    assert_int_equal(
        found(token, lp_json_str(bob.body, "user", "id", NULL), "planted.bob@example.org"), 1);
    assert_int_equal(found(token, "planted", NULL), 0);
    assert_int_equal(found(token, "", "planted.old@example.org"), 4);
}

static void an_erased_persons_key_is_gone(void **state)
{
    (void)state;
    lp_auto_free char *token = log_in(&one, "planted.bob@example.org");
    assert_sql("SELECT count(*) FROM personal_keys.keys", "4");
    auto_answer struct answer gone = ask(&one, "DELETE", PROFILE, token, NULL);
    assert_int_equal(gone.status, 200);
    assert_sql("SELECT count(*) FROM personal_keys.keys", "3");
    assert_sql("SELECT count(*) FROM personal_keys.keys k WHERE NOT EXISTS (SELECT FROM accounts a"
               " WHERE a.id = k.user_id)",
               "0");
}

static void wraps_all_keys_anew_under_another_master_key_without_a_restart(void **state)
{
    (void)state;
    put("previous", KEY_A);
    put("current", KEY_B);
    await_sql("SELECT count(*) FROM personal_keys.keys WHERE master = '" ID_A "'", "0");
    await_sql("SELECT count(*) FROM personal_keys.lookup WHERE master = '" ID_A "'", "0");
    free(log_in(&one, "planted.ann@example.org"));
    free(log_in(&two, "planted.ann@example.org"));
    drop("previous");
    assert_int_equal(program_stop(&two), 0);
    fixture_start(&two, url, variable);
    program_wait(&two, true);
    free(log_in(&two, "planted.ann@example.org"));
}

/* It ends by itself, with 1, and says what to do. */
static void assert_refuses(const char *extra, const char *says)
{
    int status = 0;
    struct program p;
    fixture_start(&p, url, extra);
    int64_t end = lp_clock_ms() + 30000;
    while (waitpid(p.pid, &status, WNOHANG) == 0) {
        assert_true(lp_clock_ms() < end);
        poll(NULL, 0, 20);
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    lp_auto_free char *log = program_read_file(fixture_log());
    if (!strstr(log, says))
        fail_msg("the log says nothing of: %s", says);
}

static void refuses_to_start_with_another_master_key_or_none(void **state)
{
    (void)state;
    char other[96];
    snprintf(other, sizeof other, "%s/other", variable);
    assert_refuses(NULL, "spec.privacy.masterKeyRef (PRIVACY_KEY_DIR) is not set, and the");
    lp_auto_free char *path = lp_sprintf("%s/other", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    put("other/current", KEY_A);
    assert_refuses(other, "the Secret has " ID_A " as current. Put the former key into it");
    drop("other/current");
    rmdir(path);
    free(log_in(&one, "planted.ann@example.org")); /* the others go on */
}

static int start(void **state)
{
    (void)state;
    unlink(fixture_log());
    url = fixture_database("auth_privacy");
    if (make_dir(state) < 0)
        return -1;
    snprintf(variable, sizeof variable, "PRIVACY_KEY_DIR=%s", dir);
    put("current", KEY_A);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    program_stop(&one);
    program_stop(&two);
    drop("current");
    drop("previous");
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_version_of_the_tables_may_take_longer_than_a_statement_of_a_request),
        cmocka_unit_test(who_waits_for_another_pods_migration_is_told_of_a_conflict),
        cmocka_unit_test(moves_the_rows_of_the_version_before_and_serves_its_pods_on),
        cmocka_unit_test(encrypts_nothing_while_a_pod_has_no_key),
        cmocka_unit_test(encrypts_all_rows_once_every_pod_has_the_key),
        cmocka_unit_test(serves_every_route_on_encrypted_rows),
        cmocka_unit_test(admins_search_by_exact_address_or_id),
        cmocka_unit_test(an_erased_persons_key_is_gone),
        cmocka_unit_test(wraps_all_keys_anew_under_another_master_key_without_a_restart),
        cmocka_unit_test(refuses_to_start_with_another_master_key_or_none),
    };
    return cmocka_run_group_tests_name("auth_privacy", tests, start, stop);
}
