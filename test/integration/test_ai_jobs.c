/* The queue of AI jobs on a real PostgreSQL. Times are moved by SQL, nothing is waited for. */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/stop.h"
#include "integration/ai_jobs_fixture.h"
#include "postgres/dbwatch.h"
#include "services/ai-feedback/jobs/tables.h"

static int take(struct job *job)
{
    return jobs_take(db, job, &refused);
}

static int renewed(const struct job *jobs, unsigned n)
{
    unsigned long n_renewed = 0;
    ok(jobs_renew(db, jobs, n, &n_renewed, &err));
    return (int)n_renewed;
}

static void expect_read(const char *id, const char *owner, const char *part)
{
    lp_auto_buf struct lp_buf json = LP_BUF_INIT(1 << 20);
    ok(jobs_read(db, id, owner, &json, &err));
    if (!strstr(json.ptr, part))
        fail_msg("%s is not in %s", part, json.ptr);
}

static void a_job_is_done_once_and_its_text_goes_with_that(void **state)
{
    auto_job struct job job = { 0 }, none = { 0 };
    char id[LP_ROWS_UUID];

    (void)state;
    assert_int_equal(add("ann", NULL, "i has a dog", id), 0);
    expect_read(id, "ann", "\"state\":\"queued\"");
    assert_int_equal(take(&job), 0);
    assert_string_equal(job.id, id);
    assert_string_equal(job.text, "i has a dog");
    assert_int_equal(job.attempt, 1);
    assert_int_equal(take(&none), LP_E_NOT_FOUND);
    assert_int_equal(renewed(&job, 1), 1);
    ok(jobs_finish(db, &job, "{\"score\":90}", NULL, &err));
    ok(jobs_finish(db, &job, "{\"score\":90}", NULL, &err)); /* its answer was lost on the way */
    expect_read(id, "ann", ",\"result\":{\"score\":90}}");
    expect_sql("SELECT text IS NULL AND bytes = 12 FROM jobs", "t");
    assert_int_equal(take(&none), LP_E_NOT_FOUND);
    assert_int_equal(renewed(&job, 1), 0);
    assert_int_equal(jobs_give_back(db, &job, &refused), LP_E_CONFLICT);
}

static void a_job_whose_lease_ran_out_is_taken_by_another_and_the_first_counts_no_more(void **state)
{
    auto_job struct job first = { 0 }, second = { 0 };
    char id[LP_ROWS_UUID];
    bool dead = false;

    (void)state;
    assert_int_equal(add("ann", NULL, "one", id), 0);
    assert_int_equal(take(&first), 0);
    free(fixture_sql(url, "UPDATE jobs SET lease_until = now()"));
    assert_int_equal(take(&second), 0);
    assert_string_equal(second.id, first.id);
    assert_int_equal(second.attempt, 2);
    assert_int_equal(renewed(&first, 1), 0);
    assert_int_equal(jobs_finish(db, &first, "1", NULL, &refused), LP_E_CONFLICT);
    assert_int_equal(jobs_fail(db, &first, "why", false, &dead, &refused), LP_E_CONFLICT);
    ok(jobs_finish(db, &second, "2", NULL, &err));
    assert_int_equal(jobs_finish(db, &first, "1", NULL, &refused), LP_E_CONFLICT);
    expect_read(id, "ann", "\"result\":2}");
}

static void what_fails_waits_longer_each_time_and_is_a_dead_letter_in_the_end(void **state)
{
    static const char *const waits[] = { "2", "4", "8", "16" };
    char id[LP_ROWS_UUID];

    (void)state;
    assert_int_equal(add("ann", NULL, "one", id), 0);
    for (int i = 1; i <= JOBS_ATTEMPTS; i++) {
        auto_job struct job job = { 0 }, none = { 0 };
        bool dead = false;
        assert_int_equal(take(&job), 0);
        ok(jobs_fail(db, &job, "it broke", false, &dead, &err));
        assert_int_equal(dead, i == JOBS_ATTEMPTS);
        assert_int_equal(take(&none), LP_E_NOT_FOUND);
        if (dead)
            break;
        expect_sql("SELECT ceil(extract(epoch FROM run_at - now())) FROM jobs", waits[i - 1]);
        free(fixture_sql(url, "UPDATE jobs SET run_at = now()"));
    }
    expect_read(id, "ann", "\"state\":\"failed\"");
    expect_read(id, "ann", "\"reason\":\"it broke\"");
    expect_sql("SELECT text IS NULL AND bytes = 0 FROM jobs", "t");
}

