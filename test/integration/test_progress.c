/*
 * The contract of lp-progress, asked of the real program over HTTP, beside a server that speaks
 * MongoDB's wire protocol (docker/mongo) in a folder of its own under /tmp.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/client/client.h"
#include "integration/program.h"
#include "json/json.h"
#include "unit/check.h"

#define LOG "/api/progress/activityLog"
#define RECOMMENDATION "/api/progress/recommendation"
#define LOGGED "{\"message\":\"activity logged successfully!\"}"
#define INCOMPLETE "{\"message\":\"please provide all fields\"}"
#define NO_LOGS "{\"message\":\"no activity logs found for this user\"}"
#define NOT_FOUND "{\"message\":\"resource not found\"}"

extern char **environ;

static struct program progress;
static struct {
    pid_t pid;
    int port;
    char dir[64], uri[64], log[80];
} mongo;

/* ---- the database ---- */

static bool answers(int port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    lp_auto_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect(fd, (struct sockaddr *)&at, sizeof at) == 0;
}

/* The first run may have to fetch the server's parts. */
static void mongo_start(void)
{
    char port[16];
    char *argv[] = { "docker/mongo/run", port, mongo.dir, NULL };
    posix_spawn_file_actions_t files;
    int64_t end = lp_clock_ms() + 600000;

    snprintf(port, sizeof port, "%d", mongo.port);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, mongo.log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    assert_int_equal(posix_spawn(&mongo.pid, argv[0], &files, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&files);
    while (!answers(mongo.port)) {
        if (waitpid(mongo.pid, NULL, WNOHANG) == mongo.pid || lp_clock_ms() > end)
            fail_msg("the database does not start, see %s", mongo.log);
        poll(NULL, 0, 50);
    }
}

static void mongo_kill(void)
{
    if (!mongo.pid)
        return;
    kill(mongo.pid, SIGKILL);
    waitpid(mongo.pid, NULL, 0);
    mongo.pid = 0;
}

static int free_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;
    lp_auto_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &n) < 0)
        return -1;
    return ntohs(at.sin_port);
}

/* ---- the program ---- */

static const char *program_path(void)
{
    static char path[512];
    const char *bin = getenv("LP_BIN");
    snprintf(path, sizeof path, "%s/lp-progress", bin ? bin : "build/dev/bin");
    return path;
}

static void progress_start(void)
{
    char uri[80], log[80];
    const char *env[] = { uri, "DRAIN_DELAY=0", "CONCURRENCY=8", "DB_NAME=test", NULL };
    snprintf(uri, sizeof uri, "MONGODB_URI=%s", mongo.uri);
    snprintf(log, sizeof log, "%s/progress.log", mongo.dir);
    program_start(&progress, program_path(), env, log);
}

static int start_both(void **state)
{
    (void)state;
    snprintf(mongo.dir, sizeof mongo.dir, "/tmp/lp-progress-XXXXXX");
    if (!mkdtemp(mongo.dir))
        return -1;
    mongo.port = free_port();
    snprintf(mongo.uri, sizeof mongo.uri, "mongodb://127.0.0.1:%d/", mongo.port);
    snprintf(mongo.log, sizeof mongo.log, "%s/mongo.log", mongo.dir);
    mongo_start();
    progress_start();
    program_wait(&progress, true);
    return 0;
}

static int stop_both(void **state)
{
    (void)state;
    int status = program_stop(&progress);
    mongo_kill();
    const char *files[] = { "mongo.log", "progress.log", "refused.log", "lp-mongo.mv.db" };
    for (size_t i = 0; i < LP_COUNT(files); i++) {
        lp_auto_free char *path = lp_sprintf("%s/%s", mongo.dir, files[i]);
        unlink(path);
    }
    rmdir(mongo.dir);
    return status;
}

static struct answer ask(const char *path, const char *body)
{
    return program_ask(progress.port, path, (struct ask){ .body = body });
}

static void assert_answer(const char *path, const char *body, int status, const char *want)
{
    auto_answer struct answer a = ask(path, body);
    json_auto_t *wanted = json_loads(want, 0, NULL);
    lp_auto_free char *got = json_dumps(a.body, JSON_COMPACT);
    if (a.status != status || !json_equal(a.body, wanted))
        fail_msg("%s %s: %d %s", path, body ? body : "", a.status, got ? got : "no JSON");
}

/* One request with a header; the caller ends `ret`. */
static void ask_with(const char *path, const char *header, const char *body,
                     struct lp_http_response *ret)
{
    const char *headers[] = { header, "Content-Type: application/json", NULL };
    const struct lp_http_client_options options = { .total_timeout_ms = 60000 };
    lp_auto_http_client struct lp_http_client *c = NULL;
    lp_auto_free char *url = lp_sprintf("http://127.0.0.1:%d%s", progress.port, path);
    struct lp_error err;
    struct lp_http_request q = { .method = body ? "POST" : "GET",
                                 .url = url,
                                 .headers = headers,
                                 .body = body,
                                 .body_len = body ? strlen(body) : 0 };
    assert_int_equal(lp_http_client_new(&options, &c, &err), 0);
    if (lp_http_do(c, &q, ret, &err) < 0)
        fail_msg("%s", err.msg);
}

