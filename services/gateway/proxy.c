/*
 * services/gateway/proxy.c -- starts the call, takes its events, and makes the client's answer of
 * them. A head goes out when it came; bytes follow between the water marks. One thread.
 */
#include "services/gateway/proxy.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/log.h"
#include "json/json.h"
#include "services/gateway/head.h"
#include "services/gateway/hold.h"

#define CAPTURE_MAX ((size_t)64 * 1024) /* an /auth/ reply that may carry a token */

/* The upstream has shown life: its time begins anew, unless it waits for the client. The whole
 * exchange has its time in any case, but a tunnel has none. */
static void alive(struct exchange *x)
{
    const struct rules *rules = &x->upstream->rules;
    int64_t end = x->called_ms + rules->total_ms;

    x->deadline = 0;
    if (x->tunnel) {
        exchange_expect(x, x->worker->shared->config->websocket_idle_ms);
        return;
    }
    if (!x->down_paused && !x->up_starved)
        exchange_expect(x, x->answered ? rules->idle_ms : rules->first_byte_ms);
    if (rules->total_ms > 0 && (x->deadline == 0 || end < x->deadline))
        exchange_expect(x, end - x->worker->now);
}

static struct lp_breaker *breaker_of(struct exchange *x)
{
    return &x->worker->breakers[x->ticket.upstream];
}

/* Tells the breaker, and the gauge whether its circuit is closed. */
static void tell_breaker(struct exchange *x, bool ok)
{
    struct lp_breaker *b = breaker_of(x);
    bool before = b->state != LP_BREAKER_CLOSED;

    lp_breaker_result(b, ok, x->worker->now);
    bool after = b->state != LP_BREAKER_CLOSED;
    x->probe = false;
    if (before != after)
        lp_metric_add(x->worker->shared->metrics.circuits[x->ticket.upstream], after ? 1 : -1);
}

/* The gauge of those that the upstream has in full, and does not answer. */
static void count_unanswered(struct exchange *x, bool is)
{
    if (x->unanswered != is)
        lp_metric_add(x->worker->shared->metrics.unanswered[x->ticket.upstream], is ? 1 : -1);
    x->unanswered = is;
}

/* ---- the answer's head ---- */

/* The lines that pass, and what of the common ones they hold already. */
static void copy_fields(struct exchange *x, const struct lp_fields *fields, struct lp_buf *out)
{
    for (size_t i = 0; i < fields->n; i++) {
        const struct lp_field *f = &fields->list[i];
        if (head_is_hop(fields, f) || lp_field_is(f, "Content-Length"))
            continue;
        x->down_mask |= replies_mask(f);
        x->down_id |= lp_field_is(f, "X-Request-Id");
        x->down_date |= lp_field_is(f, "Date");
        lp_field_write(f, out);
    }
}

/* Replies of the auth service that may carry a token are read whole before their head is sent. */
static bool wants_capture(const struct exchange *x, const struct upstream_head *head)
{
    const struct lp_field *type = lp_fields_find(head->fields, "Content-Type");

    return strcmp(x->upstream->prefix, "/auth") == 0 && head->status / 100 == 2 && type &&
           type->value_len >= 16 && strncasecmp(type->value, "application/json", 16) == 0 &&
           !lp_fields_find(head->fields, "Content-Encoding") && !head->bodiless &&
           head->length <= (int64_t)CAPTURE_MAX;
}

/* From here on it is a connection, and no load of the queue. */
static void begin_tunnel(struct exchange *x, const struct upstream_head *head)
{
    x->tunnel = true;
    x->up_pace.since_ms = 0;
    x->body_done = false;
    if (x->offered_bearer && !lp_fields_find(head->fields, "Sec-WebSocket-Protocol"))
        lp_buf_str(&x->down_fields, "Sec-WebSocket-Protocol: bearer\r\n");
    if (atomic_load(&x->worker->closing))
        worker_end_tunnel_at(x->worker, &x->tunnel_until);
    lp_metric_add(x->worker->shared->metrics.websockets[x->ticket.upstream], 1);
    proxy_release(x);
}

