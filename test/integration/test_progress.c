/*
 * The contract of lp-progress, asked of the real program over HTTP, beside a real database; ACCESS
 * is Any, as in the platform being replaced.
 */
#include "integration/progress_fixture.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "json/json.h"
#include "unit/check.h"

#define INCOMPLETE "{\"message\":\"please provide all fields\"}"
#define NOT_FOUND "{\"message\":\"resource not found\"}"

static int setup(void **state)
{
    static const char *const env[] = { "ACCESS=Any", NULL };
    (void)state;
    return progress_setup(env);
}

/* ---- tests ---- */

static void stores_what_was_sent_trimmed_and_cast(void **state)
{
    (void)state;
    progress_assert(
        LOG,
        "{\"userId\":4711,\"activityName\":\"  Reading \",\"activityDuration\":\"12.5\","
        "\"score\":80,\"comment\":\"good\",\"role\":\"admin\"}",
        201, LOGGED);
    auto_answer struct answer a = progress_ask(LOG "/4711", NULL);
    const json_t *d = json_array_get(a.body, 0);
    assert_int_equal(a.status, 200);
    assert_int_equal(json_array_size(a.body), 1);
    assert_int_equal(strlen(lp_json_str(d, "_id", NULL)), 24);
    assert_string_equal(lp_json_str(d, "userId", NULL), "4711");
    assert_string_equal(lp_json_str(d, "activityName", NULL), "Reading");
    assert_true(json_number_value(json_object_get(d, "activityDuration")) == 12.5);
    assert_true(json_is_integer(json_object_get(d, "score")));
    assert_string_equal(lp_json_str(d, "comment", NULL), "good");
    const char *created = lp_json_str(d, "createdAt", NULL);
    assert_int_equal(strlen(created), strlen("2026-12-01T09:00:00.123Z"));
    assert_true(lp_clock_wall_ms() - lp_clock_parse(created) < 60000);
    assert_string_equal(lp_json_str(d, "updatedAt", NULL), created);
    assert_int_equal(lp_json_int(-1, d, "__v", NULL), 0);
    assert_null(json_object_get(d, "role"));
}

static void refuses_what_the_contract_refuses(void **state)
{
    static const struct {
        const char *body, *want;
    } cases[] = {
        { "{}", INCOMPLETE },
        { "{\"userId\":\"u\"}", INCOMPLETE },
        { "{\"userId\":\"u\",\"activityName\":\"  \"}", INCOMPLETE },
        { "{\"userId\":{\"$ne\":null},\"activityName\":\"a\"}",
          "{\"message\":\"error logging activity:\",\"error\":\"activityLog validation failed: "
          "userId: Cast to string failed for value {\\\"$ne\\\":null} at path \\\"userId\\\"\"}" },
        { "{\"userId\":\"u\",\"activityName\":\"a\",\"score\":\"abc\"}",
          "{\"message\":\"error logging activity:\",\"error\":\"activityLog validation failed: "
          "score: Cast to Number failed for value \\\"abc\\\" at path \\\"score\\\"\"}" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++)
        progress_assert(LOG, cases[i].body, 400, cases[i].want);
    auto_answer struct answer broken = progress_ask(LOG, "{\"userId\":");
    assert_int_equal(broken.status, 400);
    assert_string_equal(lp_json_str(broken.body, "message", NULL), "error logging activity:");
    auto_answer struct answer form = program_ask(
        progress.port, LOG,
        (struct ask){ .body = "userId=u", .type = "application/x-www-form-urlencoded" });
    assert_int_equal(form.status, 415);
    assert_int_equal(progress_count("u"), 0);
}

static void takes_bodies_up_to_its_limit(void **state)
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(200000);
    (void)state;
    lp_buf_str(&b, "{\"userId\":\"large\",\"activityName\":\"a\",\"filler\":\"");
    while (b.len < 100 * 1024 - 2)
        lp_buf_char(&b, 'x');
    lp_buf_str(&b, "\"}");
    progress_assert(LOG, b.ptr, 201, LOGGED);
    lp_buf_char(&b, ' ');
    progress_assert(LOG, b.ptr, 413, "{\"message\":\"request entity too large\"}");
}

static void answers_unknown_routes_in_json(void **state)
{
    (void)state;
    progress_assert("/", NULL, 404, NOT_FOUND);
    progress_assert("/api/progress/other", NULL, 404, NOT_FOUND);
    progress_assert(LOG, NULL, 404, NOT_FOUND);
    auto_answer struct answer put =
        program_ask(progress.port, LOG, (struct ask){ .method = "PUT", .body = "{}" });
    assert_int_equal(put.status, 404);
    progress_assert("/health", NULL, 200, "{\"status\":\"ok\",\"service\":\"progress-service\"}");
}

