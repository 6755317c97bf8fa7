/*
 * test/integration/progress_fixture.c -- lp-progress beside a server that speaks MongoDB's wire
 * protocol (docker/mongo) in a folder of its own under /tmp.
 */
#include "integration/progress_fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "json/json.h"
#include "unit/check.h"

extern char **environ;

struct program progress;
struct progress_mongo mongo;

static const char *const *settings;

/* ---- the database ---- */

static bool answers(int port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    lp_auto_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect(fd, (struct sockaddr *)&at, sizeof at) == 0;
}

/* The first run may have to fetch the server's parts. */
void progress_mongo_start(void)
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

void progress_mongo_kill(void)
{
    if (!mongo.pid)
        return;
    kill(mongo.pid, SIGKILL);
    waitpid(mongo.pid, NULL, 0);
    mongo.pid = 0;
}

/* ---- the program ---- */

const char *progress_path(void)
{
    static char path[512];
    const char *bin = getenv("LP_BIN");
    snprintf(path, sizeof path, "%s/lp-progress", bin ? bin : "build/dev/bin");
    return path;
}

void progress_start(void)
{
    char uri[80], log[80];
    const char *env[16] = { uri, "DRAIN_DELAY=0", "CONCURRENCY=8", "DB_NAME=test" };
    for (size_t i = 0; settings[i] && i + 5 < LP_COUNT(env); i++)
        env[i + 4] = settings[i];
    snprintf(uri, sizeof uri, "MONGODB_URI=%s", mongo.uri);
    snprintf(log, sizeof log, "%s/progress.log", mongo.dir);
    program_start(&progress, progress_path(), env, log);
}

int progress_setup(const char *const *env)
{
    settings = env;
    snprintf(mongo.dir, sizeof mongo.dir, "/tmp/lp-progress-XXXXXX");
    if (!mkdtemp(mongo.dir))
        return -1;
    mongo.port = program_free_port();
    snprintf(mongo.uri, sizeof mongo.uri, "mongodb://127.0.0.1:%d/", mongo.port);
    snprintf(mongo.log, sizeof mongo.log, "%s/mongo.log", mongo.dir);
    progress_mongo_start();
    progress_start();
    program_wait(&progress, true);
    return 0;
}

int progress_teardown(void **state)
{
    (void)state;
    int status = program_stop(&progress);
    progress_mongo_kill();
    const char *files[] = { "mongo.log", "progress.log", "refused.log", "lp-mongo.mv.db" };
    for (size_t i = 0; i < LP_COUNT(files); i++) {
        lp_auto_free char *path = lp_sprintf("%s/%s", mongo.dir, files[i]);
        unlink(path);
    }
    rmdir(mongo.dir);
    return status;
}

/* ---- requests ---- */

struct answer progress_ask(const char *path, const char *body)
{
    return program_ask(progress.port, path, (struct ask){ .body = body });
}

void progress_assert(const char *path, const char *body, int status, const char *want)
{
    auto_answer struct answer a = progress_ask(path, body);
    json_auto_t *wanted = json_loads(want, 0, NULL);
    lp_auto_free char *got = json_dumps(a.body, JSON_COMPACT);
    if (a.status != status || !json_equal(a.body, wanted))
        fail_msg("%s %s: %d %s", path, body ? body : "", a.status, got ? got : "no JSON");
}

/* One request with a header; the caller ends `ret`. */
void progress_ask_with(const char *path, const char *header, const char *body,
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

void progress_log_score(const char *user, const char *activity, int score)
{
    lp_auto_free char *body = lp_sprintf("{\"userId\":\"%s\",\"activityName\":\"%s\",\"score\":%d}",
                                         user, activity, score);
    progress_assert(LOG, body, 201, LOGGED);
}

size_t progress_count(const char *user)
{
    lp_auto_free char *path = lp_sprintf(LOG "/%s", user);
    auto_answer struct answer a = progress_ask(path, NULL);
    assert_true(a.status == 200 || a.status == 404);
    return json_is_array(a.body) ? json_array_size(a.body) : 0;
}
