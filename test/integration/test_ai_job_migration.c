/* Jobs that were there when version 3 of their table came, on a real PostgreSQL: texts alone, in
 * each state, and a score that waits. */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "integration/ai_jobs_fixture.h"
#include "services/ai-feedback/jobs/job_scores.h"
#include "services/ai-feedback/jobs/tables.h"

/* What add_job() of version 2 makes, and what its workers made of it. */
#define ADD(owner, key, text)                                                             \
    "SELECT outcome FROM add_job('" owner "', 'text', '" key "', '" text "', 50, 10000, " \
    "268435456, interval '1 day', 'B1', '\"" owner "\"');"

static const char *const before[] = {
    ADD("ann", "waits", "i waits"),
    ADD("ann", "later", "i waits longer"),
    ADD("bob", "lost", "whose worker ended"),
    ADD("bob", "held", "a worker has it"),
    ADD("eve", "done", "it is over"),
    ADD("eve", "failed", "it failed"),
    "UPDATE jobs SET run_at = now() - interval '1 hour' WHERE key = 'waits'",
    "UPDATE jobs SET run_at = now() + interval '1 hour' WHERE key = 'later'",
    "UPDATE jobs SET state = 'running', attempts = 1, lease = nextval('job_leases'),"
    " lease_until = now() - interval '1 minute' WHERE key = 'lost'",
    "UPDATE jobs SET state = 'running', attempts = 1, lease = nextval('job_leases'),"
    " lease_until = now() + interval '1 hour' WHERE key = 'held'",
    "UPDATE jobs SET state = 'done', text = NULL, result = '{\"old\":1}', bytes = 9,"
    " finished_at = now() WHERE key = 'done'",
    "UPDATE jobs SET state = 'failed', text = NULL, reason = 'why', bytes = 0,"
    " finished_at = now() WHERE key = 'failed'",
    "INSERT INTO job_scores (id, learner, score, feedback)"
    " SELECT id, '\"eve\"', 64, '{\"tense\": 2}' FROM jobs WHERE key = 'done'",
};

static int begin(void **state)
{
    (void)state;
    url = fixture_database(program_invocation_short_name);
    db = jobs_pool(2);
    ok(tables_migrate_to(db, 2, &err));
    for (size_t i = 0; i < LP_COUNT(before); i++)
        free(fixture_sql(url, before[i]));
    expect_sql("SELECT max(version) FROM schema_migrations", "2");
    expect_sql("SELECT count(*) FROM jobs", "6");
    ok(tables_migrate(db, &err));
    return 0;
}

static void rows_keep_what_they_held_and_get_their_times(void **state)
{
    (void)state;
    expect_sql("SELECT max(version) >= 3 FROM schema_migrations", "t");
    expect_sql("SELECT count(*) FROM jobs WHERE kind = 'text' AND audio IS NULL AND l1 IS NULL",
               "6");
    expect_sql("SELECT count(*) FROM jobs WHERE state IN ('queued', 'running') AND ready_at ="
               " CASE state WHEN 'queued' THEN run_at ELSE lease_until END",
               "4");
    expect_sql("SELECT text || level || (learner #>> '{}') FROM jobs WHERE key = 'waits'",
               "i waitsB1ann");
}

static void what_is_over_is_still_its_owners(void **state)
{
    lp_auto_buf struct lp_buf json = LP_BUF_INIT(4096);
    struct job_score_due due = { .activity = NULL };
    (void)state;
    lp_auto_free char *id = fixture_sql(url, "SELECT id FROM jobs WHERE key = 'done'");
    ok(jobs_read(db, id, "eve", &json, &err));
    assert_non_null(strstr(json.ptr, "\"old\":1"));
    ok(job_scores_take(db, &due, &err));
    lp_auto_free char *activity = due.activity;
    assert_non_null(strstr(activity, "\"activityName\" : \"AI feedback\", \"score\" : 64"));
}

static void a_key_of_before_is_known_with_its_text(void **state)
{
    struct jobs_request request = { .owner = "ann",
                                    .key = "later",
                                    .text = "i waits longer",
                                    .level = "B1",
                                    .learner = "\"ann\"" };
    char id[LP_ROWS_UUID];
    bool repeated = false;
    (void)state;
    ok(jobs_add(db, &request, id, &repeated, &err));
    assert_true(repeated);
    request.text = "another";
    assert_int_equal(jobs_add(db, &request, id, &repeated, &refused), LP_E_CONFLICT);
}

static void what_waited_and_what_was_lost_are_taken_and_nothing_else(void **state)
{
    auto_job struct job first = { 0 }, second = { 0 }, none = { 0 };
    (void)state;
    ok(jobs_take(db, &first, &err));
    assert_string_equal(first.text, "i waits");
    assert_int_equal(first.attempt, 1);
    ok(jobs_take(db, &second, &err));
    assert_string_equal(second.text, "whose worker ended");
    assert_int_equal(second.attempt, 2);
    assert_true(second.suspect);
    assert_int_equal(jobs_take(db, &none, &refused), LP_E_NOT_FOUND);
    ok(jobs_finish(db, &first, "{}", NULL, &err));
    expect_sql("SELECT state FROM jobs WHERE key = 'waits'", "done");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_keep_what_they_held_and_get_their_times),
        cmocka_unit_test(what_is_over_is_still_its_owners),
        cmocka_unit_test(a_key_of_before_is_known_with_its_text),
        cmocka_unit_test(what_waited_and_what_was_lost_are_taken_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, begin, jobs_end);
}
