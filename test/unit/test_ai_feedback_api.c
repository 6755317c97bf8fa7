/* test/unit/test_ai_feedback_api.c -- what the running service answers over HTTP, and whom. */
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake/fake_upstream.h"
#include "service/jwt.h"
#include "unit/ai_feedback_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sentence_comes_back_corrected_with_its_statistics),
        cmocka_unit_test(bad_requests_are_told_what_is_wrong),
        cmocka_unit_test(audio_is_what_another_engine_hears_or_503_and_415_without_one),
        cmocka_unit_test(a_text_over_the_limit_is_413_and_an_unknown_route_404),
        cmocka_unit_test(only_owners_and_admins_have_results_logged_for_a_user),
        cmocka_unit_test(who_takes_long_answers_slowly_holds_at_most_half_of_the_workers),
        cmocka_unit_test(health_needs_no_token),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("ai-feedback api", tests, start, finish);
}