static void
a_job_that_ends_each_worker_is_buried_and_one_given_back_has_lost_no_attempt(void **state)
{
    auto_job struct job job = { 0 }, again = { 0 }, none = { 0 };
    char id[LP_ROWS_UUID];
    unsigned long n = 0;

    (void)state;
    assert_int_equal(add("ann", NULL, "one", id), 0);
    assert_int_equal(take(&job), 0);
    ok(jobs_give_back(db, &job, &err));
    assert_int_equal(take(&again), 0);
    assert_int_equal(again.attempt, 1);
    free(fixture_sql(url, "UPDATE jobs SET attempts = 5, lease_until = now()"));
    assert_int_equal(take(&none), LP_E_NOT_FOUND);
    ok(jobs_bury(db, &n, &err));
    assert_int_equal(n, 1);
    expect_read(id, "ann", "each worker that tried this ended");
}

static void a_key_names_one_job_of_its_owner_and_another_text_under_it_is_refused(void **state)
{
    char id[LP_ROWS_UUID], same[LP_ROWS_UUID], other[LP_ROWS_UUID];

    (void)state;
    assert_int_equal(add("ann", "k", "one", id), 0);
    assert_int_equal(add("ann", "k", "one", same), 1);
    assert_string_equal(id, same);
    assert_int_equal(add("ann", "k", "two", same), LP_E_CONFLICT);
    assert_int_equal(add("bob", "k", "one", other), 0);
    assert_string_not_equal(id, other);
    free(fixture_sql(url, "UPDATE jobs SET expires_at = now()"));
    assert_int_equal(add("ann", "k", "two", same), 0);
}

static void nobody_sees_or_deletes_the_job_of_another(void **state)
{
    lp_auto_buf struct lp_buf json = LP_BUF_INIT(1 << 20);
    char id[LP_ROWS_UUID];
    unsigned long n = 0;

    (void)state;
    assert_int_equal(add("ann", NULL, "hers", id), 0);
    assert_int_equal(jobs_read(db, id, "bob", &json, &refused), LP_E_NOT_FOUND);
    assert_int_equal(jobs_delete(db, id, "bob", &refused), LP_E_NOT_FOUND);
    assert_int_equal(jobs_read(db, "1 OR 1=1", "ann", &json, &refused), LP_E_NOT_FOUND);
    ok(jobs_export(db, "bob", &json, &err));
    assert_string_equal(json.ptr, "[]");
    lp_buf_reset(&json);
    ok(jobs_export(db, "ann", &json, &err));
    assert_non_null(strstr(json.ptr, ",\"text\":\"hers\"}]"));
    ok(jobs_erase(db, "bob", &n, &err));
    assert_int_equal(n, 0);
    ok(jobs_delete(db, id, "ann", &err));
    assert_int_equal(jobs_read(db, id, "ann", &json, &refused), LP_E_NOT_FOUND);
}