static void lists_newest_first_and_answers_304(void **state)
{
    lp_auto_http_response struct lp_http_response first = LP_HTTP_RESPONSE_INIT,
                                                  again = LP_HTTP_RESPONSE_INIT,
                                                  changed = LP_HTTP_RESPONSE_INIT;
    (void)state;
    progress_assert(LOG "/etag", NULL, 404, NO_LOGS);
    progress_log_score("etag", "one", 1);
    progress_log_score("etag", "two", 2);
    progress_ask_with(LOG "/etag", "Accept: */*", NULL, &first);
    json_auto_t *list = json_loads(first.body.ptr, 0, NULL);
    assert_string_equal(lp_json_str(json_array_get(list, 0), "activityName", NULL), "two");
    assert_string_equal(lp_json_str(json_array_get(list, 1), "activityName", NULL), "one");
    assert_memory_equal(first.etag, "W/\"", 3);
    lp_auto_free char *known = lp_sprintf("If-None-Match: \"x\", %s", first.etag);
    progress_ask_with(LOG "/ETAG", known, NULL, &changed);
    assert_int_equal(changed.status, 404); /* ids keep their case */
    progress_ask_with(LOG "/etag", known, NULL, &again);
    assert_int_equal(again.status, 304);
    assert_int_equal(again.body.len, 0);
    progress_log_score("etag", "three", 3);
    progress_ask_with(LOG "/etag", known, NULL, &again);
    assert_int_equal(again.status, 200);
}

static void pages_give_the_same_as_the_whole(void **state)
{
    (void)state;
    for (int i = 0; i < 25; i++)
        progress_log_score("pages", "a", i);
    auto_answer struct answer whole = progress_ask(LOG "/pages", NULL);
    assert_int_equal(json_array_size(whole.body), 25);
    lp_auto_free char *path = lp_strdup(LOG "/pages?limit=10");
    size_t seen = 0;
    for (size_t want = 10; want > 0;) {
        auto_answer struct answer page = progress_ask(path, NULL);
        want = json_array_size(page.body);
        assert_int_equal(want, seen < 20 ? 10 : seen < 25 ? 5 : 0);
        for (size_t i = 0; i < want; i++)
            assert_true(
                json_equal(json_array_get(page.body, i), json_array_get(whole.body, seen + i)));
        seen += want;
        free(path);
        path = lp_sprintf(LOG "/pages?limit=10&before=%s",
                          lp_json_str(json_array_get(whole.body, seen - 1), "_id", NULL));
    }
    auto_answer struct answer older = progress_ask(LOG "/pages?before=2020-01-01T00:00:00Z", NULL);
    assert_int_equal(older.status, 200);
    assert_int_equal(json_array_size(older.body), 0);
}

/* Over one megabyte: sent in pieces, as many documents as were logged. */
static void streams_a_long_list(void **state)
{
    lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(100000);
    (void)state;
    lp_buf_str(&b, "{\"userId\":\"long\",\"activityName\":\"a\",\"comment\":\"");
    while (b.len < 60000)
        lp_buf_char(&b, 'c');
    lp_buf_str(&b, "\"}");
    for (int i = 0; i < 40; i++)
        progress_assert(LOG, b.ptr, 201, LOGGED);
    progress_ask_with(LOG "/long", "Accept: */*", NULL, &r);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.etag, "");
    json_auto_t *list = json_loadb(r.body.ptr, r.body.len, 0, NULL);
    assert_int_equal(json_array_size(list), 40);
}

static void refuses_pages_that_make_no_sense(void **state)
{
    static const char *const queries[] = { "limit=0",      "limit=1001",       "limit=x",
                                           "limit=-1",     "before=yesterday", "limit=%ff",
                                           "before=%e2%82" };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(queries); i++) {
        lp_auto_free char *path = lp_sprintf(LOG "/pages?%s", queries[i]);
        auto_answer struct answer a = progress_ask(path, NULL);
        assert_int_equal(a.status, 400);
    }
    auto_answer struct answer gone =
        progress_ask(LOG "/pages?before=0123456789abcdef01234567", NULL);
    assert_int_equal(gone.status, 404);
}

