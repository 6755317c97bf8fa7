/* test/unit/test_progress_store.c -- what the store makes of a database that is being elected. */
#include "services/progress/store.h"

#include <mongoc/mongoc.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "services/progress/store_rollup.h"
#include "unit/check.h"
#include "unit/mongo_wire.h"

#ifdef __SANITIZE_THREAD__
/* libmongoc shares what it knows of a server between threads by counts of references. Its atomic
 * instructions are not seen by ThreadSanitizer, so whoever drops the last one seems to race. What
 * our own code and the locks of libmongoc do is judged as before. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:libmongoc-1.0.so\nrace:libbson-1.0.so\n";
}
#endif

#define DUPLICATE \
    "{\"ok\":1,\"n\":0,\"writeErrors\":[{\"index\":0,\"code\":11000,\"errmsg\":\"E11000\"}]}"
#define NO_MAJORITY                                                         \
    "{\"ok\":1,\"n\":1,\"nModified\":0,\"writeConcernError\":{\"code\":64," \
    "\"errmsg\":\"waiting for replication timed out\"}}"

static struct store *store;

/* `options`: of the URI. */
static struct store *store_with(const char *options)
{
    static char uri[128];
    static struct config config = { .common = { .concurrency = 4 }, .db_name = "test" };
    struct store *made = NULL;
    snprintf(uri, sizeof uri, "mongodb://127.0.0.1:%d/%s", wire.port, options);
    config.mongodb_uri = uri;
    ok(store_new(&config, &made, &err));
    return made;
}

static int start(void **state)
{
    (void)state;
    mongoc_init();
    wire_start();
    store = store_with("");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    store_free(store);
    wire_stop();
    mongoc_cleanup();
    return 0;
}

/* `command`: names of the commands that get the answers, in order. */
static void answer_with(const char *command, const char *first, const char *second,
                        const char *third)
{
    pthread_mutex_lock(&wire.lock);
    wire.command = command;
    wire.answers[0] = first;
    wire.answers[1] = second;
    wire.answers[2] = third;
    wire.next = wire.seen = 0;
    pthread_mutex_unlock(&wire.lock);
}

static int add(const char *key)
{
    const struct activity a = { .user_id = (char[]){ "ann" }, .name = (char[]){ "Reading" } };
    struct lp_error err;
    int64_t at_ms;
    return store_add(store, &a, key, &at_ms, &err);
}

static int no_sink(const bson_t *document, void *user, struct lp_error *err)
{
    (void)document, (void)user, (void)err;
    return 0;
}

static int no_summary(const struct summary *summary, void *user, struct lp_error *err)
{
    (void)summary, (void)user, (void)err;
    return 0;
}

/* Issue 12, 26. */
static void an_election_is_no_defect_but_asks_for_another_try(void **state)
{
    static const int codes[] = { 10107, 189, 91, 11600, 11602, 13435, 13436, 10058, 6, 7, 89, 9001,
                                 262, 134, 112, 24,
                                 /* not yet there, or full */
                                 94, 133, 164, 202, 215, 216, 237, 264, 14031 };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(codes); i++) {
        lp_auto_free char *whole = lp_sprintf("{\"ok\":0,\"code\":%d,\"errmsg\":\"x\"}", codes[i]);
        lp_auto_free char *one = lp_sprintf("{\"ok\":1,\"n\":0,\"writeErrors\":[{\"index\":0,"
                                            "\"code\":%d,\"errmsg\":\"x\"}]}",
                                            codes[i]);
        answer_with("insert", whole, one, NULL);
        for (int n = 0; n < 2; n++) {
            int r = add(NULL);
            if (r != LP_E_UNAVAILABLE)
                fail_msg("code %d: %s", codes[i], lp_error_name(r));
        }
    }
    assert_int_equal(add(NULL), 0);
}

static void an_election_shows_in_every_operation(void **state)
{
    static const char election[] = "{\"ok\":0,\"code\":11602,\"errmsg\":\"x\"}";
    const struct page page = { 0 };
    struct recommendation best;
    struct lp_error err;
    int64_t n;
    (void)state;
    answer_with("find", election, NULL, NULL);
    assert_int_equal(store_list(store, "ann", &page, no_sink, NULL, &err), LP_E_UNAVAILABLE);
    answer_with("aggregate", election, election, NULL);
    assert_int_equal(store_recommend(store, "ann", &best, &err), LP_E_UNAVAILABLE);
    assert_int_equal(store_summarize(store, "ann", no_summary, NULL, &err), LP_E_UNAVAILABLE);
    answer_with("delete", election, NULL, NULL);
    assert_int_equal(store_erase(store, "ann", &n, &err), LP_E_UNAVAILABLE);
}

/* One round trip, with no cursor left open at the server: the batch has room for one more. */
static void a_recommendation_is_one_reply(void **state)
{
    static const char whole[] = "{\"ok\":1,\"cursor\":{\"id\":0,\"ns\":\"test.activitylogs\","
                                "\"firstBatch\":[{\"_id\":\"Reading\",\"averageScore\":41.5,"
                                "\"attempts\":2}]}}";
    static const char open[] = "{\"ok\":1,\"cursor\":{\"id\":5,\"ns\":\"test.activitylogs\","
                               "\"firstBatch\":[]}}";
    struct recommendation best;
    struct lp_error err;
    (void)state;
    answer_with("aggregate", whole, open, "{\"ok\":1}");
    assert_int_equal(store_recommend(store, "ann", &best, &err), 0);
    assert_string_equal(best.name, "Reading");
    assert_true(best.average == 41.5);
    assert_int_equal(best.attempts, 2);
    free(best.name);
    assert_int_equal(wire.seen, 1);
    assert_non_null(strstr(wire.last, "\"batchSize\" : 2"));
    assert_int_equal(store_recommend(store, "ann", &best, &err), LP_E_UNAVAILABLE);
    assert_int_equal(store_recommend(store, "ann", &best, &err), LP_E_UNAVAILABLE);
}

