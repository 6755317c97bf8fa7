/*
 * services/gateway/head.c -- libmicrohttpd is lenient, so its result is checked here. It splits the
 * head in place, each piece followed by the NULs it put over CR LF, so the pieces must lie one
 * behind the other and add up to the size of the head: a bare LF, a folded line or a NUL breaks
 * that row. No state, any thread.
 */
#include "services/gateway/head.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "http/field.h"

/* The walk along the head: `end` is where the next name must start. */
struct walk {
    struct head *head;
    const char *end, *why;
    unsigned lengths, codings, hosts, status;
};

static bool same_name(const struct field *f, const char *name)
{
    return f->name_len == strlen(name) && strncasecmp(f->name, name, f->name_len) == 0;
}

static bool read_length(const struct field *f, int64_t *ret_length)
{
    if (f->value_len == 0 || f->value_len > 18)
        return false;
    for (size_t i = 0; i < f->value_len; i++) {
        if (f->value[i] < '0' || f->value[i] > '9')
            return false;
    }
    *ret_length = strtoll(f->value, NULL, 10);
    return true;
}

static enum MHD_Result refuse(struct walk *w, unsigned status, const char *why)
{
    w->status = status;
    w->why = why;
    return MHD_NO;
}

static enum MHD_Result take_field(void *user, enum MHD_ValueKind kind, const char *name,
                                  size_t name_len, const char *value, size_t value_len)
{
    struct walk *w = user;
    struct head *h = w->head;
    (void)kind;

    if (name != w->end || value < name + name_len + 1 || !lp_http_is_token(name, name_len) ||
        !lp_http_is_field_value(value, value_len))
        return refuse(w, 400, "malformed header line");
    w->end = value + value_len + 2;
    while (value_len > 0 && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
        value_len--;
    if (h->n == HEAD_MAX_FIELDS)
        return refuse(w, 431, "more than 100 header fields");

    struct field *f = &h->fields[h->n++];
    *f = (struct field){ name, value, name_len, value_len };
    if (same_name(f, "Host"))
        w->hosts++;
    if (same_name(f, "Content-Length") && (w->lengths++ > 0 || !read_length(f, &h->body_length)))
        return refuse(w, 400, "Content-Length is not one decimal number");
    if (same_name(f, "Transfer-Encoding")) {
        if (w->codings++ > 0 || value_len != 7 || strncasecmp(value, "chunked", 7) != 0)
            return refuse(w, 400, "Transfer-Encoding is not chunked alone");
        h->body_length = -1;
    }
    if (same_name(f, "Expect"))
        h->expects_continue = true;
    return MHD_YES;
}

static bool line_is_sound(const char *method, const char *url, const char *version,
                          const char *target)
{
    return (strcmp(version, "HTTP/1.1") == 0 || strcmp(version, "HTTP/1.0") == 0) &&
           lp_http_is_token(method, strlen(method)) && url == method + strlen(method) + 1 &&
           version == url + strlen(target) + 1;
}

static void check_framing(struct walk *w)
{
    if (w->lengths > 0 && w->codings > 0)
        refuse(w, 400, "both Content-Length and Transfer-Encoding");
    else if (w->codings > 0 && strcmp(w->head->version, "HTTP/1.1") != 0)
        refuse(w, 400, "Transfer-Encoding in HTTP/1.0");
    else if (w->hosts > 1 || (w->hosts == 0 && strcmp(w->head->version, "HTTP/1.1") == 0))
        refuse(w, 400, "not one Host");
}

unsigned head_read(struct MHD_Connection *c, const char *method, const char *url,
                   const char *version, const char *target, struct head *ret_head,
                   const char **ret_why)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    size_t bytes = info ? info->header_size : 0;
    struct walk w = { .head = ret_head, .end = version + strlen(version) + 2 };

    ret_head->method = method;
    ret_head->version = version;
    ret_head->n = 0;
    ret_head->body_length = 0;
    ret_head->expects_continue = false;
    if (strlen(target) > LP_LIMIT_HTTP_TARGET)
        refuse(&w, 414, "request target over 8192 bytes");
    else if (bytes > LP_LIMIT_HTTP_HEADERS)
        refuse(&w, 431, "headers over 16384 bytes");
    else if (!line_is_sound(method, url, version, target))
        refuse(&w, 400, "malformed request line");
    else if (MHD_get_connection_values_n(c, MHD_HEADER_KIND, take_field, &w) >= 0 && !w.why &&
             w.end + 2 != method + bytes)
        refuse(&w, 400, "malformed header line");
    if (!w.why)
        check_framing(&w);
    *ret_why = w.why;
    return w.status;
}

