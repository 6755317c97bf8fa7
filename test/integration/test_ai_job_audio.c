/* Jobs with a recording, on a real PostgreSQL; and programs of the version before beside them.
 * Times are moved by SQL, nothing is waited for. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "integration/ai_jobs_fixture.h"
#include "services/ai-feedback/jobs/job_scores.h"

static const unsigned char wav[] = "RIFF\0\xff\x80'\\WAVE"; /* what text would not carry */

static int add_spoken(const char *owner, const char *key, const void *audio, size_t len,
                      const char *l1)
{
    const struct jobs_request request = { .owner = owner,
                                          .key = key,
                                          .text = "i read this",
                                          .level = "B1",
                                          .learner = "\"ann\"",
                                          .audio = audio,
                                          .audio_len = len,
                                          .l1 = l1 };
    char id[LP_ROWS_UUID];
    bool repeated = false;
    int r = jobs_add(db, &request, id, &repeated, &refused);
    return r < 0 ? r : repeated;
}

static int take(struct job *job)
{
    return jobs_take(db, job, &refused);
}

static void a_recording_comes_as_it_was_put_in_and_goes_when_the_job_is_over(void **state)
{
    auto_job struct job job = { 0 };
    lp_auto_free unsigned char *audio = NULL, *none = NULL;
    size_t len = 0;
    (void)state;
    assert_int_equal(add_spoken("ann", NULL, wav, sizeof wav, "zh-TW"), 0);
    expect_sql("SELECT kind || bytes FROM jobs", "pronunciation25");
    ok(take(&job));
    assert_true(job.spoken);
    assert_string_equal(job.text, "i read this");
    assert_string_equal(job.level, "B1");
    assert_string_equal(job.l1, "zh-TW");
    ok(jobs_audio(db, &job, &audio, &len, &err));
    assert_int_equal(len, sizeof wav);
    assert_memory_equal(audio, wav, len);
    ok(jobs_finish(db, &job, "{}", NULL, &err));
    expect_sql("SELECT audio IS NULL AND text IS NULL AND learner IS NULL AND bytes = 2 FROM jobs",
               "t");
    assert_int_equal(jobs_audio(db, &job, &none, &len, &refused), LP_E_CONFLICT);
}

static void a_recording_goes_with_a_dead_letter_and_with_a_job_that_expires(void **state)
{
    auto_job struct job job = { 0 }, none = { 0 };
    bool dead = false;
    (void)state;
    assert_int_equal(add_spoken("ann", NULL, wav, sizeof wav, NULL), 0);
    ok(take(&job));
    assert_string_equal(job.l1, "");
    ok(jobs_fail(db, &job, "no speech", true, &dead, &err));
    expect_sql("SELECT audio IS NULL AND state = 'failed' FROM jobs", "t");
    assert_int_equal(add_spoken("bob", NULL, wav, sizeof wav, NULL), 0);
    free(fixture_sql(url, "UPDATE jobs SET expires_at = now()"));
    assert_int_equal(take(&none), LP_E_NOT_FOUND);
    ok(jobs_purge(db, &err));
    expect_sql("SELECT count(*) FROM jobs", "0");
}

static void a_recording_is_exported_by_its_size_and_leaves_room_for_results(void **state)
{
    lp_auto_buf struct lp_buf json = LP_BUF_INIT((size_t)JOBS_OF_OWNER * 1024 + 4096);
    lp_auto_free char *big = lp_calloc(1, JOBS_AUDIO);
    (void)state;
    assert_int_equal(add_spoken("ann", NULL, big, JOBS_AUDIO, NULL), 0);
    ok(jobs_export(db, "ann", &json, &err));
    assert_non_null(strstr(json.ptr, "\"recordingBytes\":5825536"));
    assert_non_null(strstr(json.ptr, "\"text\":\"i read this\""));
}

/* What `lp-ai-worker` and `lp-ai-feedback` of the version before ask. */
#define OLD_TAKE                                                                                  \
    "WITH next AS (SELECT id FROM jobs WHERE state IN ('queued', 'running') AND expires_at > "    \
    "now() AND CASE state WHEN 'queued' THEN run_at <= now() ELSE lease_until <= now() AND "      \
    "attempts < 5 END ORDER BY run_at LIMIT 1 FOR UPDATE SKIP LOCKED) UPDATE jobs j SET state = " \
    "'running', attempts = attempts + 1, lease = nextval('job_leases'), lease_until = now() + "   \
    "interval '30 s' FROM next WHERE j.id = next.id RETURNING j.kind"
