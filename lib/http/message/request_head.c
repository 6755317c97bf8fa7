/* lib/http/message/request_head.c -- request line and what binds the fields together. No state, any
 * thread. */
#include "http/message/request_head.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "http/field.h"

#define METHOD_MAX 31
#define VERSION_LEN 8 /* "HTTP/1.1" */

static int64_t refuse(struct lp_refusal *r, unsigned status, const char *why)
{
    *r = (struct lp_refusal){ status, why };
    return -1;
}

bool lp_request_head_is(const struct lp_request_head *h, const char *method)
{
    return h->method_len == strlen(method) && memcmp(h->method, method, h->method_len) == 0;
}

/* ---- what is known before the head is whole ---- */

/* `n` bytes at the start of a request line. */
static int64_t check_early_line(const char *line, size_t n, struct lp_refusal *r)
{
    const char *space = memchr(line, ' ', n);
    size_t method = space ? (size_t)(space - line) : n;

    if (method > METHOD_MAX || (method > 0 && !lp_http_is_token(line, method)) ||
        (space && method == 0)) {
        if (!(method == 1 && line[0] == '\r' && !space))
            return refuse(r, 400, "malformed request line");
    }
    if (space && n - method - 1 > LP_LIMIT_HTTP_TARGET + VERSION_LEN + 2)
        return refuse(r, 414, "request target over 8192 bytes");
    return 0;
}

static int64_t check_early(const char *bytes, size_t n, struct lp_refusal *r)
{
    size_t skip = n >= 2 && memcmp(bytes, "\r\n", 2) == 0 ? 2 : 0;

    const char *lf = memchr(bytes + skip, '\n', n - skip);
    size_t line = lf ? (size_t)(lf - bytes) - skip : n - skip;

    if (check_early_line(bytes + skip, line, r) < 0)
        return -1;
    if (n >= LP_LIMIT_HTTP_HEADERS)
        return refuse(r, 431, "headers over 16384 bytes");
    return 0;
}

/* ---- the request line ---- */

static int read_version(const char *v, struct lp_request_head *h, struct lp_refusal *r)
{
    bool shape = memcmp(v, "HTTP/", 5) == 0 && v[5] >= '0' && v[5] <= '9' && v[6] == '.' &&
                 v[7] >= '0' && v[7] <= '9';

    if (!shape)
        return (int)refuse(r, 400, "malformed request line");
    if (v[5] != '1' || v[7] > '1')
        return (int)refuse(r, 505, "HTTP version is not 1.1 or 1.0");
    h->minor = (unsigned)(v[7] - '0');
    return 0;
}

/* host [":" port] of RFC 3986 without what could hide another host: no userinfo, path or list. */
static bool is_authority(const char *s, size_t n)
{
    static const char others[] = "-._~%!$&'()*+;=:[]";

    for (size_t i = 0; i < n; i++) {
        char c = s[i], low = (char)(c | 0x20);
        if (!(low >= 'a' && low <= 'z') && !(c >= '0' && c <= '9') &&
            (c == '\0' || !strchr(others, c)))
            return false;
    }
    return true;
}

/* Origin form, absolute form, or "*" of OPTIONS; CONNECT has no form here. */
static bool read_target(struct lp_request_head *h)
{
    const char *t = h->target, *end = t + h->target_len;

    for (const char *p = t; p < end; p++) {
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return false;
    }
    h->path = t;
    h->path_len = h->target_len;
    if (*t == '/' && !lp_request_head_is(h, "CONNECT"))
        return true;
    if (h->target_len == 1 && *t == '*')
        return lp_request_head_is(h, "OPTIONS");
    size_t scheme = h->target_len > 7 && strncasecmp(t, "http://", 7) == 0    ? 7
                    : h->target_len > 8 && strncasecmp(t, "https://", 8) == 0 ? 8
                                                                              : 0;
    if (scheme == 0 || lp_request_head_is(h, "CONNECT"))
        return false;
    h->authority = t + scheme;
    h->path = h->authority;
    while (h->path < end && *h->path != '/' && *h->path != '?')
        h->path++;
    h->authority_len = (size_t)(h->path - h->authority);
    h->path_len = (size_t)(end - h->path);
    return h->authority_len > 0 && is_authority(h->authority, h->authority_len);
}

/* `n` bytes without their CR LF. */
static int64_t read_line(const char *line, size_t n, struct lp_request_head *h,
                         struct lp_refusal *r)
{
    const char *space = memchr(line, ' ', n);

