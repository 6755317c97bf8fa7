/*
 * services/gateway/proxy.c -- the upstream's side of an exchange: starts the call, takes its
 * events, and makes the client's answer of them. An answer that is complete when the loop comes to
 * it goes out in one write; a longer one is streamed between the water marks.
 */
#include "services/gateway/exchange.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"

#define CAPTURE_MAX ((size_t)64 * 1024) /* an /auth/ reply that may carry a token */
#define BLOCK ((size_t)16 * 1024)

/* The upstream has shown life: its time begins anew, unless it waits for the client. */
static void alive(struct exchange *x)
{
    int64_t timeout = x->worker->shared->config->timeout_ms;

    x->deadline = x->down_paused || x->up_starved ? 0 : x->worker->now + timeout;
    if (x->deadline > 0)
        worker_sweep_at(x->worker, x->deadline);
}

static struct breaker *breaker_of(struct exchange *x)
{
    return &x->worker->breakers[x->ticket.upstream];
}

static const char *field_value(const struct lp_buf *fields, const char *name)
{
    const char *end = fields->ptr + fields->len;

    for (const char *p = fields->ptr; p < end;) {
        const char *value = p + strlen(p) + 1;
        if (strcasecmp(p, name) == 0)
            return value;
        p = value + strlen(value) + 1;
    }
    return NULL;
}

/* Replies of the auth service that may carry a token are read whole before their head is sent. */
static bool wants_capture(const struct exchange *x)
{
    const char *type = field_value(&x->down_fields, "Content-Type");

    return strcmp(x->upstream->prefix, "/auth") == 0 && x->down_status / 100 == 2 && type &&
           strncasecmp(type, "application/json", 16) == 0 &&
           !field_value(&x->down_fields, "Content-Encoding") &&
           x->down_length <= (int64_t)CAPTURE_MAX;
}

static void on_head(void *user, int status, const char *fields, size_t fields_len, int64_t length)
{
    struct exchange *x = user;

    x->down_status = (unsigned)status;
    x->down_length = length;
    lp_buf_add(&x->down_fields, fields, fields_len);
    x->head_ready = true;
    x->capture = wants_capture(x);
    breaker_result(breaker_of(x), true, x->worker->now);
    x->probe = false;
    alive(x);
    if (!x->capture)
        exchange_todo(x, TODO_WAKE);
}

static bool on_body(void *user, const char *bytes, size_t n)
{
    struct exchange *x = user;

    if (stream_length(&x->down) >= STREAM_HIGH) {
        x->down_paused = true;
        x->deadline = 0;
        return false;
    }
    stream_put(&x->down, bytes, n);
    if (x->queued)
        exchange_owed(x, &x->down_pace);
    if (x->capture && stream_length(&x->down) > CAPTURE_MAX)
        x->capture = false;
    if (!x->capture)
        exchange_todo(x, TODO_WAKE);
    alive(x);
    return true;
}

static size_t on_read(void *user, char *to, size_t room, bool *ret_end)
{
    struct exchange *x = user;
    size_t n = stream_take(&x->up, to, room);

    if (n == 0 && x->final) {
        *ret_end = true;
    } else if (n == 0) {
        x->up_starved = true;
        x->deadline = 0;
        return 0;
    }
    if (x->suspended && !x->final && stream_length(&x->up) <= STREAM_LOW)
        exchange_todo(x, TODO_WAKE);
    alive(x);
    return n;
}

static void on_end(void *user, bool complete, const char *why)
{
    struct exchange *x = user;

    x->call = NULL;
    x->deadline = 0;
    if (complete) {
        x->ended = true;
    } else {
        lp_log_warn("upstream failed", "route", x->upstream->name, "why", why, "id", x->request_id);
        if (x->head_ready) {
            x->cut = true;
        } else {
            breaker_result(breaker_of(x), false, x->worker->now);
            x->probe = false;
            exchange_unavailable(x, 0);
        }
    }
    x->capture = false;
    exchange_todo(x, TODO_WAKE);
    exchange_release(x);
}

