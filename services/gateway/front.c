/*
 * services/gateway/front.c -- one thread, one epoll: in it the listening socket, the clients'
 * sockets, the upstream clients' sockets, and an eventfd by which other threads are heard. Data of
 * an event: a tag in the low or high bits, else a conn. Events only note what has become possible;
 * the work is done afterwards, connection by connection, so that what came together goes out
 * together.
 *
 * Deadlines are swept: `next_sweep` is the earliest of them, and a sweep looks at everything that
 * is open.
 */
#include "services/gateway/front.h"

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
#include "base/limits.h"
#include "base/log.h"
#include "services/gateway/exchange.h"
#include "services/gateway/request.h"
#include "services/gateway/upstream_curl.h"
#include "services/gateway/upstream_http.h"

#define TAG_LISTEN 1u
#define TAG_WAKE 3u
#define TAG_HTTP ((uint64_t)1 << 63) /* no pointer of a process has these bits */
#define TAG_CURL ((uint64_t)1 << 62)
#define MAX_EVENTS 128
#define ACCEPTS 128 /* at once */

/* ---- connections ---- */

/* One answer to a client for which there is no room; what does not fit into the socket's buffer is
 * not sent. */
static void turn_away(struct worker *w, int fd)
{
    static const char full[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
                               "Retry-After: 1\r\nConnection: close\r\n\r\n";

    lp_metric_add(w->shared->metrics.rejected[REJECT_CONNECTIONS], 1);
    (void)!send(fd, full, sizeof full - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

/* Without a descriptor nobody can be let in, and who waits would keep the loop turning. */
static void turn_one_away(struct worker *w)
{
    close(w->spare_fd);
    int fd = accept(w->listen_fd, NULL, NULL);
    if (fd >= 0)
        turn_away(w, fd);
    w->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* So that one address cannot take all. */
static bool has_enough(const struct worker *w, const struct sockaddr_in6 *peer)
{
    const struct gateway_config *c = w->shared->config;
    int64_t max = c->max_per_address > 0 ? c->max_per_address : (c->max_connections * 3 + 3) / 4;
    struct in6_addr address;

    peer_from_socket(peer, &address);
    return w->by_address[worker_place(w, &address)] >= max / c->workers + 1 &&
           !peer_is_trusted(&w->shared->trusted, &address);
}

static void accept_some(struct worker *w)
{
    int64_t max = w->shared->config->max_connections / w->shared->config->workers + 1;

    for (unsigned i = 0; i < ACCEPTS; i++) {
        struct sockaddr_in6 peer = { .sin6_family = 0 };
        socklen_t len = sizeof peer;
        int fd = accept4(w->listen_fd, (struct sockaddr *)(void *)&peer, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
            turn_one_away(w);
            return;
        }
        if (fd < 0)
            return;
        if (w->n_conns >= max || has_enough(w, &peer))
            turn_away(w, fd);
        else
            conn_open(w, fd, &peer);
    }
}

static void client_ready(struct conn *c, uint32_t events)
{
    if (c->fd < 0)
        return;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        c->can_read = true;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        c->gone = true;
    if (events & EPOLLOUT)
        c->can_write = true;
    conn_mark(c);
}

/* ---- the loop ---- */

static void take_event(struct worker *w, const struct epoll_event *e)
{
    eventfd_t count;

    if (e->data.u64 & TAG_HTTP) {
        w->http->ops->ready(w->http, (int)(e->data.u64 & ~TAG_HTTP), e->events);
    } else if (e->data.u64 & TAG_CURL) {
        w->curl->ops->ready(w->curl, (int)(e->data.u64 & ~TAG_CURL), e->events);
    } else if (e->data.u64 == TAG_LISTEN) {
        accept_some(w);
    } else if (e->data.u64 == TAG_WAKE) {
        eventfd_read(w->wake_fd, &count);
        if (w->http)
            w->http->ops->wake(w->http);
    } else {
        client_ready(e->data.ptr, e->events);
    }
}

/* Those that are marked meanwhile have their turn in the next round. */
static void do_todo(struct worker *w)
{
    struct conn *c = w->todo, *next;

    w->todo = NULL;
    for (; c; c = next) {
        next = c->todo_next;
        c->marked = false;
        if (c->fd >= 0)
            request_drive(c);
    }
}

static void bury(struct worker *w)
{
    while (w->dead && !w->todo) {
        struct conn *c = w->dead;
        w->dead = c->next;
        free(c);
    }
}

static void sweep(struct worker *w)
{
    struct conn *next;

    w->next_sweep = INT64_MAX;
    for (struct conn *c = w->conns; c; c = next) {
        next = c->next;
        request_sweep(c);
    }
}

/* Once a turn, as bytes that go from one connection to another would count twice meanwhile. */
static void tell_buffered(struct worker *w)
{
    size_t now = worker_buffered(w);

    if (now == w->buffered_told)
        return;
    lp_metric_add(w->shared->metrics.buffered, (double)now - (double)w->buffered_told);
    w->buffered_told = now;
}

static void run_timers(struct upstream_client *client)
{
    if (client && client->ops->timeout_ms(client) == 0)
        client->ops->timers(client);
}

static int wait_ms(const struct worker *w)
{
    const struct upstream_client *clients[2] = { w->http, w->curl };
    int64_t left = w->next_sweep - w->now;

    if (w->todo)
        return 0;
    for (size_t i = 0; i < 2; i++) {
        int64_t ms = clients[i] ? clients[i]->ops->timeout_ms(clients[i]) : -1;
        if (ms >= 0 && ms < left)
            left = ms;
    }
    return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

/* ---- the end of the loop ---- */

static bool is_idle(const struct conn *c)
{
    return !c->exchange && c->in.len == 0 && stream_length(&c->out) == 0 && c->linger_until == 0;
}

/* What has come but was not looked at yet is read now, so that no request is lost. A connection
 * that is idle after an answer ends; one that never had a request, or lingers, has a moment more.
 */
static void stop_conn(struct conn *c)
{
    int64_t soon = c->worker->now + WORKER_QUIET_MS;

    c->can_read = true;
    request_drive(c);
    if (c->fd < 0 || c->exchange)
        return;
    if (c->linger_until > soon)
        c->linger_until = soon;
    else if (c->linger_until == 0 && c->used && is_idle(c))
        conn_close(c);
    else if (c->head_until > soon)
        c->head_until = soon;
    worker_sweep_at(c->worker, soon);
}

/* Takes who has been let in by the kernel already, then no more. */
static void stop_listening(struct worker *w)
{
    struct conn *next;

    accept_some(w);
    close(w->listen_fd);
    w->listen_fd = -1;
    for (struct conn *c = w->conns; c; c = next) {
        next = c->next;
        stop_conn(c);
    }
}

/* We are about to end: WebSockets hear of it, one after the other. */
static void end_tunnels(struct worker *w)
{
    w->closing_seen = true;
    for (struct conn *c = w->conns; c; c = c->next) {
        if (c->exchange && c->exchange->tunnel)
            worker_end_tunnel_at(w, &c->exchange->tunnel_until);
    }
}

static bool goes_on(struct worker *w)
{
    if (atomic_load(&w->closing) && !w->closing_seen)
        end_tunnels(w);
    if (atomic_load(&w->quiesce) && w->listen_fd >= 0)
        stop_listening(w);
    if (atomic_load(&w->abort))
        return false;
    return !atomic_load(&w->quiesce) || w->conns;
}

static void *front_run(void *user)
{
    struct worker *w = user;
    struct epoll_event events[MAX_EVENTS];

    while (goes_on(w)) {
        int n = epoll_wait(w->epoll_fd, events, MAX_EVENTS, wait_ms(w));
        w->now = lp_clock_ms();
        atomic_store(&w->asked, 0);
        learners_turn(w->shared->learners, w->now);
        for (int i = 0; i < n; i++)
            take_event(w, &events[i]);
        if (w->now >= w->next_sweep)
            sweep(w);
        run_timers(w->http);
        run_timers(w->curl);
        do_todo(w);
        bury(w);
        tell_buffered(w);
    }
    while (w->conns)
        request_abandon(w->conns);
    w->todo = NULL;
    bury(w);
    tell_buffered(w);
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

static int watch_fd(struct worker *w, int fd, uint64_t tag)
{
    struct epoll_event e = { .events = EPOLLIN, .data.u64 = tag };
    return epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &e);
}

static bool make_clients(struct worker *w)
{
    const struct gateway_shared *s = w->shared;
    bool native = strcasecmp(s->config->upstream_client, "curl") != 0, https = false;

    for (size_t i = 0; i < s->routes.n; i++)
        https |= s->routes.upstreams[i].https;
    if (native)
        w->http = upstream_http_new(w->epoll_fd, TAG_HTTP, s->endpoints, s->routes.n,
                                    s->metrics.left_alone);
    if (!native || https)
        w->curl = upstream_curl_new(w->epoll_fd, TAG_CURL);
    return (w->http || !native) && (w->curl || (native && !https));
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
    if (w->epoll_fd < 0 || w->wake_fd < 0 || !make_clients(w) ||
        watch_fd(w, w->listen_fd, TAG_LISTEN) < 0 || watch_fd(w, w->wake_fd, TAG_WAKE) < 0)
        return lp_error_set(err, LP_E_UNAVAILABLE, "gateway: no event loop: %s", strerror(errno));
    return 0;
}

static void share_limits(struct worker *w)
{
    const struct gateway_config *c = w->shared->config;
    int64_t n = c->workers;
    int64_t places = c->upstream_limit > 0 ? c->upstream_limit : c->common.concurrency * 4;

    w->admission = (struct admission){
        .places = (places + n - 1) / n,
        .queue_limit = (c->common.queue_limit + n - 1) / n,
    };
    w->buffer_limit = (size_t)(c->buffer_max / n);
    w->hold_limit = (c->hold_limit + n - 1) / n;
}

void front_free(struct worker *w)
{
    if (w->http)
        w->http->ops->free(w->http);
    if (w->curl)
        w->curl->ops->free(w->curl);
    replies_done(&w->replies);
    lp_stop_free(w->ended);
    lp_buf_done(&w->path);
    lp_buf_done(&w->query);
    lp_buf_done(&w->up_target);
    lp_buf_done(&w->up_fields);
    for (size_t i = 0; i < LP_COUNT(w->codes); i++)
        free(w->codes[i]);
    int fds[] = { w->epoll_fd, w->wake_fd, w->listen_fd, w->spare_fd };
    for (size_t i = 0; i < LP_COUNT(fds); i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
}

int front_start(struct worker *w, struct gateway_shared *shared, uint16_t *io_port,
                struct lp_error *err)
{
    w->shared = shared;
    w->epoll_fd = w->wake_fd = w->listen_fd = -1;
    w->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    w->path = (struct lp_buf)LP_BUF_INIT(LP_LIMIT_HTTP_TARGET + 1);
    w->query = (struct lp_buf)LP_BUF_INIT(LP_LIMIT_HTTP_TARGET + 1);
    w->up_target = (struct lp_buf)LP_BUF_INIT(LP_LIMIT_HTTP_TARGET + 1024);
    w->up_fields = (struct lp_buf)LP_BUF_INIT((size_t)4 * LP_LIMIT_HTTP_HEADERS);
    w->ended = lp_stop_new();
    w->now = lp_clock_ms();
    w->next_sweep = INT64_MAX;
    share_limits(w);
    int r = getrandom(&w->address_key, sizeof w->address_key, 0) < 0 ? LP_E_INTERNAL : 0;
    r = r == 0 ? start_parts(w, io_port, err) : lp_error_set(err, r, "gateway: no random numbers");
    if (r == 0 && getrandom(w->random, sizeof w->random, 0) != (ssize_t)sizeof w->random)
        r = lp_error_set(err, LP_E_INTERNAL, "gateway: no random numbers");
    if (r == 0 && pthread_create(&w->thread, NULL, front_run, w) != 0)
        r = lp_error_set(err, LP_E_UNAVAILABLE, "gateway: no thread for a worker");
    if (r < 0)
        front_free(w);
    return r;
}
