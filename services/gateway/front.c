/*
 * services/gateway/front.c -- one thread, one epoll: in it libmicrohttpd's own epoll descriptor,
 * the upstream client's sockets, the clients' sockets (only to hear that a client has gone while
 * libmicrohttpd does not look), and an eventfd by which other threads are heard. Data of an event:
 * a tag in the low or high bits, else a conn.
 *
 * Deadlines are swept: `next_sweep` is the earliest of them, and a sweep looks at everything that
 * is open.
 */
#include "services/gateway/front.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "services/gateway/exchange.h"

#define TAG_MHD 1u
#define TAG_WAKE 3u
#define TAG_UPSTREAM ((uint64_t)1 << 63) /* no pointer of a process has that bit */
#define MAX_EVENTS 128
#define POOL_BYTES ((size_t)48 * 1024)
#define MAX_CONNECTIONS 4096
#define IDLE_MS 60000 /* between requests, their head included; bytes do not stretch it */
#define IDLE_S 60u    /* libmicrohttpd's: no byte either way for so long */
#define LINGER_MS 1000

/* ---- libmicrohttpd's callbacks ---- */

static void name_peer(struct MHD_Connection *connection, char peer[INET6_ADDRSTRLEN])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr_in6 *in6 = info ? (const void *)info->client_addr : NULL;
    const struct sockaddr_in *in = info ? (const void *)info->client_addr : NULL;

    peer[0] = '\0';
    if (in6 && in6->sin6_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
        inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], peer, INET6_ADDRSTRLEN);
    else if (in6 && in6->sin6_family == AF_INET6)
        inet_ntop(AF_INET6, &in6->sin6_addr, peer, INET6_ADDRSTRLEN);
    else if (in)
        inet_ntop(AF_INET, &in->sin_addr, peer, INET6_ADDRSTRLEN);
}

static struct conn *open_conn(struct worker *w, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct conn *c = lp_alloc(sizeof *c);
    struct epoll_event e = { .events = EPOLLRDHUP | EPOLLET, .data.ptr = c };

    c->fd = info->connect_fd;
    c->head_until = w->now + w->shared->config->head_timeout_ms;
    name_peer(connection, c->peer);
    c->next = w->conns;
    if (c->next)
        c->next->prev = c;
    w->conns = c;
    epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, c->fd, &e); /* without it a vanished client costs time */
    worker_sweep_at(w, c->head_until);
    return c;
}

/* A client that still sends would get a reset in place of our answer when its socket is closed: a
 * copy of it stays open for a while. */
static void linger(struct worker *w, int fd)
{
    if (w->n_lingering == WORKER_MAX_LINGERING)
        return;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0)
        return;
    epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* or it would stay with the copy */
    shutdown(copy, SHUT_WR);
    w->lingering[w->n_lingering].fd = copy;
    w->lingering[w->n_lingering++].until = w->now + LINGER_MS;
    worker_sweep_at(w, w->now + LINGER_MS);
}

static void close_conn(struct worker *w, struct conn *c)
{
    if (c->linger)
        linger(w, c->fd);
    if (c->prev)
        c->prev->next = c->next;
    else
        w->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    free(c);
}

static void on_connection(void *user, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct worker *w = user;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = open_conn(w, connection);
    } else {
        close_conn(w, *socket_context);
        *socket_context = NULL;
    }
}

/* The request line is there: libmicrohttpd hands back what this returns as the request's context.
 */
static void *on_request_line(void *user, const char *target, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return exchange_new(user, connection, info->socket_context, target);
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *io_n, void **context)
{
    (void)user;
    (void)connection;
    return *context ? exchange_handle(*context, url, method, version, bytes, io_n) : MHD_NO;
}

static void on_completed(void *user, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode why)
{
    struct worker *w = user;
    struct exchange *x = *context;
    (void)connection;
    (void)why;

    if (!x)
        return;
    x->conn->head_until = w->now + IDLE_MS;
    if (x->conn->half_closed) /* libmicrohttpd misses an end that came with the last bytes */
        shutdown(x->conn->fd, SHUT_RD);
    worker_sweep_at(w, x->conn->head_until);
    exchange_completed(x);
    *context = NULL;
}

/* Targets stay as they were sent. */
static size_t unescape_nothing(void *user, struct MHD_Connection *connection, char *s)
{
    (void)user;
    (void)connection;
    return strlen(s);
}

/* ---- the loop ---- */

static void sweep_conns(struct worker *w)
{
    for (struct conn *c = w->conns; c; c = c->next) {
        if (c->head_until == 0)
            continue;
        if (w->now < c->head_until) {
            worker_sweep_at(w, c->head_until);
        } else {
            c->head_until = 0;
            exchange_kill(c);
        }
    }
}

