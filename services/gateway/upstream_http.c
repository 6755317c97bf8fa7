/*
 * services/gateway/upstream_http.c -- one call on one link: the request goes out as far as the
 * socket takes it, the answer comes in at the same time. Edge-triggered: `can_read` and `can_write`
 * say what epoll reported last. A call whose kept link dies before any byte of an answer is sent
 * once more on a fresh link where that does no harm. One thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "http/message/request_head.h"
#include "services/gateway/upstream_http_parts.h"

#define CONNECTS_MAX 3

static void drive(struct link *l);
static void attach(struct upstream_call *call, bool fresh);

/* ---- the end ---- */

/* The call is gone afterwards; `end` may start others. */
static void finish(struct upstream_call *call, enum upstream_result result, const char *why)
{
    const struct upstream_events *events = call->events;
    struct link *l = call->link;
    void *user = call->user;

    if (l && result == UPSTREAM_UNANSWERED && call->sent)
        pool_unanswered(l);
    if (l) {
        bool clean = result == UPSTREAM_COMPLETE && call->keep && call->sent && !call->deaf &&
                     !l->eof && l->in.len == 0 && l->out.len == l->out_start;
        if (clean)
            pool_give(l);
        else
            pool_close(l);
    }
    if (result == UPSTREAM_COMPLETE && call->state != ANSWER_WHOLE)
        events->whole(user);
    lp_buf_done(&call->request);
    free(call);
    events->end(user, result, result == UPSTREAM_COMPLETE ? NULL : why);
}

/* Where its kept link dies before any byte of an answer. */
static bool may_retry(const struct upstream_call *call)
{
    return call->idempotent && !call->body_read && call->body_length == 0 && !call->retried;
}

/* No more bytes come; `in_order`: the other side closed. */
static void broken(struct upstream_call *call, bool in_order, const char *why)
{
    struct link *l = call->link;

    if (call->state == ANSWER_WHOLE || call->state == ANSWER_RAW ||
        (call->state == ANSWER_TO_END && in_order)) {
        finish(call, UPSTREAM_COMPLETE, NULL);
    } else if (call->head_given) {
        finish(call, UPSTREAM_CUT, why);
    } else if (l->reused && !call->any && may_retry(call)) {
        call->retried = true;
        call->link = NULL;
        pool_close(l);
        attach(call, true);
    } else {
        finish(call, UPSTREAM_UNANSWERED, why);
    }
}

/* ---- the request ---- */

static void add_chunk(struct lp_buf *out, const char *bytes, size_t n)
{
    char head[LP_CHUNKED_HEAD];

    lp_buf_add(out, head, lp_chunked_head(head, n));
    lp_buf_add(out, bytes, n);
    lp_buf_add(out, "\r\n", 2);
}

/* Puts more of the body into link->out. */
static void fill(struct upstream_call *call)
{
    struct link *l = call->link;
    bool end = false, raw = call->state == ANSWER_RAW;
    size_t room = LINK_BLOCK;

    if (call->sent || (call->upgrade && !raw))
        return;
    if (!raw && call->body_length > 0 && (uint64_t)call->body_length < room)
        room = (size_t)call->body_length;
    size_t n = call->events->read(call->user, call->client->block, room, &end);
    call->body_read |= n > 0;
    call->starved = n == 0 && !end;
    if (n > 0 && !raw && call->body_length == LP_BODY_CHUNKED)
        add_chunk(&l->out, call->client->block, n);
    else
        lp_buf_add(&l->out, call->client->block, n);
    if (end && !raw && call->body_length == LP_BODY_CHUNKED)
        lp_buf_str(&l->out, LP_CHUNKED_LAST);
    call->sent = end;
}

static void send_some(struct upstream_call *call)
{
    struct link *l = call->link;

    while (!call->deaf && l->can_write) {
        size_t have = l->out.len - l->out_start;
        if (have < LINK_BLOCK / 4 && !call->sent && !call->starved) {
            fill(call);
            have = l->out.len - l->out_start;
        }
        if (have == 0)
            return;
        ssize_t n = send(l->fd, l->out.ptr + l->out_start, have, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR) {
            l->can_write = false;
            call->deaf = errno != EAGAIN;
            return;
        }
        l->out_start += n > 0 ? (size_t)n : 0;
        if (l->out_start == l->out.len) {
            lp_buf_reset(&l->out);
            l->out_start = 0;
        } else if (l->out_start > LINK_BLOCK) {
            lp_buf_consume(&l->out, l->out_start);
            l->out_start = 0;
        }
    }
}

