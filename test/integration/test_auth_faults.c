/* What lp-auth does when its database goes, when there are many of it, and when there is too much
 * to do. */
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "integration/auth_fixture.h"
#include "json/json.h"
#include "postgres/db.h"
#include "postgres/rows.h"
#include "unit/check.h"

#define UNAVAILABLE "{\"error\":\"Service temporarily unavailable\"}"

static struct program one, two;

static void migrates_once_when_two_start_together(void **state)
{
    (void)state;
    const char *url = fixture_database("auth_faults");
    fixture_start(&one, url, NULL);
    fixture_start(&two, url, NULL);
    program_wait(&one, true);
    program_wait(&two, true);
    lp_auto_free char *twice = fixture_sql(
        url, "SELECT count(*) FROM (SELECT version FROM schema_migrations GROUP BY version"
             " HAVING count(*) > 1) twice");
    assert_string_equal(twice, "0");
    auto_answer struct answer made = fixture_register(&one, "ann@example.org");
    assert_int_equal(made.status, 201);
    auto_answer struct answer in = fixture_login(&two, "ann@example.org", PASSWORD);
    assert_int_equal(in.status, 200);
    assert_int_equal(program_stop(&two), 0);
}

struct asking {
    struct answer (*ask)(const struct program *, const char *);
    const char *argument;
    struct answer answer;
};

static void *ask_in_thread(void *arg)
{
    struct asking *a = arg;
    a->answer = a->ask(&one, a->argument);
    return NULL;
}

enum { MANY = 12 };

/* Asks the same MANY times at once; how many were answered `status`. */
static int ask_many(struct answer (*ask)(const struct program *, const char *),
                    const char *argument, int status)
{
    struct asking all[MANY];
    pthread_t threads[MANY];
    int n = 0;
    for (int i = 0; i < MANY; i++) {
        all[i] = (struct asking){ ask, argument, { 0 } };
        assert_int_equal(pthread_create(&threads[i], NULL, ask_in_thread, &all[i]), 0);
    }
    for (int i = 0; i < MANY; i++) {
        pthread_join(threads[i], NULL);
        n += all[i].answer.status == status;
        answer_done(&all[i].answer);
    }
    return n;
}

static void lets_one_of_many_register_an_address(void **state)
{
    (void)state;
    assert_int_equal(ask_many(fixture_register, "race@example.org", 201), 1);
}

static void gives_all_who_refresh_at_once_the_same_successor(void **state)
{
    (void)state;
    auto_answer struct answer in = fixture_login(&one, "ann@example.org", PASSWORD);
    const char *token = text_of(&in, "refreshToken");
    assert_int_equal(ask_many(fixture_refresh, token, 200), MANY);
    auto_answer struct answer again = fixture_refresh(&one, token);
    auto_answer struct answer and_again = fixture_refresh(&one, token);
    assert_string_equal(text_of(&again, "refreshToken"), text_of(&and_again, "refreshToken"));
    auto_answer struct answer next = fixture_refresh(&one, text_of(&again, "refreshToken"));
    assert_int_equal(next.status, 200);
}

static struct answer log_in(const struct program *p, const char *email)
{
    return fixture_login(p, email, PASSWORD);
}

static void logs_one_user_in_many_times_at_once(void **state)
{
    (void)state;
    assert_int_equal(ask_many(log_in, "ann@example.org", 200), MANY);
}

static void answers_503_without_its_database_and_recovers(void **state)
{
    (void)state;
    auto_answer struct answer in = fixture_login(&one, "ann@example.org", PASSWORD);
    const char *token = text_of(&in, "token");
    fixture_postgres("stop");
    for (int i = 0; i < 3; i++) {
        auto_answer struct answer me = program_ask(one.port, ME, (struct ask){ .bearer = token });
        assert_answer(&me, 503, UNAVAILABLE);
        assert_int_equal(me.retry_after_ms, 1000);
        auto_answer struct answer login = fixture_login(&one, "ann@example.org", PASSWORD);
        assert_answer(&login, 503, UNAVAILABLE);
    }
    auto_answer struct answer health = program_ask(one.port, "/health", (struct ask){ 0 });
    assert_int_equal(health.status, 200);
    auto_answer struct answer bad = program_ask(one.port, ME, (struct ask){ .bearer = "x" });
    assert_int_equal(bad.status, 403);

    program_wait_unready(&one);
    assert_true(program_metric(&one, "lp_auth_db_up") == 0);
    fixture_postgres("start");
    int64_t end = lp_clock_ms() + 30000;
    int status = 0;
    while (status != 200 && lp_clock_ms() < end) {
        auto_answer struct answer me = program_ask(one.port, ME, (struct ask){ .bearer = token });
        status = me.status;
        assert_true(status == 200 || status == 503);
    }
    assert_int_equal(status, 200);
    program_wait(&one, true);
}

