/*
 * What libmicrohttpd lets through and we do not: requests that another HTTP implementation on the
 * way may have cut differently (RFC 9112, sections 2.2, 5.2, 6.1, 6.3 and 11.2).
 *
 * libmicrohttpd splits the header block in place, so the pieces lie in the read buffer one behind
 * the other with two bytes (CR LF) between them. A bare LF, a folded line or a NUL breaks that row,
 * and this is how they are found: the library itself forgets them. Where a later version of it kept
 * copies instead, every request would be refused, and the first test with a raw socket would say
 * so.
 *
 * The first head of a plain connection has passed acceptor.c already; this looks at later heads,
 * and at all with TLS.
 *
 * What stays: in the lines between chunks the library takes a bare LF for CR LF and tells nobody. A
 * proxy that reads on there and forwards the bytes unchanged would cut a body differently;
 * lp-gateway frames what it forwards anew. What the library (0.9.75) refuses by itself it answers
 * as HTML and ends the connection: a malformed chunk, and in a later head of a connection or with
 * TLS a line without a colon, HTTP/2.0, a head over 32 KiB, and a Content-Length that is no number,
 * whose answer has its own head twice. It has no hook before that; lp-gateway, which reads heads
 * itself, never sends such a request on.
 *
 * No state; runs in the event loop.
 */
#include "http/server/server_parts.h"

#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "http/field.h"

/* The walk along the header block; `end` is where the next piece must start. */
struct walk {
    const char *end;
    const char *why;
    unsigned n_length, n_coding, n_host, n_authorization;
    bool chunked;
    bool coded; /* Content-Encoding says something */
    size_t bytes;
};

/* A path, or the "*" of OPTIONS (RFC 9112, 3.2). */
static bool is_target(const char *s)
{
    if (*s != '/' && strcmp(s, "*") != 0)
        return false;
    for (; *s; s++)
        if ((unsigned char)*s <= 0x20 || *s == 0x7f)
            return false;
    return true;
}

static bool is_decimal(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] < '0' || s[i] > '9')
            return false;
    return n > 0;
}

static bool named(const char *key, size_t n, const char *name)
{
    return n == strlen(name) && strncasecmp(key, name, n) == 0;
}

static enum MHD_Result on_header(void *user, enum MHD_ValueKind kind, const char *key, size_t nkey,
                                 const char *value, size_t nvalue)
{
    struct walk *w = user;
    (void)kind;

    if (key != w->end || value < key + nkey + 1 || !lp_http_is_token(key, nkey) ||
        !lp_http_is_field_value(value, nvalue)) {
        w->why = "malformed header line";
        return MHD_NO;
    }
    w->end = value + nvalue + 2;
    if (named(key, nkey, "Host"))
        w->n_host++;
    if (named(key, nkey, "Authorization"))
        w->n_authorization++;
    if (named(key, nkey, "Content-Length")) {
        w->n_length++;
        if (!is_decimal(value, nvalue))
            w->why = "malformed Content-Length";
    }
    if (named(key, nkey, "Transfer-Encoding")) {
        w->n_coding++;
        w->chunked = named(value, nvalue, "chunked");
    }
    if (named(key, nkey, "Content-Encoding"))
        w->coded = w->coded || (nvalue > 0 && !named(value, nvalue, "identity"));
    return w->why ? MHD_NO : MHD_YES;
}

static const char *framing_error(const struct walk *w, bool http11)
{
    if (w->n_length > 0 && w->n_coding > 0)
        return "both Content-Length and Transfer-Encoding";
    if (w->n_length > 1)
        return "more than one Content-Length";
    if (w->n_coding > 1 || (w->n_coding == 1 && (!w->chunked || !http11)))
        return "Transfer-Encoding other than chunked";
    if (w->n_host > 1)
        return "more than one Host";
    if (w->n_host == 0 && http11)
        return "no Host";
    if (w->n_authorization > 1)
        return "more than one Authorization";
    return NULL;
}

/* Whether the body may come: 0, 413 or 503. Content-Length is known to be digits. */
static unsigned check_length(struct lp_http_exchange *x)
{
    struct lp_http_server *s = x->server;
    const struct lp_http_server_options *o = &s->options;
    const char *length = lp_http_header(x, "Content-Length");
    unsigned long long n = length ? strtoull(length, NULL, 10) : 0;

    x->max_body = o->body_limit ? o->body_limit(x, o->user) : o->max_body;
    x->body.max = x->max_body;
    if (n > x->max_body)
        return 413;
    bool fits =
        n <= LP_HTTP_SMALL_BODY || n - LP_HTTP_SMALL_BODY + atomic_load(&s->large) <= s->max_large;
    return fits ? 0 : 503;
}

static const char *request_line_error(const struct lp_http_exchange *x, const char *url,
                                      const char *version)
{
    bool known = strcmp(version, "HTTP/1.1") == 0 || strcmp(version, "HTTP/1.0") == 0;
    if (!known || url != x->method + strlen(x->method) + 1 || version != url + x->sent_target + 1 ||
        !lp_http_is_token(x->method, strlen(x->method)) || !is_target(x->target))
        return "malformed request line";
    return NULL;
}

unsigned lp_http_check(struct lp_http_exchange *x, const char *url, const char *version,
                       const char **ret_why)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    struct walk w = { .end = version + strlen(version) + 2, .bytes = info ? info->header_size : 0 };

    if (x->sent_target > (size_t)LP_LIMIT_HTTP_TARGET) {
        *ret_why = "request target over 8192 bytes";
        return 414;
    }
    if (w.bytes > (size_t)LP_LIMIT_HTTP_HEADERS) {
        *ret_why = "headers over 16384 bytes";
        return 431;
    }
    w.why = request_line_error(x, url, version);
    if (!w.why)
        MHD_get_connection_values_n(x->connection, MHD_HEADER_KIND, on_header, &w);
    if (!w.why && w.end + 2 != x->method + w.bytes)
        w.why = "malformed header line";
    if (!w.why)
        w.why = framing_error(&w, strcmp(version, "HTTP/1.1") == 0);
    *ret_why = w.why;
    if (w.why)
        return 400;
    if (w.n_length == 0 && !w.chunked)
        return 0;
    unsigned status = check_length(x);
    *ret_why = status == 413 ? "request body too large" : LP_HTTP_NO_ROOM;
    if (status == 0 && w.coded) {
        *ret_why = "Content-Encoding is not supported";
        status = 415;
    }
    return status;
}
