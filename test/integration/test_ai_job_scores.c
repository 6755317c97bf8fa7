/* Levels of AI jobs and their scores, on a real PostgreSQL; beside programs of the version before.
 */
#include <string.h>

#include "integration/ai_jobs_fixture.h"
#include "services/ai-feedback/jobs/job_scores.h"

/* As the version before put it in and took it: SQL of its own. */
#define OLD_TAKE                                                                            \
    "WITH next AS (SELECT id FROM jobs WHERE state = 'queued' AND run_at <= now()"          \
    " ORDER BY run_at LIMIT 1 FOR UPDATE SKIP LOCKED) UPDATE jobs j SET state = 'running'," \
    " attempts = attempts + 1, lease = nextval('job_leases'), lease_until = now() +"        \
    " interval '30 s' FROM next WHERE j.id = next.id RETURNING j.text"

static void old_and_new_go_on_beside_each_other(void **state)
{
    const struct jobs_request q = { .owner = "ann", .text = "two", .level = "B1" };
    auto_job struct job job = { 0 };
    char id[LP_ROWS_UUID];
    bool repeated = false;

    (void)state;
    expect_sql("SELECT outcome FROM add_job('ann', 'text', 'k', 'one', 50, 10000, 268435456,"
               " interval '1 day')",
               "added");
    assert_int_equal(add("ann", "k", "one", id), 1); /* the same digest */
    expect_sql(OLD_TAKE, "one");
    ok(jobs_add(db, &q, id, &repeated, &err));
    ok(jobs_take(db, &job, &err));
    assert_string_equal(job.text, "two");
    assert_string_equal(job.level, "B1");
}

static void a_key_names_text_level_and_learner(void **state)
{
    struct jobs_request q = {
        .owner = "ann", .key = "k", .text = "a", .level = "B1", .learner = "\"ann\""
    };
    char id[LP_ROWS_UUID];
    bool repeated = false;

    (void)state;
    ok(jobs_add(db, &q, id, &repeated, &err));
    ok(jobs_add(db, &q, id, &repeated, &err));
    assert_true(repeated);
    q.level = "B2";
    assert_int_equal(jobs_add(db, &q, id, &repeated, &refused), LP_E_CONFLICT);
    q.level = "B1";
    q.learner = "\"bob\"";
    assert_int_equal(jobs_add(db, &q, id, &repeated, &refused), LP_E_CONFLICT);
}

static void a_score_waits_once_for_its_learner_and_outlives_the_job(void **state)
{
    lp_auto_buf struct lp_buf json = LP_BUF_INIT(1 << 16);
    const struct job_score score = { 90, "{\"spelling\":2}" };
    struct jobs_request q = { .owner = "ann", .text = "a", .learner = "\"ann\"" };
    struct job_score_due due = { .activity = NULL }, none = { .activity = NULL };
    auto_job struct job job = { 0 };
    char id[LP_ROWS_UUID];
    bool repeated = false;

    (void)state;
    ok(jobs_add(db, &q, id, &repeated, &err));
    ok(jobs_take(db, &job, &err));
    ok(jobs_finish(db, &job, "{}", &score, &err));
    ok(jobs_delete(db, id, "ann", &err));
    ok(job_scores_export(db, "ann", &json, &err));
    assert_non_null(strstr(json.ptr, "\"score\" : 90"));
    ok(job_scores_take(db, &due, &err));
    assert_string_equal(due.id, id);
    json_auto_t *activity = json_loads(due.activity, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(activity, "userId")), "ann");
    assert_int_equal(json_integer_value(json_object_get(activity, "score")), 90);
    free(due.activity);
    assert_int_equal(job_scores_take(db, &none, &refused), LP_E_NOT_FOUND); /* on its way */
    free(fixture_sql(url, "UPDATE job_scores SET due_at = now()")); /* who had it has ended */
    ok(job_scores_take(db, &due, &err));
    free(due.activity);
    ok(job_scores_done(db, due.id, &err));
    expect_sql("SELECT count(*) FROM job_scores", "0");
}

static void a_result_that_is_told_twice_is_logged_once_and_nothing_after_erasure(void **state)
{
    const struct job_score score = { 100, "{}" };
    struct jobs_request q = { .owner = "ann", .text = "a", .learner = "7" };
    auto_job struct job job = { 0 }, later = { 0 };
    char id[LP_ROWS_UUID];
    unsigned long n = 0;
    bool repeated = false;

    (void)state;
    ok(jobs_add(db, &q, id, &repeated, &err));
    ok(jobs_take(db, &job, &err));
    ok(jobs_finish(db, &job, "{}", &score, &err));
    free(fixture_sql(url, "DELETE FROM job_scores")); /* it was sent */
    ok(jobs_finish(db, &job, "{}", &score, &err));
    expect_sql("SELECT count(*) FROM job_scores", "0");
    ok(jobs_add(db, &q, id, &repeated, &err)); /* an admin's, for learner 7 */
    ok(jobs_take(db, &later, &err));
    ok(jobs_erase(db, "7", &n, &err));
    ok(jobs_finish(db, &later, "{}", &score, &err));
    expect_sql("SELECT count(*) FROM job_scores", "0");
    free(fixture_sql(url, "INSERT INTO job_scores VALUES (gen_random_uuid(), '7', 1, '{}')"));
    ok(job_scores_erase(db, "7", &n, &err));
    assert_int_equal(n, 1);
}

static void a_score_that_nobody_took_for_a_day_goes(void **state)
{
    struct job_score_due due = { .activity = NULL };
    unsigned long gone = 0;
    int64_t n = 0;

    (void)state;
    free(fixture_sql(url, "INSERT INTO job_scores VALUES (gen_random_uuid(), '7', 1, '{}'),"
                          " (gen_random_uuid(), '8', 2, '{}')"));
    free(fixture_sql(url, "UPDATE job_scores SET created_at = now() - interval '25 hours'"
                          " WHERE score = 1"));
    ok(job_scores_count(db, &n, &err));
    assert_int_equal(n, 2);
    ok(job_scores_take(db, &due, &err));
    assert_non_null(strstr(due.activity, "8"));
    free(due.activity);
    assert_int_equal(job_scores_take(db, &due, &refused), LP_E_NOT_FOUND);
    ok(job_scores_purge(db, &gone, &err));
    assert_int_equal(gone, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(old_and_new_go_on_beside_each_other, jobs_empty),
        cmocka_unit_test_setup(a_key_names_text_level_and_learner, jobs_empty),
        cmocka_unit_test_setup(a_score_waits_once_for_its_learner_and_outlives_the_job, jobs_empty),
        cmocka_unit_test_setup(a_result_that_is_told_twice_is_logged_once_and_nothing_after_erasure,
                               jobs_empty),
        cmocka_unit_test_setup(a_score_that_nobody_took_for_a_day_goes, jobs_empty),
    };
    return cmocka_run_group_tests(tests, jobs_begin, jobs_end);
}
