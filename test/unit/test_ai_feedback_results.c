/* test/unit/test_ai_feedback_results.c -- what the running service tells the progress service,
 * which refuses at first. */
#include <limits.h>

#include "service/jwt.h"
#include "unit/ai_feedback_fixture.h"

static void a_result_reaches_the_progress_service_once_and_without_the_text(void **state)
{
    json_auto_t *reply = NULL, *activity = NULL;
    (void)state;
    pthread_mutex_lock(&t.lock);
    t.refusals = 1;
    pthread_mutex_unlock(&t.lock);
    assert_int_equal(post("{\"text\":\"My secret diary.\",\"userId\":\"u-1\"}", &reply), 200);
    pthread_mutex_lock(&t.lock);
    wait_for_delivery(1);
    assert_string_equal(t.key[0], t.key[1]);
    assert_int_equal(strlen(t.key[1]), 32);
    assert_null(strstr(t.body, "diary"));
    assert_string_equal(t.request_id, "trace-me-1");
    activity = json_loads(t.body, 0, NULL);
    pthread_mutex_unlock(&t.lock);
    assert_string_equal(lp_json_str(activity, "userId", NULL), "u-1");
    assert_string_equal(lp_json_str(activity, "activityName", NULL), "AI feedback");
    assert_int_equal(lp_json_int(-1, activity, "score", NULL), 100);
    assert_int_equal(json_object_size(json_object_get(activity, "feedback")), 0);
}

/* How many edits of each category there were, and no word of the text. */
static void categories_of_edits_go_to_the_progress_service(void **state)
{
    json_auto_t *reply = NULL, *activity = NULL;
    (void)state;
    pthread_mutex_lock(&t.lock);
    int before = t.deliveries;
    pthread_mutex_unlock(&t.lock);
    assert_int_equal(post("{\"text\":\"i recieve a apple, i think.\",\"userId\":\"u-2\"}", &reply),
                     200);
    pthread_mutex_lock(&t.lock);
    wait_for_delivery(before + 1);
    activity = json_loads(t.body, 0, NULL);
    pthread_mutex_unlock(&t.lock);
    const json_t *feedback = json_object_get(activity, "feedback");
    assert_int_equal(lp_json_int(-1, feedback, "spelling", NULL), 1);
    assert_int_equal(lp_json_int(-1, feedback, "capitals", NULL), 2);
    assert_int_equal(lp_json_int(-1, feedback, "article", NULL), 1);
    assert_int_equal(json_object_size(feedback), 3);
}

/* As objects, so that an export holds JSON once. */
static size_t waiting_of(const char *user)
{
    json_auto_t *reply = NULL;
    lp_auto_free char *path = lp_sprintf("/data/%s", user);
    assert_int_equal(request("GET", path, NULL, 0, &reply), 200);
    const json_t *waiting = json_object_get(reply, "waiting"), *activity;
    size_t i;
    json_array_foreach(waiting, i, activity)
    {
        assert_string_equal(lp_json_str(activity, "userId", NULL), user);
        assert_string_equal(lp_json_str(activity, "activityName", NULL), "AI feedback");
        assert_int_equal(lp_json_int(-1, activity, "score", NULL), 100);
    }
    return json_array_size(waiting);
}

static void what_waits_for_a_learner_is_told_and_erased_and_that_of_others_arrives(void **state)
{
    static const char *const bodies[] = { "{\"text\":\"All is well.\",\"userId\":\"gone\"}",
                                          "{\"text\":\"All is well.\",\"userId\":\"gone\"}",
                                          "{\"text\":\"All is well.\",\"userId\":\"stays\"}" };
    (void)state;
    pthread_mutex_lock(&t.lock);
    int before = t.deliveries;
    t.refusals = INT_MAX;
    pthread_mutex_unlock(&t.lock);
    for (size_t i = 0; i < LP_COUNT(bodies); i++) {
        json_auto_t *reply = NULL;
        assert_int_equal(post(bodies[i], &reply), 200);
    }
    json_auto_t *erased = NULL;
    assert_int_equal(waiting_of("gone"), 2);
    assert_int_equal(request("DELETE", "/data/gone", NULL, 0, &erased), 200);
    assert_int_equal(lp_json_int(-1, erased, "deleted", NULL), 2);
    assert_int_equal(waiting_of("gone"), 0);
    assert_int_equal(waiting_of("stays"), 1);
    pthread_mutex_lock(&t.lock);
    t.refusals = 0;
    wait_for_delivery(before + 1);
    bool others = strstr(t.body, "stays") != NULL;
    pthread_mutex_unlock(&t.lock);
    if (!others) { /* the first one was on its way when it was erased */
        pthread_mutex_lock(&t.lock);
        wait_for_delivery(before + 2);
        assert_non_null(strstr(t.body, "stays"));
        pthread_mutex_unlock(&t.lock);
    }
}

static void the_result_is_sent_with_a_token_for_progress_alone(void **state)
{
    struct lp_jwt_want progress = { .audience = "progress", .strict = true };
    struct lp_jwt_want auth = { .audience = "auth", .strict = true };
    struct lp_jwt_keys *keys = NULL;
    struct lp_error err;
    char token[1024] = "";
    json_t *claims = NULL;
    (void)state;
    pthread_mutex_lock(&t.lock);
    if (strlen(t.authorization) > 7)
        snprintf(token, sizeof token, "%s", t.authorization + 7);
    pthread_mutex_unlock(&t.lock);
    int64_t now = lp_clock_wall_ms() / 1000;
    assert_int_equal(lp_jwt_keys_new_caller(CALLER_KEY, &keys, &err), 0);
    if (lp_jwt_verify(keys, token, strlen(token), &progress, now, &claims, &err) < 0)
        fail_msg("%s", err.msg);
    assert_string_equal(lp_json_str(claims, "iss", NULL), "ai-feedback");
    assert_true(lp_json_int(0, claims, "exp", NULL) <= now + 60);
    json_decref(claims);
    assert_true(lp_jwt_verify(keys, token, strlen(token), &auth, now, &claims, &err) < 0);
    lp_jwt_keys_free(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_reaches_the_progress_service_once_and_without_the_text),
        cmocka_unit_test(categories_of_edits_go_to_the_progress_service),
        cmocka_unit_test(what_waits_for_a_learner_is_told_and_erased_and_that_of_others_arrives),
        cmocka_unit_test(the_result_is_sent_with_a_token_for_progress_alone),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("ai-feedback results", tests, start, finish);
}
