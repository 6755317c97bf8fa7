/* services/gateway/upstream_pool.c -- connections to the upstreams: kept, opened, closed. */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "services/gateway/upstream_http_parts.h"

#define IDLE_MAX 256
#define IDLE_MS 15000
#define AGE_MS 20000
#define KEEP_BYTES ((size_t)16 * 1024) /* of a buffer of an idle link */
#define IN_MAX (2 * LINK_BLOCK)
#define OUT_MAX (4 * LINK_BLOCK)

void pool_timer(struct http_client *c, int64_t at)
{
    if (c->timer_at == 0 || at < c->timer_at)
        c->timer_at = at;
}

void pool_account(struct link *l)
{
    size_t bytes = l->in.len + l->out.len - l->out_start;

    l->client->base.held += bytes - l->held;
    l->held = bytes;
}

/* ---- idle links ---- */

static void unlink_idle(struct link *l)
{
    struct pool *p = &l->client->pools[l->upstream];

    if (l->idle_until == 0)
        return;
    if (l->idle_prev)
        l->idle_prev->idle_next = l->idle_next;
    else
        p->idle = l->idle_next;
    if (l->idle_next)
        l->idle_next->idle_prev = l->idle_prev;
    else
        p->idle_last = l->idle_prev;
    l->idle_prev = l->idle_next = NULL;
    l->idle_until = 0;
    p->n_idle--;
}

static void trim(struct lp_buf *b)
{
    if (b->cap > KEEP_BYTES)
        lp_buf_done(b);
    else
        lp_buf_reset(b);
}

void pool_give(struct link *l)
{
    struct http_client *c = l->client;
    struct pool *p = &c->pools[l->upstream];
    int64_t now = lp_clock_ms();

    l->call = NULL;
    trim(&l->in);
    trim(&l->out);
    l->out_start = 0;
    pool_account(l);
    if (now >= l->born + AGE_MS || outliers_is_out(&p->outliers, &l->address, now)) {
        pool_close(l);
        return;
    }
    if (p->n_idle == IDLE_MAX)
        pool_close(p->idle_last);
    l->idle_until = now + IDLE_MS;
    l->idle_prev = NULL;
    l->idle_next = p->idle;
    if (p->idle)
        p->idle->idle_prev = l;
    else
        p->idle_last = l;
    p->idle = l;
    p->n_idle++;
    pool_timer(c, l->idle_until);
}

void pool_close(struct link *l)
{
    struct http_client *c = l->client;

    unlink_idle(l);
    if (l->trial)
        outliers_untold(&c->pools[l->upstream].outliers, &l->address, lp_clock_ms());
    if (l->prev)
        l->prev->next = l->next;
    else
        c->links = l->next;
    if (l->next)
        l->next->prev = l->prev;
    c->by_fd[l->fd] = NULL;
    c->base.held -= l->held;
    close(l->fd);
    lp_buf_done(&l->in);
    lp_buf_done(&l->out);
    free(l);
}

/* ---- addresses ---- */

/* The idle ones to an address that is left alone would be taken before any other. */
static void close_idle(struct pool *p, const union endpoint *address)
{
    struct link *l, *next;

    for (l = p->idle; l; l = next) {
        next = l->idle_next;
        if (outliers_same(&l->address, address))
            pool_close(l);
    }
}

static void failed(struct link *l, enum outlier_failure what)
{
    struct http_client *c = l->client;
    struct pool *p = &c->pools[l->upstream];
    int64_t ms = outliers_failed(&p->outliers, &l->address, what, &p->endpoints, lp_clock_ms());

    l->trial = false;
    if (ms == 0)
        return;
    close_idle(p, &l->address);
    if (c->left_alone)
        lp_metric_add(c->left_alone[l->upstream], 1);
}

void pool_connected(struct link *l, bool well)
{
    l->connect_until = 0;
    if (!well)
        failed(l, OUTLIER_UNCONNECTED);
}

void pool_unanswered(struct link *l)
{
    failed(l, OUTLIER_UNANSWERED);
}

void pool_answered(struct link *l)
{
    struct outliers *o = &l->client->pools[l->upstream].outliers;

    l->trial = false;
    if (o->n > 0)
        outliers_answered(o, &l->address);
}