void proxy_end_tunnel(struct exchange *x)
{
    unsigned char frame[WEBSOCKET_CLOSE_BYTES];

    proxy_cancel(x);
    if (websocket_between(&x->from_server))
        stream_put(&x->conn->out, frame, websocket_close_frame(frame, x->tunnel_code));
    x->deadline = 0;
    x->done = true;
    conn_mark(x->conn);
}

static void on_head(void *user, const struct upstream_head *head)
{
    struct exchange *x = user;

    struct worker *w = x->worker;

    x->answered = true;
    count_unanswered(x, false);
    hold_wake(x);
    tell_breaker(x, true);
    lp_metric_observe(w->shared->metrics.upstream_seconds[x->ticket.upstream],
                      (double)(w->now - x->called_ms) / 1000);
    x->status = head->status;
    x->capture = wants_capture(x, head);
    copy_fields(x, head->fields, &x->down_fields);
    if (head->status == 101)
        begin_tunnel(x, head);
    alive(x);
    if (x->capture)
        return;
    exchange_head(x, x->down_fields.ptr, x->down_fields.len, head->length, head->bodiless, NULL);
    lp_buf_done(&x->down_fields);
}

/* ---- a captured answer ---- */

static bool is_cookie_value(const char *s)
{
    for (; *s; s++) { /* RFC 6265, 4.1.1; a JWT is well inside it */
        if ((unsigned char)*s <= ' ' || *s == '"' || *s == ',' || *s == ';' || *s == '\\' ||
            (unsigned char)*s >= 0x7f)
            return false;
    }
    return true;
}

/* "token=…; …" where the reply carries a token, else nothing. */
static void make_cookie(const struct exchange *x, struct lp_buf *cookie)
{
    struct lp_error err;
    json_auto_t *body = NULL;

    if (lp_json_parse(x->down_body.ptr, x->down_body.len, CAPTURE_MAX, "reply", &body, &err) < 0)
        return;
    const char *token = lp_json_str(body, "token", NULL);
    if (token && *token && is_cookie_value(token))
        lp_buf_printf(cookie, "token=%s; Path=/; HttpOnly; Secure; SameSite=Lax", token);
}

/* `whole`: its length is known now; else it grew over what is kept back, and goes on as a stream.
 */
static void let_go(struct exchange *x, bool whole)
{
    lp_auto_buf struct lp_buf cookie = LP_BUF_INIT(12288);

    x->capture = false;
    if (whole)
        make_cookie(x, &cookie);
    exchange_head(x, x->down_fields.ptr, x->down_fields.len, whole ? (int64_t)x->down_body.len : -1,
                  false, cookie.ptr);
    exchange_body(x, x->down_body.ptr, x->down_body.len);
    lp_buf_done(&x->down_fields);
    lp_buf_done(&x->down_body);
}

/* ---- events ---- */

static bool on_body(void *user, const char *bytes, size_t n)
{
    struct exchange *x = user;

    if (x->capture) {
        lp_buf_add(&x->down_body, bytes, n);
        alive(x);
        if (x->down_body.len > CAPTURE_MAX)
            let_go(x, false);
        exchange_account(x->conn);
        return true;
    }
    if (stream_length(&x->conn->out) >= worker_high(x->worker)) {
        x->down_paused = true;
        alive(x);
        return false;
    }
    if (x->tunnel && x->tunnel_code == 0)
        x->tunnel_code = websocket_follow(&x->from_server, bytes, n, 0);
    exchange_body(x, bytes, n);
    exchange_account(x->conn); /* the next answer of this turn asks whether there is room */
    alive(x);
    return true;
}

static size_t on_read(void *user, char *to, size_t room, bool *ret_end)
{
    struct exchange *x = user;
    size_t n = stream_take(&x->up, to, room);

    *ret_end = x->body_done && stream_length(&x->up) == 0;
    x->sent_all |= *ret_end;
    count_unanswered(x, x->sent_all && !x->answered);
    x->up_starved = n == 0 && !*ret_end;
    alive(x);
    conn_mark(x->conn); /* there is room for more */
    return n;
}

static void on_whole(void *user)
{
    struct exchange *x = user;

    if (x->capture)
        let_go(x, true);
    exchange_end_body(x);
}

static void reject(const struct exchange *x, enum gateway_reason reason)
{
    lp_metric_add(x->worker->shared->metrics.rejected[reason], 1);
}