static void recommends_the_lowest_average(void **state)
{
    (void)state;
    progress_assert(RECOMMENDATION "/rec", NULL, 404,
                    "{\"message\":\"no scorable activity for this user\"}");
    progress_assert(LOG, "{\"userId\":\"rec\",\"activityName\":\"Unscored\"}", 201, LOGGED);
    progress_assert(RECOMMENDATION "/rec", NULL, 404,
                    "{\"message\":\"no scorable activity for this user\"}");
    progress_log_score("rec", "Reading", 90);
    progress_log_score("rec", "Speaking", 50);
    progress_log_score("rec", "Speaking", 75);
    progress_log_score("rec", "Listening", 70);
    progress_log_score("other", "Grammar", 1);
    progress_assert(RECOMMENDATION "/rec", NULL, 200,
                    "{\"message\":\"activity recommendation based on lowest average score.\","
                    "\"activityName\":\"Speaking\",\"averageScore\":62.5,\"numberOfAttemps\":2}");
}

static void *deliver(void *user)
{
    lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
    progress_ask_with(LOG, "Idempotency-Key: delivery-1",
                      "{\"userId\":\"once\",\"activityName\":\"a\",\"score\":1}", &r);
    *(int *)user = r.status;
    return NULL;
}

static void stores_a_repeated_delivery_once(void **state)
{
    pthread_t threads[8];
    int status[8] = { 0 };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(threads); i++)
        pthread_create(&threads[i], NULL, deliver, &status[i]);
    for (size_t i = 0; i < LP_COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < LP_COUNT(threads); i++)
        assert_int_equal(status[i], 201);
    assert_int_equal(progress_count("once"), 1);
    lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
    progress_ask_with(LOG, "Idempotency-Key: delivery-1",
                      "{\"userId\":\"twice\",\"activityName\":\"a\"}", &r);
    progress_ask_with(LOG, "Idempotency-Key: delivery-2",
                      "{\"userId\":\"twice\",\"activityName\":\"a\"}", &r);
    assert_int_equal(progress_count("twice"), 2);
}

/* Issue 12, 36. */
static void skips_a_byte_order_mark(void **state)
{
    (void)state;
    progress_assert(LOG, "\xef\xbb\xbf{\"userId\":\"bom\",\"activityName\":\"a\"}", 201, LOGGED);
    assert_int_equal(progress_count("bom"), 1);
}

/* Issue 12, 37. */
static void numbers_as_user_ids_are_what_javascript_makes_of_them(void **state)
{
    static const struct {
        const char *number, *id;
    } cases[] = { { "12345678901234567890", "12345678901234567000" },
                  { "99999999999999999999999", "1e%2B23" },
                  { "1e3", "1000" } };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_free char *body =
            lp_sprintf("{\"userId\":%s,\"activityName\":\"a\"}", cases[i].number);
        progress_assert(LOG, body, 201, LOGGED);
        assert_int_equal(progress_count(cases[i].id), 1);
    }
}

/* Issue 12, 39. */
static void the_list_trims_its_user_id_as_the_log_does(void **state)
{
    (void)state;
    progress_log_score("  spaced ", "a", 70);
    assert_int_equal(progress_count("spaced"), 1);
    assert_int_equal(progress_count("%20%20spaced%20"), 1);
    assert_int_equal(progress_count("%C2%A0spaced%09"), 1);
    auto_answer struct answer rec = progress_ask(RECOMMENDATION "/%20spaced", NULL);
    assert_int_equal(rec.status, 200);
}

/* Issue 12, 40. */
static void a_quoted_key_is_the_same_key(void **state)
{
    static const struct {
        const char *header;
        int status;
        size_t stored;
    } cases[] = {
        { "Idempotency-Key: quoted-1", 201, 1 },     { "Idempotency-Key: \"quoted-1\"", 201, 1 },
        { "Idempotency-Key: \"quoted 2\"", 201, 2 }, { "Idempotency-Key: \"open", 400, 2 },
        { "Idempotency-Key: \"a\" b", 400, 2 },      { "Idempotency-Key: two words", 400, 2 }
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
        progress_ask_with(LOG, cases[i].header, "{\"userId\":\"quoted\",\"activityName\":\"a\"}",
                          &r);
        assert_int_equal(r.status, cases[i].status);
        assert_int_equal(progress_count("quoted"), cases[i].stored);
    }
}

