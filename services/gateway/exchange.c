/*
 * services/gateway/exchange.c -- what libmicrohttpd tells of a request, and when it may go on. The
 * handler is called once with the head, then with bytes of the body, then (`final`) until an answer
 * is queued. Only the first and the last may queue one, so an answer that is ready in between waits
 * while the rest of the body is read and dropped, within limits. One thread.
 */
#include "services/gateway/exchange.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "services/gateway/decide.h"

#define DROP_MAX ((int64_t)16 * 1024 * 1024) /* bytes of a body that is read only to be dropped */
#define KEEP_MAX \
    ((int64_t)64 * 1024) /* a refused body up to this is read, to keep the connection */
#define WAITING_MAX ((size_t)16 * 1024) /* bytes kept of a request that waits for a slot */
#define DROP_MS 5000

struct exchange *exchange_new(struct worker *w, struct MHD_Connection *c, struct conn *conn,
                              const char *target)
{
    struct exchange *x = lp_alloc(sizeof *x);

    *x = (struct exchange){
        .worker = w,
        .conn = conn,
        .connection = c,
        .target = lp_strndup(target, LP_LIMIT_HTTP_TARGET + 1),
        .began_ms = w->now,
        .down_length = -1,
        .up_target = LP_BUF_INIT(LP_LIMIT_HTTP_TARGET + 1024),
        .up_fields = LP_BUF_INIT((size_t)4 * LP_LIMIT_HTTP_HEADERS),
        .up = STREAM_INIT,
        .down = STREAM_INIT,
        .down_fields = LP_BUF_INIT(LP_LIMIT_HTTP_HEADERS),
    };
    x->next = w->exchanges;
    if (x->next)
        x->next->prev = x;
    w->exchanges = x;
    conn->exchange = x;
    return x;
}

void exchange_todo(struct exchange *x, unsigned what)
{
    if (x->todo == 0) {
        x->todo_next = x->worker->todo;
        x->worker->todo = x;
    }
    x->todo |= what;
}

void exchange_do(struct exchange *x)
{
    unsigned what = x->todo;

    x->todo = 0;
    if ((what & TODO_SEND) && x->call) {
        x->up_starved = false;
        x->deadline = x->worker->now + x->worker->shared->config->timeout_ms;
        worker_sweep_at(x->worker, x->deadline);
        x->worker->client->ops->resume_send(x->call);
    }
    if ((what & TODO_RECEIVE) && x->call) {
        x->down_paused = false;
        x->deadline = x->worker->now + x->worker->shared->config->timeout_ms;
        worker_sweep_at(x->worker, x->deadline);
        x->worker->client->ops->resume_receive(x->call);
    }
    if ((what & TODO_WAKE) && x->suspended) {
        x->suspended = false;
        if (x->up_pace.since_ms > 0) /* its time begins anew */
            x->up_pace = (struct pace){ .since_ms = x->worker->now };
        MHD_resume_connection(x->connection);
        x->worker->mhd_due = true;
    }
}

void exchange_suspend(struct exchange *x)
{
    if (!x->suspended) {
        x->suspended = true;
        MHD_suspend_connection(x->connection);
    }
}

void exchange_release(struct exchange *x)
{
    struct admission *a = &x->worker->admission;
    const struct gateway_metrics *m = &x->worker->shared->metrics;
    struct admission_ticket *t;

    if (x->ticket.waits)
        lp_metric_add(m->waiting, -1);
    if (x->ticket.holds_slot)
        lp_metric_add(m->in_flight, -1);
    admission_leave(a, &x->ticket);
    while ((t = admission_next(a))) {
        char *start = (char *)t - offsetof(struct exchange, ticket);
        lp_metric_add(m->waiting, -1);
        proxy_start((struct exchange *)(void *)start);
    }
}