static void does_not_trust_a_connection_that_the_server_closed(void **state)
{
    (void)state;
    auto_answer struct answer in = fixture_login(&one, "ann@example.org", PASSWORD);
    const char *token = text_of(&in, "token");
    fixture_postgres("stop");
    fixture_postgres("start"); /* lp-auth asked nothing meanwhile */
    auto_answer struct answer me = program_ask(one.port, ME, (struct ask){ .bearer = token });
    assert_int_equal(me.status, 200);
}

static void is_alive_but_not_ready_until_its_database_is_there(void **state)
{
    (void)state;
    const char *url = fixture_database("auth_late");
    fixture_postgres("stop");
    fixture_start(&two, url, NULL);
    program_wait(&two, false);
    auto_answer struct answer ready = program_ask(two.metrics_port, "/readyz", (struct ask){ 0 });
    assert_int_equal(ready.status, 503);
    auto_answer struct answer login = fixture_login(&two, "ann@example.org", PASSWORD);
    assert_answer(&login, 503, UNAVAILABLE);
    fixture_postgres("start");
    program_wait(&two, true);
    auto_answer struct answer made = fixture_register(&two, "late@example.org");
    assert_int_equal(made.status, 201);
}

static void makes_its_tables_again_in_a_database_that_was_replaced(void **state)
{
    (void)state;
    fixture_database("auth_late");
    int64_t end = lp_clock_ms() + 30000;
    int status = 0;
    while (status != 201 && lp_clock_ms() < end) {
        auto_answer struct answer made = fixture_register(&two, "late@example.org");
        status = made.status;
        assert_true(status == 201 || (status == 503 && made.retry_after_ms > 0));
    }
    assert_int_equal(status, 201);
    assert_int_equal(program_stop(&two), 0);
}

static PGconn *locked(const char *url, const char *sql)
{
    PGconn *c = PQconnectdb(url);
    PGresult *result = PQexec(c, sql);
    ExecStatusType status = PQresultStatus(result);
    assert_true(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK);
    PQclear(result);
    return c;
}

/* Another pod migrates, as long as it takes; the database answers meanwhile. */
static void answers_503_before_its_tables_are_there(void **state)
{
    (void)state;
    const char *url = fixture_database("auth_early");
    PGconn *other = locked(url, "SELECT pg_advisory_lock(1819304309)");
    fixture_start(&two, url, NULL);
    program_wait(&two, false);
    for (int i = 0; i < 3; i++) {
        auto_answer struct answer made = fixture_register(&two, "early@example.org");
        assert_answer(&made, 503, UNAVAILABLE);
        assert_int_equal(made.retry_after_ms, 1000);
        auto_answer struct answer login = fixture_login(&two, "early@example.org", PASSWORD);
        assert_answer(&login, 503, UNAVAILABLE);
    }
    PQfinish(other);
    program_wait(&two, true);
    auto_answer struct answer made = fixture_register(&two, "early@example.org");
    assert_int_equal(made.status, 201);
}

/* As after a failover, while the client's connections lead to what is a standby now. */
static void answers_503_to_writes_while_the_database_only_reads(void **state)
{
    (void)state;
    const char *url = fixture_database("auth_early_reads");
    lp_auto_free char *read_only =
        lp_sprintf("%s&options=-c%%20default_transaction_read_only%%3Don", url);
    assert_int_equal(program_stop(&two), 0);
    fixture_start(&two, url, NULL);
    program_wait(&two, true);
    auto_answer struct answer made = fixture_register(&two, "reads@example.org");
    assert_int_equal(made.status, 201);
    assert_int_equal(program_stop(&two), 0);
    fixture_start(&two, read_only, NULL);
    program_wait(&two, false);
    auto_answer struct answer login = fixture_login(&two, "reads@example.org", PASSWORD);
    assert_answer(&login, 503, UNAVAILABLE);
    assert_int_equal(login.retry_after_ms, 1000);
    assert_int_equal(program_stop(&two), 0);
}

static void deletes_audit_events_after_their_days_in_batches(void **state)
{
    (void)state;
    const char *url = fixture_database("auth_audit_days");
    fixture_start(&two, url, NULL);
    program_wait(&two, true);
    assert_int_equal(program_stop(&two), 0);
    free(fixture_sql(url, "INSERT INTO audit_events (event, at) SELECT 'old', now() - interval"
                          " '31 days' FROM generate_series(1, 25000)"));
    free(fixture_sql(url, "INSERT INTO audit_events (event, at) SELECT 'kept', now() - interval"
                          " '29 days' FROM generate_series(1, 10)"));
    fixture_start(&two, url, "AUDIT_RETENTION_DAYS=30");
    program_wait(&two, true);
    int64_t end = lp_clock_ms() + 20000;
    for (bool gone = false; !gone; poll(NULL, 0, 50)) {
        lp_auto_free char *old =
            fixture_sql(url, "SELECT count(*) FROM audit_events WHERE event = 'old'");
        gone = strcmp(old, "0") == 0;
        assert_true(gone || lp_clock_ms() < end);
    }
    lp_auto_free char *kept =
        fixture_sql(url, "SELECT count(*) FROM audit_events WHERE event = 'kept'");
    assert_string_equal(kept, "10");
    assert_int_equal(program_stop(&two), 0);
}