static bool is_over(const struct upstream_call *call)
{
    const struct link *l = call->link;
    return call->state == ANSWER_WHOLE &&
           ((call->sent && l->out.len == l->out_start) || call->deaf || !call->keep);
}

/* Does all that can be done now. The call may be gone afterwards. */
static void drive(struct link *l)
{
    struct upstream_call *call = l->call;
    const char *why = "";
    enum received r = RECEIVED_BYTES;

    send_some(call);
    if (!call->paused && l->in.len > 0 && !answer_take(call, l->in.ptr, l->in.len, &why))
        r = RECEIVED_GARBAGE;
    while (r == RECEIVED_BYTES && !call->paused && call->state != ANSWER_WHOLE && l->can_read)
        r = answer_receive(call, &why);
    if (r == RECEIVED_GARBAGE) {
        l->eof = true; /* nothing more of it is believed */
        finish(call, call->head_given ? UPSTREAM_CUT : UPSTREAM_UNANSWERED, why);
        return;
    }
    if (r == RECEIVED_END || r == RECEIVED_RESET) {
        broken(call, r == RECEIVED_END, why);
        return;
    }
    if (call->state == ANSWER_RAW)
        send_some(call);
    if (is_over(call))
        finish(call, UPSTREAM_COMPLETE, NULL);
    else
        pool_account(l);
}

/* ---- connecting ---- */

static void connect_failed(struct link *l)
{
    struct upstream_call *call = l->call;

    pool_connected(l, false);
    call->link = NULL;
    pool_close(l);
    attach(call, true);
}

/* Goes out on this link, which has its head, at once where it is connected. */
static void ride(struct upstream_call *call, struct link *l)
{
    call->connects += l->connect_until > 0;
    call->link = l;
    call->sent = call->body_length == 0 && !call->upgrade;
    call->starved = call->deaf = false;
    l->call = call;
    if (l->connect_until == 0)
        send_some(call);
    pool_account(l);
}

static void attach(struct upstream_call *call, bool fresh)
{
    struct http_client *c = call->client;
    struct link *l = NULL;
    enum pool_result r = POOL_NONE;

    if (call->connects < CONNECTS_MAX)
        r = pool_take(call, fresh, &l);
    if (r == POOL_NOT_YET) {
        call->next = c->unsent;
        c->unsent = call;
        return;
    }
    if (r == POOL_NONE) {
        finish(call, UPSTREAM_UNREACHED, "no address takes a connection");
        return;
    }
    lp_buf_add(&l->out, call->request.ptr, call->request.len);
    ride(call, l);
}

/* ---- the operations ---- */

static void write_request(const struct upstream_request *r, struct lp_buf *b)
{
    lp_buf_str(b, r->method);
    lp_buf_char(b, ' ');
    lp_buf_str(b, r->target);
    lp_buf_str(b, " HTTP/1.1\r\nHost: ");
    lp_buf_str(b, strstr(r->origin, "//") + 2);
    lp_buf_str(b, "\r\n");
    lp_buf_add(b, r->fields, r->fields_len);
    if (r->upgrade)
        lp_buf_str(b, "Connection: Upgrade\r\nUpgrade: websocket\r\n");
    else if (r->body_length == LP_BODY_CHUNKED)
        lp_buf_str(b, "Transfer-Encoding: chunked\r\n");
    else if (r->body_length > 0 || r->says_length)
        lp_buf_printf(b, "Content-Length: %lld\r\n", (long long)r->body_length);
    lp_buf_str(b, "\r\n");
}

