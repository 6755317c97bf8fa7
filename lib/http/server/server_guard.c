/*
 * Deadlines of connections.
 *
 * libmicrohttpd's time-out starts anew with every byte, so a client that sends one byte every few
 * seconds holds its connection for ever. Here every phase of a connection has a deadline of its own
 * that no byte moves. What is overdue is shut down, which the event loop sees as a closed
 * connection.
 *
 * Threads: one, `guard_main`. Event loops add and remove under `lock`; a deadline is atomic. No
 * deadline is nearer than `shortest_ms` when it is set, so a thread that sleeps no longer than that
 * misses none.
 */
#include "http/server/server_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/heartbeat.h"

#define MAX_LINGERING 64
#define LINGER_MS 30000     /* in all */
#define LINGER_IDLE_MS 2000 /* without a byte */
#define GUARD_STACK ((size_t)128 * 1024)

struct lp_http_guarded {
    int fd;
    bool linger;
    atomic_int_least64_t deadline_ms; /* INT64_MAX: none */
    struct lp_http_guarded *prev, *next;
};

/* `lingering` are sockets of ours. */
struct lp_http_guard {
    pthread_mutex_t lock;
    pthread_t thread;
    int wake_fd;
    int64_t shortest_ms;
    atomic_bool stop;
    struct lp_http_guarded *connections;
    struct {
        int fd;
        int64_t until_ms, idle_ms; /* ends at the earlier one */
    } lingering[MAX_LINGERING];
    unsigned n_lingering;
};

static void wake(struct lp_http_guard *g)
{
    uint64_t one = 1;
    ssize_t n = write(g->wake_fd, &one, sizeof one);
    (void)n; /* fails only where the counter is full, and then the thread is awake */
}

/* Shuts down what is overdue; gives the time until the next deadline. */
static int64_t end_overdue_locked(struct lp_http_guard *g, int64_t now)
{
    int64_t next = g->shortest_ms;
    for (struct lp_http_guarded *c = g->connections; c; c = c->next) {
        int64_t left = atomic_load(&c->deadline_ms) - now;
        if (left <= 0) {
            shutdown(c->fd, SHUT_RDWR);
            atomic_store(&c->deadline_ms, INT64_MAX);
        } else if (left < next) {
            next = left;
        }
    }
    return next;
}

/* Reads what is there, in *ret_came whether something was; true once the peer is done. */
static bool drained(int fd, bool *ret_came)
{
    char bytes[16384];

    *ret_came = false;
    for (int i = 0; i < 16; i++) {
        ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n == 0)
            return true;
        if (n < 0)
            return errno != EAGAIN && errno != EINTR;
        *ret_came = true;
    }
    return false;
}

static int64_t end_lingering_locked(struct lp_http_guard *g, int64_t now)
{
    int64_t next = INT64_MAX;
    unsigned kept = 0;

    for (unsigned i = 0; i < g->n_lingering; i++) {
        bool came, done = drained(g->lingering[i].fd, &came);
        if (came)
            g->lingering[i].idle_ms = now + LINGER_IDLE_MS;
        int64_t end = g->lingering[i].until_ms < g->lingering[i].idle_ms ? g->lingering[i].until_ms
                                                                         : g->lingering[i].idle_ms;
        if (done || end <= now) {
            close(g->lingering[i].fd);
            continue;
        }
        g->lingering[kept++] = g->lingering[i];
        next = end - now < next ? end - now : next;
    }
    g->n_lingering = kept;
    return next;
}

