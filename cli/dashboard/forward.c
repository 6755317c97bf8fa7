/* cli/dashboard/forward.c -- see the header. libcurl of Debian 12 speaks no WebSocket, which the
 * API server's port-forward needs; kubectl does. No state beside the caller's. */
#include "cli/dashboard/forward.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "cli/dashboard/child.h"

#define START_MS 15000
#define MOST_OUTPUT 16384
#define MOST_WORDS (CLI_MAX_GROUPS + 24)

static const char listens[] = "Forwarding from 127.0.0.1:";

/* ---- the command line ---- */

struct words {
    size_t n;
    char *items[MOST_WORDS + 1]; /* owned; ends with NULL */
};

static void words_done(struct words *w)
{
    for (size_t i = 0; i < w->n; i++)
        free(w->items[i]);
}

/* "--name=value"; NULL: it was not given. */
static void add_flag(struct words *w, const char *name, const char *value)
{
    if (value)
        w->items[w->n++] = lp_sprintf("--%s=%s", name, value);
}

static void add_flags(struct words *w, const struct cli_options *o)
{
    const struct lp_kube_flags *f = &o->flags;

    add_flag(w, "kubeconfig", o->kubeconfig_list ? NULL : o->kubeconfig);
    add_flag(w, "context", o->context);
    add_flag(w, "as", o->as);
    add_flag(w, "as-uid", o->as_uid);
    for (size_t i = 0; i < CLI_MAX_GROUPS && o->as_groups[i]; i++)
        add_flag(w, "as-group", o->as_groups[i]);
    add_flag(w, "cluster", f->cluster);
    add_flag(w, "user", f->user);
    add_flag(w, "server", f->server);
    add_flag(w, "tls-server-name", f->tls_server_name);
    add_flag(w, "certificate-authority", f->certificate_authority);
    add_flag(w, "token", f->token);
    add_flag(w, "client-certificate", f->client_certificate);
    add_flag(w, "client-key", f->client_key);
    add_flag(w, "insecure-skip-tls-verify", f->insecure_skip_tls_verify ? "true" : NULL);
}

/* ---- what it prints ---- */

/* The port, once its line is whole; 0: not yet. */
static uint16_t port_of(const struct lp_buf *out)
{
    const char *line = strstr(out->ptr, listens);
    const char *digits = line ? line + sizeof listens - 1 : "";
    size_t n = strspn(digits, "0123456789");
    unsigned long port = n > 0 && n <= 5 && digits[n] != '\0' ? strtoul(digits, NULL, 10) : 0;

    return port <= UINT16_MAX ? (uint16_t)port : 0;
}

static int fail_from_output(struct lp_buf *out, struct lp_error *err)
{
    while (out->len > 0 && (out->ptr[out->len - 1] == '\n' || out->ptr[out->len - 1] == '\r'))
        out->ptr[--out->len] = '\0';
    const char *last = strrchr(out->ptr, '\n');

    return lp_error_set(err, LP_E_UNAVAILABLE, "kubectl port-forward: %.300s",
                        out->len == 0 ? "ended without a word"
                        : last        ? last + 1
                                      : out->ptr);
}

/* 1: there is more to come. */
static int read_some(struct forward *f, struct lp_buf *out, struct lp_error *err)
{
    char bytes[1024];
    ssize_t n = read(f->fd, bytes, sizeof bytes);

    if (n < 0)
        return errno == EINTR ? 1 : lp_error_set(err, LP_E_INTERNAL, "read: %s", strerror(errno));
    lp_buf_add(out, bytes, (size_t)n);
    if (out->overflowed)
        return lp_error_set(err, LP_E_TOO_LARGE,
                            "kubectl port-forward printed over %d bytes, and does not listen",
                            MOST_OUTPUT);
    if (n == 0)
        return fail_from_output(out, err);
    f->port = port_of(out);
    return f->port == 0;
}

static int await_port(struct forward *f, struct lp_stop *stop, struct lp_error *err)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(MOST_OUTPUT);
    struct pollfd fds[] = { { .fd = f->fd, .events = POLLIN },
                            { .fd = lp_stop_fd(stop), .events = POLLIN } };
    int64_t end = lp_clock_ms() + START_MS;
    int r = 1;

    while (r == 1) {
        int64_t left = end - lp_clock_ms();
        if (lp_stop_requested(stop))
            return lp_error_set(err, LP_E_CANCELED, "the dashboard ends");
        if (left <= 0)
            return lp_error_set(err, LP_E_TIMEOUT,
                                "kubectl port-forward does not listen after %d s", START_MS / 1000);
        if (poll(fds, LP_COUNT(fds), (int)left) > 0 && fds[0].revents)
            r = read_some(f, &out, err);
    }
    return r;
}

int forward_start(const struct cli_options *options, const char *ns, const char *service,
                  struct lp_stop *stop, struct forward *ret, struct lp_error *err)
{
    struct words w __attribute__((cleanup(words_done))) = { .n = 0 };
    struct forward f = { .fd = -1 };
    int ends[2];

    w.items[w.n++] = lp_strdup("kubectl");
    w.items[w.n++] = lp_strdup("port-forward");
    add_flag(&w, "address", "127.0.0.1");
    add_flag(&w, "pod-running-timeout", "10s");
    add_flag(&w, "namespace", ns);
    add_flags(&w, options);
    w.items[w.n++] = lp_sprintf("service/%s", service);
    w.items[w.n++] = lp_strdup(":http");
    if (pipe2(ends, O_CLOEXEC) < 0)
        return lp_error_set(err, LP_E_INTERNAL, "pipe: %s", strerror(errno));
    int failed = child_start(w.items, ends[1], &f.pid);
    close(ends[1]);
    f.fd = ends[0];
    if (failed != 0) {
        close(f.fd);
        return lp_error_set(err, LP_E_UNAVAILABLE, "kubectl cannot be started: %s",
                            strerror(failed));
    }
    int r = await_port(&f, stop, err);
    if (r < 0)
        forward_end(&f);
    else
        *ret = f;
    return r;
}

void forward_end(struct forward *f)
{
    child_end(f->pid);
    close(f->fd);
}
