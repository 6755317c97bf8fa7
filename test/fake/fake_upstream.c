/*
 * test/fake/fake_upstream.c -- one thread accepts, one thread for each connection; blocking
 * sockets. All counters and the recorded heads are under one lock, and every change of them is
 * broadcast.
 */
#include "fake/fake_upstream.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "fake/raw_http.h"

#define MAX_CONNECTIONS 256
#define WAIT_MS 30000

struct fake_upstream {
    const struct fake_script *scripts;
    int listen_fd;
    char url[64];
    pthread_t acceptor;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t threads[MAX_CONNECTIONS];
    int fds[MAX_CONNECTIONS]; /* -1: closed by its thread */
    unsigned used[64];        /* of each script */
    unsigned connections, requests, ended, released;
    uint64_t sent, body;
    struct lp_buf heads;
    bool stopped, listens;
};

struct connection {
    struct fake_upstream *f;
    unsigned index;
    int fd;
    struct lp_buf in;
    size_t piece; /* bytes read at once */
};

static void count(struct fake_upstream *f, uint64_t *what, uint64_t n)
{
    pthread_mutex_lock(&f->lock);
    *what += n;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static bool receive(struct connection *c)
{
    char bytes[65536];
    ssize_t n = recv(c->fd, bytes, c->piece, 0);
    if (n <= 0)
        return false;
    lp_buf_add(&c->in, bytes, (size_t)n);
    return true;
}

/* The length of the head at the start of `in`; 0 once the connection ended. */
static size_t read_head(struct connection *c)
{
    for (;;) {
        const char *end = c->in.len ? memmem(c->in.ptr, c->in.len, "\r\n\r\n", 4) : NULL;
        if (end)
            return (size_t)(end - c->in.ptr) + 4;
        if (!receive(c))
            return 0;
    }
}

static const char *find_header(const char *head, const char *name)
{
    const char *at = strcasestr(head, name);
    return at ? at + strlen(name) : NULL;
}

static bool drop_bytes(struct connection *c, uint64_t n)
{
    while (n > 0) {
        if (c->in.len == 0 && !receive(c))
            return false;
        size_t now = c->in.len < n ? c->in.len : (size_t)n;
        lp_buf_consume(&c->in, now);
        count(c->f, &c->f->body, now);
        n -= now;
    }
    return true;
}

static bool drop_chunks(struct connection *c)
{
    for (;;) {
        const char *end;
        while (!(end = c->in.len ? memmem(c->in.ptr, c->in.len, "\r\n", 2) : NULL)) {
            if (!receive(c))
                return false;
        }
        uint64_t size = strtoull(c->in.ptr, NULL, 16);
        lp_buf_consume(&c->in, (size_t)(end - c->in.ptr) + 2);
        if (!drop_bytes(c, size))
            return false;
        while (c->in.len < 2) {
            if (!receive(c))
                return false;
        }
        lp_buf_consume(&c->in, 2);
        if (size == 0)
            return true;
    }
}

static bool drop_body(struct connection *c, const char *head)
{
    const char *length = find_header(head, "\r\nContent-Length: ");

    if (find_header(head, "\r\nTransfer-Encoding: chunked"))
        return drop_chunks(c);
    return !length || drop_bytes(c, strtoull(length, NULL, 10));
}

static const struct fake_script *pick_locked(struct fake_upstream *f, const char *head)
{
    for (size_t i = 0; f->scripts[i].times != UINT32_MAX; i++) {
        const struct fake_script *s = &f->scripts[i];
        const char *hit = s->match ? strstr(head, s->match) : head;
        if (!hit || hit > strstr(head, "\r\n") || (s->times > 0 && f->used[i] >= s->times))
            continue;
        f->used[i]++;
        return s;
    }
    return NULL;
}

static bool send_filler(struct connection *c, size_t n)
{
    char block[16384];

    memset(block, 'x', sizeof block);
    while (n > 0) {
        size_t now = n < sizeof block ? n : sizeof block;
        if (!raw_send(c->fd, block, now))
            return false;
        count(c->f, &c->f->sent, now);
        n -= now;
    }
    return true;
}

static void wait_release(struct fake_upstream *f)
{
    pthread_mutex_lock(&f->lock);
    while (f->released == 0 && !f->stopped)
        pthread_cond_wait(&f->changed, &f->lock);
    if (f->released > 0)
        f->released--;
    pthread_mutex_unlock(&f->lock);
}

static void wait_hang(struct connection *c)
{
    char byte;
    while (recv(c->fd, &byte, 1, 0) > 0)
        continue;
}

/* True where the connection goes on. */
static bool end_reply(struct connection *c, enum fake_then then)
{
    struct linger now = { .l_onoff = 1, .l_linger = 0 };

    if (then == FAKE_HANG)
        wait_hang(c);
    if (then == FAKE_RESET)
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    return then == FAKE_KEEP;
}

static bool answer(struct connection *c, const char *head)
{
    struct fake_upstream *f = c->f;
    static const struct fake_script none = {
        .reply = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    };

    pthread_mutex_lock(&f->lock);
    const struct fake_script *s = pick_locked(f, head);
    lp_buf_str(&f->heads, head);
    f->requests++;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    if (!s)
        s = &none;
    if (s->narrow)
        c->piece = 1024;
    if (!s->answer_first && !drop_body(c, head))
        return false;
    if (s->held)
        wait_release(f);
    if (s->reply && !raw_send(c->fd, s->reply, strlen(s->reply)))
        return false;
    if (!send_filler(c, s->filler))
        return false;
    return end_reply(c, s->then) && (!s->answer_first || drop_body(c, head));
}

static void *serve(void *user)
{
    struct connection *c = user;
    struct fake_upstream *f = c->f;
    bool on = true;

    while (on) {
        size_t n = read_head(c);
        if (n == 0)
            break;
        char *head = lp_strndup(c->in.ptr, n);
        lp_buf_consume(&c->in, n);
        on = answer(c, head);
        free(head);
    }
    pthread_mutex_lock(&f->lock);
    close(c->fd);
    f->fds[c->index] = -1;
    f->ended++;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    lp_buf_done(&c->in);
    free(c);
    return NULL;
}

static void *accept_all(void *user)
{
    struct fake_upstream *f = user;
    int fd;

    while (f->connections < MAX_CONNECTIONS && (fd = accept(f->listen_fd, NULL, NULL)) >= 0) {
        struct connection *c = lp_alloc(sizeof *c);
        pthread_mutex_lock(&f->lock);
        *c = (struct connection){ f, f->connections, fd, LP_BUF_INIT((size_t)1 << 20), 65536 };
        f->fds[c->index] = fd;
        if (pthread_create(&f->threads[f->connections++], NULL, serve, c) != 0)
            abort();
        pthread_mutex_unlock(&f->lock);
    }
    return NULL;
}

void fake_upstream_listen(struct fake_upstream *f)
{
    if (listen(f->listen_fd, 64) < 0)
        fail_msg("the fake upstream cannot listen");
    if (pthread_create(&f->acceptor, NULL, accept_all, f) != 0)
        fail_msg("no thread for the fake upstream");
    f->listens = true;
}

struct fake_upstream *fake_upstream_start(const struct fake_script *scripts)
{
    struct fake_upstream *f = fake_upstream_late(scripts);

    fake_upstream_listen(f);
    return f;
}

struct fake_upstream *fake_upstream_late(const struct fake_script *scripts)
{
    struct fake_upstream *f = lp_alloc(sizeof *f);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;

    f->scripts = scripts;
    f->heads = (struct lp_buf)LP_BUF_INIT((size_t)1 << 20);
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    f->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(f->listen_fd, (struct sockaddr *)&a, sizeof a) < 0 ||
        getsockname(f->listen_fd, (struct sockaddr *)&a, &len) < 0)
        fail_msg("the fake upstream has no port");
    snprintf(f->url, sizeof f->url, "http://127.0.0.1:%u", ntohs(a.sin_port));
    return f;
}