void proxy_start(struct exchange *x)
{
    static const struct upstream_events events = { on_head, on_body, on_read, on_end };
    struct upstream_client *client = x->worker->client;
    struct upstream_request r = {
        .origin = x->upstream->origin,
        .target = x->up_target.ptr,
        .method = x->method,
        .fields = x->up_fields.ptr,
        .fields_len = x->up_fields.len,
        .body_length = x->body_length,
        .idempotent = head_is_idempotent(x->method),
        .events = &events,
        .user = x,
    };

    x->call = client->ops->start(client, &r);
    lp_buf_done(&x->up_fields);
    lp_buf_done(&x->up_target);
    lp_metric_add(x->worker->shared->metrics.in_flight, 1);
    alive(x);
}

void proxy_cancel(struct exchange *x)
{
    if (x->call) {
        x->worker->client->ops->cancel(x->call);
        x->call = NULL;
    }
    if (x->probe) {
        breaker_forget(breaker_of(x));
        x->probe = false;
    }
}

static bool has_body(const struct exchange *x)
{
    return strcmp(x->method, "HEAD") != 0 && x->down_status != 204 && x->down_status != 304 &&
           x->down_length != 0;
}

bool proxy_can_answer(const struct exchange *x)
{
    return x->head_ready && !x->capture && (x->body_length == 0 || x->ended || has_body(x));
}

/* The end of the answer ends the exchange, so its last byte waits until the upstream has taken the
 * whole request. */
static size_t room_now(const struct exchange *x, uint64_t position, size_t room)
{
    uint64_t left = (uint64_t)x->down_length - position;

    if (x->down_length < 0 || x->body_length == 0 || x->ended || left > room)
        return room;
    return left > 0 ? (size_t)left - 1 : 0;
}

/* libmicrohttpd asks for bytes of the answer's body. */
static ssize_t read_down(void *user, uint64_t position, char *to, size_t room)
{
    struct exchange *x = user;

    if (x->cut || x->dead)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t n = stream_take(&x->down, to, room_now(x, position, room));
    if (x->down_paused && stream_length(&x->down) <= STREAM_LOW)
        exchange_todo(x, TODO_RECEIVE);
    x->down_pace.bytes += (int64_t)n;
    if (stream_length(&x->down) == 0)
        x->down_pace.since_ms = 0;
    else
        exchange_owed(x, &x->down_pace);
    if (n > 0)
        return (ssize_t)n;
    if (x->ended && stream_length(&x->down) == 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    exchange_suspend(x);
    return 0;
}

static struct MHD_Response *body_response(struct exchange *x)
{
    bool whole = x->ended && x->down.start == 0;

    if (strcmp(x->method, "HEAD") != 0 && whole) {
        size_t n = x->down.buf.len;
        return MHD_create_response_from_buffer(n, lp_buf_take(&x->down.buf), MHD_RESPMEM_MUST_FREE);
    }
    uint64_t size = x->down_length >= 0 ? (uint64_t)x->down_length : MHD_SIZE_UNKNOWN;
    return MHD_create_response_from_callback(size, BLOCK, read_down, x, NULL);
}

static void copy_fields(struct exchange *x, struct MHD_Response *response)
{
    const char *connection = field_value(&x->down_fields, "Connection");
    const char *end = x->down_fields.ptr + x->down_fields.len;

    for (const char *p = x->down_fields.ptr; p < end;) {
        size_t n = strlen(p);
        const char *value = p + n + 1;
        if (!head_is_hop(p, n, connection) && strcasecmp(p, "Content-Length") != 0)
            MHD_add_response_header(response, p, value);
        p = value + strlen(value) + 1;
    }
}

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

    if (!x->ended || !wants_capture(x) ||
        lp_json_parse(x->down.buf.ptr, x->down.buf.len, CAPTURE_MAX, "reply", &body, &err) < 0)
        return;
    const char *token = lp_json_str(body, "token", NULL);
    if (token && *token && is_cookie_value(token))
        lp_buf_printf(cookie, "token=%s; Path=/; HttpOnly; Secure; SameSite=Lax", token);
}

void proxy_response(struct exchange *x)
{
    lp_auto_buf struct lp_buf cookie = LP_BUF_INIT(12288);

    make_cookie(x, &cookie); /* before the body is handed over */
    struct MHD_Response *response = body_response(x);
    if (!response)
        abort(); /* no memory */
    copy_fields(x, response);
    if (cookie.len > 0)
        MHD_add_response_header(response, "Set-Cookie", cookie.ptr);
    replies_common_headers(&x->worker->replies, x->origin, response);
    exchange_answer(x, x->down_status, response, false);
}