static void sweep_lingering(struct worker *w)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < w->n_lingering; i++) {
        if (w->lingering[i].until <= w->now) {
            close(w->lingering[i].fd);
        } else {
            worker_sweep_at(w, w->lingering[i].until);
            w->lingering[kept++] = w->lingering[i];
        }
    }
    w->n_lingering = kept;
}

static void sweep(struct worker *w)
{
    struct exchange *next;

    w->next_sweep = INT64_MAX;
    for (struct exchange *x = w->exchanges; x; x = next) {
        next = x->next;
        exchange_sweep(x);
    }
    sweep_conns(w);
    sweep_lingering(w);
    w->mhd_due = true;
}

static void client_gone(struct worker *w, struct conn *c)
{
    struct exchange *x = c->exchange;
    bool known = c->half_closed;

    c->half_closed = true;
    if (!x && !known)
        shutdown(c->fd, SHUT_RD); /* as in on_completed, which came before this event */
    if (!x || x->dead || !x->suspended)
        return; /* libmicrohttpd sees it by itself */
    if (x->ticket.waits)
        lp_metric_add(w->shared->metrics.rejected[REJECT_CLIENT_GONE], 1);
    exchange_abandon(x);
}

static void take_event(struct worker *w, const struct epoll_event *e)
{
    eventfd_t count;

    if (e->data.u64 & TAG_UPSTREAM)
        w->client->ops->ready(w->client, (int)(e->data.u64 & ~TAG_UPSTREAM), e->events);
    else if (e->data.u64 == TAG_MHD)
        w->mhd_due = true;
    else if (e->data.u64 == TAG_WAKE)
        eventfd_read(w->wake_fd, &count);
    else
        client_gone(w, e->data.ptr);
}

static void do_todo(struct worker *w)
{
    while (w->todo) {
        struct exchange *x = w->todo;
        w->todo = x->todo_next;
        exchange_do(x);
    }
}

/* Lets libmicrohttpd work, and does what it asked for; its own timers make it due again. */
static void run_mhd(struct worker *w)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;

    w->mhd_due = false;
    MHD_run(w->mhd);
    do_todo(w);
    if (MHD_get_timeout(w->mhd, &ms) == MHD_YES) {
        if (ms == 0)
            w->mhd_due = true;
        else
            worker_sweep_at(w, w->now + (int64_t)ms);
    }
}

static int wait_ms(const struct worker *w)
{
    int64_t upstream = w->client->ops->timeout_ms(w->client);
    int64_t left = w->next_sweep - w->now;

    if (w->mhd_due || w->todo)
        return 0;
    if (upstream >= 0 && upstream < left)
        left = upstream;
    return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

/* Every suspended connection must go on before libmicrohttpd may stop. */
static void abandon_all(struct worker *w)
{
    for (struct exchange *x = w->exchanges; x; x = x->next)
        exchange_abandon(x);
    do_todo(w);
}

static bool goes_on(struct worker *w)
{
    if (atomic_load(&w->quiesce) && w->listen_fd >= 0) {
        MHD_quiesce_daemon(w->mhd);
        close(w->listen_fd);
        w->listen_fd = -1;
        w->mhd_due = true;
    }
    return !atomic_load(&w->abort) && (w->listen_fd >= 0 || w->exchanges);
}

static void *run(void *user)
{
    struct worker *w = user;
    struct epoll_event events[MAX_EVENTS];

    while (goes_on(w)) {
        int n = epoll_wait(w->epoll_fd, events, MAX_EVENTS, wait_ms(w));
        w->now = lp_clock_ms();
        atomic_store(&w->asked, 0);
        for (int i = 0; i < n; i++)
            take_event(w, &events[i]);
        do_todo(w);
        if (w->now >= w->next_sweep)
            sweep(w);
        if (w->mhd_due)
            run_mhd(w);
        if (w->client->ops->timeout_ms(w->client) == 0)
            w->client->ops->timers(w->client);
        do_todo(w);
    }
    abandon_all(w);
    MHD_run(w->mhd);
    MHD_stop_daemon(w->mhd);
    lp_stop_request(w->ended);
    return NULL;
}

/* ---- start and end ---- */

/* `shared`: other sockets of this process listen there too; alone, a port in use is refused. */
static int listen_on(int family, uint16_t port, bool shared)
{
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
    bool six = family == AF_INET6;
    int one = 1, zero = 0, fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (shared)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (six)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    const struct sockaddr *address = six ? (const void *)&in6 : (const void *)&in;
    if (bind(fd, address, six ? sizeof in6 : sizeof in) < 0 || listen(fd, 1024) < 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static int open_port(struct worker *w, uint16_t *io_port, struct lp_error *err)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } bound = { .in6 = { .sin6_family = 0 } };
    bool shared = w->shared->config->workers > 1;
    socklen_t len = sizeof bound;

    w->listen_fd = listen_on(AF_INET6, *io_port, shared);
    if (w->listen_fd < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
        w->listen_fd = listen_on(AF_INET, *io_port, shared);
    if (w->listen_fd < 0)
        return lp_error_set(err, LP_E_UNAVAILABLE, "gateway: cannot listen on port %u: %s",
                            *io_port, strerror(errno));
    if (getsockname(w->listen_fd, &bound.any, &len) == 0)
        *io_port = ntohs(bound.any.sa_family == AF_INET6 ? bound.in6.sin6_port : bound.in.sin_port);
    return 0;
}

__attribute__((format(printf, 2, 0))) static void log_from_mhd(void *user, const char *format,
                                                               va_list args)
{
    char line[512];
    (void)user;
    vsnprintf(line, sizeof line, format, args);
    lp_log_debug("libmicrohttpd", "text", line);
}

static struct MHD_Daemon *make_daemon(struct worker *w)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, w, MHD_OPTION_EXTERNAL_LOGGER, log_from_mhd, NULL,
        MHD_OPTION_LISTEN_SOCKET, w->listen_fd, MHD_OPTION_NOTIFY_CONNECTION, on_connection, w,
        MHD_OPTION_URI_LOG_CALLBACK, on_request_line, w, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        w, MHD_OPTION_UNESCAPE_CALLBACK, unescape_nothing, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        POOL_BYTES, MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_END);
}