static void add_own_headers(const struct exchange *x, struct MHD_Response *response)
{
    char text[32];

    if (x->request_id[0] && !MHD_get_response_header(response, "X-Request-Id"))
        MHD_add_response_header(response, "X-Request-Id", x->request_id);
    if (atomic_load(&x->worker->closing))
        MHD_add_response_header(response, "Connection", "close");
    if (!x->limited)
        return;
    const struct {
        const char *name;
        int64_t value;
    } values[] = {
        { "RateLimit-Limit", x->limit.limit },
        { "RateLimit-Remaining", x->limit.remaining },
        { "RateLimit-Reset", x->limit.reset_s },
    };
    for (size_t i = 0; i < LP_COUNT(values); i++) {
        snprintf(text, sizeof text, "%" PRId64, values[i].value);
        MHD_add_response_header(response, values[i].name, text);
    }
    snprintf(text, sizeof text, "%" PRId64 ";w=%" PRId64, x->limit.limit, x->limit.window_s);
    MHD_add_response_header(response, "RateLimit-Policy", text);
}

void exchange_answer(struct exchange *x, unsigned status, struct MHD_Response *response,
                     bool cached)
{
    if (!cached)
        add_own_headers(x, response);
    x->status = status;
    x->response = response;
    x->response_cached = cached;
    if (!x->final && !x->call)
        x->deadline = x->worker->now + DROP_MS;
    if (x->deadline > 0)
        worker_sweep_at(x->worker, x->deadline);
}

void exchange_unavailable(struct exchange *x, int64_t retry_after_ms)
{
    exchange_answer(x, 503, replies_unavailable(&x->worker->replies, x->origin, retry_after_ms),
                    false);
}

static enum MHD_Result queue_answer(struct exchange *x)
{
    x->queued = true;
    return MHD_queue_response(x->connection, x->status, x->response);
}

static void reject(const struct exchange *x, enum gateway_reason reason)
{
    lp_metric_add(x->worker->shared->metrics.rejected[reason], 1);
}

/* Starts the call, or waits for a slot, or answers that neither can be. */
static void send_up(struct exchange *x)
{
    struct worker *w = x->worker;
    size_t i = x->ticket.upstream;

    if (!breaker_admits(&w->breakers[i], w->now)) {
        reject(x, REJECT_CIRCUIT_OPEN);
        exchange_unavailable(x, breaker_wait(&w->breakers[i], w->now) + 1);
        return;
    }
    x->probe = w->breakers[i].state == BREAKER_HALF_OPEN;
    switch (admission_enter(&w->admission, &x->ticket, i)) {
    case ADMISSION_GRANTED:
        proxy_start(x);
        break;
    case ADMISSION_WAITS:
        lp_metric_add(w->shared->metrics.waiting, 1);
        x->deadline = w->now + w->shared->config->common.deadline_ms;
        worker_sweep_at(w, x->deadline);
        break;
    case ADMISSION_FULL:
        reject(x, REJECT_QUEUE_FULL);
        exchange_unavailable(x, 1000);
        break;
    }
}

static void answer_cached(struct exchange *x, enum reply_kind kind)
{
    unsigned status = 0;
    struct MHD_Response *response = replies_get(&x->worker->replies, kind, x->origin, &status);
    exchange_answer(x, status, response, true);
}

static void answer_too_many(struct exchange *x)
{
    char seconds[24];

    snprintf(seconds, sizeof seconds, "%lld", (long long)x->limit.reset_s);
    reject(x, REJECT_RATE_LIMIT);
    exchange_answer(x, 429, replies_message(&x->worker->replies, x->origin, "Too many requests"),
                    false);
    MHD_add_response_header(x->response, "Retry-After", seconds);
}

static void answer_preflight(struct exchange *x, const struct head *head)
{
    const struct field *f = head_find(head, "Access-Control-Request-Headers");

    exchange_answer(x, 204,
                    replies_preflight(&x->worker->replies, x->origin, f ? f->value : NULL,
                                      f ? f->value_len : 0),
                    false);
}

static void act(struct exchange *x, const struct head *head, const struct verdict *v)
{
    switch (v->kind) {
    case VERDICT_FORWARD:
        send_up(x);
        break;
    case VERDICT_REPLY:
        answer_cached(x, v->reply);
        break;
    case VERDICT_PREFLIGHT:
        answer_preflight(x, head);
        break;
    case VERDICT_LIMITED:
        answer_too_many(x);
        break;
    case VERDICT_REFUSE:
        exchange_answer(x, v->status, replies_message(&x->worker->replies, x->origin, v->why),
                        false);
        break;
    }
}

