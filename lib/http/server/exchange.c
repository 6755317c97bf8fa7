/*
 * One request and its reply: what a handler sees of server.c.
 *
 * A reply is built in the thread that answers and picked up by the event loop. The two meet under
 * the server's reply_lock: whoever comes second (the reply, or the event loop that wants to suspend
 * the connection) sees the other. After that the exchange may be freed at any moment by the event
 * loop.
 */
#include "http/server/server_parts.h"

#include <poll.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/log.h"
#include "http/url.h"

static void texts_free(struct lp_http_text *t)
{
    while (t) {
        struct lp_http_text *next = t->next;
        free(t);
        t = next;
    }
}

/* Puts a copy of both in front of the list. */
static struct lp_http_text *text_add(struct lp_http_text **list, const char *name,
                                     const char *value)
{
    size_t n = strlen(value) + 1, m = strlen(name) + 1;
    struct lp_http_text *t = lp_alloc(sizeof *t + n + m);
    memcpy(t->value, value, n);
    memcpy(t->value + n, name, m);
    t->name = t->value + n;
    t->next = *list;
    *list = t;
    return t;
}

bool lp_http_body_fits(struct lp_http_exchange *x, size_t n)
{
    struct lp_http_server *s = x->server;
    size_t len = x->body.len + n;
    size_t more = len > LP_HTTP_SMALL_BODY ? len - LP_HTTP_SMALL_BODY - x->large : 0;

    if (atomic_fetch_add(&s->large, more) + more > s->max_large && more > 0) {
        atomic_fetch_sub(&s->large, more);
        return false;
    }
    x->large += more;
    return true;
}

void lp_http_body_drop(struct lp_http_exchange *x)
{
    lp_buf_done(&x->body);
    atomic_fetch_sub(&x->server->large, x->large);
    x->large = 0;
}

void lp_http_exchange_free(struct lp_http_exchange *x)
{
    if (x->response)
        MHD_destroy_response(x->response);
    texts_free(x->reply_headers);
    texts_free(x->query);
    lp_http_body_drop(x);
    free(x->target);
    free(x->path);
    free(x->authority);
    free(x);
}

const char *lp_http_method(const struct lp_http_exchange *x)
{
    return x->method;
}

const char *lp_http_target(const struct lp_http_exchange *x)
{
    return x->target;
}

const char *lp_http_path(const struct lp_http_exchange *x)
{
    return x->path;
}

const char *lp_http_query(struct lp_http_exchange *x, const char *name)
{
    for (const struct lp_http_text *t = x->query; t; t = t->next)
        if (strcmp(t->name, name) == 0)
            return t->value;

    const char *p = x->target + strlen(x->path);
    while (*p) {
        p++; /* '?' or '&' */
        size_t n = strcspn(p, "&"), key = strcspn(p, "=&");
        lp_auto_buf struct lp_buf decoded = LP_BUF_INIT(n);
        if (lp_url_decode(p, key, true, &decoded) && strcmp(decoded.ptr, name) == 0) {
            lp_buf_reset(&decoded);
            bool valued = key < n;
            if (valued && !lp_url_decode(p + key + 1, n - key - 1, true, &decoded))
                return NULL;
            return text_add(&x->query, name, decoded.ptr)->value;
        }
        p += n;
    }
    return NULL;
}

const char *lp_http_header(const struct lp_http_exchange *x, const char *name)
{
    if (x->authority && strcasecmp(name, "Host") == 0)
        return x->authority;
    return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

struct each_header {
    const char *name;
    bool (*each)(const char *value, void *user);
    void *user;
};

static enum MHD_Result pass_header(void *user, enum MHD_ValueKind kind, const char *key,
                                   const char *value)
{
    const struct each_header *e = user;
    (void)kind;
    if (strcasecmp(key, e->name) != 0)
        return MHD_YES;
    return e->each(value ? value : "", e->user) ? MHD_YES : MHD_NO;
}

void lp_http_headers(const struct lp_http_exchange *x, const char *name,
                     bool (*each)(const char *value, void *user), void *user)
{
    struct each_header e = { name, each, user };
    MHD_get_connection_values(x->connection, MHD_HEADER_KIND, pass_header, &e);
}

struct each_pair {
    bool (*each)(const char *name, const char *value, void *user);
    void *user;
};

static enum MHD_Result pass_pair(void *user, enum MHD_ValueKind kind, const char *key,
                                 const char *value)
{
    const struct each_pair *e = user;
    (void)kind;
    return e->each(key, value ? value : "", e->user) ? MHD_YES : MHD_NO;
}

void lp_http_each_header(const struct lp_http_exchange *x,
                         bool (*each)(const char *name, const char *value, void *user), void *user)
{
    struct each_pair e = { each, user };
    MHD_get_connection_values(x->connection, MHD_HEADER_KIND, pass_pair, &e);
}

const char *lp_http_body(const struct lp_http_exchange *x, size_t *ret_len)
{
    *ret_len = x->body.len;
    return x->body.ptr;
}

const char *lp_http_peer(const struct lp_http_exchange *x)
{
    return x->peer;
}

int64_t lp_http_arrived_ms(const struct lp_http_exchange *x)
{
    return x->arrived_ms;
}

int lp_http_client_fd(const struct lp_http_exchange *x)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

bool lp_http_client_gone(const struct lp_http_exchange *x)
{
    struct pollfd p = { .fd = lp_http_client_fd(x), .events = POLLRDHUP };
    return p.fd < 0 || poll(&p, 1, 0) > 0;
}

void *lp_http_tls_session(const struct lp_http_exchange *x)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info ? info->tls_session : NULL;
}

