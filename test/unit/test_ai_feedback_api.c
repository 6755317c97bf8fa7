/* test/unit/test_ai_feedback_api.c -- the running service over HTTP, with a progress service that
 * refuses at first. */
#include "unit/check.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "http/client/client.h"
#include "json/json.h"
#include "services/ai-feedback/api.h"

static const struct spelling_files files = { .dialect = "any",
                                             .dictionaries = "/usr/share/hunspell",
                                             .model = "/usr/share/pocketsphinx/model/en-us" };

/* One service and one progress service for all tests; `lock` guards what both threads touch. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct ai ai;
    struct lp_stop *stop;
    struct lp_http_server *progress;
    pthread_t thread;
    uint16_t port;
    int result, refusals, deliveries;
    char key[2][64]; /* Idempotency-Key of the last refused and of the delivered request */
    char body[512];  /* of the delivered request */
    char request_id[64];
} t = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void take_activity(struct lp_http_exchange *x, void *user)
{
    size_t len;
    const char *body = lp_http_body(x, &len);
    const char *key = lp_http_header(x, "Idempotency-Key");
    const char *id = lp_http_header(x, "X-Request-Id");
    (void)user;
    pthread_mutex_lock(&t.lock);
    bool refuse = t.refusals > 0;
    if (refuse)
        t.refusals--;
    snprintf(t.key[!refuse], sizeof t.key[0], "%s", key ? key : "");
    if (!refuse) {
        snprintf(t.body, sizeof t.body, "%.*s", (int)len, body);
        snprintf(t.request_id, sizeof t.request_id, "%s", id ? id : "");
        t.deliveries++;
    }
    pthread_cond_broadcast(&t.changed);
    pthread_mutex_unlock(&t.lock);
    lp_http_reply_text(x, refuse ? 503 : 201, "");
}

static void note_port(void *user, uint16_t port, uint16_t metrics_port)
{
    (void)user;
    (void)metrics_port;
    pthread_mutex_lock(&t.lock);
    t.port = port;
    pthread_cond_broadcast(&t.changed);
    pthread_mutex_unlock(&t.lock);
}

static void *serve(void *user)
{
    struct lp_service service = ai_service(&t.ai);
    struct lp_service_config config = { .concurrency = 4,
                                        .queue_limit = 16,
                                        .deadline_ms = 20000,
                                        .log_level = "error",
                                        .log_hash_key = "" };
    struct lp_error err = { 0 };
    (void)user;
    service.started = note_port;
    t.result = lp_service_run(&service, &config, t.stop, &err);
    if (t.result < 0)
        note_port(NULL, 1, 0);
    return NULL;
}