/* The next address in turn that is no outlier now; where all are, simply the next. */
static const union endpoint *next_address(struct pool *p, int64_t now)
{
    for (unsigned i = 0; i < p->endpoints.n; i++) {
        const union endpoint *a = &p->endpoints.list[(p->turn + i) % p->endpoints.n];
        if (!outliers_is_out(&p->outliers, a, now)) {
            p->turn += i + 1;
            return a;
        }
    }
    return &p->endpoints.list[p->turn++ % p->endpoints.n];
}

/* ---- new links ---- */

static bool remember(struct http_client *c, struct link *l)
{
    struct epoll_event e = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
        .data.u64 = c->tag | (uint64_t)l->fd,
    };

    if ((size_t)l->fd >= c->n_by_fd) {
        size_t n = (size_t)l->fd * 2 + 64;
        c->by_fd = lp_realloc(c->by_fd, n * sizeof(struct link *));
        memset(c->by_fd + c->n_by_fd, 0, (n - c->n_by_fd) * sizeof(struct link *));
        c->n_by_fd = n;
    }
    c->by_fd[l->fd] = l;
    l->next = c->links;
    if (l->next)
        l->next->prev = l;
    c->links = l;
    return epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, l->fd, &e) == 0;
}

static struct link *open_link(struct upstream_call *call, const union endpoint *a)
{
    struct http_client *c = call->client;
    socklen_t len = a->any.sa_family == AF_INET6 ? sizeof a->in6 : sizeof a->in;
    int one = 1, fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int64_t now = lp_clock_ms();

    if (fd < 0)
        return NULL;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    bool begun = connect(fd, &a->any, len) == 0 || errno == EINPROGRESS;
    struct link *l = lp_alloc(sizeof *l);
    *l = (struct link){
        .client = c,
        .upstream = call->upstream,
        .address = *a,
        .fd = fd,
        .born = now,
        .connect_until = now + call->connect_ms,
        .trial = outliers_asked(&c->pools[call->upstream].outliers, a, now),
        .in = LP_BUF_INIT(IN_MAX),
        .out = LP_BUF_INIT(OUT_MAX),
    };
    bool watched = remember(c, l);
    if (!begun)
        pool_connected(l, false);
    if (!begun || !watched) {
        pool_close(l);
        return NULL;
    }
    pool_timer(c, l->connect_until);
    return l;
}

/* An idle link that is not over its age; `checked`: nor closed by the other side, as far as the
 * kernel knows. */
static struct link *take_idle(struct http_client *c, struct pool *p, bool checked)
{
    int64_t now = lp_clock_ms();
    struct link *l;
    char byte;

    while ((l = p->idle)) {
        unlink_idle(l); // NOLINT(clang-analyzer-unix.Malloc): pool_close took the last one out
        bool good = now < l->born + AGE_MS && !l->eof;
        if (good && checked)
            good = recv(l->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
        if (good) {
            l->reused = true;
            return l;
        }
        pool_close(l);
    }
    (void)c;
    return NULL;
}

enum pool_result pool_take(struct upstream_call *call, bool fresh, struct link **ret_link)
{
    struct http_client *c = call->client;
    struct pool *p = &c->pools[call->upstream];
    struct link *l = fresh ? NULL : take_idle(c, p, !call->idempotent);

    endpoints_update(c->endpoints, call->upstream, &p->endpoints);
    if (!l && p->endpoints.version == 0)
        return POOL_NOT_YET;
    for (unsigned tries = 0; !l && tries < p->endpoints.n && tries < 3; tries++)
        l = open_link(call, next_address(p, lp_clock_ms()));
    *ret_link = l;
    return l ? POOL_LINK : POOL_NONE;
}

void pool_sweep(struct http_client *c, void (*overdue)(struct link *l))
{
    int64_t now = lp_clock_ms();
    struct link *next;

    c->timer_at = 0;
    for (struct link *l = c->links; l; l = next) {
        next = l->next;
        int64_t at = l->connect_until > 0 ? l->connect_until : l->idle_until;
        if (at == 0)
            continue;
        if (at > now)
            pool_timer(c, at);
        else if (l->idle_until > 0)
            pool_close(l);
    }
    for (struct link *l = c->links; l; l = l->next) { /* `overdue` may free it, and others */
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): pool_close took those that are free out
        if (l->connect_until > 0 && l->connect_until <= now) {
            overdue(l);
            pool_timer(c, now);
            return;
        }
    }
}