static int watch_fd(struct worker *w, int fd, uint64_t tag)
{
    struct epoll_event e = { .events = EPOLLIN, .data.u64 = tag };
    return epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &e);
}

static int start_parts(struct worker *w, uint16_t *io_port, struct lp_error *err)
{
    int r = replies_init(&w->replies, w->shared->config, err);
    if (r == 0)
        r = open_port(w, io_port, err);
    if (r < 0)
        return r;
    w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->client = w->epoll_fd < 0 ? NULL : upstream_curl_new(w->epoll_fd, TAG_UPSTREAM);
    w->mhd = w->client && w->wake_fd >= 0 ? make_daemon(w) : NULL;
    const union MHD_DaemonInfo *info =
        w->mhd ? MHD_get_daemon_info(w->mhd, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (!info || watch_fd(w, info->epoll_fd, TAG_MHD) < 0 || watch_fd(w, w->wake_fd, TAG_WAKE) < 0)
        return lp_error_set(err, LP_E_UNAVAILABLE, "gateway: no event loop: %s", strerror(errno));
    return 0;
}

static void share_limits(struct worker *w)
{
    const struct gateway_config *c = w->shared->config;
    int64_t n = c->workers, slots = (c->common.concurrency + n - 1) / n;
    int64_t limit = c->upstream_limit > 0 ? (c->upstream_limit + n - 1) / n : (slots * 3 + 3) / 4;

    w->admission = (struct admission){
        .slots = slots,
        .per_upstream = limit,
        .queue_limit = (c->common.queue_limit + n - 1) / n,
    };
}

void front_free(struct worker *w)
{
    if (w->client)
        w->client->ops->free(w->client);
    replies_done(&w->replies);
    lp_stop_free(w->ended);
    for (unsigned i = 0; i < w->n_lingering; i++)
        close(w->lingering[i].fd);
    int fds[] = { w->epoll_fd, w->wake_fd, w->listen_fd };
    for (size_t i = 0; i < LP_COUNT(fds); i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
}

int front_start(struct worker *w, struct gateway_shared *shared, uint16_t *io_port,
                struct lp_error *err)
{
    *w = (struct worker){ .shared = shared, .epoll_fd = -1, .wake_fd = -1, .listen_fd = -1 };
    w->ended = lp_stop_new();
    w->now = lp_clock_ms();
    w->next_sweep = INT64_MAX;
    share_limits(w);
    int r = start_parts(w, io_port, err);
    if (r == 0 && getrandom(w->random, sizeof w->random, 0) != (ssize_t)sizeof w->random)
        r = lp_error_set(err, LP_E_INTERNAL, "gateway: no random numbers");
    if (r == 0 && pthread_create(&w->thread, NULL, run, w) != 0)
        r = lp_error_set(err, LP_E_UNAVAILABLE, "gateway: no thread for a worker");
    if (r < 0) {
        if (w->mhd)
            MHD_stop_daemon(w->mhd);
        front_free(w);
    }
    return r;
}
