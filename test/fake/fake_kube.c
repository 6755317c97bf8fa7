/* test/fake/fake_kube.c -- a thread accepts, one more serves each connection. One mutex guards the
 * script and the record; sockets are shut down at the stop, which ends every read. */
#include "fake/fake_kube.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "fake/raw_http.h"
#include "unit/check.h"

#define CONNECTIONS 256
#define ANSWERS 64
#define REQUEST_BYTES (1 << 20)
#define AWAIT_MS 30000

struct connection {
    struct fake_kube *fake;
    pthread_t thread;
    int fd;
};

struct fake_kube {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t acceptor;
    int listener;
    bool stopped;
    char url[64];
    const struct fake_answer *answers;
    unsigned given[ANSWERS], n_requests, n_connections;
    struct connection connections[CONNECTIONS];
    struct lp_buf requests, user_agents;
};

struct request {
    struct lp_buf bytes; /* head and body */
    size_t head;
    char line[2048]; /* "METHOD target" */
};

/* The value of a header, "" where it is absent. */
static void header(const struct request *r, const char *name, char *ret_value, size_t room)
{
    const char *at = r->bytes.ptr, *end = at + r->head;

    ret_value[0] = '\0';
    while ((at = memchr(at, '\n', (size_t)(end - at))) && ++at < end) {
        size_t n = strlen(name);
        if (strncasecmp(at, name, n) != 0 || at[n] != ':')
            continue;
        at += n + 1 + strspn(at + n + 1, " ");
        snprintf(ret_value, room, "%.*s", (int)strcspn(at, "\r\n"), at);
        return;
    }
}

static bool read_request(int fd, struct request *r)
{
    char part[4096], length[32];
    size_t need = SIZE_MAX;

    lp_buf_reset(&r->bytes);
    r->head = 0;
    while (r->bytes.len < need) {
        ssize_t n = recv(fd, part, sizeof part, 0);
        if (n <= 0)
            return false;
        lp_buf_add(&r->bytes, part, (size_t)n);
        const char *blank = r->head ? NULL : strstr(r->bytes.ptr, "\r\n\r\n");
        if (!blank)
            continue;
        r->head = (size_t)(blank - r->bytes.ptr) + 4;
        header(r, "content-length", length, sizeof length);
        need = r->head + strtoul(length, NULL, 10);
    }
    size_t line = strcspn(r->bytes.ptr, "\r\n");
    line = line > 9 ? line - 9 : 0; /* without " HTTP/1.1" */
    snprintf(r->line, sizeof r->line, "%.*s", (int)line, r->bytes.ptr);
    return true;
}

/* Notes the request and chooses its answer. */
static struct fake_answer take(struct fake_kube *f, const struct request *r)
{
    static const struct fake_answer none = {
        .status = 404,
        .body = "{\"kind\":\"Status\",\"message\":\"not in the script\",\"code\":404}"
    };
    const struct fake_answer *found = &none;
    char who[256], agent[128];

    header(r, "authorization", who, sizeof who);
    header(r, "user-agent", agent, sizeof agent);
    pthread_mutex_lock(&f->lock);
    lp_buf_printf(&f->user_agents, "%s\n", agent);
    lp_buf_printf(&f->requests, "%s%s%s%s%s\n", r->line, *who ? " " : "", who,
                  r->bytes.len > r->head ? " " : "", r->bytes.ptr + r->head);
    for (size_t i = 0; f->answers[i].status >= 0 && i < ANSWERS; i++) {
        const struct fake_answer *a = &f->answers[i];
        if ((a->times && f->given[i] >= a->times) || (a->match && !strstr(r->line, a->match)))
            continue;
        f->given[i]++;
        found = a;
        break;
    }
    f->n_requests++;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    return *found;
}

static bool send_chunks(int fd, const char *body, size_t n, const struct fake_answer *a)
{
    char size[32];

    for (size_t at = 0; at < n; at += a->chunk) {
        size_t part = n - at < a->chunk ? n - at : a->chunk;
        snprintf(size, sizeof size, "%zx\r\n", part);
        if (!raw_send(fd, size, strlen(size)) || !raw_send(fd, body + at, part) ||
            !raw_send(fd, "\r\n", 2))
            return false;
    }
    return a->cut || a->stall || raw_send(fd, "0\r\n\r\n", 5);
}

/* True where another request may follow. */
static bool answer(int fd, const struct fake_answer *a)
{
    const char *body = a->body ? a->body : "{}";
    size_t n = strlen(body);
    char head[2048], drain[256], length[64];

    if (a->close)
        return false;
    if (!a->silent) {
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", n);
        int used = snprintf(head, sizeof head,
                            "HTTP/1.1 %d Answer\r\nContent-Type: application/json\r\n%s%s\r\n",
                            a->status, a->headers ? a->headers : "",
                            a->chunk ? "Transfer-Encoding: chunked\r\n" : length);
        size_t sent = a->cut ? a->cut : n;
        if (!raw_send(fd, head, (size_t)used) ||
            !(a->chunk ? send_chunks(fd, body, sent, a) : raw_send(fd, body, sent)))
            return false;
    }
    while ((a->stall || a->silent) && recv(fd, drain, sizeof drain, 0) > 0)
        ;
    return !a->cut && !a->stall && !a->silent;
}