static void what_an_export_has_no_room_for_is_left_out_the_newest_results_first(void **state)
{
    lp_auto_buf struct lp_buf json = LP_BUF_INIT((size_t)7 << 20);

    (void)state;
    free(fixture_sql(
        url, "INSERT INTO jobs (owner, kind, digest, state, result, bytes, created_at,"
             " expires_at) SELECT 'ann', 'text', '', 'done', to_json(repeat('x', size - 2)), size,"
             " now() + n * interval '1 s', now() + interval '1 day'"
             " FROM unnest(ARRAY[3000000, 5000000, 100]) WITH ORDINALITY t(size, n)"));
    ok(jobs_export(db, "ann", &json, &err));
    json_auto_t *jobs = json_loadb(json.ptr, json.len, 0, NULL);
    assert_int_equal(json_array_size(jobs), 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(json_object_get(json_array_get(jobs, i), "result") != NULL, i == 0);
}

static void what_has_expired_is_shown_to_nobody_and_goes(void **state)
{
    lp_auto_buf struct lp_buf json = LP_BUF_INIT(1 << 20);
    auto_job struct job job = { 0 }, none = { 0 };
    char id[LP_ROWS_UUID];
    int64_t n = -1;

    (void)state;
    assert_int_equal(add("ann", NULL, "one", id), 0);
    assert_int_equal(take(&job), 0);
    ok(jobs_backlog(db, &n, &err));
    assert_int_equal(n, 1);
    free(fixture_sql(url, "UPDATE jobs SET created_at = now() - interval '1 h'"));
    ok(jobs_oldest(db, &n, &err));
    assert_in_range(n, 3600, 3700);
    free(fixture_sql(url, "UPDATE jobs SET expires_at = now(), lease_until = now()"));
    ok(jobs_backlog(db, &n, &err));
    assert_int_equal(n, 0);
    ok(jobs_oldest(db, &n, &err));
    assert_int_equal(n, 0);
    assert_int_equal(take(&none), LP_E_NOT_FOUND);
    assert_int_equal(jobs_read(db, id, "ann", &json, &refused), LP_E_NOT_FOUND);
    ok(jobs_purge(db, &err));
    expect_sql("SELECT count(*) FROM jobs", "0");
    assert_int_equal(jobs_finish(db, &job, "1", NULL, &refused), LP_E_CONFLICT);
}

static void *flood(void *owner)
{
    char id[LP_ROWS_UUID];
    for (int i = 0; i < 20; i++)
        add(owner, NULL, "one", id);
    return NULL;
}

static void bounds_hold_though_many_ask_at_once(void **state)
{
    char id[LP_ROWS_UUID];
    pthread_t threads[4];

    (void)state;
    for (size_t i = 0; i < LP_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, flood, (void *)(uintptr_t) "ann"), 0);
    for (size_t i = 0; i < LP_COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    expect_sql("SELECT count(*) FROM jobs", "50");
    assert_int_equal(add("ann", NULL, "one", id), LP_E_TOO_LARGE);
    assert_int_equal(add("bob", NULL, "one", id), 0);
    free(fixture_sql(url, "UPDATE jobs SET bytes = 268435456 WHERE owner = 'bob'"));
    assert_int_equal(add("cem", NULL, "one", id), LP_E_UNAVAILABLE);
    free(fixture_sql(url, "UPDATE jobs SET bytes = 1;"
                          "INSERT INTO jobs (owner, kind, digest, text, bytes, expires_at)"
                          " SELECT 'o' || n, 'text', '', 't', 1, now() + interval '1 day'"
                          " FROM generate_series(1, 9949) n"));
    assert_int_equal(add("cem", NULL, "one", id), LP_E_UNAVAILABLE);
}

/* Takes and finishes until nothing waits; returns how many. */
static void *work(void *unused)
{
    uintptr_t n = 0;

    (void)unused;
    for (;; n++) {
        auto_job struct job job = { 0 };
        if (take(&job) < 0)
            return (void *)n;
        if (jobs_finish(db, &job, "1", NULL, &refused) < 0)
            return (void *)n;
    }
}

static void leases_are_renewed_at_once_each_that_is_still_ours(void **state)
{
    struct job jobs[3] = { { .attempt = 0 } };
    char id[LP_ROWS_UUID];

    (void)state;
    assert_int_equal(renewed(NULL, 0), 0);
    for (size_t i = 0; i < LP_COUNT(jobs); i++) {
        assert_int_equal(add("ann", NULL, "a text", id), 0);
        assert_int_equal(take(&jobs[i]), 0);
    }
    free(fixture_sql(url, "UPDATE jobs SET lease_until = now() + interval '1 s'"));
    ok(jobs_finish(db, &jobs[1], "{}", NULL, &err));
    assert_int_equal(renewed(jobs, LP_COUNT(jobs)), 2);
    expect_sql("SELECT count(*) FROM jobs WHERE state = 'running'"
               " AND lease_until > now() + interval '20 s'",
               "2");
    for (size_t i = 0; i < LP_COUNT(jobs); i++)
        job_done(&jobs[i]);
}

static void a_result_that_the_queue_has_no_room_for_is_not_taken(void **state)
{
    auto_job struct job job = { 0 };
    char id[LP_ROWS_UUID], bulk[LP_ROWS_UUID];
    lp_auto_free char *fill =
        lp_sprintf("UPDATE jobs SET bytes = %lld - 10 WHERE owner = 'bob'", (long long)JOBS_BYTES);

    (void)state;
    assert_int_equal(add("ann", NULL, "i has a dog", id), 0);
    assert_int_equal(take(&job), 0);
    assert_int_equal(add("bob", NULL, "much", bulk), 0);
    free(fixture_sql(url, fill));
    assert_int_equal(jobs_finish(db, &job, "{\"score\":90}", NULL, &refused), LP_E_TOO_LARGE);
    assert_non_null(strstr(refused.msg, "at most 256 MB of texts and results"));
    expect_read(id, "ann", "\"state\":\"running\"");
    ok(jobs_finish(db, &job, "[1,2,3,4]", NULL, &err)); /* its own text counts no more */
    free(fixture_sql(url, "DELETE FROM jobs WHERE owner = 'ann'"));
    assert_int_equal(jobs_finish(db, &job, "{\"score\":90}", NULL, &refused), LP_E_CONFLICT);
}

/* The connection on which the result was not taken may not read the table any more. */
static void a_look_up_that_fails_is_told_as_such_and_not_as_a_job_of_another(void **state)
{
    auto_job struct job job = { 0 };
    char id[LP_ROWS_UUID];
    struct lp_db *one = jobs_pool(1);
    lp_auto_free char *fill =
        lp_sprintf("UPDATE jobs SET bytes = %lld WHERE owner = 'bob'", (long long)JOBS_BYTES);

    (void)state;
    assert_int_equal(add("ann", NULL, "i has a dog", id), 0);
    assert_int_equal(take(&job), 0);
    assert_int_equal(add("bob", NULL, "much", id), 0);
    free(fixture_sql(url, fill));
    free(fixture_sql(url, "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
                          " PERFORM set_config('role', 'pg_monitor', false); RETURN NULL; END$$;"
                          "CREATE TRIGGER lose BEFORE UPDATE ON jobs"
                          " FOR EACH STATEMENT EXECUTE FUNCTION lose()"));
    int r = jobs_finish(one, &job, "{\"score\":90}", NULL, &refused);
    free(fixture_sql(url, "DROP TRIGGER lose ON jobs; DROP FUNCTION lose"));
    lp_db_free(one);
    assert_int_equal(r, LP_E_INTERNAL);
    assert_non_null(strstr(refused.msg, "job_is_ours"));
}

static void workers_at_the_same_time_never_get_the_same_job(void **state)
{
    pthread_t threads[4];
    uintptr_t done = 0;

    (void)state;
    free(fixture_sql(url, "INSERT INTO jobs (owner, kind, digest, text, bytes, expires_at)"
                          " SELECT 'o' || n, 'text', '', 't', 1, now() + interval '1 day'"
                          " FROM generate_series(1, 400) n"));
    for (size_t i = 0; i < LP_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, NULL), 0);
    for (size_t i = 0; i < LP_COUNT(threads); i++) {
        void *n = NULL;
        pthread_join(threads[i], &n);
        done += (uintptr_t)n;
    }
    assert_int_equal(done, 400);
    expect_sql("SELECT count(*) FROM jobs WHERE state = 'done' AND attempts = 1", "400");
}

