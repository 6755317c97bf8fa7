/*
 * services/gateway/request.c -- what a connection does next. One request at a time: bytes of the
 * next one stay in `in` until the answer to this one is out of our hands. An answer may come before
 * the request's body has; then the rest is forwarded as long as the upstream takes it, else read
 * and dropped within limits, and the connection ends in an orderly way where that would be too
 * much. One thread.
 */
#include "services/gateway/request.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "services/gateway/decide.h"
#include "services/gateway/proxy.h"

#define ROUNDS 8                        /* of one connection before others have their turn */
#define WAITING_MAX ((size_t)16 * 1024) /* bytes kept of a request that waits for its call */
#define IDLE_MS 60000 /* between requests, their head included; bytes do not stretch it */

/* ---- verdicts ---- */

static void answer_too_many(struct exchange *x)
{
    char line[48];

    snprintf(line, sizeof line, "Retry-After: %" PRId64 "\r\n", (x->limit.retry_ms + 999) / 1000);
    lp_metric_add(x->worker->shared->metrics.rejected[REJECT_RATE_LIMIT], 1);
    exchange_message(x, 429, "Too many requests", line);
}

static void act(struct exchange *x, const struct lp_request_head *head, const struct verdict *v)
{
    switch (v->kind) {
    case VERDICT_FORWARD:
        proxy_send(x);
        break;
    case VERDICT_REPLY:
        exchange_answer(x, replies_status(v->reply), x->worker->replies.body[v->reply], NULL);
        break;
    case VERDICT_PREFLIGHT:
        exchange_preflight(x, lp_fields_find(&head->fields, "Access-Control-Request-Headers"));
        break;
    case VERDICT_LIMITED:
        answer_too_many(x);
        break;
    case VERDICT_REFUSE:
        exchange_message(x, v->status, v->why, v->lines);
        break;
    case VERDICT_LATER:
        exchange_unavailable(x, v->retry_after_ms > 0 ? v->retry_after_ms : 1000);
        break;
    }
}

/* Asks for the verdict and acts on it. */
static void follow(struct exchange *x, const struct lp_request_head *head)
{
    struct worker *w = x->worker;
    const struct decision d = {
        .shared = w->shared,
        .origins = &w->replies.origins,
        .path = &w->path,
        .query = &w->query,
        .random = w->random,
        .peer = &x->conn->peer,
        .now = w->now,
    };
    struct verdict v = { .up_target = &w->up_target, .up_fields = &w->up_fields };

    lp_buf_reset(&w->up_target);
    lp_buf_reset(&w->up_fields);
    decide(&d, head, &v);
    x->origin = v.origin;
    x->limited = v.limited;
    x->limit = v.limit;
    x->upgrade = v.upgrade;
    x->offered_bearer = v.offered_bearer;
    memcpy(x->request_id, v.request_id, sizeof x->request_id);
    memcpy(x->trace_id, v.trace_id, sizeof x->trace_id);
    x->upstream = v.upstream;
    x->ticket.upstream = v.upstream ? (size_t)(v.upstream - w->shared->routes.upstreams) : 0;
    x->body_limit = v.upstream ? v.upstream->body_limit : 0;
    act(x, head, &v);
}

static void begin(struct conn *c, const struct lp_request_head *head)
{
    struct exchange *x = exchange_new(c);

    memcpy(x->method, head->method, head->method_len); /* the reader's limit is ours */
    x->keep = head->keep_alive;
    x->http10 = head->minor == 0;
    x->body_length = head->body_length;
    x->says_length = head->has_length;
    x->expects_continue = head->expects_continue;
    x->body_done = head->body_length == 0;
    follow(x, head);
    if (!x->body_done)
        exchange_owed(x, &x->up_pace);
}

/* What cannot be read ends the connection: nobody knows where the next request would begin. So does
 * a head that does not come to its end in time. */
static void refuse(struct conn *c, const struct lp_refusal *why)
{
    struct exchange *x = exchange_new(c);

    worker_random_hex(c->worker->random, x->request_id, 32);
    worker_random_hex(c->worker->random, x->trace_id, 32);
    x->http10 = true;
    x->origin = c->worker->replies.origins.n;
    x->body_length = -1;
    exchange_message(x, why->status, why->why, NULL);
}

/* ---- bytes in ---- */

static bool wants_bytes(const struct conn *c)
{
    const struct exchange *x = c->exchange;

    if (!x)
        return !c->close_after && stream_length(&c->out) <= STREAM_LOW;
    if (x->tunnel)
        return stream_length(&x->up) < worker_high(c->worker);
    if (x->body_done)
        return false;
    return x->dropping || stream_length(&x->up) < (x->call ? worker_high(c->worker) : WAITING_MAX);
}

static void end_of_body(struct exchange *x)
{
    x->body_done = true;
    x->up_pace.since_ms = 0;
}

