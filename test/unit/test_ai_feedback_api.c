/* test/unit/test_ai_feedback_api.c -- the running service over HTTP, with a progress service that
 * refuses at first. */
#include "unit/check.h"

#include <arpa/inet.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "fake/fake_upstream.h"
#include "http/client/client.h"
#include "json/json.h"
#include "service/jwt.h"
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
    char request_id[64], authorization[1024];
    struct lp_identities *owner, *any; /* ai.identities is one of them */
    struct lp_caller *caller;
} t = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void take_activity(struct lp_http_exchange *x, void *user)
{
    size_t len;
    const char *body = lp_http_body(x, &len);
    const char *key = lp_http_header(x, "Idempotency-Key");
    const char *id = lp_http_header(x, "X-Request-Id");
    const char *auth = lp_http_header(x, "Authorization");
    (void)user;
    pthread_mutex_lock(&t.lock);
    bool refuse = t.refusals > 0;
    if (refuse)
        t.refusals--;
    snprintf(t.key[!refuse], sizeof t.key[0], "%s", key ? key : "");
    if (!refuse) {
        snprintf(t.body, sizeof t.body, "%.*s", (int)len, body);
        snprintf(t.request_id, sizeof t.request_id, "%s", id ? id : "");
        snprintf(t.authorization, sizeof t.authorization, "%s", auth ? auth : "");
        t.deliveries++;
    }
    pthread_cond_broadcast(&t.changed);
    pthread_mutex_unlock(&t.lock);
    lp_http_reply_text(x, refuse ? 503 : 201, "");
}

