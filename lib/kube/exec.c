/* lib/kube/exec.c -- runs a credential plugin in a process group of its own and reads what it
 * prints, with a limit on time and size. Its standard error is ours, so that people see what it
 * asks for. Any thread. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/spawn.h"
#include "json/json.h"
#include "kube/auth.h"

#define EXEC_TIMEOUT_MS 60000
#define INTERACTIVE_TIMEOUT_MS 600000 /* a person types, and may have to fetch a key */
#define INFO_NAME "KUBERNETES_EXEC_INFO"

extern char **environ;

/* Our environment, the plugin's own, and the request that it answers. Strings are borrowed but the
 * last. */
static char **make_environment(const struct lp_kube_exec *exec, char *info)
{
    size_t n = 0, at = 0;

    for (char **e = environ; *e; e++)
        n++;
    for (char **e = exec->env; e && *e; e++)
        n++;
    char **all = lp_calloc(n + 2, sizeof(char *));
    all[at++] = info; /* the first of a name wins in getenv */
    for (char **e = exec->env; e && *e; e++)
        all[at++] = *e;
    for (char **e = environ; *e; e++)
        all[at++] = *e;
    return all;
}

/* ExecCredential as client.authentication.k8s.io wants it in the environment. */
static char *make_info(const struct lp_kube_exec *exec, const json_t *cluster)
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(LP_LIMIT_CONFIG_BYTES);
    json_auto_t *o = lp_json_make("{s:s, s:s, s:{s:b}}", "apiVersion", exec->api_version, "kind",
                                  "ExecCredential", "spec", "interactive", exec->interactive);
    if (cluster)
        json_object_set(json_object_get(o, "spec"), "cluster", (json_t *)cluster);
    lp_buf_str(&b, INFO_NAME "=");
    lp_json_write(o, &b);
    return lp_buf_take(&b);
}

/* Who asks at the terminal stays in its process group: one of its own could not read from it. */
static int spawn(const struct lp_kube_exec *exec, char **env, int out, pid_t *ret_pid)
{
    const struct lp_spawn how = { .argv = exec->argv,
                                  .env = env,
                                  .in = exec->interactive ? LP_SPAWN_INHERIT : LP_SPAWN_NULL,
                                  .out = out,
                                  .err = LP_SPAWN_INHERIT,
                                  .own_group = !exec->interactive };

    return lp_spawn(&how, ret_pid);
}

/* Returns 0 once `fd` has something to tell; fails at the time limit or the stop. */
static int wait_for(int fd, struct lp_stop *stop, int64_t end_ms, struct lp_error *err)
{
    struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
                           { .fd = stop ? lp_stop_fd(stop) : -1, .events = POLLIN } };

    for (;;) {
        int64_t left = end_ms - lp_clock_ms();
        if (lp_stop_requested(stop))
            return lp_error_set(err, LP_E_CANCELED, "stopped");
        if (left <= 0)
            return lp_error_set(err, LP_E_DENIED, "no answer in time");
        if (poll(p, 2, (int)left) > 0 && (p[0].revents & (POLLIN | POLLHUP)))
            return 0;
    }
}

/* Reads to the end, or to the size limit. */
static int read_output(int fd, struct lp_stop *stop, int64_t end_ms, struct lp_buf *out,
                       struct lp_error *err)
{
    char part[4096];

    for (;;) {
        int r = wait_for(fd, stop, end_ms, err);
        if (r < 0)
            return r;
        ssize_t n = read(fd, part, sizeof part);
        if (n == 0)
            return 0;
        if (n > 0)
            lp_buf_add(out, part, (size_t)n);
        if (out->overflowed)
            return lp_error_set(err, LP_E_DENIED, "printed over %zu bytes", out->max);
        if (n < 0 && errno != EINTR)
            return lp_error_set(err, LP_E_DENIED, "%s", strerror(errno));
    }
}

/* A plugin may live on after it has closed its output. */
static int wait_for_end(pid_t pid, struct lp_stop *stop, int64_t end_ms, struct lp_error *err)
{
    lp_auto_fd int fd = pidfd_open(pid, 0);

    if (fd < 0)
        return lp_error_set(err, LP_E_DENIED, "cannot be waited for: %s", strerror(errno));
    return wait_for(fd, stop, end_ms, err);
}