const struct field *head_find(const struct head *h, const char *name)
{
    for (size_t i = 0; i < h->n; i++) {
        if (same_name(&h->fields[i], name))
            return &h->fields[i];
    }
    return NULL;
}

static bool is_listed(const char *list, const char *name, size_t len)
{
    while (*list) {
        list += strspn(list, ", \t");
        size_t n = strcspn(list, ", \t");
        if (n == len && strncasecmp(list, name, len) == 0)
            return true;
        list += n;
    }
    return false;
}

bool head_is_hop(const char *name, size_t len, const char *connection)
{
    static const char hops[] = "Connection, Keep-Alive, Proxy-Authenticate, Proxy-Authorization, "
                               "Proxy-Connection, TE, Trailer, Transfer-Encoding, Upgrade";
    return is_listed(hops, name, len) || (connection && is_listed(connection, name, len));
}

/* Fields that are written anew. */
static bool is_ours(const struct field *f, const struct head_extras *extras)
{
    return same_name(f, "Host") || same_name(f, "Content-Length") || same_name(f, "Expect") ||
           same_name(f, "X-Request-Id") || same_name(f, "X-Forwarded-For") ||
           (extras->authorization && same_name(f, "Authorization"));
}

static void put(struct lp_buf *out, const char *name, size_t name_len, const char *value,
                size_t value_len)
{
    lp_buf_add(out, name, name_len);
    lp_buf_add(out, ": ", 2);
    lp_buf_add(out, value, value_len);
    lp_buf_char(out, '\0');
}

static void put_str(struct lp_buf *out, const char *name, const char *value)
{
    put(out, name, strlen(name), value, strlen(value));
}

static void put_forwarded(const struct head *h, const char *peer, struct lp_buf *out)
{
    const struct field *host = head_find(h, "Host");

    lp_buf_str(out, "X-Forwarded-For: ");
    for (size_t i = 0; i < h->n; i++) {
        if (same_name(&h->fields[i], "X-Forwarded-For") && h->fields[i].value_len > 0) {
            lp_buf_add(out, h->fields[i].value, h->fields[i].value_len);
            lp_buf_add(out, ", ", 2);
        }
    }
    lp_buf_str(out, peer);
    lp_buf_char(out, '\0');
    if (!head_find(h, "X-Forwarded-Proto"))
        put_str(out, "X-Forwarded-Proto", "http");
    if (host && !head_find(h, "X-Forwarded-Host"))
        put(out, "X-Forwarded-Host", 16, host->value, host->value_len);
}

void head_forward(const struct head *h, const struct head_extras *extras, struct lp_buf *out)
{
    lp_auto_buf struct lp_buf hops = LP_BUF_INIT(LP_LIMIT_HTTP_HEADERS);

    for (size_t i = 0; i < h->n; i++) {
        if (same_name(&h->fields[i], "Connection")) {
            lp_buf_add(&hops, h->fields[i].value, h->fields[i].value_len);
            lp_buf_char(&hops, ',');
        }
    }
    for (size_t i = 0; i < h->n; i++) {
        const struct field *f = &h->fields[i];
        if (!is_ours(f, extras) && !head_is_hop(f->name, f->name_len, hops.ptr))
            put(out, f->name, f->name_len, f->value, f->value_len);
    }
    if (extras->authorization)
        put_str(out, "Authorization", extras->authorization);
    put_forwarded(h, extras->peer, out);
    put_str(out, "X-Request-Id", extras->request_id);
}

const char *head_cookie(const struct head *h, const char *cookie, size_t *ret_len)
{
    const struct field *f = head_find(h, "Cookie");
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