static int purge(struct lp_db *of, void *purged, struct lp_error *ignored)
{
    (void)of;
    (void)ignored;
    return sem_post(purged);
}

static int migrate(struct lp_db *of, void *unused, struct lp_error *why)
{
    (void)unused;
    return tables_migrate(of, why);
}

static bool is_posted(sem_t *s)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += 30;
    return sem_clockwait(s, CLOCK_MONOTONIC, &until) == 0;
}

/* By default it comes again after ten minutes. */
static void what_is_over_goes_as_often_as_the_service_asks_for(void **state)
{
    sem_t purged;
    const struct lp_dbwatch_options options = { .thread = "test-db",
                                                .up_metric = "test_db_up",
                                                .migrate = migrate,
                                                .purge = purge,
                                                .user = &purged,
                                                .purge_ms = 100 };
    struct lp_stop *stop = lp_stop_new();
    struct lp_dbwatch *watch = NULL;

    (void)state;
    sem_init(&purged, 0, 0);
    ok(lp_dbwatch_new(db, &options, stop, &watch, &err));
    bool once = is_posted(&purged), twice = once && is_posted(&purged);
    lp_stop_request(stop);
    lp_dbwatch_free(watch);
    lp_stop_free(stop);
    sem_destroy(&purged);
    assert_true(twice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_job_is_done_once_and_its_text_goes_with_that, jobs_empty),
        cmocka_unit_test_setup(
            a_job_whose_lease_ran_out_is_taken_by_another_and_the_first_counts_no_more, jobs_empty),
        cmocka_unit_test_setup(what_fails_waits_longer_each_time_and_is_a_dead_letter_in_the_end,
                               jobs_empty),
        cmocka_unit_test_setup(
            a_job_that_ends_each_worker_is_buried_and_one_given_back_has_lost_no_attempt,
            jobs_empty),
        cmocka_unit_test_setup(
            a_key_names_one_job_of_its_owner_and_another_text_under_it_is_refused, jobs_empty),
        cmocka_unit_test_setup(nobody_sees_or_deletes_the_job_of_another, jobs_empty),
        cmocka_unit_test_setup(what_an_export_has_no_room_for_is_left_out_the_newest_results_first,
                               jobs_empty),
        cmocka_unit_test_setup(what_has_expired_is_shown_to_nobody_and_goes, jobs_empty),
        cmocka_unit_test_setup(bounds_hold_though_many_ask_at_once, jobs_empty),
        cmocka_unit_test_setup(leases_are_renewed_at_once_each_that_is_still_ours, jobs_empty),
        cmocka_unit_test_setup(a_result_that_the_queue_has_no_room_for_is_not_taken, jobs_empty),
        cmocka_unit_test_setup(a_look_up_that_fails_is_told_as_such_and_not_as_a_job_of_another,
                               jobs_empty),
        cmocka_unit_test_setup(workers_at_the_same_time_never_get_the_same_job, jobs_empty),
        cmocka_unit_test(what_is_over_goes_as_often_as_the_service_asks_for),
    };
    return cmocka_run_group_tests(tests, jobs_begin, jobs_end);
}