/* A body over its upstream's limit, which a chunked one shows only now. */
static bool over_limit(struct exchange *x)
{
    if (x->body_limit == 0 || x->body_read <= x->body_limit || x->dropping)
        return false;
    proxy_cancel(x);
    proxy_release(x);
    stream_done(&x->up);
    if (x->begun)
        x->cut = true;
    else
        exchange_message(x, 413, "request body too large", NULL);
    return true;
}

static void take_piece(struct exchange *x, const char *bytes, size_t n)
{
    x->body_read += (int64_t)n;
    x->up_pace.bytes += (int64_t)n;
    if (!over_limit(x) && !x->dropping)
        stream_put(&x->up, bytes, n);
}

static size_t take_chunks(struct exchange *x, const char *bytes, size_t n)
{
    size_t at = 0;

    while (at < n && !x->body_done && wants_bytes(x->conn)) {
        const char *piece = NULL;
        size_t used = 0, len = 0;
        switch (lp_chunked_read(&x->chunks, bytes + at, n - at, &used, &piece, &len)) {
        case LP_CHUNKED_BYTES:
            take_piece(x, piece, len);
            break;
        case LP_CHUNKED_END:
            end_of_body(x);
            break;
        case LP_CHUNKED_BAD:
            proxy_cancel(x);
            proxy_release(x);
            x->keep = false;
            if (!x->begun)
                exchange_message(x, 400, "malformed chunks", NULL);
            else if (!x->done)
                x->cut = true;
            return n;
        case LP_CHUNKED_MORE:
            break;
        }
        at += used;
    }
    return at;
}

static size_t take_body(struct exchange *x, const char *bytes, size_t n)
{
    if (x->tunnel) {
        int64_t max = x->worker->shared->config->websocket_message_max;
        if (x->tunnel_code == 0)
            x->tunnel_code = websocket_follow(&x->from_client, bytes, n, (uint64_t)max);
        if (x->tunnel_code == 0)
            stream_put(&x->up, bytes, n);
        return n;
    }
    if (x->body_length < 0)
        return take_chunks(x, bytes, n);
    if ((int64_t)n > x->body_length - x->body_read)
        n = (size_t)(x->body_length - x->body_read);
    take_piece(x, bytes, n);
    if (x->body_read == x->body_length)
        end_of_body(x);
    return n;
}

static size_t take_head(struct conn *c, const char *bytes, size_t n)
{
    struct lp_request_head head;
    struct lp_refusal why;
    int64_t used = lp_request_head_read(bytes, n, &c->head_seen, &head, &why);

    if (used == 0)
        return 0;
    c->head_seen = 0;
    if (used < 0) {
        refuse(c, &why);
        return n;
    }
    begin(c, &head);
    return (size_t)used;
}

/* How many of the bytes are done with: all that the state of things allows. */
static size_t take(struct conn *c, const char *bytes, size_t n)
{
    size_t at = 0;

    while (at < n && wants_bytes(c)) {
        size_t used = c->exchange ? take_body(c->exchange, bytes + at, n - at)
                                  : take_head(c, bytes + at, n - at);
        at += used;
        if (used == 0)
            break;
    }
    return at;
}

/* Takes what is there, or reads once; true where something moved. */
static bool take_input(struct conn *c)
{
    struct worker *w = c->worker;

    if (!wants_bytes(c))
        return false;
    if (c->in.len > c->head_seen) {
        size_t used = take(c, c->in.ptr, c->in.len);
        lp_buf_consume(&c->in, used);
        if (used > 0)
            return true;
    }
    if (!c->can_read || c->in.max - c->in.len < WORKER_BLOCK)
        return false;
    size_t n = conn_receive(c, w->block, WORKER_BLOCK);
    if (n == 0)
        return false;
    if (c->in.len == 0) {
        size_t used = take(c, w->block, n);
        lp_buf_add(&c->in, w->block + used, n - used);
    } else {
        lp_buf_add(&c->in, w->block, n);
        lp_buf_consume(&c->in, take(c, c->in.ptr, c->in.len));
    }
    if (c->in.len == 0 && c->in.cap > 0)
        lp_buf_done(&c->in);
    return true;
}

/* ---- the end of things ---- */

static void drop_exchange(struct exchange *x)
{
    if (x->ticket.waits || x->held)
        lp_metric_add(x->worker->shared->metrics.rejected[REJECT_CLIENT_GONE], 1);
    proxy_cancel(x);
    proxy_release(x);
    exchange_free(x);
}

void request_abandon(struct conn *c)
{
    if (c->exchange)
        drop_exchange(c->exchange);
    conn_close(c);
}

/* Nobody waits for the answer, or it cannot be sent. */
static bool is_lost(const struct conn *c)
{
    const struct exchange *x = c->exchange;

    if (c->broken)
        return true;
    if (!x)
        return c->eof && stream_length(&c->out) == 0;
    if (x->cut)
        return true;
    if (x->done)
        return false;
    if (x->tunnel || !x->body_done)
        return c->eof;
    return c->gone && !x->begun;
}

