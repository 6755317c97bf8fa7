/*
 * Starts programs with posix_spawn and talks to them with the project's own HTTP client, one client
 * per request, so that any thread of a test may ask. Waits are polls of the thing waited for, with
 * an end.
 */
#include "integration/program.h"

#include <ifaddrs.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "http/client/client.h"
#include "json/json.h"
#include "unit/check.h"

#define READY_MS 90000 /* of a busy machine */

/* Until this process ends no other test gets this port, though nothing listens on it yet or for a
 * moment: the port is the name of an abstract socket, which test/integration/lib/plane.py takes,
 * too. */
static bool reserve(unsigned port)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    int n = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "lp-test-port-%u", port);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (bind(fd, (struct sockaddr *)&name, size) == 0)
        return true; /* `fd` stays open */
    close(fd);
    return false;
}

int program_free_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    for (int tries = 0; tries < 200; tries++) {
        unsigned port = 0;
        assert_int_equal(getrandom(&port, sizeof port, 0), sizeof port);
        port = 10000 + port % 10000;
        if (!reserve(port))
            continue;
        lp_auto_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        at.sin_port = htons((uint16_t)port);
        if (bind(fd, (struct sockaddr *)&at, sizeof at) == 0)
            return (int)port;
    }
    fail_msg("no free port between 10000 and 19999 in 200 tries: close some programs");
    return 0;
}

static pid_t spawn(const char *const *argv, const char *const *env, const char *log)
{
    posix_spawn_file_actions_t files;
    pid_t pid = 0;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    int r = posix_spawnp(&pid, argv[0], &files, NULL, (char *const *)argv, (char *const *)env);
    posix_spawn_file_actions_destroy(&files);
    if (r != 0)
        fail_msg("cannot run %s: %s", argv[0], strerror(r));
    return pid;
}

/* The exit status of `pid`, which is killed after `ms`. */
static int reap(pid_t pid, int ms)
{
    lp_auto_fd int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd p = { .fd = fd, .events = POLLIN };
    int status = 0;
    if (fd >= 0 && poll(&p, 1, ms) == 0)
        kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void program_start(struct program *p, const char *path, const char *const *env, const char *log)
{
    const char *all[40];
    char port[32], metrics[32];
    size_t n = 0;
    while (env[n] && n < LP_COUNT(all) - 3) {
        all[n] = env[n];
        n++;
    }
    p->port = program_free_port();
    do
        p->metrics_port = program_free_port();
    while (p->metrics_port == p->port);
    snprintf(port, sizeof port, "PORT=%d", p->port);
    snprintf(metrics, sizeof metrics, "METRICS_PORT=%d", p->metrics_port);
    all[n++] = port;
    all[n++] = metrics;
    all[n] = NULL;
    snprintf(p->log, sizeof p->log, "%s", log);
    p->pid = spawn((const char *[]){ path, NULL }, all, log);
}

static void wait_for_status(const struct program *p, const char *path, int status)
{
    int64_t end = lp_clock_ms() + READY_MS;
    for (;;) {
        auto_answer struct answer a = program_ask(p->metrics_port, path, (struct ask){ 0 });
        if (a.status == status)
            return;
        if (waitpid(p->pid, NULL, WNOHANG) != 0)
            fail_msg("the program has ended, see %s", p->log);
        if (lp_clock_ms() > end)
            fail_msg("%s not %d after %d s, see %s", path, status, READY_MS / 1000, p->log);
        poll(NULL, 0, 20);
    }
}

void program_wait(const struct program *p, bool ready)
{
    wait_for_status(p, ready ? "/readyz" : "/livez", 200);
}

void program_wait_unready(const struct program *p)
{
    wait_for_status(p, "/readyz", 503);
}

int program_stop(struct program *p)
{
    if (!p->pid)
        return 0;
    kill(p->pid, SIGTERM);
    int status = reap(p->pid, 30000);
    p->pid = 0;
    return status;
}

int program_run(const char *const *argv, const char *const *env, const char *log)
{
    return reap(spawn(argv, env, log), 60000);
}

char *program_read_file(const char *path)
{
    struct lp_buf text = LP_BUF_INIT(64 << 20); /* a log of a quick machine has 4 MiB */
    char piece[4096];
    lp_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    for (ssize_t n; fd >= 0 && (n = read(fd, piece, sizeof piece)) > 0;)
        lp_buf_add(&text, piece, (size_t)n);
    return lp_buf_take(&text);
}

void answer_done(struct answer *a)
{
    json_decref(a->body);
    a->body = NULL;
}

static int fetch(int port, const char *path, const struct ask *ask, struct lp_http_response *ret)
{
    const struct lp_http_client_options options = { .total_timeout_ms = 60000 };
    lp_auto_http_client struct lp_http_client *client = NULL;
    lp_auto_free char *url = lp_sprintf("http://127.0.0.1:%d%s", port, path);
    lp_auto_free char *type =
        lp_sprintf("Content-Type: %s", ask->type ? ask->type : "application/json");
    lp_auto_free char *bearer =
        lp_sprintf("Authorization: Bearer %s", ask->bearer ? ask->bearer : "");
    const char *headers[4] = { NULL };
    struct lp_error err;
    size_t n = 0;

    if (ask->bearer)
        headers[n++] = bearer;
    if (ask->body)
        headers[n++] = type;
    if (ask->header)
        headers[n++] = ask->header;
    struct lp_http_request request = {
        .method = ask->method ? ask->method
                  : ask->body ? "POST"
                              : "GET",
        .url = url,
        .headers = headers,
        .body = ask->body,
        .body_len = ask->body_len ? ask->body_len
                    : ask->body   ? strlen(ask->body)
                                  : 0,
    };
    int r = lp_http_client_new(&options, &client, &err);
    return r < 0 ? r : lp_http_do(client, &request, ret, &err);
}

struct answer program_ask(int port, const char *path, struct ask ask)
{
    lp_auto_http_response struct lp_http_response response = LP_HTTP_RESPONSE_INIT;
    struct answer a = { 0 };
    if (fetch(port, path, &ask, &response) < 0)
        return a;
    a.status = response.status;
    a.retry_after_ms = response.retry_after_ms;
    a.body = json_loadb(response.body.ptr, response.body.len, JSON_DECODE_ANY, NULL);
    return a;
}

double program_metric(const struct program *p, const char *series)
{
    lp_auto_http_response struct lp_http_response response = LP_HTTP_RESPONSE_INIT;
    double value = -1;
    if (fetch(p->metrics_port, "/metrics", &(struct ask){ 0 }, &response) < 0)
        return -1;
    size_t n = strlen(series);
    for (const char *at = response.body.ptr; at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, series, n) == 0 && at[n] == ' ')
            value = strtod(at + n, NULL);
    }
    return value;
}

bool program_host_address(char ret[16])
{
    struct ifaddrs *all;
    bool found = false;
    if (getifaddrs(&all) < 0)
        return false;
    for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
        if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET)
            continue;
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)i->ifa_addr;
        found =
            (ntohl(in->sin_addr.s_addr) >> 24) != 127 && inet_ntop(AF_INET, &in->sin_addr, ret, 16);
    }
    freeifaddrs(all);
    return found;
}
