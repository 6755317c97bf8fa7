/*
 * GET /api/progress/analytics of the real program beside a real database: who sees it, what counts
 * and what counts once, and what is left of a learner after an erasure.
 */
#include <mongoc/mongoc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "integration/progress_fixture.h"
#include "json/json.h"
#include "service/identity.h"
#include "service/jwt.h"
#include "unit/check.h"

#define SECRET "secret-of-the-issuer"
#define KEY_AUTH "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"
#define ANALYTICS "/api/progress/analytics"
#define HOUR_MS 3600000LL

static char *teacher;

static char *token(const char *user, const char *role)
{
    struct lp_jwt_keys *k = NULL;
    char *text = NULL;
    json_auto_t *claims =
        lp_json_make("{s:s, s:s, s:s, s:I}", "userId", user, "role", role, "typ", "access", "exp",
                     (json_int_t)(lp_clock_wall_ms() / 1000 + 600));
    ok(lp_jwt_keys_new(SECRET, &k, &err));
    ok(lp_jwt_sign(k, claims, &text, &err));
    lp_jwt_keys_free(k);
    return text;
}

static int setup(void **state)
{
    static const char *const env[] = { "AUTH_JWT_SECRET=" SECRET, "CALLER_KEY_AUTH=" KEY_AUTH,
                                       "RETENTION_DAYS=1000", NULL };
    (void)state;
    teacher = token("eve", "teacher");
    return progress_setup(env);
}

static int teardown(void **state)
{
    free(teacher);
    return progress_teardown(state);
}

/* ---- what is asked and logged ---- */

static struct answer ask_as(const char *bearer, const char *method, const char *path)
{
    return program_ask(progress.port, path, (struct ask){ .method = method, .bearer = bearer });
}

/* `score` may have more members after it. */
static void log_as(const char *user, const char *activity, const char *score, const char *key)
{
    const char *headers[4] = { "Content-Type: application/json" };
    const struct lp_http_client_options options = { .total_timeout_ms = 60000 };
    lp_auto_http_response struct lp_http_response ret = LP_HTTP_RESPONSE_INIT;
    lp_auto_http_client struct lp_http_client *c = NULL;
    lp_auto_free char *bearer = token(user, "user");
    lp_auto_free char *authorization = lp_sprintf("Authorization: Bearer %s", bearer);
    lp_auto_free char *once = key ? lp_sprintf("Idempotency-Key: %s", key) : NULL;
    lp_auto_free char *url = lp_sprintf("http://127.0.0.1:%d" LOG, progress.port);
    lp_auto_free char *body = lp_sprintf("{\"userId\":\"%s\",\"activityName\":\"%s\",\"score\":%s}",
                                         user, activity, score);
    headers[1] = authorization;
    headers[2] = once;
    struct lp_http_request q = {
        .method = "POST", .url = url, .headers = headers, .body = body, .body_len = strlen(body)
    };
    ok(lp_http_client_new(&options, &c, &err));
    ok(lp_http_do(c, &q, &ret, &err));
    assert_int_equal(ret.status, 201);
}

static mongoc_collection_t *collection(mongoc_client_t **ret_client, const char *name)
{
    *ret_client = mongoc_client_new(mongo.uri);
    return mongoc_client_get_collection(*ret_client, "test", name);
}

/* One that was stored at a time, written past the program. */
static void store_at(const char *user, const char *activity, int score, int64_t at_ms)
{
    mongoc_client_t *client;
    mongoc_collection_t *logs = collection(&client, "activitylogs");
    bson_t *d = BCON_NEW("userId", BCON_UTF8(user), "activityName", BCON_UTF8(activity), "score",
                         BCON_INT32(score), "feedback", "{", "spelling", BCON_INT32(2), "}",
                         "createdAt", BCON_DATE_TIME(at_ms));
    assert_true(mongoc_collection_insert_one(logs, d, NULL, NULL, NULL));
    bson_destroy(d);
    mongoc_collection_destroy(logs);
    mongoc_client_destroy(client);
}

