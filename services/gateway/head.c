/* services/gateway/head.c -- which fields pass, and which are ours. No state, any thread. */
#include "services/gateway/head.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"

static bool is_one_of(const struct lp_field *f, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (lp_field_is(f, names[i]))
            return true;
    }
    return false;
}

bool head_is_hop(const struct lp_fields *fields, const struct lp_field *f)
{
    static const char *const hops[] = {
        "Connection",
        "Keep-Alive",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "Proxy-Connection",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
    };
    return is_one_of(f, hops, LP_COUNT(hops)) ||
           lp_fields_list_has(fields, "Connection", f->name, f->name_len);
}

/* Fields that are written anew. */
static bool is_ours(const struct lp_field *f)
{
    static const char *const ours[] = {
        "Host",
        "Content-Length",
        "Expect",
        "X-Request-Id",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
        "X-Real-IP",
        "Forwarded",
        "HTTP2-Settings",
    };
    return is_one_of(f, ours, LP_COUNT(ours));
}

static void put(struct lp_buf *out, const char *name, const char *value, size_t len)
{
    lp_buf_str(out, name);
    lp_buf_add(out, ": ", 2);
    lp_buf_add(out, value, len);
    lp_buf_add(out, "\r\n", 2);
}

/* The field without what stands before `rest`; nothing where no rest is. */
static void put_rest(const struct lp_field *f, const char *rest, struct lp_buf *out)
{
    size_t n = (size_t)(f->value + f->value_len - rest);

    if (n > 0)
        put(out, "Sec-WebSocket-Protocol", rest, n);
}

static void put_forwarded(const struct lp_request_head *h, const struct head_extras *extras,
                          struct lp_buf *out)
{
    const struct lp_field *proto =
        extras->from_proxy ? lp_fields_find(&h->fields, "X-Forwarded-Proto") : NULL;
    const struct lp_field *host =
        extras->from_proxy ? lp_fields_find(&h->fields, "X-Forwarded-Host") : NULL;

    put(out, "X-Forwarded-For", extras->client, strlen(extras->client));
    put(out, "X-Forwarded-Proto", proto ? proto->value : "http", proto ? proto->value_len : 4);
    if (host)
        put(out, "X-Forwarded-Host", host->value, host->value_len);
    else if (h->authority_len > 0)
        put(out, "X-Forwarded-Host", h->authority, h->authority_len);
}

void head_forward(const struct lp_request_head *h, const struct head_extras *extras,
                  struct lp_buf *out)
{
    for (size_t i = 0; i < h->fields.n; i++) {
        const struct lp_field *f = &h->fields.list[i];
        if (is_ours(f) || head_is_hop(&h->fields, f))
            continue;
        if (extras->trace && lp_field_is(f, "traceparent"))
            continue;
        if (extras->subprotocols && extras->subprotocols >= f->value &&
            extras->subprotocols <= f->value + f->value_len) {
            put_rest(f, extras->subprotocols, out);
            continue;
        }
        lp_field_write(f, out);
    }
    if (extras->authorization)
        put(out, "Authorization", extras->authorization, strlen(extras->authorization));
    put_forwarded(h, extras, out);
    put(out, "X-Request-Id", extras->request_id, strlen(extras->request_id));
    if (extras->trace)
        put(out, "traceparent", extras->trace, strlen(extras->trace));
}

const char *head_cookie(const struct lp_fields *fields, const char *cookie, size_t *ret_len)
{
    const struct lp_field *f = lp_fields_find(fields, "Cookie");
    const char *p = f ? f->value : "", *end = f ? f->value + f->value_len : p;
    size_t name = strlen(cookie);

    while (p < end) {
        while (p < end && (*p == ' ' || *p == ';'))
            p++;
        const char *stop = memchr(p, ';', (size_t)(end - p));
        size_t n = (size_t)((stop ? stop : end) - p);
        if (n > name && p[name] == '=' && strncmp(p, cookie, name) == 0) {
            *ret_len = n - name - 1;
            return p + name + 1;
        }
        p += n;
    }
    return NULL;
}

bool head_is_idempotent(const char *method)
{
    static const char *const methods[] = { "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE" };

    for (size_t i = 0; i < LP_COUNT(methods); i++) {
        if (strcmp(method, methods[i]) == 0)
            return true;
    }
    return false;
}