/* Asks for the verdict and acts on it. */
static void follow(struct exchange *x, const struct head *head)
{
    struct worker *w = x->worker;
    const struct decision d = {
        .shared = w->shared,
        .origins = &w->replies.origins,
        .random = w->random,
        .peer = x->conn->peer,
        .target = x->target,
        .now = w->now,
    };
    struct verdict v = { .up_target = &x->up_target, .up_fields = &x->up_fields };

    decide(&d, head, &v);
    x->origin = v.origin;
    x->limited = v.limited;
    x->limit = v.limit;
    memcpy(x->request_id, v.request_id, sizeof x->request_id);
    x->upstream = v.upstream;
    x->ticket.upstream = v.upstream ? (size_t)(v.upstream - w->shared->routes.upstreams) : 0;
    act(x, head, &v);
}

static enum MHD_Result begin(struct exchange *x, const char *url, const char *method,
                             const char *version)
{
    struct head head;
    unsigned status;
    const char *why = NULL;

    x->head_read = true;
    x->conn->head_until = 0;
    status = head_read(x->connection, method, url, version, x->target, &head, &why);
    if (status != 0) {
        x->conn->linger = true;
        exchange_answer(x, status, replies_message(&x->worker->replies, x->origin, why), false);
        MHD_add_response_header(x->response, "Connection", "close");
        return queue_answer(x);
    }
    snprintf(x->method, sizeof x->method, "%s", method);
    x->body_length = head.body_length;
    follow(x, &head);
    if (x->response && (head.body_length < 0 || head.body_length > KEEP_MAX ||
                        (head.expects_continue && head.body_length > 0))) {
        x->conn->linger = true;
        return queue_answer(x);
    }
    if (head.body_length != 0)
        exchange_owed(x, &x->up_pace);
    return MHD_YES;
}

static enum MHD_Result take_body(struct exchange *x, const char *bytes, size_t *io_n)
{
    size_t n = *io_n;

    x->up_pace.bytes += (int64_t)n;
    if (x->response || x->ended || x->cut) { /* nobody reads it any more */
        x->body_read += (int64_t)n;
        *io_n = 0;
        return x->body_read > DROP_MAX && !x->call ? MHD_NO : MHD_YES;
    }
    if (stream_length(&x->up) >= (x->call ? STREAM_HIGH : WAITING_MAX)) {
        exchange_suspend(x);
        return MHD_YES;
    }
    if (!stream_put(&x->up, bytes, n))
        return MHD_NO;
    x->body_read += (int64_t)n;
    *io_n = 0;
    if (x->up_starved)
        exchange_todo(x, TODO_SEND);
    return MHD_YES;
}

static enum MHD_Result finish_request(struct exchange *x)
{
    if (!x->final) {
        x->final = true;
        x->up_pace.since_ms = 0;
        if (x->up_starved)
            exchange_todo(x, TODO_SEND);
    }
    if (x->queued)
        return MHD_YES;
    if (!x->response && x->cut)
        return MHD_NO;
    if (!x->response && proxy_can_answer(x))
        proxy_response(x);
    if (x->response)
        return queue_answer(x);
    exchange_suspend(x);
    return MHD_YES;
}

enum MHD_Result exchange_handle(struct exchange *x, const char *url, const char *method,
                                const char *version, const char *bytes, size_t *io_n)
{
    if (x->dead)
        return MHD_NO;
    if (!x->head_read)
        return begin(x, url, method, version);
    if (*io_n > 0)
        return take_body(x, bytes, io_n);
    return finish_request(x);
}

void exchange_abandon(struct exchange *x)
{
    if (x->dead)
        return;
    x->dead = true;
    proxy_cancel(x);
    exchange_release(x);
    exchange_todo(x, TODO_WAKE);
}

void exchange_kill(struct conn *c)
{
    shutdown(c->fd, SHUT_RDWR);
    if (c->exchange && c->exchange->suspended)
        exchange_abandon(c->exchange);
}