/* Of one activity in an answer, or NULL. */
static const json_t *figures_of(const json_t *answer, const char *activity)
{
    size_t i;
    const json_t *one;

    json_array_foreach(json_object_get(answer, "byActivity"), i,
                       one) if (strcmp(lp_json_str(one, "activityName", NULL), activity) ==
                                0) return one;
    return NULL;
}

static int64_t count_of(const json_t *answer, const char *activity)
{
    return lp_json_int(0, figures_of(answer, activity), "count", NULL);
}

/* The answer once `activity` has been counted `want` times. */
static json_t *await_count(const char *path, const char *activity, int64_t want)
{
    for (int64_t end = lp_clock_ms() + 60000;; poll(NULL, 0, 50)) {
        auto_answer struct answer a = ask_as(teacher, "GET", path);
        assert_int_equal(a.status, 200);
        if (count_of(a.body, activity) == want)
            return json_incref(a.body);
        if (lp_clock_ms() > end)
            fail_msg("%s is counted %lld times, not %lld", activity,
                     (long long)count_of(a.body, activity), (long long)want);
    }
}

static int64_t heat_sum(const json_t *answer)
{
    size_t day, hour;
    json_t *hours, *n;
    int64_t sum = 0;

    assert_int_equal(json_array_size(json_object_get(answer, "heatMap")), 7);
    json_array_foreach(json_object_get(answer, "heatMap"), day, hours)
    {
        assert_int_equal(json_array_size(hours), 24);
        json_array_foreach(hours, hour, n) sum += json_integer_value(n);
    }
    return sum;
}

/* ---- tests ---- */

static void teachers_and_admins_see_sums_and_nobody_else_does(void **state)
{
    lp_auto_free char *user = token("ann", "user"), *admin = token("root", "admin");
    struct lp_caller *c = NULL;
    lp_auto_free char *header = NULL;
    (void)state;
    ok(lp_caller_new("auth", KEY_AUTH, &c, &err));
    ok(lp_caller_header(c, "progress", &header, &err));
    lp_caller_free(c);
    const struct {
        const char *bearer;
        int status;
    } cases[] = { { teacher, 200 },
                  { admin, 200 },
                  { user, 403 },
                  { NULL, 401 },
                  { header + strlen("Authorization: Bearer "), 403 } };
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        auto_answer struct answer a = ask_as(cases[i].bearer, "GET", ANALYTICS);
        if (a.status != cases[i].status)
            fail_msg("case %zu: %d", i, a.status);
        if (a.status == 200)
            assert_int_equal(lp_json_int(-1, a.body, "activities", NULL), 0);
    }
}

static void a_repeated_key_counts_once(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        log_as("learner-amy", "Reading", "80", "one");
    log_as("learner-amy", "Reading", "60,\"feedback\":{\"tense\":1,\"article\":3}", "two");
    log_as("learner-amy", "Reading", "60,\"feedback\":{\"tense\":1,\"article\":3}", "two");
    log_as("learner-ben", "Reading", "\"70.5\"", NULL);
    log_as("learner-ben", "Speaking", "null", NULL);
    json_decref(await_count(ANALYTICS, "Speaking", 1));
    json_auto_t *a = await_count(ANALYTICS, "Reading", 3);
    const json_t *reading = figures_of(a, "Reading");
    assert_int_equal(lp_json_int(-1, reading, "scored", NULL), 3);
    assert_true(json_number_value(json_object_get(reading, "mean")) == 210.5 / 3);
    assert_true(json_is_null(json_object_get(reading, "trend")));
    assert_true(json_is_null(json_object_get(figures_of(a, "Speaking"), "mean")));
    assert_int_equal(lp_json_int(-1, a, "activities", NULL), 4);
    assert_int_equal(heat_sum(a), 4);
    assert_int_equal(lp_json_int(-1, a, "activeLearners", NULL), 2);
    assert_true(json_is_null(json_object_get(a, "others")));
    json_auto_t *feedback = json_pack("[{s:s,s:i},{s:s,s:i}]", "category", "article", "count", 3,
                                      "category", "tense", "count", 1);
    assert_true(json_equal(json_object_get(a, "feedback"), feedback));
    assert_int_equal(lp_json_int(-1, a, "feedbackOthers", NULL), 0);
    lp_auto_free char *text = json_dumps(a, 0);
    assert_null(strstr(text, "learner-"));
}

