/* test/unit/test_progress_quota.c -- when a learner's activities are counted, and who is refused.
 */
#include "services/progress/quota.h"

#include <mongoc/mongoc.h>
#include <stdio.h>

#include "unit/check.h"
#include "unit/mongo_wire.h"

#ifdef __SANITIZE_THREAD__
/* As in test_progress_store.c. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:libmongoc-1.0.so\nrace:libbson-1.0.so\n";
}
#endif

#define COUNTED(n)                                                                       \
    "{\"ok\":1,\"cursor\":{\"id\":{\"$numberLong\":\"0\"},\"ns\":\"test.activitylogs\"," \
    "\"firstBatch\":[{\"_id\":1,\"n\":" #n "}]}}"

static struct store *store;

static int start(void **state)
{
    static char uri[64];
    static struct config config = { .common = { .concurrency = 4 }, .db_name = "test" };
    (void)state;
    mongoc_init();
    wire_start();
    snprintf(uri, sizeof uri, "mongodb://127.0.0.1:%d/", wire.port);
    config.mongodb_uri = uri;
    ok(store_new(&config, &store, &err));
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

static void answer_counts(const char *first, const char *second)
{
    pthread_mutex_lock(&wire.lock);
    wire.command = "aggregate";
    wire.answers[0] = first;
    wire.answers[1] = second;
    wire.answers[2] = NULL;
    wire.next = wire.seen = 0;
    pthread_mutex_unlock(&wire.lock);
}

static void write_often(struct quota *q, const char *learner, int n)
{
    for (int i = 0; i < n; i++)
        ok(quota_check(q, learner, 1000, &err));
}

static void counts_once_in_so_many_writes_of_a_learner(void **state)
{
    struct quota *q = quota_new(store, 5);
    (void)state;
    answer_counts(COUNTED(4), COUNTED(4));
    write_often(q, "ann", QUOTA_EVERY - 1);
    write_often(q, "ben", QUOTA_EVERY - 1);
    assert_int_equal(wire.seen, 0);
    write_often(q, "ann", 1);
    assert_int_equal(wire.seen, 1);
    assert_non_null(strstr(wire.last, "\"userId\" : \"ann\""));
    assert_non_null(strstr(wire.last, "\"$limit\" : 5"));
    write_often(q, "ann", QUOTA_EVERY - 1);
    assert_int_equal(wire.seen, 1);
    write_often(q, "ann", 1);
    assert_int_equal(wire.seen, 2);
    quota_free(q);
}

static void who_has_all_is_refused_until_some_are_gone(void **state)
{
    struct quota *q = quota_new(store, 5);
    struct lp_error refused;
    (void)state;
    answer_counts(COUNTED(5), COUNTED(4));
    write_often(q, "ann", QUOTA_EVERY - 1);
    assert_int_equal(quota_check(q, "ann", 1000, &refused), LP_E_CONFLICT);
    assert_string_equal(refused.msg,
                        "userId: 5 activities of this learner are stored, and at most 5 "
                        "are kept of one");
    assert_int_equal(quota_check(q, "ann", 1000 + QUOTA_FULL_MS - 1, &refused), LP_E_CONFLICT);
    assert_int_equal(wire.seen, 1);
    ok(quota_check(q, "ben", 1000, &err));
    ok(quota_check(q, "ann", 1000 + QUOTA_FULL_MS, &err)); /* the second count */
    assert_int_equal(wire.seen, 2);
    ok(quota_check(q, "ann", 1000 + QUOTA_FULL_MS, &err));
    assert_int_equal(wire.seen, 2);
    quota_free(q);
}

#define LATE "{\"ok\":0,\"code\":50,\"errmsg\":\"operation exceeded time limit\"}"