static void labels_ask_for_another_try_whatever_the_code(void **state)
{
    (void)state;
    answer_with(
        "insert",
        "{\"ok\":0,\"code\":4711,\"errmsg\":\"x\",\"errorLabels\":[\"RetryableWriteError\"]}",
        "{\"ok\":0,\"code\":4711,\"errmsg\":\"x\"}",
        "{\"ok\":0,\"code\":50,\"errmsg\":\"operation exceeded time limit\"}");
    assert_int_equal(add(NULL), LP_E_UNAVAILABLE);
    assert_int_equal(add(NULL), LP_E_INVALID);
    assert_int_equal(add(NULL), LP_E_TIMEOUT);
}

static void a_write_without_a_majority_is_not_answered_as_stored(void **state)
{
    (void)state;
    answer_with("insert", NO_MAJORITY, NULL, NULL);
    assert_int_equal(add("key"), LP_E_TIMEOUT);
}

/* Issue 12, 25. */
static void a_repeated_key_is_success_only_once_a_majority_has_the_first_write(void **state)
{
    (void)state;
    answer_with("insert update", DUPLICATE, NO_MAJORITY, NULL);
    assert_int_equal(add("key"), LP_E_TIMEOUT);
    assert_int_equal(wire.seen, 2);
    assert_non_null(strstr(wire.last, "\"update\""));
    assert_non_null(strstr(wire.last, "\"majority\""));
    answer_with("insert update", DUPLICATE, "{\"ok\":1,\"n\":1,\"nModified\":0}", NULL);
    assert_int_equal(add("key"), 0);
    assert_int_equal(wire.seen, 2);
}

static void a_first_write_that_an_election_took_back_is_written_again(void **state)
{
    (void)state;
    answer_with("insert update", DUPLICATE, "{\"ok\":1,\"n\":0,\"nModified\":0}",
                "{\"ok\":1,\"n\":1}");
    assert_int_equal(add("key"), 0);
    assert_int_equal(wire.seen, 3);
    assert_non_null(strstr(wire.last, "\"insert\""));
}

/* Issue 12, 16: the protocol counts documents, so few are asked for at first. */
static void a_list_is_asked_for_in_small_batches(void **state)
{
    const struct page page = { 0 };
    struct lp_error err;
    (void)state;
    answer_with("find",
                "{\"ok\":1,\"cursor\":{\"id\":{\"$numberLong\":\"0\"},\"ns\":"
                "\"test.activitylogs\",\"firstBatch\":[]}}",
                NULL, NULL);
    assert_int_equal(store_list(store, "ann", &page, no_sink, NULL, &err), 0);
    assert_non_null(strstr(wire.last, "\"batchSize\" : 8"));
}

static int no_activity(const struct rollup_activity *a, void *user, struct lp_error *err)
{
    (void)a, (void)user, (void)err;
    return 0;
}

/* A member that is behind would have activities of late missing from an hour for good. */
static void what_is_counted_for_good_is_read_from_the_primary_whatever_the_uri_says(void **state)
{
    static const char none[] = "{\"ok\":1,\"cursor\":{\"id\":{\"$numberLong\":\"0\"},\"ns\":"
                               "\"test.activitylogs\",\"firstBatch\":[]}}";
    const struct page page = { 0 };
    int64_t until, days;
    (void)state;
    wire.in_set = true; /* who is alone is sent no preference */
    struct store *away = store_with("?readPreference=secondaryPreferred");
    answer_with("find", none, none, none);
    ok(store_list(away, "ann", &page, no_sink, NULL, &err));
    assert_non_null(strstr(wire.last, "secondaryPreferred"));
    ok(store_rollup_activities(away, 0, 3600000, 0, no_activity, NULL, NULL, &err));
    assert_non_null(strstr(wire.last, "\"createdAt\""));
    assert_null(strstr(wire.last, "secondaryPreferred"));
    ok(store_rollup_until(away, &until, &days, &err));
    assert_non_null(strstr(wire.last, "\"state\""));
    assert_null(strstr(wire.last, "secondaryPreferred"));
    store_free(away);
    wire.in_set = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_election_is_no_defect_but_asks_for_another_try),
        cmocka_unit_test(an_election_shows_in_every_operation),
        cmocka_unit_test(a_recommendation_is_one_reply),
        cmocka_unit_test(labels_ask_for_another_try_whatever_the_code),
        cmocka_unit_test(a_write_without_a_majority_is_not_answered_as_stored),
        cmocka_unit_test(a_repeated_key_is_success_only_once_a_majority_has_the_first_write),
        cmocka_unit_test(a_first_write_that_an_election_took_back_is_written_again),
        cmocka_unit_test(a_list_is_asked_for_in_small_batches),
        cmocka_unit_test(what_is_counted_for_good_is_read_from_the_primary_whatever_the_uri_says),
    };
    return cmocka_run_group_tests_name("progress_store", tests, start, stop);
}
