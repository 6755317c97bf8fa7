/*
 * The event loop in threads of the caller.
 *
 * A turn waits for libmicrohttpd's epoll descriptor and for `wake_fd`, then lets the library do
 * what there is to do. While nobody turns, one thread may await the same on `watch_fd`, where both
 * are armed for one event by _watch and disarmed by the next turn: so a thread that works on a
 * request between two turns costs others no delay and itself no hand-over. Without a thread of its
 * own the library tells nobody of a connection that goes on: that does `wake_fd`, but for the reply
 * that the turning thread held itself. It takes new connections only in its event loop: the
 * acceptor's thread leaves them in `passed`.
 *
 * Threads: the one that turns, one that awaits, the acceptor's, those that reply; `lock` guards the
 * list, and the descriptors from the end. What a thread has held belongs to it.
 */
#include "http/server/turn.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "http/server/server_parts.h"

/* What the library can do nothing about (a line between chunks that fills its buffer) it calls
 * ready until the connection is over. */
#define VAIN_TURNS 4 /* at once, and none of our functions was called */
#define BREATH_MS 10

/* A socket on its way from the acceptor to the event loop. */
struct passed {
    int fd;
    socklen_t len;
    struct sockaddr_storage peer;
    struct passed *next;
};

struct lp_http_turns {
    struct lp_http_server *server;
    int loop_fd;  /* libmicrohttpd's epoll descriptor, borrowed */
    int wake_fd;  /* new connections, those that go on, _wake: read by the turn */
    int both_fd;  /* epoll of these two */
    int end_fd;   /* _wake: read by who awaits */
    int watch_fd; /* epoll: both_fd while armed, end_fd */
    atomic_bool watched;
    atomic_int wait_ms; /* until the library has something to do by itself; -1: never */
    bool stirred;       /* this turn called a function of ours; of who turns, as what follows */
    unsigned vain;      /* turns that did not, one after the other */
    pthread_mutex_t lock;
    struct passed *first, **last;
    atomic_uint n_passed;
};

static _Thread_local struct {
    bool holds;
    struct lp_http_server *server;
    struct MHD_Connection *connection; /* its reply is there, the event loop was not told */
} held;

static void signal_fd(int fd)
{
    uint64_t one = 1;
    ssize_t n = write(fd, &one, sizeof one);
    (void)n; /* fails only where the counter is full, and then it is readable */
}

static void clear_fd(int fd)
{
    uint64_t count;
    ssize_t n = read(fd, &count, sizeof count);
    (void)n; /* fails only where there is nothing to clear */
}

/* ---- connections that go on ---- */

/* Once resumed it may be over, and then the server may end: not before the lock is free. */
void lp_http_resume(struct lp_http_server *s, struct MHD_Connection *c)
{
    struct lp_http_turns *t = s->turns;

    if (!t) {
        MHD_resume_connection(c);
        return;
    }
    pthread_mutex_lock(&t->lock);
    MHD_resume_connection(c);
    signal_fd(t->wake_fd);
    pthread_mutex_unlock(&t->lock);
}

void lp_http_resume_held(struct lp_http_server *s, struct MHD_Connection *c)
{
    if (held.holds && !held.connection) {
        held.server = s;
        held.connection = c;
    } else {
        lp_http_resume(s, c);
    }
}

void lp_http_stir(struct lp_http_server *s)
{
    if (s->turns)
        s->turns->stirred = true;
}

void lp_http_server_hold(void)
{
    held.holds = true;
}

/* The connection that was held, or NULL. */
static struct MHD_Connection *let_go(void)
{
    struct MHD_Connection *c = held.connection;

    held.holds = false;
    held.connection = NULL;
    return c;
}

void lp_http_server_settle(void)
{
    struct MHD_Connection *c = let_go();

    if (c)
        lp_http_resume(held.server, c);
}

/* ---- descriptors ---- */

static int change(int epoll_fd, int op, int fd, uint32_t events)
{
    struct epoll_event e = { .events = events, .data.fd = fd };
    return epoll_ctl(epoll_fd, op, fd, &e);
}

int lp_http_turns_new(struct lp_http_server *s, struct lp_http_turns **ret_turns,
                      struct lp_error *err)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct lp_http_turns *t = lp_alloc(sizeof *t);

    t->server = s;
    t->last = &t->first;
    atomic_init(&t->wait_ms, -1);
    pthread_mutex_init(&t->lock, NULL);
    t->loop_fd = info ? info->epoll_fd : -1;
    t->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    t->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    t->both_fd = epoll_create1(EPOLL_CLOEXEC);
    t->watch_fd = epoll_create1(EPOLL_CLOEXEC);
    if (t->loop_fd < 0 || t->wake_fd < 0 || t->end_fd < 0 || t->both_fd < 0 || t->watch_fd < 0 ||
        change(t->both_fd, EPOLL_CTL_ADD, t->loop_fd, EPOLLIN) < 0 ||
        change(t->both_fd, EPOLL_CTL_ADD, t->wake_fd, EPOLLIN) < 0 ||
        change(t->watch_fd, EPOLL_CTL_ADD, t->both_fd, EPOLLONESHOT) < 0 ||
        change(t->watch_fd, EPOLL_CTL_ADD, t->end_fd, EPOLLIN) < 0) {
        int why = errno;
        lp_http_turns_free(t);
        return lp_error_set(err, LP_E_UNAVAILABLE, "no descriptors for the event loop: %s",
                            strerror(why));
    }
    *ret_turns = t;
    return 0;
}

