/*
 * lib/http/server/acceptor.c -- connections up to their first head.
 *
 * libmicrohttpd answers what it cannot read by itself, as HTML, and calls nobody before that. So
 * the first head of each connection is read here, by the strict reader of http/message, before the
 * library has the socket: nothing is taken from it, so whatever was sent the library reads again.
 * Later heads of a connection it reads alone. A keep-alive client pays one look a connection.
 *
 * Threads: one, `acceptor_main`, owns the list of waiting connections. `handed`, `quiet`, `stop`
 * are what other threads touch; they write to `wake_fd` where the thread has to look.
 */
#include "http/server/acceptor.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/heartbeat.h"
#include "base/limits.h"
#include "http/message/request_head.h"

#define PEEK ((size_t)LP_LIMIT_HTTP_HEADERS + 1024) /* enough to know that a head is too long */
#define ACCEPTOR_STACK ((size_t)128 * 1024)
#define ACCEPTS 64 /* at once */
#define MAX_EVENTS 64
#define NO_DESCRIPTOR_MS 100 /* until accept() is tried again when there was no descriptor */

/* A connection whose first head is not whole. */
struct waiting {
    int fd;
    int64_t until_ms;
    size_t seen; /* of lp_request_head_read */
    struct sockaddr_storage peer;
    socklen_t peer_len;
    struct waiting *prev, *next; /* oldest first */
};

struct lp_http_acceptor {
    struct lp_http_acceptor_options options;
    pthread_t thread;
    int epoll_fd, wake_fd;
    atomic_bool stop, quiet;
    atomic_bool full;   /* the thread waits for a connection to be closed */
    atomic_uint handed; /* handed on and not closed */
    /* The thread's own. */
    bool listening;
    int64_t retry_ms; /* no descriptor was left: not before then */
    unsigned n_waiting;
    struct waiting *first, *last;
    char bytes[PEEK];
};

static void wake(struct lp_http_acceptor *a)
{
    uint64_t one = 1;
    ssize_t n = write(a->wake_fd, &one, sizeof one);
    (void)n; /* fails only where the counter is full, and then the thread is awake */
}

/* ---- waiting connections ---- */

/* Leaves the socket open. */
static void forget(struct lp_http_acceptor *a, struct waiting *w)
{
    if (w->prev)
        w->prev->next = w->next;
    else
        a->first = w->next;
    if (w->next)
        w->next->prev = w->prev;
    else
        a->last = w->prev;
    a->n_waiting--;
    free(w);
}

static void drop(struct lp_http_acceptor *a, struct waiting *w)
{
    close(w->fd);
    forget(a, w);
}

static void hand_on(struct lp_http_acceptor *a, struct waiting *w)
{
    struct epoll_event none = { 0 };

    epoll_ctl(a->epoll_fd, EPOLL_CTL_DEL, w->fd, &none);
    atomic_fetch_add(&a->handed, 1);
    a->options.pass(w->fd, (const struct sockaddr *)&w->peer, w->peer_len, a->options.user);
    forget(a, w);
}

static void turn_away(struct lp_http_acceptor *a, struct waiting *w, size_t n,
                      const struct lp_refusal *refusal)
{
    struct epoll_event none = { 0 };

    epoll_ctl(a->epoll_fd, EPOLL_CTL_DEL, w->fd, &none);
    a->options.refuse(w->fd, a->bytes, n, refusal, a->options.user);
    forget(a, w);
}

/* Bytes came, or the client is done. */
static void look(struct lp_http_acceptor *a, struct waiting *w, uint32_t events)
{
    struct lp_request_head head;
    struct lp_refusal refusal;
    ssize_t n = recv(w->fd, a->bytes, sizeof a->bytes, MSG_PEEK | MSG_DONTWAIT);

    if (n <= 0) {
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            drop(a, w);
        return;
    }
    int64_t end = lp_request_head_read(a->bytes, (size_t)n, &w->seen, &head, &refusal);
    if (end > 0)
        hand_on(a, w);
    else if (end < 0)
        turn_away(a, w, (size_t)n, &refusal);
    else if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        drop(a, w);
}

static void drop_overdue(struct lp_http_acceptor *a, int64_t now)
{
    struct waiting *next;

    for (struct waiting *w = a->first; w && w->until_ms <= now; w = next) {
        next = w->next;
        drop(a, w);
    }
}