/* The upstream's time is up, or the wait for a slot was too long. */
static void overdue(struct exchange *x)
{
    if (x->ticket.waits) {
        reject(x, REJECT_DEADLINE);
        exchange_release(x);
        exchange_unavailable(x, 1000);
    } else if (x->call) {
        bool answered = x->head_ready;
        lp_log_warn("upstream timed out", "route", x->upstream->name, "id", x->request_id);
        if (!answered)
            breaker_result(&x->worker->breakers[x->ticket.upstream], false, x->worker->now);
        if (!answered)
            x->probe = false;
        proxy_cancel(x);
        x->cut = answered;
        x->capture = false;
        if (!answered)
            exchange_unavailable(x, 0);
        exchange_release(x);
    } else if (!x->final) {
        exchange_kill(x->conn); /* the answer is ready and the body does not end */
    }
    exchange_todo(x, TODO_WAKE);
}

void exchange_owed(struct exchange *x, struct pace *p)
{
    if (p->since_ms > 0)
        return;
    *p = (struct pace){ .since_ms = x->worker->now };
    worker_sweep_at(x->worker, x->worker->now + x->worker->shared->config->body_timeout_ms);
}

/* A client that hardly moves would hold its slot for as long as it likes. What came fast at first
 * buys no time for later; a wait for us (suspended) is not the client's. */
static void sweep_pace(struct exchange *x, struct pace *p)
{
    struct worker *w = x->worker;
    int64_t window_ms = w->shared->config->body_timeout_ms;

    if (p->since_ms == 0)
        return;
    if (w->now >= p->since_ms + window_ms) {
        if (p->bytes < window_ms && !x->suspended) {
            p->since_ms = 0;
            exchange_kill(x->conn);
            return;
        }
        *p = (struct pace){ .since_ms = w->now };
    }
    worker_sweep_at(w, p->since_ms + window_ms);
}

void exchange_sweep(struct exchange *x)
{
    struct worker *w = x->worker;

    if (x->dead)
        return;
    sweep_pace(x, &x->up_pace);
    sweep_pace(x, &x->down_pace);
    if (x->deadline > 0 && w->now >= x->deadline) {
        x->deadline = 0;
        overdue(x);
    } else if (x->deadline > 0) {
        worker_sweep_at(w, x->deadline);
    }
}

static void record(const struct exchange *x)
{
    const struct gateway_metrics *m = &x->worker->shared->metrics;
    size_t route = x->upstream ? x->ticket.upstream : GATEWAY_MAX_UPSTREAMS;
    int64_t ms = x->worker->now - x->began_ms;
    char code[12], took[24];

    snprintf(code, sizeof code, "%u", x->queued ? x->status : 499);
    snprintf(took, sizeof took, "%" PRId64, ms);
    const char *name = x->upstream ? x->upstream->name : "other";
    lp_metric_add(lp_metric_with(m->requests, "gateway", name, code), 1);
    lp_metric_observe(m->seconds[route], (double)ms / 1000);
    lp_log_info("request", "route", name, "method", x->method, "status", code, "ms", took, "id",
                x->request_id);
}

static void unlink_exchange(struct exchange *x)
{
    struct worker *w = x->worker;

    if (x->prev)
        x->prev->next = x->next;
    else
        w->exchanges = x->next;
    if (x->next)
        x->next->prev = x->prev;
    for (struct exchange **at = &w->todo; x->todo && *at; at = &(*at)->todo_next) {
        if (*at == x) {
            *at = x->todo_next;
            break;
        }
    }
    x->conn->exchange = NULL;
}

void exchange_completed(struct exchange *x)
{
    proxy_cancel(x);
    exchange_release(x);
    if (x->head_read)
        record(x);
    unlink_exchange(x);
    if (x->response && !x->response_cached)
        MHD_destroy_response(x->response);
    free(x->target);
    lp_buf_done(&x->up_target);
    lp_buf_done(&x->up_fields);
    lp_buf_done(&x->down_fields);
    stream_done(&x->up);
    stream_done(&x->down);
    free(x);
}