/* Did the upstream fail, or did the client's own sending end it? */
static bool is_its_fault(const struct exchange *x, enum upstream_result result)
{
    return result == UPSTREAM_UNREACHED || x->body_length == 0 || x->sent_all;
}

/* Nobody took a connection, and no byte of the request has gone: it may be sent again. */
static bool hold_instead(struct exchange *x)
{
    hold_end(x);
    if (!x->upstream->holds)
        return false;
    if (x->probe)
        lp_breaker_forget(breaker_of(x));
    x->probe = false;
    proxy_release(x);
    return hold_begin(x);
}

static void on_end(void *user, enum upstream_result result, const char *why)
{
    struct exchange *x = user;

    x->call = NULL;
    x->deadline = 0;
    x->up_starved = false;
    if (result == UPSTREAM_UNREACHED && hold_instead(x))
        return;
    if (result != UPSTREAM_COMPLETE)
        lp_log_warn("upstream failed", "route", x->upstream->name, "why", why, "id", x->request_id,
                    "trace_id", x->trace_id);
    if (result == UPSTREAM_CUT && x->begun) {
        x->cut = true;
    } else if (result != UPSTREAM_COMPLETE) {
        if (x->upstream->holds && result == UPSTREAM_UNREACHED)
            reject(x, hold_is_over(x) ? REJECT_DEADLINE : REJECT_QUEUE_FULL);
        else if (is_its_fault(x, result))
            tell_breaker(x, false);
        else if (x->probe)
            lp_breaker_forget(breaker_of(x));
        exchange_unavailable(x, x->upstream->holds ? 1000 : 0);
    }
    x->probe = false;
    if (!x->body_done && !x->dropping) { /* an early answer: the rest has no reader */
        x->dropping = true;
        stream_done(&x->up);
        exchange_expect(x, x->worker->shared->config->body_timeout_ms);
    }
    proxy_release(x);
    conn_mark(x->conn);
}

/* ---- the call ---- */

static struct upstream_client *client_for(const struct exchange *x)
{
    const struct worker *w = x->worker;
    return x->upstream->https || !w->http ? w->curl : w->http;
}

/* A request that waits for another service is no load of the gateway, whether the call is out or
 * waits for a place. */
static void count_awaiting(const struct exchange *x, double by)
{
    lp_metric_add(x->worker->shared->metrics.in_flight, by);
    lp_metric_add(x->worker->shared->metrics.awaiting[x->ticket.upstream], by);
}

static void start(struct exchange *x, const char *target, const char *fields, size_t fields_len)
{
    static const struct upstream_events events = { on_head, on_body, on_read, on_whole, on_end };
    struct upstream_request r = {
        .upstream = x->ticket.upstream,
        .origin = x->upstream->origin,
        .target = target,
        .method = x->method,
        .fields = fields,
        .fields_len = fields_len,
        .body_length = x->body_length,
        .says_length = x->says_length,
        .upgrade = x->upgrade,
        .connect_ms = x->upstream->rules.connect_ms,
        .idempotent = head_is_idempotent(x->method),
        .events = &events,
        .user = x,
    };

    if (x->expects_continue) {
        stream_put(&x->conn->out, "HTTP/1.1 100 Continue\r\n\r\n", 25);
        x->expects_continue = false;
    }
    x->sent_all = x->body_length == 0;
    count_unanswered(x, x->sent_all);
    x->called_ms = x->worker->now;
    x->client = client_for(x);
    x->call = x->client->ops->start(x->client, &r);
    alive(x);
    conn_mark(x->conn);
}

/* Where it waits, or may be sent more than once, what is sent outlives the worker's buffers. */
static void keep(struct exchange *x)
{
    const struct worker *w = x->worker;

    if (x->up_target)
        return;
    x->up_target = lp_strndup(w->up_target.ptr, w->up_target.len);
    x->up_fields = lp_strndup(w->up_fields.ptr, w->up_fields.len);
    x->up_fields_len = w->up_fields.len;
}

/* What was kept of it, or what the worker has. */
static void start_kept(struct exchange *x)
{
    const struct worker *w = x->worker;

    if (!x->up_target) {
        start(x, w->up_target.ptr, w->up_fields.ptr, w->up_fields.len);
        return;
    }
    start(x, x->up_target, x->up_fields, x->up_fields_len);
    if (x->upstream->holds)
        return;
    free(lp_take(x->up_target));
    free(lp_take(x->up_fields));
    x->up_fields_len = 0;
}