static void finish(struct conn *c)
{
    struct exchange *x = c->exchange;
    bool rest = !x->body_done && !x->tunnel;

    c->close_after = !x->keep || x->tunnel || rest;
    c->linger = rest || x->tunnel || c->in.len > 0 || c->can_read;
    exchange_free(x);
    c->used = true;
    c->head_until = c->worker->now + IDLE_MS;
    worker_sweep_at(c->worker, c->head_until);
}

/* The answer is out of our hands, and the request is read or will not be. */
static bool is_finished(const struct exchange *x)
{
    const struct conn *c = x->conn;

    if (!x->done || x->call || stream_length(&c->out) > 0)
        return false;
    return x->body_done || x->tunnel || !x->keep || c->eof;
}

/* A gateway that ends does not wait longer for clients that do not, nor one for who was slow. */
static int64_t linger_ms(const struct conn *c)
{
    int64_t ms = c->worker->shared->config->body_timeout_ms;
    bool soon = c->slow || atomic_load(&c->worker->quiesce);

    return soon && ms > WORKER_QUIET_MS ? WORKER_QUIET_MS : ms;
}

/* True where something changed. */
static bool settle(struct conn *c)
{
    struct exchange *x = c->exchange;

    if (is_lost(c)) {
        request_abandon(c);
        return false;
    }
    if (x && x->tunnel_code != 0 && !x->done) {
        proxy_end_tunnel(x);
        return true;
    }
    if (x && proxy_resume(x))
        return true;
    if (x && is_finished(x)) {
        finish(c);
        return true;
    }
    if (!x && c->close_after && stream_length(&c->out) == 0)
        conn_end(c, c->linger ? linger_ms(c) : 0);
    return false;
}

static void note_pace(struct conn *c, size_t before)
{
    struct exchange *x = c->exchange;

    if (!x)
        return;
    x->down_pace.bytes += (int64_t)(before - stream_length(&c->out));
    if (stream_length(&c->out) == 0)
        x->down_pace.since_ms = 0;
}

static void drive(struct conn *c)
{
    bool moved = true;

    if (c->linger_until > 0) {
        if (conn_drop(c))
            conn_mark(c);
        if (c->eof || c->broken)
            conn_close(c);
        return;
    }
    for (unsigned i = 0; moved && i < ROUNDS; i++) {
        moved = take_input(c);
        size_t before = stream_length(&c->out);
        moved |= conn_flush(c);
        note_pace(c, before);
        moved |= settle(c);
        if (c->fd < 0 || c->linger_until > 0)
            return;
    }
    if (moved)
        conn_mark(c);
}

void request_drive(struct conn *c)
{
    drive(c);
    exchange_account(c);
}

/* ---- time ---- */

/* Its body comes too slowly: 408 where no answer has begun. */
static void give_up_slow(struct exchange *x)
{
    if (x->begun) {
        request_abandon(x->conn);
        return;
    }
    proxy_cancel(x);
    proxy_release(x);
    stream_done(&x->up);
    x->up_pace.since_ms = 0;
    x->keep = false;
    x->conn->slow = true;
    exchange_message(x, 408, "request body came too slowly", NULL);
}

static void sweep_exchange(struct exchange *x)
{
    struct conn *c = x->conn;
    struct worker *w = x->worker;

    if (!exchange_keeps_pace(x, &x->down_pace, stream_length(&c->out) > 0)) {
        request_abandon(c);
        return;
    }
    if (!exchange_keeps_pace(x, &x->up_pace, wants_bytes(c))) {
        give_up_slow(x);
        return;
    }
    if (x->tunnel_until > 0 && w->now >= x->tunnel_until && x->tunnel_code == 0) {
        x->tunnel_code = WEBSOCKET_RESTART;
        conn_mark(c);
    } else if (x->tunnel_until > w->now) {
        worker_sweep_at(w, x->tunnel_until);
    }
    if (x->deadline == 0)
        return;
    if (w->now < x->deadline) {
        worker_sweep_at(w, x->deadline);
        return;
    }
    x->deadline = 0;
    if (x->ticket.waits || x->call || x->held)
        proxy_overdue(x);
    else
        x->keep = false; /* answered, and the body does not end */
    conn_mark(c);
}

void request_sweep(struct conn *c)
{
    struct worker *w = c->worker;
    int64_t until = c->linger_until > 0 ? c->linger_until : c->head_until;

    if (c->exchange) {
        sweep_exchange(c->exchange);
        return;
    }
    if (until == 0)
        return;
    if (w->now < until) {
        worker_sweep_at(w, until);
    } else if (c->linger_until == 0 && c->in.len > 0 && !c->close_after) {
        c->slow = true;
        lp_buf_done(&c->in);
        c->head_seen = 0;
        refuse(c, &(struct lp_refusal){ 408, "request head came too slowly" });
    } else {
        conn_close(c);
    }
}