static void *guard_main(void *user)
{
    struct lp_http_guard *g = user;
    struct pollfd fds[MAX_LINGERING + 1];

    lp_heartbeat_begin("http-guard", LP_HEARTBEAT_MS);
    while (!atomic_load(&g->stop)) {
        int64_t now = lp_clock_ms();
        pthread_mutex_lock(&g->lock);
        int64_t wait = end_overdue_locked(g, now);
        int64_t linger = end_lingering_locked(g, now);
        nfds_t n = g->n_lingering;
        for (nfds_t i = 0; i < n; i++)
            fds[i] = (struct pollfd){ .fd = g->lingering[i].fd, .events = POLLIN };
        pthread_mutex_unlock(&g->lock);

        fds[n] = (struct pollfd){ .fd = g->wake_fd, .events = POLLIN };
        if (linger < wait)
            wait = linger;
        lp_heartbeat_wait(wait);
        if (poll(fds, n + 1, (int)wait + 1) > 0 && fds[n].revents) {
            uint64_t count;
            ssize_t got = read(g->wake_fd, &count, sizeof count);
            (void)got;
        }
    }
    lp_heartbeat_end();
    return NULL;
}

int lp_http_guard_new(int64_t shortest_ms, struct lp_http_guard **ret_guard, struct lp_error *err)
{
    struct lp_http_guard *g = lp_alloc(sizeof *g);
    pthread_attr_t small;

    pthread_mutex_init(&g->lock, NULL);
    g->shortest_ms = shortest_ms;
    g->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, GUARD_STACK);
    int r = g->wake_fd < 0 ? errno : pthread_create(&g->thread, &small, guard_main, g);
    pthread_attr_destroy(&small);
    if (r != 0) {
        if (g->wake_fd >= 0)
            close(g->wake_fd);
        free(g);
        return lp_error_set(err, LP_E_UNAVAILABLE, "no thread to watch connections: error %d", r);
    }
    *ret_guard = g;
    return 0;
}

void lp_http_guard_free(struct lp_http_guard *g)
{
    if (!g)
        return;
    atomic_store(&g->stop, true);
    wake(g);
    pthread_join(g->thread, NULL);
    for (unsigned i = 0; i < g->n_lingering; i++)
        close(g->lingering[i].fd);
    close(g->wake_fd);
    pthread_mutex_destroy(&g->lock);
    free(g);
}

struct lp_http_guarded *lp_http_guard_add(struct lp_http_guard *g, int fd, int64_t ms)
{
    struct lp_http_guarded *c = lp_alloc(sizeof *c);
    c->fd = fd;
    lp_http_guard_allow(c, ms);
    pthread_mutex_lock(&g->lock);
    c->next = g->connections;
    if (c->next)
        c->next->prev = c;
    g->connections = c;
    pthread_mutex_unlock(&g->lock);
    return c;
}

void lp_http_guard_allow(struct lp_http_guarded *c, int64_t ms)
{
    atomic_store(&c->deadline_ms, ms > 0 ? lp_clock_ms() + ms : INT64_MAX);
}

void lp_http_guard_linger(struct lp_http_guarded *c)
{
    c->linger = true;
}

/* True where `fd` is the guard's now; the answer is all that comes on it. */
static bool linger_locked(struct lp_http_guard *g, int fd)
{
    int64_t now = lp_clock_ms();

    if (g->n_lingering == MAX_LINGERING)
        return false;
    shutdown(fd, SHUT_WR);
    g->lingering[g->n_lingering].fd = fd;
    g->lingering[g->n_lingering].idle_ms = now + LINGER_IDLE_MS;
    g->lingering[g->n_lingering++].until_ms = now + LINGER_MS;
    return true;
}

void lp_http_guard_take(struct lp_http_guard *g, int fd)
{
    pthread_mutex_lock(&g->lock);
    bool taken = linger_locked(g, fd);
    pthread_mutex_unlock(&g->lock);
    if (taken)
        wake(g);
    else
        close(fd);
}

void lp_http_guard_remove(struct lp_http_guard *g, struct lp_http_guarded *c)
{
    int fd = c->linger ? fcntl(c->fd, F_DUPFD_CLOEXEC, 3) : -1;

    pthread_mutex_lock(&g->lock);
    if (c->prev)
        c->prev->next = c->next;
    else
        g->connections = c->next;
    if (c->next)
        c->next->prev = c->prev;
    bool taken = fd >= 0 && linger_locked(g, fd);
    pthread_mutex_unlock(&g->lock);
    if (taken)
        wake(g);
    else if (fd >= 0)
        close(fd);
    free(c);
}
