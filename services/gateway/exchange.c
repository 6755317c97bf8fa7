/* services/gateway/exchange.c -- the life of an exchange, and the answers that it gives. One
 * thread.
 */
#include "services/gateway/exchange.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/log.h"
#include "metrics/openmetrics.h"

#define KEEP_MAX ((int64_t)64 * 1024) /* a body up to this is read to keep the connection */
#define DROP_MS 5000
#define SAMPLE 100 /* one of so many, with ACCESS_LOG=sampled */

struct exchange *exchange_new(struct conn *c)
{
    struct exchange *x = lp_alloc(sizeof *x);

    *x = (struct exchange){
        .worker = c->worker,
        .conn = c,
        .began_ms = c->worker->now,
        .up = STREAM_INIT,
        .down_fields = LP_BUF_INIT((size_t)4 * LP_LIMIT_HTTP_HEADERS),
        .down_body = LP_BUF_INIT(2 * STREAM_HIGH),
        .from_client.masked = true,
    };
    c->exchange = x;
    c->head_until = 0;
    return x;
}

static bool is_logged(struct worker *w, unsigned status)
{
    switch (w->shared->config->access_log) {
    case GATEWAY_LOG_OFF:
        return false;
    case GATEWAY_LOG_ERRORS:
        return status >= 500;
    case GATEWAY_LOG_SAMPLED:
        return status >= 500 || w->logged++ % SAMPLE == 0;
    default:
        return true;
    }
}

static void record(const struct exchange *x)
{
    struct worker *w = x->worker;
    const struct gateway_metrics *m = &w->shared->metrics;
    size_t route = x->upstream ? x->ticket.upstream : GATEWAY_MAX_UPSTREAMS;
    int64_t ms = w->now - x->began_ms;
    unsigned status = x->begun ? x->status : 499;
    char code[12], took[24];

    worker_count(w, route, status);
    lp_metric_observe_trace(m->seconds[route], (double)ms / 1000, x->trace_id);
    if (!is_logged(w, status))
        return;
    snprintf(code, sizeof code, "%u", status);
    snprintf(took, sizeof took, "%" PRId64, ms);
    lp_log_each(LP_LOG_INFO, "request", "route", x->upstream ? x->upstream->name : "other",
                "method", x->method, "status", code, "ms", took, "id", x->request_id, "trace_id",
                x->trace_id, NULL);
}

void exchange_free(struct exchange *x)
{
    record(x);
    if (x->tunnel)
        lp_metric_add(x->worker->shared->metrics.websockets[x->ticket.upstream], -1);
    x->conn->exchange = NULL;
    free(x->up_target);
    free(x->up_fields);
    lp_buf_done(&x->down_fields);
    lp_buf_done(&x->down_body);
    stream_done(&x->up);
    free(x);
}

void exchange_owed(struct exchange *x, struct pace *p)
{
    if (p->since_ms > 0)
        return;
    *p = (struct pace){ .since_ms = x->worker->now };
    worker_sweep_at(x->worker, x->worker->now + x->worker->shared->config->body_timeout_ms);
}

bool exchange_keeps_pace(struct exchange *x, struct pace *p, bool owed)
{
    struct worker *w = x->worker;
    int64_t window_ms = w->shared->config->body_timeout_ms;

    if (p->since_ms == 0)
        return true;
    if (w->now >= p->since_ms + window_ms) {
        if (owed && p->bytes < window_ms)
            return false;
        *p = (struct pace){ .since_ms = w->now };
    }
    worker_sweep_at(w, p->since_ms + window_ms);
    return true;
}

void exchange_expect(struct exchange *x, int64_t ms)
{
    x->deadline = x->worker->now + ms;
    worker_sweep_at(x->worker, x->deadline);
}

/* ---- heads ---- */

static void put_limit(const struct exchange *x, struct lp_buf *out)
{
    const struct limiter_state *s = &x->limit;

    if (!x->limited)
        return;
    lp_buf_printf(out,
                  "RateLimit-Limit: %" PRId64 "\r\nRateLimit-Remaining: %" PRId64
                  "\r\nRateLimit-Reset: %" PRId64 "\r\nRateLimit-Policy: %" PRId64 ";w=%" PRId64
                  "\r\n",
                  s->limit, s->remaining, s->reset_s, s->limit, s->window_s);
}

/* Without printf, as each answer has one. */
static void put_length(struct lp_buf *out, int64_t length)
{
    char text[24], *at = text + sizeof text;

    *--at = '\n';
    *--at = '\r';
    do {
        *--at = (char)('0' + length % 10);
        length /= 10;
    } while (length > 0);
    lp_buf_add(out, "Content-Length: ", 16);
    lp_buf_add(out, at, (size_t)(text + sizeof text - at));
}

/* Everything after the fields of the answer itself, with the empty line. */
static void put_rest(struct exchange *x, struct lp_buf *out)
{
    struct worker *w = x->worker;

    if (!x->down_date)
        replies_date(&w->replies, out);
    replies_common(&w->replies, x->origin, x->down_mask, out);
    if (!x->down_id && x->request_id[0]) {
        lp_buf_str(out, "X-Request-Id: ");
        lp_buf_str(out, x->request_id);
        lp_buf_add(out, "\r\n", 2);
    }
    put_limit(x, out);
    if (atomic_load_explicit(&w->closing, memory_order_relaxed))
        x->keep = false;
    if (!x->keep)
        lp_buf_str(out, "Connection: close\r\n");
    else if (x->http10)
        lp_buf_str(out, "Connection: keep-alive\r\n");
    lp_buf_add(out, "\r\n", 2);
}