/* As where the version before wrote them, or a process that was killed. */
static void hours_of_before_are_counted_from_the_activities(void **state)
{
    int64_t hour = lp_clock_wall_ms() / HOUR_MS * HOUR_MS - 10 * 24 * HOUR_MS;
    (void)state;
    assert_int_equal(program_stop(&progress), 0);
    for (int i = 0; i < 12; i++) {
        store_at("learner-cid", "Old", 50 + i, hour + i * 2 * HOUR_MS);
        store_at("learner-dan", "Old", 50 + i, hour + i * 2 * HOUR_MS + 1);
    }
    /* It was counted up to an hour ago already: it begins anew where the state is gone. */
    mongoc_client_t *client;
    mongoc_collection_t *rollups = collection(&client, "activityrollups");
    bson_t *all = BCON_NEW("_id", "state");
    assert_true(mongoc_collection_delete_many(rollups, all, NULL, NULL, NULL));
    bson_destroy(all);
    mongoc_collection_destroy(rollups);
    mongoc_client_destroy(client);
    progress_start();
    program_wait(&progress, true);
    json_auto_t *a = await_count(ANALYTICS, "Old", 24);
    assert_true(json_number_value(json_object_get(figures_of(a, "Old"), "mean")) == 55.5);
    double trend = json_number_value(json_object_get(figures_of(a, "Old"), "trend"));
    assert_true(trend > 11.99 && trend < 12.01);
    assert_int_equal(count_of(a, "Reading"), 3); /* of this hour, as they were logged */
    const json_t *most = json_array_get(json_object_get(a, "feedback"), 0);
    assert_string_equal(lp_json_str(most, "category", NULL), "spelling");
    assert_int_equal(lp_json_int(-1, most, "count", NULL), 48);
    assert_int_equal(lp_json_int(-1, a, "activeLearners", NULL), 4);
    lp_auto_free char *first = lp_sprintf(ANALYTICS "?from=%s", "2020-01-01");
    auto_answer struct answer wide = ask_as(teacher, "GET", first);
    assert_int_equal(wide.status, 400);
    assert_non_null(strstr(lp_json_str(wide.body, "error", NULL), "at most 92 days"));
}

/* The range is in whole hours, so one that ends before the last of them lacks it. */
static void a_range_has_its_hours_and_reads_no_others(void **state)
{
    int64_t hour = lp_clock_wall_ms() / HOUR_MS * HOUR_MS - 10 * 24 * HOUR_MS;
    char from[LP_CLOCK_TEXT], to[LP_CLOCK_TEXT];
    (void)state;
    lp_clock_format(hour + 2 * HOUR_MS + 5000, 0, from);
    lp_clock_format(hour + 6 * HOUR_MS, 0, to);
    lp_auto_free char *path = lp_sprintf(ANALYTICS "?from=%s&to=%s&zone=Asia/Kolkata", from, to);
    auto_answer struct answer a = ask_as(teacher, "GET", path);
    assert_int_equal(a.status, 200);
    assert_int_equal(count_of(a.body, "Old"), 4);
    assert_int_equal(heat_sum(a.body), 4);
    assert_int_equal(lp_json_int(-1, a.body, "documentsRead", NULL), 3); /* two hours, the state */
    assert_string_equal(lp_json_str(a.body, "zone", NULL), "Asia/Kolkata");
    auto_answer struct answer zone = ask_as(teacher, "GET", ANALYTICS "?zone=Mars/Olympus");
    assert_int_equal(zone.status, 400);
    assert_non_null(strstr(lp_json_str(zone.body, "error", NULL), "zone: must be"));
}