static int reap(pid_t pid, struct lp_error *err)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFSIGNALED(status))
        return lp_error_set(err, LP_E_DENIED, "ended by signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        return lp_error_set(err, LP_E_DENIED, "ended with status %d", WEXITSTATUS(status));
    return 0;
}

static int exec_run(const struct lp_kube_exec *exec, char **env, struct lp_stop *stop,
                    struct lp_buf *out, struct lp_error *err)
{
    int64_t limit_ms = exec->interactive ? INTERACTIVE_TIMEOUT_MS : EXEC_TIMEOUT_MS;
    int64_t end_ms = lp_clock_ms() + limit_ms;
    int ends[2];
    pid_t pid = -1;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return lp_error_set(err, LP_E_DENIED, "pipe: %s", strerror(errno));
    lp_auto_fd int in = ends[0];
    int failed = spawn(exec, env, ends[1], &pid);
    close(ends[1]);
    if (failed)
        return lp_error_set(err, LP_E_DENIED, "%s", strerror(failed));
    int r = read_output(in, stop, end_ms, out, err);
    if (r == 0)
        r = wait_for_end(pid, stop, end_ms, err);
    if (r < 0) {
        struct lp_error ignored;
        kill(exec->interactive ? pid : -pid, SIGKILL);
        int gone = reap(pid, &ignored);
        (void)gone; /* we killed it */
        return r;
    }
    return reap(pid, err);
}

static int decode(const struct lp_kube_exec *exec, const struct lp_buf *out,
                  struct lp_kube_exec_result *ret, struct lp_error *err)
{
    json_auto_t *o = NULL;
    int r = lp_json_parse(out->ptr, out->len, out->max, "output", &o, err);
    if (r < 0)
        return lp_error_set(err, LP_E_DENIED, "printed no JSON"); /* it may hold secrets */

    const char *version = lp_json_str(o, "apiVersion", NULL);
    const char *token = lp_json_str(o, "status", "token", NULL);
    const char *cert = lp_json_str(o, "status", "clientCertificateData", NULL);
    const char *key = lp_json_str(o, "status", "clientKeyData", NULL);
    const char *expires = lp_json_str(o, "status", "expirationTimestamp", NULL);
    if (!version || strcmp(version, exec->api_version) != 0)
        return lp_error_set(err, LP_E_DENIED, "apiVersion: must be %s, is %s", exec->api_version,
                            version ? version : "absent");
    if (!token && !(cert && key))
        return lp_error_set(err, LP_E_DENIED, "status: has neither token nor client certificate");
    int64_t when = expires ? lp_clock_parse(expires) : INT64_MAX;
    if (when < 0)
        return lp_error_set(err, LP_E_DENIED, "status.expirationTimestamp: is no time: %.40s",
                            expires);
    *ret = (struct lp_kube_exec_result){ .token = lp_strdup(token),
                                         .cert_pem = lp_strdup(cert),
                                         .key_pem = lp_strdup(key),
                                         .expires_wall_ms = when };
    return 0;
}

int lp_kube_exec_run(const struct lp_kube_exec *exec, const json_t *info, struct lp_stop *stop,
                     struct lp_kube_exec_result *ret, struct lp_error *err)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(LP_LIMIT_CONFIG_BYTES);
    lp_auto_free char *request = make_info(exec, info);
    lp_auto_free char **env = make_environment(exec, request);

    int r = exec_run(exec, env, stop, &out, err);
    if (r == 0)
        r = decode(exec, &out, ret, err);
    if (r == 0)
        return 0;
    lp_error_wrap(err, "credential plugin %s", exec->argv[0]);
    if (exec->install_hint && r == LP_E_DENIED) {
        char msg[sizeof err->msg];
        memcpy(msg, err->msg, sizeof msg);
        return lp_error_set(err, r, "%.300s; %.200s", msg, exec->install_hint);
    }
    return r;
}