/* Logs in until told to end, always as somebody else, so that no hash is shared; counts what comes
 * back. */
struct storm {
    atomic_bool end;
    atomic_int n, refused, busy, other;
};

static void *log_in_again_and_again(void *arg)
{
    struct storm *s = arg;
    while (!atomic_load(&s->end)) {
        lp_auto_free char *email = lp_sprintf("nobody%d@example.org", atomic_fetch_add(&s->n, 1));
        auto_answer struct answer a = fixture_login(&two, email, PASSWORD);
        bool busy = a.status == 503 && a.retry_after_ms > 0;
        atomic_fetch_add(a.status == 400 ? &s->refused : busy ? &s->busy : &s->other, 1);
    }
    return NULL;
}

static void answers_other_requests_while_logins_queue_up(void **state)
{
    (void)state;
    const char *url = fixture_database("auth_storm");
    struct storm storm = { 0 };
    pthread_t threads[MANY];
    fixture_start(&two, url, "CONCURRENCY=4");
    program_wait(&two, true);
    auto_answer struct answer made = fixture_register(&two, "late@example.org");
    assert_int_equal(made.status, 201);
    auto_answer struct answer in = fixture_login(&two, "late@example.org", PASSWORD);
    const char *token = text_of(&in, "token");
    for (int i = 0; i < MANY; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_in_again_and_again, &storm), 0);

    int64_t end = lp_clock_ms() + 20000;
    while (atomic_load(&storm.busy) < 5 && lp_clock_ms() < end) {
        auto_answer struct answer me = program_ask(two.port, ME, (struct ask){ .bearer = token });
        assert_int_equal(me.status, 200);
        auto_answer struct answer health = program_ask(two.port, "/health", (struct ask){ 0 });
        assert_int_equal(health.status, 200);
    }
    atomic_store(&storm.end, true);
    for (int i = 0; i < MANY; i++)
        pthread_join(threads[i], NULL);
    assert_true(atomic_load(&storm.refused) > 0);
    assert_true(atomic_load(&storm.busy) >= 5);
    assert_int_equal(atomic_load(&storm.other), 0);
    assert_true(program_metric(&two, "lp_auth_hash_rejected_total{reason=\"full\"}") >= 5);
    assert_true(program_metric(&two, "lp_auth_hash_wait_seconds_count") > 0);
    assert_true(program_metric(&two, "lp_auth_hash_in_flight") == 0);
    assert_int_equal(program_stop(&two), 0);
}

static void *log_in_slowly(void *arg)
{
    struct answer *answer = arg;
    *answer = fixture_login(&two, "slow@example.org", PASSWORD);
    return NULL;
}

/*
 * Three statements of one login wait for locks, together for longer than a drain lasts: the program
 * ends with 1, and frees nothing that its worker still uses.
 */
static void ends_with_1_when_a_drain_takes_too_long(void **state)
{
    (void)state;
    const char *url = fixture_database("auth_drain");
    struct answer answer = { 0 };
    pthread_t thread;
    fixture_start(&two, url, "REQUEST_DEADLINE=2s");
    program_wait(&two, true);
    auto_answer struct answer made = fixture_register(&two, "slow@example.org");
    assert_int_equal(made.status, 201);
    auto_answer struct answer wrong = fixture_login(&two, "slow@example.org", "wrong");
    assert_int_equal(wrong.status, 400); /* so that the next login has failures to forget */

    PGconn *brief = locked(url, "BEGIN; LOCK TABLE users");
    PGconn *lasting = locked(url, "BEGIN; LOCK TABLE sessions, login_failures IN EXCLUSIVE MODE");
    assert_int_equal(pthread_create(&thread, NULL, log_in_slowly, &answer), 0);
    int64_t end = lp_clock_ms() + 20000;
    while (program_metric(&two, "lp_requests_in_flight") < 1 && lp_clock_ms() < end)
        sched_yield();
    kill(two.pid, SIGTERM);
    poll(NULL, 0, 4000); /* the first statement goes on just before its time is over */
    PQfinish(brief);
    assert_int_equal(program_stop(&two), 1);
    PQfinish(lasting);
    pthread_join(thread, NULL);
    answer_done(&answer);
    lp_auto_free char *log = program_read_file(fixture_log());
    assert_non_null(strstr(log, "were not answered within"));
    assert_null(strstr(log, "Sanitizer"));
}