void proxy_release(struct exchange *x)
{
    struct admission *a = &x->worker->admission;
    struct admission_ticket *t;

    hold_end(x);
    count_unanswered(x, false);
    if (x->ticket.waits || x->ticket.holds_place)
        count_awaiting(x, -1);
    admission_leave(a, &x->ticket);
    while ((t = admission_next(a, x->ticket.upstream)))
        start_kept((void *)((char *)t - offsetof(struct exchange, ticket)));
}

/* Sends it, or lets it wait for a place at its upstream, or answers that there is no room. */
static void send_kept(struct exchange *x)
{
    struct worker *w = x->worker;
    size_t i = x->ticket.upstream;

    if (!lp_breaker_admits(&w->breakers[i], w->now)) {
        reject(x, REJECT_CIRCUIT_OPEN);
        exchange_unavailable(x, lp_breaker_wait(&w->breakers[i], w->now) + 1);
        return;
    }
    x->probe = w->breakers[i].state == LP_BREAKER_HALF_OPEN;
    switch (admission_enter(&w->admission, &x->ticket, i, !worker_is_full(w))) {
    case ADMISSION_GRANTED:
        count_awaiting(x, 1);
        start_kept(x);
        break;
    case ADMISSION_WAITS:
        count_awaiting(x, 1);
        keep(x);
        exchange_expect(x, w->shared->config->common.deadline_ms);
        break;
    case ADMISSION_FULL:
        reject(x, REJECT_QUEUE_FULL);
        if (x->probe)
            lp_breaker_forget(&w->breakers[i]);
        x->probe = false;
        exchange_unavailable(x, 1000);
        break;
    }
}

void proxy_send(struct exchange *x)
{
    if (x->upstream->holds)
        keep(x);
    if (hold_is_asleep(x) && hold_begin(x))
        return;
    send_kept(x);
}

static void cancel(struct exchange *x, bool overdue)
{
    if (x->call) {
        x->client->ops->cancel(x->call, overdue);
        x->call = NULL;
    }
    if (x->probe) {
        lp_breaker_forget(breaker_of(x));
        x->probe = false;
    }
}

void proxy_cancel(struct exchange *x)
{
    cancel(x, false);
}

bool proxy_resume(struct exchange *x)
{
    bool moved = false;

    if (x->call && x->up_starved && (stream_length(&x->up) > 0 || x->body_done)) {
        x->up_starved = false;
        alive(x);
        x->client->ops->resume_send(x->call);
        moved = true;
    }
    if (x->call && x->down_paused && stream_length(&x->conn->out) <= worker_low(x->worker)) {
        x->down_paused = false;
        alive(x);
        x->client->ops->resume_receive(x->call);
        moved = true;
    }
    return moved;
}

/* One that is held: its turn has come, or its time is up. */
static void look_again(struct exchange *x)
{
    if (hold_overdue(x)) {
        send_kept(x);
    } else if (hold_is_over(x)) {
        lp_log_warn("no pod came in time", "route", x->upstream->name, "id", x->request_id,
                    "trace_id", x->trace_id);
        reject(x, REJECT_DEADLINE);
        exchange_unavailable(x, 1000);
    }
}

void proxy_overdue(struct exchange *x)
{
    if (x->held) {
        look_again(x);
        return;
    }
    if (x->ticket.waits) {
        reject(x, REJECT_DEADLINE);
        proxy_cancel(x);
        proxy_release(x);
        exchange_unavailable(x, 1000);
        return;
    }
    if (x->tunnel) {
        x->tunnel_code = WEBSOCKET_GOING_AWAY; /* idle for too long */
        return;
    }
    bool its_fault = !x->answered && !x->up_starved; /* else it waited for the client, or for its
                                                        total */
    lp_log_warn("upstream timed out", "route", x->upstream->name, "id", x->request_id, "trace_id",
                x->trace_id);
    if (its_fault)
        tell_breaker(x, false);
    cancel(x, its_fault);
    x->cut = x->begun;
    if (!x->begun)
        exchange_unavailable(x, 0);
    proxy_release(x);
}