/* A body that nobody will read: a short rest is read to keep the connection, else it ends. */
static void give_up_body(struct exchange *x)
{
    if (x->body_done)
        return;
    x->dropping = true;
    if (x->body_length < 0 || x->body_length - x->body_read > KEEP_MAX || x->expects_continue)
        x->keep = false;
    exchange_expect(x, DROP_MS);
}

static void exchange_reply(struct exchange *x, unsigned status, const char *lines, const char *body,
                           size_t len)
{
    struct lp_buf *out = &x->conn->out.buf;
    bool to_head = strcmp(x->method, "HEAD") == 0;

    x->status = status;
    x->begun = x->done = true;
    x->down_mask = 0;
    x->down_id = x->down_date = false;
    x->deadline = 0;
    give_up_body(x);
    replies_status_line(status, out);
    if (len > 0)
        lp_buf_str(out, "Content-Type: application/json; charset=utf-8\r\n");
    put_length(out, (int64_t)len);
    if (lines)
        lp_buf_str(out, lines);
    put_rest(x, out);
    if (!to_head)
        lp_buf_add(out, body, len);
    exchange_owed(x, &x->down_pace);
    conn_mark(x->conn);
}

void exchange_answer(struct exchange *x, unsigned status, const char *json, const char *lines)
{
    exchange_reply(x, status, lines, json, strlen(json));
}

void exchange_message(struct exchange *x, unsigned status, const char *message, const char *lines)
{
    lp_auto_buf struct lp_buf body = LP_BUF_INIT(1024);

    replies_message(message, &body);
    exchange_reply(x, status, lines, body.ptr, body.len);
}

void exchange_unavailable(struct exchange *x, int64_t retry_after_ms)
{
    lp_auto_buf struct lp_buf body = LP_BUF_INIT(1024);
    char line[64] = "";

    if (retry_after_ms > 0)
        snprintf(line, sizeof line, "Retry-After: %" PRId64 "\r\n", (retry_after_ms + 999) / 1000);
    replies_unavailable(&body);
    exchange_reply(x, 503, line, body.ptr, body.len);
}

void exchange_preflight(struct exchange *x, const struct lp_field *requested)
{
    lp_auto_buf struct lp_buf lines = LP_BUF_INIT((size_t)2 * LP_LIMIT_HTTP_HEADERS);

    lp_buf_str(&lines, "Access-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE\r\n"
                       "Vary: Access-Control-Request-Headers\r\n");
    if (requested && requested->value_len > 0) {
        lp_buf_str(&lines, "Access-Control-Allow-Headers: ");
        lp_buf_add(&lines, requested->value, requested->value_len);
        lp_buf_str(&lines, "\r\n");
    }
    exchange_reply(x, 204, lines.ptr, "", 0);
}

/* ---- the upstream's answer ---- */

void exchange_head(struct exchange *x, const char *fields, size_t fields_len, int64_t length,
                   bool bodiless, const char *cookie)
{
    struct lp_buf *out = &x->conn->out.buf;
    bool no_length = x->status == 204 || x->status == 304 || x->status == 101;

    x->begun = true;
    x->chunked = !bodiless && length < 0 && !x->http10 && x->status != 101;
    if (!bodiless && length < 0 && x->http10)
        x->keep = false;
    if (x->status == 101)
        x->keep = true; /* "Connection: close" would contradict the upgrade */
    replies_status_line(x->status, out);
    lp_buf_add(out, fields, fields_len);
    if (length >= 0 && !no_length)
        put_length(out, length);
    else if (x->chunked)
        lp_buf_str(out, "Transfer-Encoding: chunked\r\n");
    if (x->status == 101)
        lp_buf_str(out, "Connection: Upgrade\r\nUpgrade: websocket\r\n");
    if (cookie && *cookie)
        lp_buf_printf(out, "Set-Cookie: %s\r\n", cookie);
    put_rest(x, out);
    conn_mark(x->conn);
}

void exchange_body(struct exchange *x, const char *bytes, size_t n)
{
    struct stream *out = &x->conn->out;
    char head[LP_CHUNKED_HEAD];

    if (n == 0)
        return;
    if (x->chunked)
        stream_put(out, head, lp_chunked_head(head, n));
    stream_put(out, bytes, n);
    if (x->chunked)
        stream_put(out, "\r\n", 2);
    exchange_owed(x, &x->down_pace);
    conn_mark(x->conn);
}

void exchange_account(struct conn *c)
{
    const struct exchange *x = c->exchange;
    size_t bytes = stream_length(&c->out) + c->in.len;

    if (c->fd < 0)
        return;
    if (x)
        bytes += stream_length(&x->up) + x->up_fields_len + x->down_body.len;
    if (x && x->up_target)
        bytes += strlen(x->up_target);
    conn_account(c, bytes);
}

void exchange_end_body(struct exchange *x)
{
    if (x->chunked)
        stream_put(&x->conn->out, LP_CHUNKED_LAST, strlen(LP_CHUNKED_LAST));
    x->done = true;
    conn_mark(x->conn);
}