static void log_score(const char *user, const char *activity, int score)
{
    lp_auto_free char *body = lp_sprintf("{\"userId\":\"%s\",\"activityName\":\"%s\",\"score\":%d}",
                                         user, activity, score);
    assert_answer(LOG, body, 201, LOGGED);
}

static size_t count_logs(const char *user)
{
    lp_auto_free char *path = lp_sprintf(LOG "/%s", user);
    auto_answer struct answer a = ask(path, NULL);
    assert_true(a.status == 200 || a.status == 404);
    return json_is_array(a.body) ? json_array_size(a.body) : 0;
}

/* ---- tests ---- */

static void stores_what_was_sent_trimmed_and_cast(void **state)
{
    (void)state;
    assert_answer(LOG,
                  "{\"userId\":4711,\"activityName\":\"  Reading \",\"activityDuration\":\"12.5\","
                  "\"score\":80,\"comment\":\"good\",\"role\":\"admin\"}",
                  201, LOGGED);
    auto_answer struct answer a = ask(LOG "/4711", NULL);
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
        assert_answer(LOG, cases[i].body, 400, cases[i].want);
    auto_answer struct answer broken = ask(LOG, "{\"userId\":");
    assert_int_equal(broken.status, 400);
    assert_string_equal(lp_json_str(broken.body, "message", NULL), "error logging activity:");
    auto_answer struct answer form = program_ask(
        progress.port, LOG,
        (struct ask){ .body = "userId=u", .type = "application/x-www-form-urlencoded" });
    assert_int_equal(form.status, 415);
    assert_int_equal(count_logs("u"), 0);
}

static void takes_bodies_up_to_its_limit(void **state)
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(200000);
    (void)state;
    lp_buf_str(&b, "{\"userId\":\"large\",\"activityName\":\"a\",\"filler\":\"");
    while (b.len < 100 * 1024 - 2)
        lp_buf_char(&b, 'x');
    lp_buf_str(&b, "\"}");
    assert_answer(LOG, b.ptr, 201, LOGGED);
    lp_buf_char(&b, ' ');
    assert_answer(LOG, b.ptr, 413, "{\"message\":\"request entity too large\"}");
}

static void answers_unknown_routes_in_json(void **state)
{
    (void)state;
    assert_answer("/", NULL, 404, NOT_FOUND);
    assert_answer("/api/progress/other", NULL, 404, NOT_FOUND);
    assert_answer(LOG, NULL, 404, NOT_FOUND);
    auto_answer struct answer put =
        program_ask(progress.port, LOG, (struct ask){ .method = "PUT", .body = "{}" });
    assert_int_equal(put.status, 404);
    assert_answer("/health", NULL, 200, "{\"status\":\"ok\",\"service\":\"progress-service\"}");
}

static void lists_newest_first_and_answers_304(void **state)
{
    lp_auto_http_response struct lp_http_response first = LP_HTTP_RESPONSE_INIT,
                                                  again = LP_HTTP_RESPONSE_INIT,
                                                  changed = LP_HTTP_RESPONSE_INIT;
    (void)state;
    assert_answer(LOG "/etag", NULL, 404, NO_LOGS);
    log_score("etag", "one", 1);
    log_score("etag", "two", 2);
    ask_with(LOG "/etag", "Accept: */*", NULL, &first);
    json_auto_t *list = json_loads(first.body.ptr, 0, NULL);
    assert_string_equal(lp_json_str(json_array_get(list, 0), "activityName", NULL), "two");
    assert_string_equal(lp_json_str(json_array_get(list, 1), "activityName", NULL), "one");
    assert_memory_equal(first.etag, "W/\"", 3);
    lp_auto_free char *known = lp_sprintf("If-None-Match: \"x\", %s", first.etag);
    ask_with(LOG "/ETAG", known, NULL, &changed);
    assert_int_equal(changed.status, 404); /* ids keep their case */
    ask_with(LOG "/etag", known, NULL, &again);
    assert_int_equal(again.status, 304);
    assert_int_equal(again.body.len, 0);
    log_score("etag", "three", 3);
    ask_with(LOG "/etag", known, NULL, &again);
    assert_int_equal(again.status, 200);
}