static void loses_no_answered_write_when_the_database_dies(void **state)
{
    size_t stored = 0;
    (void)state;
    for (int i = 0; i < 20; i++) {
        progress_log_score("durable", "a", i);
        stored++;
    }
    progress_mongo_kill();
    auto_answer struct answer down =
        progress_ask(LOG, "{\"userId\":\"durable\",\"activityName\":\"lost\",\"score\":0}");
    assert_int_equal(down.status, 503);
    assert_string_equal(lp_json_str(down.body, "error", NULL), "the database does not answer");
    assert_int_equal(down.retry_after_ms, 1000);
    int64_t end = lp_clock_ms() + 60000;
    for (int status = 200; status == 200;) {
        auto_answer struct answer a =
            program_ask(progress.metrics_port, "/readyz", (struct ask){ 0 });
        status = a.status;
        assert_true(lp_clock_ms() < end);
        poll(NULL, 0, 50);
    }
    auto_answer struct answer alive =
        program_ask(progress.metrics_port, "/livez", (struct ask){ 0 });
    assert_int_equal(alive.status, 200);
    progress_assert("/health", NULL, 200, "{\"status\":\"ok\",\"service\":\"progress-service\"}");
    progress_mongo_start();
    program_wait(&progress, true);
    assert_int_equal(progress_count("durable"), stored);
}

static void starts_before_its_database(void **state)
{
    (void)state;
    assert_int_equal(program_stop(&progress), 0);
    progress_mongo_kill();
    progress_start();
    program_wait(&progress, false);
    auto_answer struct answer a = program_ask(progress.metrics_port, "/readyz", (struct ask){ 0 });
    assert_int_equal(a.status, 503);
    progress_mongo_start();
    program_wait(&progress, true);
    progress_log_score("late", "a", 1);
}

static void writes_no_learner_into_its_log(void **state)
{
    (void)state;
    progress_assert(
        LOG, "{\"userId\":\"ann@example.org\",\"activityName\":\"Se-cret\",\"comment\":\"priv8\"}",
        201, LOGGED);
    assert_int_equal(progress_count("ann@example.org"), 1);
    auto_answer struct answer a = progress_ask(RECOMMENDATION "/ann%40example.org", NULL);
    assert_int_equal(a.status, 404);
    lp_auto_free char *log = program_read_file(progress.log);
    assert_non_null(strstr(log, "\"route\":\"recommendation\""));
    assert_null(strstr(log, "ann"));
    assert_null(strstr(log, "Se-cret"));
    assert_null(strstr(log, "priv8"));
}

static void refuses_a_wrong_configuration_by_name(void **state)
{
    static const struct {
        const char *variable, *want;
    } cases[] = {
        { "X=1", "MONGODB_URI is not set" },
        { "MONGODB_URI=postgres://hunter2@x/", "MONGODB_URI is no MongoDB connection string" },
        { "PORT=http", "PORT=\"http\" is wrong" },
        { "LOG_LEVEL=info", "none of AUTH_JWKS_URL, AUTH_JWT_SECRET" },
    };
    lp_auto_free char *log = lp_sprintf("%s/refused.log", mongo.dir);
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        const char *env[] = { cases[i].variable, i >= 2 ? "MONGODB_URI=mongodb://a/" : NULL, NULL };
        unlink(log);
        assert_int_equal(program_run((const char *[]){ progress_path(), NULL }, env, log), 2);
        lp_auto_free char *text = program_read_file(log);
        if (!strstr(text, cases[i].want))
            fail_msg("%s", text);
        assert_null(strstr(text, "hunter2"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_what_was_sent_trimmed_and_cast),
        cmocka_unit_test(refuses_what_the_contract_refuses),
        cmocka_unit_test(takes_bodies_up_to_its_limit),
        cmocka_unit_test(answers_unknown_routes_in_json),
        cmocka_unit_test(lists_newest_first_and_answers_304),
        cmocka_unit_test(pages_give_the_same_as_the_whole),
        cmocka_unit_test(streams_a_long_list),
        cmocka_unit_test(refuses_pages_that_make_no_sense),
        cmocka_unit_test(recommends_the_lowest_average),
        cmocka_unit_test(stores_a_repeated_delivery_once),
        cmocka_unit_test(skips_a_byte_order_mark),
        cmocka_unit_test(numbers_as_user_ids_are_what_javascript_makes_of_them),
        cmocka_unit_test(the_list_trims_its_user_id_as_the_log_does),
        cmocka_unit_test(a_quoted_key_is_the_same_key),
        cmocka_unit_test(loses_no_answered_write_when_the_database_dies),
        cmocka_unit_test(starts_before_its_database),
        cmocka_unit_test(writes_no_learner_into_its_log),
        cmocka_unit_test(refuses_a_wrong_configuration_by_name),
    };
    return cmocka_run_group_tests_name("progress", tests, setup, progress_teardown);
}