#define CONCURRENCY 4

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
    struct lp_service_config config = { .concurrency = CONCURRENCY,
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

#define SECRET "a secret that the tests share with themselves"
#define CALLER_KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

static void make_identities(void)
{
    const struct lp_identity_config owner = { .access = "Owner",
                                              .jwks_url = "",
                                              .secrets = SECRET,
                                              .keys_dir = "",
                                              .caller_ai_feedback = "",
                                              .caller_auth = "" };
    struct lp_identity_config any = owner;

    any.access = "Any";
    any.secrets = "";
    struct lp_error err;
    if (lp_identities_new(&owner, "ai-feedback", NULL, &t.owner, &err) < 0 ||
        lp_identities_new(&any, "ai-feedback", NULL, &t.any, &err) < 0 ||
        lp_caller_new("ai-feedback", CALLER_KEY, &t.caller, &err) < 0)
        fail_msg("%s", err.msg);
    t.ai.identities = t.any;
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
    make_identities();
    if (spelling_new(&files, &t.ai.speller, &err) < 0 ||
        outbox_new(url, t.caller, &t.ai.outbox, &err) < 0)
        fail_msg("%s", err.msg);
    t.ai.streams = lp_streams_new(CONCURRENCY / 2);
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
    lp_streams_free(t.ai.streams);
    spelling_free(t.ai.speller);
    lp_identities_free(t.owner);
    lp_identities_free(t.any);
    lp_caller_free(t.caller);
    lp_http_server_stop(t.progress);
    lp_stop_free(t.stop);
    return t.result;
}

static const char *content_type = "Content-Type: application/json";
static char token_header[1024]; /* "Authorization: …" of the requests to come; "": none */

static int request(const char *method, const char *path, const char *body, size_t len, json_t **ret)
{
    const char *const headers[] = { content_type, "X-Request-Id: trace-me-1",
                                    *token_header ? token_header : NULL, NULL };
    lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
    lp_auto_http_client struct lp_http_client *c = NULL;
    struct lp_http_client_options o = { .total_timeout_ms = 60000 };
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
        { "{\"text\":\"Hi.\",\"level\":\"A7\"}", 400,
          "level is \"A7\": it must be A1, A2, B1, B2, C1 or C2" },
        { "{\"text\":\"Hi.\",\"level\":1}", 400,
          "level must be a string: A1, A2, B1, B2, C1 or C2" },
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

static int post_audio(const char *path, json_t **ret)
{
    content_type = "Content-Type: audio/wav";
    int status = request("POST", path, "RIFF and so on", 14, ret);
    content_type = "Content-Type: application/json";
    return status;
}

static struct engine *asr_at(const struct fake_upstream *f)
{
    struct engine_options o = { .name = "asr",
                                .url = fake_upstream_url(f),
                                .timeout_ms = 10000,
                                .concurrency = 1,
                                .max_answer = TRANSCRIBE_ANSWER };
    struct engine *e = NULL;
    ok(engine_new(&o, &e, &err));
    return e;
}

static void audio_is_what_another_engine_hears_or_503_and_415_without_one(void **state)
{
    static const char heard[] = "HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n"
                                "{\"text\":\"um i am a old.\"}";
    struct fake_script scripts[] = { { .reply = heard, .times = 1 },
                                     { .reply = "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n" },
                                     FAKE_SCRIPT_END };
    struct fake_upstream *f = fake_upstream_start(scripts);
    json_auto_t *none = NULL, *reply = NULL, *failed = NULL, *wrong = NULL;
    (void)state;
    assert_int_equal(post_audio("/speech2text", &none), 415);
    assert_string_equal(
        lp_json_str(none, "error", NULL),
        "audio cannot be read here: ASR_URL, which names an engine for it, is empty");
    t.ai.transcriber = (struct transcriber){ .engine = asr_at(f), .model = "m", .key = "" };
    assert_int_equal(post_audio("/speech2text?level=A7", &wrong), 400);
    assert_int_equal(fake_upstream_connections(f), 0); /* what is refused costs no engine */
    assert_int_equal(post_audio("/speech2text?level=B1", &reply), 200);
    assert_string_equal(lp_json_str(reply, "transcription", "text", NULL), "um i am a old.");
    assert_string_equal(lp_json_str(reply, "transcription", "engine", NULL), "asr");
    assert_string_equal(lp_json_str(reply, "level", NULL), "B1");
    assert_int_equal(post_audio("/speech2text", &failed), 503);
    assert_string_equal(lp_json_str(failed, "error", NULL),
                        "the engine for audio gave no text: failed");
    engine_free(t.ai.transcriber.engine);
    t.ai.transcriber = (struct transcriber){ 0 };
    fake_upstream_stop(f);
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

static void show_token(const char *user, const char *role)
{
    struct lp_jwt_keys *keys = NULL;
    struct lp_error err;
    char *token = NULL;
    json_auto_t *claims = lp_json_make("{s:s, s:s, s:I}", "userId", user, "role", role, "exp",
                                       (json_int_t)(lp_clock_wall_ms() / 1000 + 60));
    assert_int_equal(lp_jwt_keys_new(SECRET, &keys, &err), 0);
    assert_int_equal(lp_jwt_sign(keys, claims, &token, &err), 0);
    snprintf(token_header, sizeof token_header, "Authorization: Bearer %s", token);
    free(token);
    lp_jwt_keys_free(keys);
}

static void only_owners_and_admins_have_results_logged_for_a_user(void **state)
{
    static const struct {
        const char *user, *role, *body;
        int status;
    } cases[] = {
        { NULL, NULL, "{\"text\":\"Hi there.\"}", 401 },
        { NULL, NULL, "{}", 401 },
        { "u-1", "user", "{\"text\":\"Hi there.\"}", 200 },
        { "u-1", "user", "{\"text\":\"Hi there.\",\"userId\":\"u-1\"}", 200 },
        { "u-1", "user", "{\"text\":\"Hi there.\",\"userId\":\"u-2\"}", 403 },
        { "u-1", "user", "{\"text\":\"Hi there.\",\"userId\":7}", 403 },
        { "7", "user", "{\"text\":\"Hi there.\",\"userId\":7}", 200 },
        { "root", "admin", "{\"text\":\"Hi there.\",\"userId\":\"u-2\"}", 200 },
    };
    (void)state;
    t.ai.identities = t.owner;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        json_auto_t *reply = NULL;
        *token_header = '\0';
        if (cases[i].user)
            show_token(cases[i].user, cases[i].role);
        assert_int_equal(post(cases[i].body, &reply), cases[i].status);
        if (cases[i].status >= 400)
            assert_non_null(lp_json_str(reply, "error", NULL));
    }
    *token_header = '\0';
    t.ai.identities = t.any;
}

/* Sends a text whose answer is long, on a connection with room for little of it. */
static int ask_without_reading(const struct lp_buf *text)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(t.port) };
    const int small = 4096;
    char head[200];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    int n = snprintf(head, sizeof head,
                     "POST /speech2text HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                     text->len);
    assert_int_equal(send(fd, head, (size_t)n, MSG_NOSIGNAL), n);
    assert_int_equal(send(fd, text->ptr, text->len, MSG_NOSIGNAL), (ssize_t)text->len);
    return fd;
}

/* Issue 12, 16. */
static void who_takes_long_answers_slowly_holds_at_most_half_of_the_workers(void **state)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 20);
    struct pollfd readers[CONCURRENCY / 2];
    json_auto_t *third = NULL, *reply = NULL, *again = NULL;
    (void)state;

    lp_buf_str(&text, "{\"text\":\"");
    while (text.len < 30000)
        lp_buf_str(&text, "um i recieve a apple. ");
    lp_buf_str(&text, "\"}");
    for (size_t i = 0; i < LP_COUNT(readers); i++) {
        readers[i] = (struct pollfd){ .fd = ask_without_reading(&text), .events = POLLIN };
        assert_int_equal(poll(&readers[i], 1, 60000), 1); /* its answer has begun */
    }
    assert_int_equal(request("POST", "/speech2text", text.ptr, text.len, &third), 429);
    assert_string_equal(lp_json_str(third, "error", NULL), "you read 2 long answers already");
    assert_int_equal(post("{\"text\":\"i recieve it.\"}", &reply), 200);
    for (size_t i = 0; i < LP_COUNT(readers); i++)
        close(readers[i].fd);
    int64_t end = lp_clock_ms() + 20000;
    int status;
    do { /* until the service has seen that they have gone */
        json_decref(again);
        status = request("POST", "/speech2text", text.ptr, text.len, &again);
    } while (status == 429 && lp_clock_ms() < end);
    assert_int_equal(status, 200);
}

