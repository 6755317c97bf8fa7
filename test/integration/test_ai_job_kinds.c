/* Kinds of AI jobs and their scores, on a real PostgreSQL; beside programs of the version before.
 */
#include <stdio.h>
#include <string.h>

#include "integration/auth_fixture.h"
#include "services/ai-feedback/jobs/job_scores.h"
#include "services/ai-feedback/jobs/queue.h"
#include "services/ai-feedback/jobs/tables.h"
#include "unit/check.h"

static const char *url;
static struct lp_db *db;
static struct lp_error refused; /* of calls that are to fail */

static struct lp_db *open_queue(unsigned connections)
{
    const struct lp_db_options options = { .url = url,
                                           .application = "test",
                                           .connections_metric = "test_connections",
                                           .failures_metric = "test_failures",
                                           .max_connections = connections,
                                           .connect_timeout_ms = 5000,
                                           .query_timeout_ms = 20000 };
    return lp_db_new(&options);
}

static int set_up(void **state)
{
    (void)state;
    url = fixture_database("ai_job_kinds");
    db = open_queue(8);
    ok(tables_migrate(db, &err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    lp_db_free(db);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    free(fixture_sql(url, "TRUNCATE jobs, job_scores"));
    return 0;
}

/* What the statement gives must be `wanted`. */
static void expect_sql(const char *sql, const char *wanted)
{
    lp_auto_free char *value = fixture_sql(url, sql);
    assert_string_equal(value ? value : "NULL", wanted);
}

static int add(const char *owner, const char *key, const char *text, char id[LP_ROWS_UUID])
{
    const struct jobs_request request = {
        .kind = JOB_TEXT, .owner = owner, .key = key, .text = text
    };
    bool repeated = false;
    int r = jobs_add(db, &request, id, &repeated, &refused);
    return r < 0 ? r : repeated;
}

/* As the version before put it in and took it: SQL of its own, which knows texts only. */
#define OLD_TAKE                                                                            \
    "WITH next AS (SELECT id FROM jobs WHERE state = 'queued' AND run_at <= now()"          \
    " ORDER BY run_at LIMIT 1 FOR UPDATE SKIP LOCKED) UPDATE jobs j SET state = 'running'," \
    " attempts = attempts + 1, lease = nextval('job_leases'), lease_until = now() +"        \
    " interval '30 s' FROM next WHERE j.id = next.id RETURNING j.text"

static void old_and_new_go_on_beside_each_other_and_old_workers_get_texts_alone(void **state)
{
    auto_job struct job job = { 0 }, text = { 0 };
    char id[LP_ROWS_UUID];
    const struct jobs_request spoken = { .kind = JOB_PRONUNCIATION,
                                         .owner = "ann",
                                         .text = "good morning",
                                         .audio = "\0\xff\\x'\n",
                                         .audio_len = 6,
                                         .level = "B1",
                                         .l1 = "zh" };
    bool repeated = false;

    (void)state;
    expect_sql("SELECT outcome FROM add_job('ann', 'text', 'k', 'one', 50, 10000, 268435456,"
               " interval '1 day')",
               "added");
    assert_int_equal(add("ann", "k", "one", id), 1); /* the same digest */
    expect_sql(OLD_TAKE, "one");
    ok(jobs_add(db, &spoken, id, &repeated, &err));
    free(fixture_sql(url, "DO $$DECLARE t text; BEGIN " OLD_TAKE " INTO t; RAISE 'given';"
                          " EXCEPTION WHEN check_violation THEN NULL; END$$"));
    assert_int_equal(jobs_take(db, JOB_TEXT, &text, &refused), LP_E_NOT_FOUND);
    ok(jobs_take(db, JOB_TEXT | JOB_PRONUNCIATION, &job, &err));
    assert_int_equal(job.kind, JOB_PRONUNCIATION);
    assert_string_equal(job.text, "good morning");
    assert_int_equal(job.audio_len, 6);
    assert_memory_equal(job.audio, spoken.audio, 6);
    assert_string_equal(job.level, "B1");
    assert_string_equal(job.l1, "zh");
    free(fixture_sql(url, "UPDATE jobs SET state = 'failed', text = NULL, reason = 'old', bytes = 0"
                          " WHERE kind = 'pronunciation'")); /* as an old service buries */
    expect_sql("SELECT state = 'failed' AND audio IS NULL FROM jobs WHERE kind <> 'text'", "t");
}

static void audio_is_bounded_each_and_of_one_owner(void **state)
{
    char id[LP_ROWS_UUID];
    lp_auto_free char *audio = lp_alloc(JOBS_AUDIO + 1);
    struct jobs_request q = {
        .kind = JOB_PRONUNCIATION, .owner = "ann", .text = "a", .audio = audio
    };
    bool repeated = false;

    (void)state;
    assert_int_equal(jobs_add(db, &q, id, &repeated, &refused), LP_E_INVALID);
    q.audio_len = JOBS_AUDIO + 1;
    assert_int_equal(jobs_add(db, &q, id, &repeated, &refused), LP_E_INVALID);
    assert_int_equal(refused.http_status, 413);
    q.kind = JOB_TEXT;
    assert_int_equal(jobs_add(db, &q, id, &repeated, &refused), LP_E_INVALID);
    q.kind = JOB_PRONUNCIATION;
    q.audio_len = JOBS_AUDIO;
    for (int64_t held = 0; held < JOBS_OWNER_AUDIO; held += (int64_t)JOBS_AUDIO)
        ok(jobs_add(db, &q, id, &repeated, &err));
    assert_int_equal(jobs_add(db, &q, id, &repeated, &refused), LP_E_TOO_LARGE);
    assert_non_null(strstr(refused.msg, "24 MB of audio"));
    assert_int_equal(add("ann", NULL, "a text may", id), 0);
    q.owner = "bob";
    ok(jobs_add(db, &q, id, &repeated, &err));
}

static void a_score_waits_once_for_its_learner_and_outlives_the_job(void **state)
{
    lp_auto_buf struct lp_buf json = LP_BUF_INIT(1 << 16);
    const struct job_score score = { 90, "{\"spelling\":2}" };
    struct jobs_request q = { .kind = JOB_TEXT, .owner = "ann", .text = "a", .learner = "\"ann\"" };
    struct job_score_due due = { .activity = NULL }, none = { .activity = NULL };
    auto_job struct job job = { 0 };
    char id[LP_ROWS_UUID];
    bool repeated = false;

    (void)state;
    ok(jobs_add(db, &q, id, &repeated, &err));
    ok(jobs_take(db, JOB_TEXT, &job, &err));
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
    struct jobs_request q = { .kind = JOB_TEXT, .owner = "ann", .text = "a", .learner = "7" };
    auto_job struct job job = { 0 }, later = { 0 };
    char id[LP_ROWS_UUID];
    unsigned long n = 0;
    bool repeated = false;

    (void)state;
    ok(jobs_add(db, &q, id, &repeated, &err));
    ok(jobs_take(db, JOB_TEXT, &job, &err));
    ok(jobs_finish(db, &job, "{}", &score, &err));
    free(fixture_sql(url, "DELETE FROM job_scores")); /* it was sent */
    ok(jobs_finish(db, &job, "{}", &score, &err));
    expect_sql("SELECT count(*) FROM job_scores", "0");
    ok(jobs_add(db, &q, id, &repeated, &err)); /* an admin's, for learner 7 */
    ok(jobs_take(db, JOB_TEXT, &later, &err));
    ok(jobs_erase(db, "7", &n, &err));
    ok(jobs_finish(db, &later, "{}", &score, &err));
    expect_sql("SELECT count(*) FROM job_scores", "0");
    free(fixture_sql(url, "INSERT INTO job_scores VALUES (gen_random_uuid(), '7', 1, '{}')"));
    ok(job_scores_erase(db, "7", &n, &err));
    assert_int_equal(n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(old_and_new_go_on_beside_each_other_and_old_workers_get_texts_alone,
                               empty),
        cmocka_unit_test_setup(audio_is_bounded_each_and_of_one_owner, empty),
        cmocka_unit_test_setup(a_score_waits_once_for_its_learner_and_outlives_the_job, empty),
        cmocka_unit_test_setup(a_result_that_is_told_twice_is_logged_once_and_nothing_after_erasure,
                               empty),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