void lp_http_reply_header(struct lp_http_exchange *x, const char *name, const char *value)
{
    text_add(&x->reply_headers, name, value);
}

/* The list has the last one first; the reply has them in the order they were given. */
static void add_headers(struct MHD_Response *response, const struct lp_http_text *t)
{
    if (!t)
        return;
    add_headers(response, t->next);
    if (MHD_add_response_header(response, t->name, t->value) != MHD_YES)
        lp_log_debug("a reply header was dropped: libmicrohttpd refuses it", "header", t->name);
}

void lp_http_set_context(struct lp_http_exchange *x, void *context)
{
    x->context = context;
}

void lp_http_exchange_reply(struct lp_http_exchange *x, int status, struct MHD_Response *response,
                            void (*resume)(struct lp_http_server *, struct MHD_Connection *))
{
    struct lp_http_server *s = x->server;

    add_headers(response, x->reply_headers);
    pthread_mutex_lock(&s->reply_lock);
    x->status = (unsigned)status;
    x->response = response;
    bool suspended = x->suspended;
    pthread_mutex_unlock(&s->reply_lock);
    /* Until then it stays as it is, and the loop that wakes finds the lock free. */
    if (suspended)
        resume(s, x->connection);
}

/* `response`, of `len` bytes, is taken over. */
static void reply(struct lp_http_exchange *x, int status, struct MHD_Response *response, size_t len)
{
    const struct lp_http_server_options o = x->server->options; /* it may be gone after the reply */
    void *context = x->context;

    lp_http_exchange_reply(x, status, response, lp_http_resume_held);
    if (o.answered)
        o.answered(context, status, len, o.user);
}

static struct MHD_Response *response_of(void *bytes, size_t len, enum MHD_ResponseMemoryMode mode)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(len, bytes, mode);
    if (!response)
        abort(); /* no memory, as in lp_alloc */
    return response;
}

static ssize_t no_bytes(void *user, uint64_t at, char *bytes, size_t max)
{
    (void)user, (void)at, (void)bytes, (void)max;
    return MHD_CONTENT_READER_END_OF_STREAM;
}

/*
 * A 304 has no Content-Length but that of the 200 (RFC 9110, 8.6), and libmicrohttpd before
 * 0.9.76 always adds one of 0, or chunks; but not where the length is unknown and HTTP/1.0 reads it
 * too. It then ends the connection, which costs the client, mostly lp-gateway's pool, a new one.
 */
static struct MHD_Response *not_modified(void)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1, no_bytes, NULL, NULL);
    if (!response)
        abort(); /* no memory, as in lp_alloc */
    MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    return response;
}

void lp_http_reply(struct lp_http_exchange *x, int status, const char *content_type,
                   const void *body, size_t len)
{
    if (status == 304) {
        reply(x, status, not_modified(), 0);
        return;
    }
    if (content_type)
        lp_http_reply_header(x, "Content-Type", content_type);
    reply(x, status, response_of((void *)(uintptr_t)body, len, MHD_RESPMEM_MUST_COPY), len);
}

void lp_http_reply_buf(struct lp_http_exchange *x, int status, const char *content_type,
                       struct lp_buf *body)
{
    size_t len = body->len;
    if (content_type)
        lp_http_reply_header(x, "Content-Type", content_type);
    reply(x, status, response_of(lp_buf_take(body), len, MHD_RESPMEM_MUST_FREE), len);
}

void lp_http_reply_text(struct lp_http_exchange *x, int status, const char *text)
{
    lp_http_reply(x, status, "text/plain; charset=utf-8", text, strlen(text));
}

void lp_http_reply_json(struct lp_http_exchange *x, int status, json_t *o)
{
    char *text = json_dumps(o, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    json_decref(o);
    if (!text)
        abort(); /* a NULL or broken document is a defect of the caller */
    lp_http_reply_header(x, "Content-Type", "application/json; charset=utf-8");
    size_t len = strlen(text);
    reply(x, status, response_of(text, len, MHD_RESPMEM_MUST_FREE), len);
}