static void names_a_wrong_variable_and_never_a_secret(void **state)
{
    static const struct {
        const char *changed, *named, *hidden;
    } cases[] = {
        { "DATABASE_URL=", "DATABASE_URL", NULL },
        { "DATABASE_URL=postgresql://u:p%ss@h/d", "DATABASE_URL", "p%ss" },
        { "JWT_SECRET=", "JWT_SECRET", NULL },
        { "JWT_SIGNING_KEY=no key at all", "JWT_SIGNING_KEY", "no key" },
        { "JWT_SECRET=tooshort", "JWT_SECRET", "tooshort" },
        { "JWT_SECRET=" REFRESH_SECRET, "JWT_REFRESH_SECRET", REFRESH_SECRET },
        { "JWT_REFRESH_SECRET=tooshort", "JWT_REFRESH_SECRET", "tooshort" },
        { "PASSWORD_HASH=md5", "PASSWORD_HASH", NULL },
        { "ACCESS_TOKEN_TTL=forever", "ACCESS_TOKEN_TTL", NULL },
        { "DATABASE_CONNECTIONS=0", "DATABASE_CONNECTIONS", NULL },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_free char *output = NULL;
        assert_int_not_equal(fixture_check_config(cases[i].changed, &output), 0);
        if (!strstr(output, cases[i].named))
            fail_msg("%s is not named: %s", cases[i].named, output);
        if (cases[i].hidden && strstr(output, cases[i].hidden))
            fail_msg("a secret is shown: %s", output);
    }
    lp_auto_free char *good = NULL;
    assert_int_equal(fixture_check_config("LOG_LEVEL=info", &good), 0);
}

/* A program may have more statements than a connection keeps: what is over is sent whole. */
static void a_connection_runs_more_statements_than_it_keeps_prepared(void **state)
{
    enum { STATEMENTS = 80 };
    static char texts[STATEMENTS][2][32];
    static struct lp_db_statement statements[STATEMENTS];
    const struct lp_db_options options = { .url = fixture_database("auth_statements"),
                                           .application = "test",
                                           .connections_metric = "test_connections",
                                           .failures_metric = "test_failures",
                                           .max_connections = 1,
                                           .connect_timeout_ms = 5000,
                                           .query_timeout_ms = 20000 };
    struct lp_db *db = lp_db_new(&options);
    (void)state;
    for (int i = 0; i < 2 * STATEMENTS; i++) {
        int at = i % STATEMENTS;
        char value[16], want[16];
        snprintf(texts[at][0], sizeof texts[at][0], "statement_%d", at);
        snprintf(texts[at][1], sizeof texts[at][1], "SELECT $1::int + %d", at);
        snprintf(want, sizeof want, "%d", 100 + at);
        statements[at] = (struct lp_db_statement){ texts[at][0], texts[at][1], 1, true };
        ok(lp_rows_value(db, &statements[at], (const char *[]){ "100" }, value, sizeof value,
                         &err));
        assert_string_equal(value, want);
    }
    lp_db_free(db);
}

static void ends_with_0_at_sigterm(void **state)
{
    (void)state;
    assert_int_equal(program_stop(&one), 0);
}

static int start(void **state)
{
    (void)state;
    unlink(fixture_log());
    return 0;
}

static int stop(void **state)
{
    (void)state;
    program_stop(&one);
    program_stop(&two);
    fixture_postgres("start"); /* where a test failed between stop and start */
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(migrates_once_when_two_start_together),
        cmocka_unit_test(lets_one_of_many_register_an_address),
        cmocka_unit_test(gives_all_who_refresh_at_once_the_same_successor),
        cmocka_unit_test(logs_one_user_in_many_times_at_once),
        cmocka_unit_test(answers_503_without_its_database_and_recovers),
        cmocka_unit_test(does_not_trust_a_connection_that_the_server_closed),
        cmocka_unit_test(is_alive_but_not_ready_until_its_database_is_there),
        cmocka_unit_test(makes_its_tables_again_in_a_database_that_was_replaced),
        cmocka_unit_test(answers_503_before_its_tables_are_there),
        cmocka_unit_test(answers_503_to_writes_while_the_database_only_reads),
        cmocka_unit_test(deletes_audit_events_after_their_days_in_batches),
        cmocka_unit_test(answers_other_requests_while_logins_queue_up),
        cmocka_unit_test(ends_with_1_when_a_drain_takes_too_long),
        cmocka_unit_test(names_a_wrong_variable_and_never_a_secret),
        cmocka_unit_test(a_connection_runs_more_statements_than_it_keeps_prepared),
        cmocka_unit_test(ends_with_0_at_sigterm),
    };
    return cmocka_run_group_tests_name("auth_faults", tests, start, stop);
}