static void wait_for_head(struct lp_http_acceptor *a, int fd, const struct sockaddr_storage *peer,
                          socklen_t len)
{
    struct waiting *w = lp_alloc(sizeof *w);
    struct epoll_event e = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = w };

    w->fd = fd;
    w->until_ms = lp_clock_ms() + a->options.head_ms;
    w->peer = *peer;
    w->peer_len = len;
    w->prev = a->last;
    if (w->prev)
        w->prev->next = w;
    else
        a->first = w;
    a->last = w;
    a->n_waiting++;
    if (epoll_ctl(a->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
        drop(a, w);
}

/* ---- the listening socket ---- */

static bool has_room(const struct lp_http_acceptor *a)
{
    return atomic_load(&a->handed) + a->n_waiting < a->options.max_connections;
}

static void accept_some(struct lp_http_acceptor *a)
{
    for (unsigned i = 0; i < ACCEPTS && has_room(a); i++) {
        struct sockaddr_storage peer = { 0 };
        socklen_t len = sizeof peer;
        int fd = accept4(a->options.listen_fd, (struct sockaddr *)&peer, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            wait_for_head(a, fd, &peer, len);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            a->retry_ms = lp_clock_ms() + NO_DESCRIPTOR_MS;
        return;
    }
}

/* In epoll exactly while somebody may be let in. `full` is set before the last look at `handed`, so
 * that whoever closes a connection after it wakes the thread. */
static void listen_or_not(struct lp_http_acceptor *a, int64_t now)
{
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = NULL };

    atomic_store(&a->full, true);
    bool want = has_room(a) && !atomic_load(&a->quiet) && a->retry_ms <= now;
    if (want)
        atomic_store(&a->full, false);
    if (want != a->listening)
        epoll_ctl(a->epoll_fd, want ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, a->options.listen_fd, &e);
    a->listening = want;
}

/* ---- the thread ---- */

static int64_t next_deadline(const struct lp_http_acceptor *a, int64_t now)
{
    int64_t wait = LP_HEARTBEAT_MS / 2;

    if (a->first && a->first->until_ms - now < wait)
        wait = a->first->until_ms - now;
    if (a->retry_ms > now && a->retry_ms - now < wait)
        wait = a->retry_ms - now;
    return wait < 0 ? 0 : wait;
}

static void take_event(struct lp_http_acceptor *a, const struct epoll_event *e)
{
    if (e->data.ptr == NULL) {
        accept_some(a);
    } else if (e->data.ptr == a) {
        uint64_t count;
        ssize_t got = read(a->wake_fd, &count, sizeof count);
        (void)got;
    } else {
        look(a, e->data.ptr, e->events);
    }
}

static void *acceptor_main(void *user)
{
    struct lp_http_acceptor *a = user;
    struct epoll_event events[MAX_EVENTS];

    lp_heartbeat_begin("http-acceptor", LP_HEARTBEAT_MS);
    while (!atomic_load(&a->stop)) {
        int64_t now = lp_clock_ms();
        drop_overdue(a, now);
        listen_or_not(a, now);
        int64_t wait = next_deadline(a, now);
        lp_heartbeat_wait(wait);
        int n = epoll_wait(a->epoll_fd, events, MAX_EVENTS, (int)wait + 1);
        for (int i = 0; i < n; i++)
            take_event(a, &events[i]);
    }
    lp_heartbeat_end();
    return NULL;
}

static void close_all(struct lp_http_acceptor *a)
{
    if (a->wake_fd >= 0)
        close(a->wake_fd);
    if (a->epoll_fd >= 0)
        close(a->epoll_fd);
    free(a);
}

int lp_http_acceptor_new(const struct lp_http_acceptor_options *options,
                         struct lp_http_acceptor **ret_acceptor, struct lp_error *err)
{
    struct lp_http_acceptor *a = lp_alloc(sizeof *a);
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = a };
    pthread_attr_t small;

    a->options = *options;
    a->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    a->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    *ret_acceptor = a; /* before the thread: what it hands on may be closed at once */
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, ACCEPTOR_STACK);
    int r = a->epoll_fd < 0 || a->wake_fd < 0 ||
                    epoll_ctl(a->epoll_fd, EPOLL_CTL_ADD, a->wake_fd, &e) < 0
                ? errno
                : pthread_create(&a->thread, &small, acceptor_main, a);
    pthread_attr_destroy(&small);
    if (r != 0) {
        close_all(a);
        *ret_acceptor = NULL;
        return lp_error_set(err, LP_E_UNAVAILABLE, "no thread to accept connections: error %d", r);
    }
    return 0;
}

void lp_http_acceptor_closed(struct lp_http_acceptor *a)
{
    atomic_fetch_sub(&a->handed, 1);
    if (atomic_load(&a->full))
        wake(a);
}

void lp_http_acceptor_quiesce(struct lp_http_acceptor *a)
{
    atomic_store(&a->quiet, true);
    wake(a);
}

void lp_http_acceptor_stop(struct lp_http_acceptor *a)
{
    if (!a || atomic_exchange(&a->stop, true))
        return;
    wake(a);
    pthread_join(a->thread, NULL);
    drop_overdue(a, INT64_MAX);
}

void lp_http_acceptor_free(struct lp_http_acceptor *a)
{
    if (!a)
        return;
    lp_http_acceptor_stop(a);
    close_all(a);
}