static int start(void **state)
{
    struct lp_http_server_options options = {
        .address = "127.0.0.1", .name = "progress", .max_body = 65536, .handler = take_activity
    };
    struct lp_error err;
    char url[64];
    (void)state;
    t.stop = lp_stop_new();
    if (lp_http_server_start(&options, &t.progress, &err) < 0)
        fail_msg("%s", err.msg);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", lp_http_server_port(t.progress));
    if (spelling_new(&files, &t.ai.speller, &err) < 0 || outbox_new(url, &t.ai.outbox, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(pthread_create(&t.thread, NULL, serve, NULL), 0);
    pthread_mutex_lock(&t.lock);
    while (t.port == 0)
        pthread_cond_wait(&t.changed, &t.lock);
    pthread_mutex_unlock(&t.lock);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    lp_stop_request(t.stop);
    pthread_join(t.thread, NULL);
    outbox_finish(t.ai.outbox, 1000);
    outbox_free(t.ai.outbox);
    spelling_free(t.ai.speller);
    lp_http_server_stop(t.progress);
    lp_stop_free(t.stop);
    return t.result;
}

static int request(const char *method, const char *path, const char *body, size_t len, json_t **ret)
{
    static const char *const headers[] = { "Content-Type: application/json",
                                           "X-Request-Id: trace-me-1", NULL };
    lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
    lp_auto_http_client struct lp_http_client *c = NULL;
    struct lp_http_client_options o = { .total_timeout_ms = 20000 };
    char url[256];
    struct lp_http_request q = {
        .method = method, .url = url, .headers = headers, .body = body, .body_len = len
    };
    struct lp_error err;
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", t.port, path);
    assert_int_equal(lp_http_client_new(&o, &c, &err), 0);
    if (lp_http_do(c, &q, &r, &err) < 0)
        fail_msg("%s %s: %s", method, path, err.msg);
    *ret = json_loadb(r.body.ptr, r.body.len, 0, NULL);
    return r.status;
}

static int post(const char *body, json_t **ret)
{
    return request("POST", "/speech2text", body, strlen(body), ret);
}

static void a_sentence_comes_back_corrected_with_its_statistics(void **state)
{
    json_auto_t *reply = NULL;
    (void)state;
    assert_int_equal(post("{\"text\":\"um i recieve a apple. All is well.\"}", &reply), 200);
    const json_t *pairs = json_object_get(reply, "sentence_pairs");
    assert_int_equal(json_array_size(pairs), 2);
    assert_string_equal(lp_json_str(json_array_get(pairs, 0), "corrected", NULL),
                        "I receive an apple.");
    assert_int_equal(lp_json_int(-1, json_array_get(pairs, 1), "distance", NULL), 0);
    assert_int_equal(lp_json_int(-1, reply, "stats", "corrected sentences", NULL), 1);
    assert_int_equal(lp_json_int(-1, reply, "stats", "total sentences", NULL), 2);
    assert_string_equal(lp_json_str(reply, "engine", NULL), "local");
}

static void bad_requests_are_told_what_is_wrong(void **state)
{
    static const struct {
        const char *body;
        int status;
        const char *error;
    } cases[] = {
        { "{}", 400, "text is required and must be a string" },
        { "{\"text\":\"\"}", 400, "text is required and must be a string" },
        { "{\"text\":5}", 400, "text is required and must be a string" },
        { "{\"text\":\" \"}", 400, "text holds no word" },
        { "{\"text\":\"Hi.\",\"userId\":{}}", 400, "userId must be a string or a number" },
        { "{\"text\":\"Hi.\",\"userId\":\"\"}", 400, "userId must have 1 to 128 bytes, has 0" },
        { "{\"text\":", 400, NULL },
        { "[]", 400, NULL },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        json_auto_t *reply = NULL;
        assert_int_equal(post(cases[i].body, &reply), cases[i].status);
        const char *error = lp_json_str(reply, "error", NULL);
        assert_non_null(error);
        if (cases[i].error)
            assert_string_equal(error, cases[i].error);
    }
}

static void a_text_over_the_limit_is_413_and_an_unknown_route_404(void **state)
{
    enum { SIZE = AI_MAX_TEXT + 100 };
    lp_auto_free char *big = lp_alloc(SIZE);
    json_auto_t *reply = NULL, *unknown = NULL, *health = NULL;
    (void)state;
    memset(big, 'x', SIZE);
    assert_int_equal(request("POST", "/speech2text", big, SIZE, &reply), 413);
    assert_int_equal(request("GET", "/speech2text", NULL, 0, &unknown), 404);
    assert_string_equal(lp_json_str(unknown, "message", NULL), "resource not found");
    assert_int_equal(request("GET", "/_ah/health", NULL, 0, &health), 200);
}

/* Waits for a delivery; fails where none comes in a time that no working sender needs. */
static void wait_for_delivery(int n)
{
    struct timespec deadline = lp_clock_deadline(30000);
    while (t.deliveries < n)
        assert_int_equal(pthread_cond_clockwait(&t.changed, &t.lock, CLOCK_MONOTONIC, &deadline),
                         0);
}

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
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sentence_comes_back_corrected_with_its_statistics),
        cmocka_unit_test(bad_requests_are_told_what_is_wrong),
        cmocka_unit_test(a_text_over_the_limit_is_413_and_an_unknown_route_404),
        cmocka_unit_test(a_result_reaches_the_progress_service_once_and_without_the_text),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("ai-feedback api", tests, start, finish);
}