#define OLD_ADD                                                                                  \
    "SELECT outcome FROM add_job('old', 'text', NULL, 'one', 50, 10000, 268435456, interval '1 " \
    "day', 'A1', NULL)"
#define OLD_BURIAL \
    "SELECT count(*) FROM jobs WHERE state = 'running' AND lease_until <= now() AND attempts >= 5"

static void workers_of_the_version_before_get_texts_alone_whatever_is_first(void **state)
{
    auto_job struct job spoken = { 0 }, text = { 0 };
    (void)state;
    assert_int_equal(add_spoken("ann", NULL, wav, sizeof wav, NULL), 0);
    expect_sql(OLD_ADD, "added");
    expect_sql(OLD_TAKE, "text");
    free(fixture_sql(url, "UPDATE jobs SET lease_until = now() WHERE state = 'running'"));
    ok(take(&spoken));
    assert_true(spoken.spoken);
    ok(take(&text)); /* the lease of who was of the version before is over */
    assert_string_equal(text.text, "one");
    assert_int_equal(text.attempt, 2);
    free(
        fixture_sql(url, "UPDATE jobs SET lease_until = now(), attempts = 5 WHERE kind <> 'text'"));
    expect_sql(OLD_BURIAL, "0");
    free(fixture_sql(url, "UPDATE jobs SET attempts = 1 WHERE kind <> 'text'"));
    lp_auto_free char *none = fixture_sql(url, OLD_TAKE);
    assert_true(!none || !*none);
}

static void the_times_of_a_job_with_a_recording_are_those_of_others(void **state)
{
    auto_job struct job job = { 0 }, none = { 0 }, again = { 0 }, lost = { 0 };
    unsigned long n = 0;
    bool dead = false;
    (void)state;
    assert_int_equal(add_spoken("ann", NULL, wav, sizeof wav, NULL), 0);
    ok(take(&job));
    assert_false(job.suspect);
    assert_int_equal(take(&none), LP_E_NOT_FOUND);
    expect_sql("SELECT round(extract(epoch FROM ready_at - now()) / 10) FROM jobs", "3");
    ok(jobs_renew(db, &job, 1, &n, &err));
    assert_int_equal(n, 1);
    ok(jobs_give_back(db, &job, &err));
    ok(take(&again));
    assert_int_equal(again.attempt, 1);
    ok(jobs_fail(db, &again, "why", false, &dead, &err));
    assert_int_equal(take(&none), LP_E_NOT_FOUND);
    expect_sql("SELECT ceil(extract(epoch FROM ready_at - now())) FROM jobs", "2");
    free(fixture_sql(url, "UPDATE jobs SET run_at = now()"));
    ok(take(&lost));
    assert_false(lost.suspect); /* it failed, but its worker went on */
    free(fixture_sql(url, "UPDATE jobs SET lease_until = now(), attempts = 5"));
    ok(jobs_bury(db, &n, &err));
    assert_int_equal(n, 1);
    expect_sql("SELECT audio IS NULL AND state = 'failed' FROM jobs", "t");
}

static void a_job_whose_worker_ended_is_suspect(void **state)
{
    auto_job struct job first = { 0 }, second = { 0 };
    char id[LP_ROWS_UUID];
    (void)state;
    assert_int_equal(add("ann", NULL, "one", id), 0);
    ok(take(&first));
    assert_false(first.suspect);
    free(fixture_sql(url, "UPDATE jobs SET lease_until = now()"));
    ok(take(&second));
    assert_true(second.suspect);
}

static void recordings_have_bounds_of_their_own_and_texts_keep_their_room(void **state)
{
    lp_auto_free char *big = lp_calloc(1, JOBS_AUDIO);
    char id[LP_ROWS_UUID];
    (void)state;
    assert_int_equal(add_spoken("ann", NULL, big, JOBS_AUDIO, NULL), 0);
    assert_int_equal(add_spoken("ann", NULL, big, JOBS_AUDIO, NULL), 0);
    assert_int_equal(add_spoken("ann", NULL, big, JOBS_AUDIO, NULL), LP_E_TOO_LARGE);
    assert_non_null(strstr(refused.msg, "12 MB"));
    assert_int_equal(add_spoken("bob", NULL, big, JOBS_AUDIO, NULL), 0);
    free(fixture_sql(url, "UPDATE jobs SET bytes = 201326592 - 24 WHERE owner = 'bob';"
                          "DELETE FROM jobs WHERE owner = 'ann'"));
    assert_int_equal(add_spoken("ann", NULL, wav, sizeof wav, NULL), LP_E_UNAVAILABLE);
    assert_int_equal(refused.http_status, 503);
    assert_int_equal(add("ann", NULL, "a text", id), 0);
    free(fixture_sql(url, "UPDATE jobs SET bytes = 201326592 - 25 WHERE owner = 'bob'"));
    assert_int_equal(add_spoken("ann", NULL, wav, sizeof wav, NULL), 0);
}

