/* What lp-learning hears of activities from lp-progress: each at least once, under a key that stays
 * the same, whatever ends in between. */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "fake/fake_upstream.h"
#include "integration/progress_fixture.h"
#include "json/json.h"
#include "unit/check.h"

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
#define AWAY "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
#define WRONG "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
#define EVENT "POST /api/learning/events "
#define KEY "Idempotency-Key: "

/* One that is on its way when its process is killed gets no answer, the one that is wrong is told
 * once, the first of all finds the service away. */
static const struct fake_script scripts[] = {
    { .match = EVENT, .reply = AWAY, .times = 1 },
    { .match = EVENT, .reply = OK, .times = 2 },
    { .match = EVENT, .reply = WRONG, .times = 1 },
    { .match = EVENT, .reply = NULL, .times = 1, .then = FAKE_HANG },
    { .match = EVENT, .reply = OK },
    FAKE_SCRIPT_END,
};
static struct fake_upstream *learning;

static int setup(void **state)
{
    static char url[64];
    static const char *env[] = { "ACCESS=Any", url,
                                 "SERVICE_TOKEN_KEY=AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA",
                                 NULL };
    (void)state;
    learning = fake_upstream_start(scripts);
    snprintf(url, sizeof url, "LEARNING_SERVICE_URL=%s", fake_upstream_url(learning));
    return progress_setup(env);
}

static int teardown(void **state)
{
    int r = progress_teardown(state);
    fake_upstream_stop(learning);
    return r;
}

/* The key of the request `n` (from 1). */
static void key_of(unsigned n, char ret_key[25])
{
    lp_auto_buf struct lp_buf heads = LP_BUF_INIT(65536);
    const char *at;
    fake_upstream_await_requests(learning, n);
    fake_upstream_heads(learning, &heads);
    at = heads.ptr;
    for (unsigned i = 0; i < n; i++) {
        at = strstr(at, KEY);
        assert_non_null(at);
        at += strlen(KEY);
    }
    snprintf(ret_key, 25, "%s", at);
}

static void await_told(double told)
{
    int64_t end = lp_clock_ms() + 60000;
    while (program_metric(&progress, "lp_progress_events_total{outcome=\"told\"}") < told) {
        assert_true(lp_clock_ms() < end);
        poll(NULL, 0, 20);
    }
}

static void what_it_does_not_take_is_told_again_under_the_same_key(void **state)
{
    char first[25], again[25], other[25];
    (void)state;
    progress_log_score("ann", "Articles", 40);
    key_of(1, first);
    key_of(2, again);
    assert_string_equal(first, again);
    progress_assert(LOG, "{\"userId\":\"ann\",\"activityName\":\"Unscored\"}", 201, LOGGED);
    progress_assert(
        LOG, "{\"userId\":\"ann\",\"activityName\":\"AI feedback\",\"feedback\":{\"tense\":2}}",
        201, LOGGED);
    key_of(3, other); /* of the one with feedback: the one before says nothing of the learner */
    assert_string_not_equal(first, other);
    await_told(2);
    lp_auto_buf struct lp_buf heads = LP_BUF_INIT(65536);
    fake_upstream_heads(learning, &heads);
    assert_non_null(strstr(heads.ptr, "Authorization: Bearer "));
}

static void a_list_has_nothing_of_what_is_to_be_told(void **state)
{
    (void)state;
    auto_answer struct answer a = progress_ask(LOG "/ann", NULL);
    size_t i;
    json_t *activity;
    assert_int_equal(json_array_size(a.body), 3);
    json_array_foreach(a.body, i, activity) assert_null(json_object_get(activity, "learningAt"));
}

static void what_is_wrong_is_told_once(void **state)
{
    (void)state;
    progress_log_score("bob", "Refused", 1);
    fake_upstream_await_requests(learning, 4);
    int64_t end = lp_clock_ms() + 60000;
    while (program_metric(&progress, "lp_progress_events_total{outcome=\"refused\"}") < 1) {
        assert_true(lp_clock_ms() < end);
        poll(NULL, 0, 20);
    }
}

static void a_process_that_is_killed_amid_one_loses_none(void **state)
{
    char amid[25], keys[5][25];
    unsigned seen = 0;
    (void)state;
    progress_log_score("kim", "Amid", 80); /* is not answered */
    key_of(5, amid);
    progress_log_score("kim", "Behind", 80);
    progress_log_score("kim", "Behind", 90);
    kill(progress.pid, SIGKILL);
    waitpid(progress.pid, NULL, 0);
    progress_start();
    program_wait(&progress, true);
    await_told(3);
    for (unsigned i = 0; i < 3; i++) {
        key_of(6 + i, keys[i]);
        seen += strcmp(keys[i], amid) == 0;
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(keys[i], keys[k]);
    }
    assert_int_equal(seen, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_does_not_take_is_told_again_under_the_same_key),
        cmocka_unit_test(a_list_has_nothing_of_what_is_to_be_told),
        cmocka_unit_test(what_is_wrong_is_told_once),
        cmocka_unit_test(a_process_that_is_killed_amid_one_loses_none),
    };
    return cmocka_run_group_tests_name("progress_feed", tests, setup, teardown);
}