/* A create that must find nothing names a version that no object has; no answer has it. */
static void without_version(char *body)
{
    static const char version[] = "\"resourceVersion\":\"1\"";
    char *at = strstr(body, version);

    if (!at)
        return;
    char *end = at + sizeof version - 1;
    if (*end == ',')
        end++;
    else if (at[-1] == ',')
        at--;
    memmove(at, end, strlen(end) + 1);
}

static void *serve(void *user)
{
    struct connection *c = user;
    struct request r = { .bytes = LP_BUF_INIT(REQUEST_BYTES) };
    bool more = true;

    while (more && read_request(c->fd, &r)) {
        struct fake_answer a = take(c->fake, &r);
        if (a.echo) {
            a.body = r.bytes.ptr + r.head;
            without_version(r.bytes.ptr + r.head);
        }
        more = answer(c->fd, &a);
    }
    shutdown(c->fd,
             SHUT_RDWR); /* closed at the stop, so that its number is not used again before */
    lp_buf_done(&r.bytes);
    return NULL;
}

static void *accept_all(void *user)
{
    struct fake_kube *f = user;
    int on = 1;

    for (;;) {
        int fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            return NULL;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        pthread_mutex_lock(&f->lock);
        bool taken = !f->stopped && f->n_connections < CONNECTIONS;
        if (taken) {
            struct connection *c = &f->connections[f->n_connections];
            *c = (struct connection){ .fake = f, .fd = fd };
            taken = pthread_create(&c->thread, NULL, serve, c) == 0;
            f->n_connections += taken;
        }
        pthread_mutex_unlock(&f->lock);
        if (!taken)
            close(fd);
    }
}

struct fake_kube *fake_kube_start(const struct fake_answer *answers)
{
    struct fake_kube *f = lp_alloc(sizeof *f);
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;

    signal(SIGPIPE, SIG_IGN);
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    f->answers = answers;
    f->requests = (struct lp_buf)LP_BUF_INIT(REQUEST_BYTES);
    f->user_agents = (struct lp_buf)LP_BUF_INIT(REQUEST_BYTES);
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(f->listener >= 0);
    assert_int_equal(bind(f->listener, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(f->listener, 64), 0);
    assert_int_equal(getsockname(f->listener, (struct sockaddr *)&at, &size), 0);
    snprintf(f->url, sizeof f->url, "http://127.0.0.1:%u", ntohs(at.sin_port));
    assert_int_equal(pthread_create(&f->acceptor, NULL, accept_all, f), 0);
    return f;
}

void fake_kube_stop(struct fake_kube *f)
{
    pthread_mutex_lock(&f->lock);
    f->stopped = true;
    shutdown(f->listener, SHUT_RDWR);
    pthread_mutex_unlock(&f->lock);
    pthread_join(f->acceptor, NULL);
    for (unsigned i = 0; i < f->n_connections; i++)
        shutdown(f->connections[i].fd, SHUT_RDWR);
    for (unsigned i = 0; i < f->n_connections; i++) {
        pthread_join(f->connections[i].thread, NULL);
        close(f->connections[i].fd);
    }
    close(f->listener);
    lp_buf_done(&f->requests);
    lp_buf_done(&f->user_agents);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

const char *fake_kube_url(const struct fake_kube *f)
{
    return f->url;
}

struct lp_kube_config *fake_kube_config(const struct fake_kube *f, const char *token)
{
    char path[] = "/tmp/lp-fake-kube-XXXXXX";
    struct lp_kube_config_source source = { .kubeconfig = path, .user_agent = FAKE_USER_AGENT };
    struct lp_kube_config *config = NULL;
    struct lp_error err = { .msg = "" };

    lp_auto_fd int fd = mkstemp(path);
    assert_true(fd >= 0);
    dprintf(fd,
            "current-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n"
            "clusters: [{name: c, cluster: {server: \"%s\"}}]\nusers: [{name: u, user: {%s%s}}]\n",
            f->url, token ? "token: " : "", token ? token : "");
    int r = lp_kube_config_load(&source, &config, &err);
    unlink(path);
    if (r < 0)
        fail_msg("%s", err.msg);
    return config;
}

void fake_kube_await(struct fake_kube *f, unsigned n)
{
    struct timespec end = lp_clock_deadline(AWAIT_MS);
    int r = 0;

    pthread_mutex_lock(&f->lock);
    while (f->n_requests < n && r == 0)
        r = pthread_cond_clockwait(&f->changed, &f->lock, CLOCK_MONOTONIC, &end);
    unsigned got = f->n_requests;
    pthread_mutex_unlock(&f->lock);
    if (got < n)
        fail_msg("%u requests came, %u were awaited", got, n);
}

unsigned fake_kube_connections(struct fake_kube *f)
{
    pthread_mutex_lock(&f->lock);
    unsigned n = f->n_connections;
    pthread_mutex_unlock(&f->lock);
    return n;
}

void fake_kube_requests(struct fake_kube *f, struct lp_buf *out)
{
    pthread_mutex_lock(&f->lock);
    lp_buf_add(out, f->requests.ptr, f->requests.len);
    pthread_mutex_unlock(&f->lock);
}

void fake_kube_user_agents(struct fake_kube *f, struct lp_buf *out)
{
    pthread_mutex_lock(&f->lock);
    lp_buf_add(out, f->user_agents.ptr, f->user_agents.len);
    pthread_mutex_unlock(&f->lock);
}