/* A call that cannot even be begun ends with the next _timers, as `end` never comes from _start. */
static struct upstream_call *http_start(struct upstream_client *base,
                                        const struct upstream_request *r)
{
    struct http_client *c = (struct http_client *)base;
    struct upstream_call *call = lp_alloc(sizeof *call);
    struct link *l = NULL;

    *call = (struct upstream_call){
        .client = c,
        .events = r->events,
        .user = r->user,
        .request = LP_BUF_INIT((size_t)8 * LP_LIMIT_HTTP_HEADERS),
        .upstream = r->upstream,
        .body_length = r->body_length,
        .connect_ms = r->connect_ms,
        .to_head = strcmp(r->method, "HEAD") == 0,
        .upgrade = r->upgrade,
        .idempotent = r->idempotent,
    };
    if (pool_take(call, false, &l) != POOL_LINK) {
        write_request(r, &call->request);
        call->next = c->unsent;
        c->unsent = call;
        pool_timer(c, lp_clock_ms());
        return call;
    }
    write_request(r, &l->out);
    if ((l->reused && may_retry(call)) || l->connect_until > 0)
        lp_buf_add(&call->request, l->out.ptr, l->out.len);
    ride(call, l);
    return call;
}

static void http_resume_receive(struct upstream_call *call)
{
    call->paused = false;
    if (call->link && call->link->connect_until == 0)
        drive(call->link);
}

static void http_resume_send(struct upstream_call *call)
{
    call->starved = false;
    if (call->link && call->link->connect_until == 0)
        drive(call->link);
}

static void forget_unsent(struct http_client *c, struct upstream_call *call)
{
    for (struct upstream_call **at = &c->unsent; *at; at = &(*at)->next) {
        if (*at == call) {
            *at = call->next;
            return;
        }
    }
}

static void http_cancel(struct upstream_call *call, bool overdue)
{
    if (call->link && overdue)
        pool_unanswered(call->link);
    if (call->link)
        pool_close(call->link);
    else
        forget_unsent(call->client, call);
    lp_buf_done(&call->request);
    free(call);
}

static void http_ready(struct upstream_client *base, int fd, uint32_t events)
{
    struct http_client *c = (struct http_client *)base;
    struct link *l = (size_t)fd < c->n_by_fd ? c->by_fd[fd] : NULL;
    int problem = 0;
    socklen_t len = sizeof problem;

    if (!l)
        return; /* closed by an event before this one */
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        l->can_read = true;
    if (events & EPOLLOUT)
        l->can_write = true;
    if (l->connect_until > 0) {
        if (!(events & (EPOLLOUT | EPOLLHUP | EPOLLERR)))
            return;
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &len);
        if (problem != 0) {
            connect_failed(l);
            return;
        }
        pool_connected(l, true);
    }
    if (events & (EPOLLRDHUP | EPOLLHUP))
        l->eof = true;
    if (l->call)
        drive(l);
    else if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        pool_close(l); /* the other side ended it, or says what nobody asked */
}

/* Those that wait for an address try again, or hear that there is none. */
static void retry_unsent(struct http_client *c)
{
    struct upstream_call *call = c->unsent, *next;

    c->unsent = NULL;
    for (; call; call = next) {
        next = call->next;
        attach(call, false);
    }
}

static void http_wake(struct upstream_client *base)
{
    retry_unsent((struct http_client *)base);
}

static void http_timers(struct upstream_client *base)
{
    struct http_client *c = (struct http_client *)base;

    pool_sweep(c, connect_failed);
    retry_unsent(c);
}

static int64_t http_timeout_ms(const struct upstream_client *base)
{
    const struct http_client *c = (const struct http_client *)base;
    int64_t left = c->timer_at - lp_clock_ms();

    return c->timer_at == 0 ? -1 : left < 0 ? 0 : left;
}

static void http_free(struct upstream_client *base)
{
    struct http_client *c = (struct http_client *)base;

    while (c->links)
        pool_close(c->links);
    free(c->by_fd);
    free(c->pools);
    free(c);
}

struct upstream_client *upstream_http_new(int epoll_fd, uint64_t tag, struct endpoints *endpoints,
                                          size_t n_upstreams, struct lp_metric *const *left_alone)
{
    static const struct upstream_ops ops = {
        .start = http_start,
        .resume_receive = http_resume_receive,
        .resume_send = http_resume_send,
        .cancel = http_cancel,
        .ready = http_ready,
        .wake = http_wake,
        .timers = http_timers,
        .timeout_ms = http_timeout_ms,
        .free = http_free,
    };
    struct http_client *c = lp_alloc(sizeof *c);

    c->base.ops = &ops;
    c->epoll_fd = epoll_fd;
    c->tag = tag;
    c->endpoints = endpoints;
    c->left_alone = left_alone;
    c->n_pools = n_upstreams;
    c->pools = lp_calloc(n_upstreams, sizeof *c->pools);
    return &c->base;
}