static void an_erasure_takes_the_learner_out_of_the_sums(void **state)
{
    lp_auto_free char *dan = token("learner-dan", "user"), *cid = token("learner-cid", "user");
    (void)state;
    auto_answer struct answer gone = ask_as(dan, "DELETE", DATA "/learner-dan");
    assert_int_equal(lp_json_int(-1, gone.body, "deleted", NULL), 12);
    json_auto_t *half = await_count(ANALYTICS, "Old", 12);
    assert_int_equal(lp_json_int(-1, half, "activeLearners", NULL), 3);
    auto_answer struct answer both = ask_as(cid, "DELETE", DATA "/learner-cid");
    assert_int_equal(lp_json_int(-1, both.body, "deleted", NULL), 12);
    json_auto_t *none = await_count(ANALYTICS, "Old", 0);
    assert_null(figures_of(none, "Old"));
    assert_int_equal(lp_json_int(-1, none, "activeLearners", NULL), 2);
}

static void change(const char *name, bson_t *selector, bson_t *update)
{
    mongoc_client_t *client;
    mongoc_collection_t *c = collection(&client, name);
    bson_t *upsert = BCON_NEW("upsert", BCON_BOOL(true));
    assert_true(mongoc_collection_update_one(c, selector, update, upsert, NULL, NULL));
    bson_destroy(upsert);
    bson_destroy(selector);
    bson_destroy(update);
    mongoc_collection_destroy(c);
    mongoc_client_destroy(client);
}

/* Another pod has read an hour's activities, and writes its sums after the erasure of one of them.
 */
static void an_erasure_reaches_an_hour_that_is_being_counted(void **state)
{
    int64_t now = lp_clock_wall_ms(), hour = now / HOUR_MS * HOUR_MS - 20 * 24 * HOUR_MS;
    lp_auto_free char *fay = token("learner-fay", "user"), *ida = token("learner-ida", "user");
    (void)state;
    store_at("learner-fay", "Late", 50, hour);
    store_at("learner-gus", "Late", 60, hour + 1);
    change("activityrollups", BCON_NEW("_id", "state"),
           BCON_NEW("$set", "{", "until", BCON_DATE_TIME(hour), "claimed",
                    BCON_DATE_TIME(now + HOUR_MS), "}"));
    auto_answer struct answer gone = ask_as(fay, "DELETE", DATA "/learner-fay");
    assert_int_equal(lp_json_int(-1, gone.body, "deleted", NULL), 1);
    change("activityrollups", BCON_NEW("_id", BCON_DATE_TIME(hour)),
           BCON_NEW("$set", "{", "final", BCON_BOOL(true), "q", "{", "0", BCON_INT32(2), "}", "a",
                    "{", "k", "{", "name", "Late", "n", BCON_INT32(2), "}", "}", "}"));
    json_decref(await_count(ANALYTICS, "Late", 2));
    change("activityrollups", BCON_NEW("_id", "state"),
           BCON_NEW("$set", "{", "until", BCON_DATE_TIME(now / HOUR_MS * HOUR_MS - HOUR_MS), "}",
                    "$unset", "{", "claimed", BCON_INT32(1), "}"));
    auto_answer struct answer wake = ask_as(ida, "DELETE", DATA "/learner-ida");
    assert_int_equal(wake.status, 200);
    json_auto_t *left = await_count(ANALYTICS, "Late", 1);
    assert_true(json_number_value(json_object_get(figures_of(left, "Late"), "mean")) == 60);
}

/* ---- days ---- */

#define DAY_MS (24 * HOUR_MS)

/* The answer that was put together from `documents`, in whole days. */
static void await_documents(const char *path, int64_t documents, int64_t count)
{
    int64_t read = 0;
    for (int64_t end = lp_clock_ms() + 60000; lp_clock_ms() < end; poll(NULL, 0, 50)) {
        auto_answer struct answer a = ask_as(teacher, "GET", path);
        assert_int_equal(a.status, 200);
        read = lp_json_int(-1, a.body, "documentsRead", NULL);
        if (read != documents || count_of(a.body, "Days") != count)
            continue;
        assert_int_equal(heat_sum(a.body), count);
        return;
    }
    fail_msg("%lld documents are read, not %lld with a count of %lld", (long long)read,
             (long long)documents, (long long)count);
}