static void a_count_that_fails_refuses_one_write_in_so_many(void **state)
{
    struct quota *q = quota_new(store, 5);
    struct lp_error refused;
    (void)state;
    answer_counts(LATE, LATE);
    write_often(q, "ann", QUOTA_EVERY - 1);
    assert_true(quota_check(q, "ann", 1000, &refused) < 0);
    assert_int_equal(wire.seen, 1);
    write_often(q, "ann", QUOTA_EVERY - 1);
    assert_int_equal(wire.seen, 1);
    assert_true(quota_check(q, "ann", 1000, &refused) < 0);
    assert_int_equal(wire.seen, 2);
    quota_free(q);
}

static void who_was_full_and_cannot_be_counted_stays_so_until_activities_are_deleted(void **state)
{
    struct quota *q = quota_new(store, 5);
    struct lp_error refused;
    int64_t later = 1000 + QUOTA_FULL_MS;
    (void)state;
    answer_counts(COUNTED(5), LATE);
    write_often(q, "ann", QUOTA_EVERY - 1);
    assert_int_equal(quota_check(q, "ann", 1000, &refused), LP_E_CONFLICT);
    int r = quota_check(q, "ann", later, &refused);
    assert_true(r < 0 && r != LP_E_CONFLICT);
    assert_int_equal(quota_check(q, "ann", later, &refused), LP_E_CONFLICT);
    assert_int_equal(wire.seen, 2);
    quota_recount(q, "ann");
    answer_counts(LATE, COUNTED(5));
    r = quota_check(q, "ann", later, &refused);
    assert_true(r < 0 && r != LP_E_CONFLICT);
    assert_int_equal(wire.seen, 1);
    for (int i = 0; i < QUOTA_EVERY - 1; i++)
        ok(quota_check(q, "ann", later, &err));
    assert_int_equal(wire.seen, 1);
    assert_int_equal(quota_check(q, "ann", later, &refused), LP_E_CONFLICT);
    quota_free(q);
}

static void *count_once(void *user)
{
    struct lp_error refused;
    return quota_check(user, "ann", 1000, &refused) == 0 ? user : NULL;
}

static void hold(bool held)
{
    pthread_mutex_lock(&wire.lock);
    wire.held = held;
    pthread_cond_broadcast(&wire.changed);
    pthread_mutex_unlock(&wire.lock);
}

static void nobody_counts_or_waits_while_one_counts(void **state)
{
    struct quota *q = quota_new(store, 5);
    pthread_t counting = pthread_self();
    void *counted = NULL;
    (void)state;
    answer_counts(COUNTED(4), COUNTED(4));
    write_often(q, "ann", QUOTA_EVERY - 1);
    hold(true);
    assert_int_equal(pthread_create(&counting, NULL, count_once, q), 0);
    pthread_mutex_lock(&wire.lock);
    while (wire.seen == 0)
        pthread_cond_wait(&wire.changed, &wire.lock);
    pthread_mutex_unlock(&wire.lock);
    write_often(q, "ann", QUOTA_EVERY - 1);
    hold(false);
    pthread_join(counting, &counted);
    assert_ptr_equal(counted, q);
    assert_int_equal(wire.seen, 1);
    write_often(q, "ann", 1); /* of those behind the count none is forgotten */
    assert_int_equal(wire.seen, 2);
    quota_free(q);
}

static void without_a_limit_nothing_is_counted(void **state)
{
    struct quota *q = quota_new(store, 0);
    (void)state;
    answer_counts(COUNTED(9), NULL);
    write_often(q, "ann", 3 * QUOTA_EVERY);
    assert_int_equal(wire.seen, 0);
    quota_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_once_in_so_many_writes_of_a_learner),
        cmocka_unit_test(who_has_all_is_refused_until_some_are_gone),
        cmocka_unit_test(a_count_that_fails_refuses_one_write_in_so_many),
        cmocka_unit_test(who_was_full_and_cannot_be_counted_stays_so_until_activities_are_deleted),
        cmocka_unit_test(nobody_counts_or_waits_while_one_counts),
        cmocka_unit_test(without_a_limit_nothing_is_counted),
    };
    return cmocka_run_group_tests_name("progress_quota", tests, start, stop);
}