static void pages_give_the_same_as_the_whole(void **state)
{
    (void)state;
    for (int i = 0; i < 25; i++)
        log_score("pages", "a", i);
    auto_answer struct answer whole = ask(LOG "/pages", NULL);
    assert_int_equal(json_array_size(whole.body), 25);
    lp_auto_free char *path = lp_strdup(LOG "/pages?limit=10");
    size_t seen = 0;
    for (size_t want = 10; want > 0;) {
        auto_answer struct answer page = ask(path, NULL);
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
    auto_answer struct answer older = ask(LOG "/pages?before=2020-01-01T00:00:00Z", NULL);
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
        assert_answer(LOG, b.ptr, 201, LOGGED);
    ask_with(LOG "/long", "Accept: */*", NULL, &r);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.etag, "");
    json_auto_t *list = json_loadb(r.body.ptr, r.body.len, 0, NULL);
    assert_int_equal(json_array_size(list), 40);
}

static void refuses_pages_that_make_no_sense(void **state)
{
    static const char *const queries[] = { "limit=0",          "limit=1001",
                                           "limit=x",          "limit=-1",
                                           "before=yesterday", "before=0123456789abcdef01234567",
                                           "limit=%ff",        "before=%e2%82" };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(queries); i++) {
        lp_auto_free char *path = lp_sprintf(LOG "/pages?%s", queries[i]);
        auto_answer struct answer a = ask(path, NULL);
        assert_int_equal(a.status, 400);
    }
}

static void recommends_the_lowest_average(void **state)
{
    (void)state;
    assert_answer(RECOMMENDATION "/rec", NULL, 404,
                  "{\"message\":\"no scorable activity for this user\"}");
    assert_answer(LOG, "{\"userId\":\"rec\",\"activityName\":\"Unscored\"}", 201, LOGGED);
    assert_answer(RECOMMENDATION "/rec", NULL, 404,
                  "{\"message\":\"no scorable activity for this user\"}");
    log_score("rec", "Reading", 90);
    log_score("rec", "Speaking", 50);
    log_score("rec", "Speaking", 75);
    log_score("rec", "Listening", 70);
    log_score("other", "Grammar", 1);
    assert_answer(RECOMMENDATION "/rec", NULL, 200,
                  "{\"message\":\"activity recommendation based on lowest average score.\","
                  "\"activityName\":\"Speaking\",\"averageScore\":62.5,\"numberOfAttemps\":2}");
}

static void *deliver(void *user)
{
    lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
    ask_with(LOG, "Idempotency-Key: delivery-1",
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
    assert_int_equal(count_logs("once"), 1);
    lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
    ask_with(LOG, "Idempotency-Key: delivery-1", "{\"userId\":\"twice\",\"activityName\":\"a\"}",
             &r);
    ask_with(LOG, "Idempotency-Key: delivery-2", "{\"userId\":\"twice\",\"activityName\":\"a\"}",
             &r);
    assert_int_equal(count_logs("twice"), 2);
}

static void loses_no_answered_write_when_the_database_dies(void **state)
{
    size_t stored = 0;
    (void)state;
    for (int i = 0; i < 20; i++) {
        log_score("durable", "a", i);
        stored++;
    }
    mongo_kill();
    auto_answer struct answer down =
        ask(LOG, "{\"userId\":\"durable\",\"activityName\":\"lost\",\"score\":0}");
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
    assert_answer("/health", NULL, 200, "{\"status\":\"ok\",\"service\":\"progress-service\"}");
    mongo_start();
    program_wait(&progress, true);
    assert_int_equal(count_logs("durable"), stored);
}

static void starts_before_its_database(void **state)
{
    (void)state;
    assert_int_equal(program_stop(&progress), 0);
    mongo_kill();
    progress_start();
    program_wait(&progress, false);
    auto_answer struct answer a = program_ask(progress.metrics_port, "/readyz", (struct ask){ 0 });
    assert_int_equal(a.status, 503);
    mongo_start();
    program_wait(&progress, true);
    log_score("late", "a", 1);
}

static void writes_no_learner_into_its_log(void **state)
{
    (void)state;
    assert_answer(
        LOG, "{\"userId\":\"ann@example.org\",\"activityName\":\"Se-cret\",\"comment\":\"priv8\"}",
        201, LOGGED);
    assert_int_equal(count_logs("ann@example.org"), 1);
    auto_answer struct answer a = ask(RECOMMENDATION "/ann%40example.org", NULL);
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
    };
    lp_auto_free char *log = lp_sprintf("%s/refused.log", mongo.dir);
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        const char *env[] = { cases[i].variable, i == 2 ? "MONGODB_URI=mongodb://a/" : NULL, NULL };
        unlink(log);
        assert_int_equal(program_run((const char *[]){ program_path(), NULL }, env, log), 2);
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
        cmocka_unit_test(loses_no_answered_write_when_the_database_dies),
        cmocka_unit_test(starts_before_its_database),
        cmocka_unit_test(writes_no_learner_into_its_log),
        cmocka_unit_test(refuses_a_wrong_configuration_by_name),
    };
    return cmocka_run_group_tests_name("progress", tests, start_both, stop_both);
}