static void drop(const char *name, bson_t *selector)
{
    mongoc_client_t *client;
    mongoc_collection_t *c = collection(&client, name);
    assert_true(mongoc_collection_delete_many(c, selector, NULL, NULL, NULL));
    bson_destroy(selector);
    mongoc_collection_destroy(c);
    mongoc_client_destroy(client);
}

/* What a version that knows of no days does to hours, and what a process leaves that is killed. */
static void spoil_days(int64_t day)
{
    change("activityrollups", BCON_NEW("_id", BCON_DATE_TIME(day + 5 * HOUR_MS)),
           BCON_NEW("$set", "{", "final", BCON_BOOL(true), "q", "{", "0", BCON_INT64(7), "}", "a",
                    "{", "k", "{", "name", "Days", "n", BCON_INT64(7), "}", "}", "o", "{", "n",
                    BCON_INT64(0), "}", "}"));
    drop("activityrollups", BCON_NEW("_id", BCON_DATE_TIME(day + DAY_MS + 3 * HOUR_MS)));
    change("activityrollupdays", BCON_NEW("_id", BCON_DATE_TIME(day + 2 * DAY_MS)),
           BCON_NEW("$set", "{", "open", "someone", "}"));
}

static void days_follow_their_hours_whoever_counts_these(void **state)
{
    int64_t day = lp_clock_wall_ms() / DAY_MS * DAY_MS - 40 * DAY_MS;
    char from[LP_CLOCK_TEXT], to[LP_CLOCK_TEXT];
    (void)state;
    assert_int_equal(program_stop(&progress), 0);
    for (int i = 0; i < 3; i++) {
        store_at("learner-hal", "Days", 50, day + i * DAY_MS + 5 * HOUR_MS);
        store_at("learner-hal", "Days", 50, day + i * DAY_MS + 9 * HOUR_MS);
        store_at("learner-hal", "Days", 50, day + i * DAY_MS + 23 * HOUR_MS);
    }
    store_at("learner-hal", "Days", 50, day + DAY_MS + 3 * HOUR_MS);
    drop("activityrollups", BCON_NEW("_id", "state"));
    progress_start();
    program_wait(&progress, true);
    lp_clock_format(day, 0, from);
    lp_clock_format(day + 4 * DAY_MS, 0, to);
    lp_auto_free char *path = lp_sprintf(ANALYTICS "?from=%s&to=%s", from, to);
    await_documents(path, 4, 10); /* of the fourth day there is none */
    spoil_days(day);
    await_documents(path, 7, 10); /* the three hours of the day that is open */
    assert_int_equal(program_stop(&progress), 0);
    progress_start();
    program_wait(&progress, true);
    await_documents(path, 4, 10 - 1 + 6); /* one hour has 7 now, and another is gone */
    lp_auto_free char *hal = token("learner-hal", "user");
    auto_answer struct answer gone = ask_as(hal, "DELETE", DATA "/learner-hal");
    assert_int_equal(gone.status, 200);
    await_documents(path, 1, 0); /* hours without activities go, and days without hours */
}

static void a_database_that_is_away_is_503(void **state)
{
    (void)state;
    progress_mongo_kill();
    auto_answer struct answer a = ask_as(teacher, "GET", ANALYTICS);
    assert_int_equal(a.status, 503);
    assert_int_equal(a.retry_after_ms, 1000);
    progress_mongo_start();
    program_wait(&progress, true);
    json_decref(await_count(ANALYTICS, "Reading", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(teachers_and_admins_see_sums_and_nobody_else_does),
        cmocka_unit_test(a_repeated_key_counts_once),
        cmocka_unit_test(hours_of_before_are_counted_from_the_activities),
        cmocka_unit_test(a_range_has_its_hours_and_reads_no_others),
        cmocka_unit_test(an_erasure_takes_the_learner_out_of_the_sums),
        cmocka_unit_test(an_erasure_reaches_an_hour_that_is_being_counted),
        cmocka_unit_test(days_follow_their_hours_whoever_counts_these),
        cmocka_unit_test(a_database_that_is_away_is_503),
    };
    return cmocka_run_group_tests_name("progress_analytics", tests, setup, teardown);
}