void lp_http_turns_free(struct lp_http_turns *t)
{
    if (!t)
        return;
    const int fds[] = { t->wake_fd, t->both_fd, t->end_fd, t->watch_fd };

    pthread_mutex_lock(&t->lock); /* who resumed the last connection has let go of it */
    while (t->first) {
        struct passed *p = t->first;
        t->first = p->next;
        close(p->fd);
        free(p);
    }
    pthread_mutex_unlock(&t->lock);
    for (size_t i = 0; i < LP_COUNT(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* ---- new connections ---- */

void lp_http_turns_pass(struct lp_http_turns *t, int fd, const struct sockaddr *peer, socklen_t len)
{
    struct passed *p = lp_alloc(sizeof *p);

    p->fd = fd;
    p->len = len < sizeof p->peer ? len : (socklen_t)sizeof p->peer;
    memcpy(&p->peer, peer, p->len);
    pthread_mutex_lock(&t->lock);
    *t->last = p;
    t->last = &p->next;
    atomic_fetch_add(&t->n_passed, 1);
    pthread_mutex_unlock(&t->lock);
    signal_fd(t->wake_fd);
}

static void add_passed(struct lp_http_turns *t)
{
    if (atomic_load(&t->n_passed) == 0)
        return;
    pthread_mutex_lock(&t->lock);
    struct passed *p = t->first;
    t->first = NULL;
    t->last = &t->first;
    atomic_store(&t->n_passed, 0);
    pthread_mutex_unlock(&t->lock);
    while (p) {
        struct passed *next = p->next;
        lp_http_add_connection(t->server, p->fd, (const struct sockaddr *)&p->peer, p->len);
        free(p);
        p = next;
    }
}

/* ---- the turn ---- */

/* Milliseconds until the library has something to do by itself; -1: never. */
static int loop_wait(const struct lp_http_turns *t)
{
    MHD_UNSIGNED_LONG_LONG ms;

    if (MHD_get_timeout(t->server->daemon, &ms) != MHD_YES)
        return -1;
    return ms < INT_MAX ? (int)ms : INT_MAX;
}

static void wait_for_something(struct lp_http_turns *t)
{
    struct pollfd fds[] = { { .fd = t->loop_fd, .events = POLLIN },
                            { .fd = t->wake_fd, .events = POLLIN } };
    int ms = atomic_load(&t->wait_ms);

    if (ms == 0 && t->vain > VAIN_TURNS)
        ms = BREATH_MS;
    if (ms != 0 && poll(fds, LP_COUNT(fds), ms) > 0 && fds[1].revents)
        clear_fd(t->wake_fd);
}

void lp_http_server_turn(struct lp_http_server *s)
{
    struct lp_http_turns *t = s->turns;
    struct MHD_Connection *c = let_go();

    if (atomic_exchange(&t->watched, false))
        change(t->watch_fd, EPOLL_CTL_MOD, t->both_fd, EPOLLONESHOT);
    if (c)
        MHD_resume_connection(c); /* this turn sees it */
    else
        wait_for_something(t);
    t->stirred = false;
    add_passed(t);
    MHD_run_wait(s->daemon, 0);
    int ms = loop_wait(t);
    t->vain = ms != 0 || t->stirred ? 0 : t->vain > VAIN_TURNS ? t->vain : t->vain + 1;
    atomic_store(&t->wait_ms, ms);
}

/* What the library knows of already shows in no descriptor any more. */
void lp_http_server_watch(struct lp_http_server *s)
{
    if (atomic_load(&s->turns->wait_ms) == 0)
        signal_fd(s->turns->wake_fd);
    change(s->turns->watch_fd, EPOLL_CTL_MOD, s->turns->both_fd, EPOLLIN | EPOLLONESHOT);
    atomic_store(&s->turns->watched, true);
}

void lp_http_server_await(struct lp_http_server *s)
{
    struct lp_http_turns *t = s->turns;
    struct epoll_event events[2];
    int ms = atomic_load(&t->wait_ms); /* 0: _watch has told so, or somebody turns */
    int n = epoll_wait(t->watch_fd, events, (int)LP_COUNT(events), ms > 0 ? ms : -1);

    for (int i = 0; i < n; i++)
        if (events[i].data.fd == t->end_fd)
            clear_fd(t->end_fd);
}

void lp_http_server_wake(struct lp_http_server *s)
{
    signal_fd(s->turns->wake_fd);
    signal_fd(s->turns->end_fd);
}