static void one_key_is_one_recording_in_one_language(void **state)
{
    (void)state;
    assert_int_equal(add_spoken("ann", "k", wav, sizeof wav, "id"), 0);
    assert_int_equal(add_spoken("ann", "k", wav, sizeof wav, "id"), 1);
    assert_int_equal(add_spoken("ann", "k", wav, sizeof wav - 1, "id"), LP_E_CONFLICT);
    assert_int_equal(add_spoken("ann", "k", wav, sizeof wav, "es"), LP_E_CONFLICT);
    assert_int_equal(add_spoken("ann", "k", wav, sizeof wav, NULL), LP_E_CONFLICT);
}

static void the_score_of_a_recording_is_an_activity_of_its_own(void **state)
{
    const struct job_score score = { 71, "{}" };
    struct job_score_due due = { .activity = NULL };
    auto_job struct job job = { 0 };
    (void)state;
    assert_int_equal(add_spoken("ann", NULL, wav, sizeof wav, NULL), 0);
    ok(take(&job));
    ok(jobs_finish(db, &job, "{}", &score, &err));
    ok(job_scores_take(db, &due, &err));
    lp_auto_free char *activity = due.activity;
    assert_non_null(strstr(activity, "\"activityName\" : \"AI pronunciation\", \"score\" : 71"));
}

/* add_spoken's are of ann, whoever sends them. */
static void an_erasure_takes_recordings_of_a_learner_that_others_sent_and_no_others(void **state)
{
    struct jobs_request text = { .owner = "root", .text = "of ann", .learner = "\"ann\"" };
    struct jobs_request other = {
        .owner = "root", .text = "of 7", .learner = "7", .audio = wav, .audio_len = sizeof wav
    };
    auto_job struct job running = { 0 };
    char id[LP_ROWS_UUID];
    bool repeated = false;
    unsigned long n = 0;
    (void)state;
    assert_int_equal(add_spoken("root", "running", wav, sizeof wav, NULL), 0);
    ok(take(&running));
    assert_int_equal(add_spoken("root", "waits", wav, sizeof wav, NULL), 0);
    assert_int_equal(add_spoken("ann", "own", wav, sizeof wav, NULL), 0);
    ok(jobs_add(db, &text, id, &repeated, &err));
    ok(jobs_add(db, &other, id, &repeated, &err));
    ok(jobs_erase(db, "ann", &n, &err));
    assert_int_equal(n, 3);
    expect_sql("SELECT string_agg(text || ' for ' || coalesce(learner #>> '{}', 'nobody'), ', '"
               " ORDER BY text) FROM jobs",
               "of 7 for 7, of ann for nobody");
    assert_int_equal(jobs_finish(db, &running, "{}", NULL, &refused), LP_E_CONFLICT);
    ok(jobs_erase(db, "7", &n, &err)); /* a number as JSON */
    assert_int_equal(n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_recording_comes_as_it_was_put_in_and_goes_when_the_job_is_over,
                               jobs_empty),
        cmocka_unit_test_setup(a_recording_goes_with_a_dead_letter_and_with_a_job_that_expires,
                               jobs_empty),
        cmocka_unit_test_setup(a_recording_is_exported_by_its_size_and_leaves_room_for_results,
                               jobs_empty),
        cmocka_unit_test_setup(workers_of_the_version_before_get_texts_alone_whatever_is_first,
                               jobs_empty),
        cmocka_unit_test_setup(the_times_of_a_job_with_a_recording_are_those_of_others, jobs_empty),
        cmocka_unit_test_setup(a_job_whose_worker_ended_is_suspect, jobs_empty),
        cmocka_unit_test_setup(recordings_have_bounds_of_their_own_and_texts_keep_their_room,
                               jobs_empty),
        cmocka_unit_test_setup(one_key_is_one_recording_in_one_language, jobs_empty),
        cmocka_unit_test_setup(the_score_of_a_recording_is_an_activity_of_its_own, jobs_empty),
        cmocka_unit_test_setup(
            an_erasure_takes_recordings_of_a_learner_that_others_sent_and_no_others, jobs_empty),
    };
    return cmocka_run_group_tests(tests, jobs_begin, jobs_end);
}