void fake_upstream_stop(struct fake_upstream *f)
{
    pthread_mutex_lock(&f->lock);
    f->stopped = true;
    shutdown(f->listen_fd, SHUT_RDWR);
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    if (f->listens)
        pthread_join(f->acceptor, NULL);
    pthread_mutex_lock(&f->lock);
    for (unsigned i = 0; i < f->connections; i++) {
        if (f->fds[i] >= 0)
            shutdown(f->fds[i], SHUT_RDWR);
    }
    pthread_mutex_unlock(&f->lock);
    for (unsigned i = 0; i < f->connections; i++)
        pthread_join(f->threads[i], NULL);
    close(f->listen_fd);
    lp_buf_done(&f->heads);
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->changed);
    free(f);
}

const char *fake_upstream_url(const struct fake_upstream *f)
{
    return f->url;
}

void fake_upstream_release(struct fake_upstream *f)
{
    pthread_mutex_lock(&f->lock);
    f->released++;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

/* `n` is one of the two, the other NULL. */
static void await(struct fake_upstream *f, const unsigned *small, const uint64_t *large,
                  uint64_t wanted, const char *what)
{
    struct timespec end = lp_clock_deadline(WAIT_MS);
    int r = 0;

    pthread_mutex_lock(&f->lock);
    while ((small ? *small : *large) < wanted && r == 0)
        r = pthread_cond_clockwait(&f->changed, &f->lock, CLOCK_MONOTONIC, &end);
    uint64_t have = small ? *small : *large;
    pthread_mutex_unlock(&f->lock);
    if (r != 0)
        fail_msg("the upstream saw %llu %s, not %llu", (unsigned long long)have, what,
                 (unsigned long long)wanted);
}

void fake_upstream_await_requests(struct fake_upstream *f, unsigned n)
{
    await(f, &f->requests, NULL, n, "requests");
}

void fake_upstream_await_ended(struct fake_upstream *f, unsigned n)
{
    await(f, &f->ended, NULL, n, "ended connections");
}

void fake_upstream_await_body(struct fake_upstream *f, uint64_t bytes)
{
    await(f, NULL, &f->body, bytes, "bytes of bodies");
}

static uint64_t read_locked(struct fake_upstream *f, const uint64_t *what)
{
    pthread_mutex_lock(&f->lock);
    uint64_t n = *what;
    pthread_mutex_unlock(&f->lock);
    return n;
}

unsigned fake_upstream_connections(struct fake_upstream *f)
{
    pthread_mutex_lock(&f->lock);
    unsigned n = f->connections;
    pthread_mutex_unlock(&f->lock);
    return n;
}

uint64_t fake_upstream_sent(struct fake_upstream *f)
{
    return read_locked(f, &f->sent);
}

uint64_t fake_upstream_body(struct fake_upstream *f)
{
    return read_locked(f, &f->body);
}

void fake_upstream_heads(struct fake_upstream *f, struct lp_buf *out)
{
    pthread_mutex_lock(&f->lock);
    lp_buf_add(out, f->heads.ptr, f->heads.len);
    pthread_mutex_unlock(&f->lock);
}