    h->method = line;
    h->method_len = space ? (size_t)(space - line) : 0;
    if (!space || h->method_len > METHOD_MAX || !lp_http_is_token(line, h->method_len))
        return refuse(r, 400, "malformed request line");
    h->target = space + 1;
    size_t rest = n - h->method_len - 1;
    const char *second = memchr(h->target, ' ', rest);
    h->target_len = second ? (size_t)(second - h->target) : rest;
    if (h->target_len > LP_LIMIT_HTTP_TARGET)
        return refuse(r, 414, "request target over 8192 bytes");
    if (!second || h->target_len == 0 || rest - h->target_len - 1 != VERSION_LEN)
        return refuse(r, 400, "malformed request line");
    if (read_version(second + 1, h, r) < 0)
        return -1;
    return read_target(h) ? 0 : refuse(r, 400, "malformed request target");
}

/* ---- what binds the fields together ---- */

static int64_t read_host(struct lp_request_head *h, struct lp_refusal *r)
{
    const struct lp_field *host = lp_fields_find(&h->fields, "Host");
    size_t hosts = lp_fields_count(&h->fields, "Host");

    if (hosts > 1)
        return refuse(r, 400, "more than one Host");
    if (hosts == 0 && h->minor == 1)
        return refuse(r, 400, "no Host");
    if (host && !is_authority(host->value, host->value_len))
        return refuse(r, 400, "malformed Host");
    if (host && !h->authority) {
        h->authority = host->value;
        h->authority_len = host->value_len;
    }
    if (!h->authority)
        h->authority = "";
    return 0;
}

static int64_t read_framing(struct lp_request_head *h, struct lp_refusal *r)
{
    struct lp_framing framing;
    const char *why = NULL;

    if (!lp_fields_framing(&h->fields, &framing, &why))
        return refuse(r, 400, why);
    if (framing.chunked && h->minor == 0)
        return refuse(r, 400, "Transfer-Encoding in HTTP/1.0");
    h->has_length = framing.length >= 0;
    h->body_length = framing.chunked ? LP_BODY_CHUNKED : h->has_length ? framing.length : 0;
    return 0;
}

static int64_t read_connection(struct lp_request_head *h, struct lp_refusal *r)
{
    const struct lp_field *expect = lp_fields_find(&h->fields, "Expect");
    bool close = lp_fields_list_has(&h->fields, "Connection", "close", 5);
    bool keep = lp_fields_list_has(&h->fields, "Connection", "keep-alive", 10);

    h->keep_alive = !close && (h->minor == 1 || keep);
    h->upgrade = h->minor == 1 && lp_fields_list_has(&h->fields, "Connection", "upgrade", 7) &&
                 lp_fields_find(&h->fields, "Upgrade");
    if (expect && (expect->value_len != 12 || strncasecmp(expect->value, "100-continue", 12) != 0))
        return refuse(r, 417, "Expect is not 100-continue");
    h->expects_continue = expect && h->minor == 1 && h->body_length != 0;
    return 0;
}

int64_t lp_request_head_read(const char *bytes, size_t n, size_t *io_seen,
                             struct lp_request_head *ret_head, struct lp_refusal *ret_refusal)
{
    struct lp_request_head *h = ret_head;
    size_t skip = n >= 2 && bytes[0] == '\r' && bytes[1] == '\n' ? 2 : 0;

    if (*io_seen < skip)
        *io_seen = skip; /* the empty line before a head must not end it */
    int64_t end = lp_fields_find_end(bytes, n, io_seen);
    if (end == 0)
        return check_early(bytes, n, ret_refusal);
    if (end < 0)
        return check_early(bytes, n, ret_refusal) < 0
                   ? -1
                   : refuse(ret_refusal, 400, "a line ends with LF alone");

    memset(h, 0, offsetof(struct lp_request_head, fields)); /* that is 2 kB, and written next */
    const char *line = bytes + skip;
    const char *lf = memchr(line, '\n', (size_t)end - skip);
    size_t line_len = (size_t)(lf - line) - 1;
    if (read_line(line, line_len, h, ret_refusal) < 0)
        return -1;
    if (end > LP_LIMIT_HTTP_HEADERS)
        return refuse(ret_refusal, 431, "headers over 16384 bytes");
    if (!lp_fields_read(lf + 1, (size_t)(bytes + end - (lf + 1)), &h->fields, ret_refusal) ||
        read_host(h, ret_refusal) < 0 || read_framing(h, ret_refusal) < 0 ||
        read_connection(h, ret_refusal) < 0)
        return -1;
    return end;
}