static void health_needs_no_token(void **state)
{
    json_auto_t *health = NULL;
    (void)state;
    t.ai.identities = t.owner;
    assert_int_equal(request("GET", "/health", NULL, 0, &health), 200);
    t.ai.identities = t.any;
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
        cmocka_unit_test(a_sentence_comes_back_corrected_with_its_statistics),
        cmocka_unit_test(bad_requests_are_told_what_is_wrong),
        cmocka_unit_test(audio_is_what_another_engine_hears_or_503_and_415_without_one),
        cmocka_unit_test(a_text_over_the_limit_is_413_and_an_unknown_route_404),
        cmocka_unit_test(a_result_reaches_the_progress_service_once_and_without_the_text),
        cmocka_unit_test(categories_of_edits_go_to_the_progress_service),
        cmocka_unit_test(what_waits_for_a_learner_is_told_and_erased_and_that_of_others_arrives),
        cmocka_unit_test(the_result_is_sent_with_a_token_for_progress_alone),
        cmocka_unit_test(only_owners_and_admins_have_results_logged_for_a_user),
        cmocka_unit_test(who_takes_long_answers_slowly_holds_at_most_half_of_the_workers),
        cmocka_unit_test(health_needs_no_token),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("ai-feedback api", tests, start, finish);
}
