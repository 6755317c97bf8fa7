/* services/gateway/reply.c -- what helmet 8 and cors 2.8 send by default, and small JSON bodies. */
#include "services/gateway/reply.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "json/json.h"
#include "services/gateway/openapi.h"

#define ALLOW_ORIGIN (REPLY_COMMON - 1) /* its place in the list */

static const char *const common[REPLY_COMMON][2] = {
    { "Content-Security-Policy",
      "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';"
      "frame-ancestors 'self';img-src 'self' data:;object-src 'none';script-src 'self';"
      "script-src-attr 'none';style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests" },
    { "Cross-Origin-Opener-Policy", "same-origin" },
    { "Cross-Origin-Resource-Policy", "same-origin" },
    { "Origin-Agent-Cluster", "?1" },
    { "Referrer-Policy", "no-referrer" },
    { "Strict-Transport-Security", "max-age=31536000; includeSubDomains" },
    { "X-Content-Type-Options", "nosniff" },
    { "X-DNS-Prefetch-Control", "off" },
    { "X-Download-Options", "noopen" },
    { "X-Frame-Options", "SAMEORIGIN" },
    { "X-Permitted-Cross-Domain-Policies", "none" },
    { "X-XSS-Protection", "0" },
    { "Access-Control-Allow-Origin", NULL },
};

static void put_line(struct lp_buf *out, const char *name, const char *value)
{
    lp_buf_str(out, name);
    lp_buf_add(out, ": ", 2);
    lp_buf_str(out, value);
    lp_buf_add(out, "\r\n", 2);
}

static void put_common(const struct replies *r, size_t origin, unsigned mask, struct lp_buf *out)
{
    for (unsigned i = 0; i < ALLOW_ORIGIN; i++) {
        if (!(mask & 1u << i))
            put_line(out, common[i][0], common[i][1]);
    }
    bool own = mask & 1u << ALLOW_ORIGIN;
    if (!own && r->origins.any)
        put_line(out, common[ALLOW_ORIGIN][0], "*");
    else if (!own && origin < r->origins.n)
        put_line(out, common[ALLOW_ORIGIN][0], r->origins.list[origin]);
    if (!r->origins.any)
        put_line(out, "Vary", "Origin");
}

void replies_common(const struct replies *r, size_t origin, unsigned mask, struct lp_buf *out)
{
    if (mask == 0)
        lp_buf_add(out, r->common[origin].ptr, r->common[origin].len);
    else
        put_common(r, origin, mask, out);
}

unsigned replies_mask(const struct lp_field *f)
{
    for (unsigned i = 0; i < REPLY_COMMON; i++) {
        if (lp_field_is(f, common[i][0]))
            return 1u << i;
    }
    return 0;
}

static char *text_of(json_t *body)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(65536);

    lp_json_write(body, &text);
    json_decref(body);
    return lp_buf_take(&text);
}

static json_t *body_of(enum reply_kind kind, const struct gateway_config *c)
{
    switch (kind) {
    case REPLY_NO_TOKEN:
        return lp_json_make("{s:s}", "message", "Authorization token missing or invalid");
    case REPLY_BAD_TOKEN:
        return lp_json_make("{s:s}", "message", "Invalid or expired token");
    case REPLY_HEALTH:
        return lp_json_make("{s:s, s:s, s:s, s:s}", "status", "ok", "auth", c->auth_url, "progress",
                            c->progress_url, "ai", c->ai_url);
    default:
        return lp_json_make("{s:s}", "message", "resource not found");
    }
}

unsigned replies_status(enum reply_kind kind)
{
    static const unsigned status[REPLY_KINDS] = {
        [REPLY_NO_TOKEN] = 401, [REPLY_BAD_TOKEN] = 401, [REPLY_NOT_FOUND] = 404,
        [REPLY_HEALTH] = 200,   [REPLY_DOCUMENT] = 200,
    };
    return status[kind];
}

static int read_origins(struct reply_origins *o, const char *list, struct lp_error *err)
{
    if (strcmp(list, "*") == 0) {
        o->any = true;
        return 0;
    }
    for (;;) {
        list += strspn(list, " ");
        size_t n = strcspn(list, ", ");
        if (n == 0 || o->n == GATEWAY_MAX_ORIGINS)
            return lp_error_set(err, LP_E_INVALID,
                                "CORS_ORIGIN: must be * or 1 to %d origins, separated by commas",
                                GATEWAY_MAX_ORIGINS);
        o->list[o->n++] = lp_strndup(list, n);
        list += n;
        list += strspn(list, " ");
        if (*list == '\0')
            return 0;
        list++;
    }
}

int replies_init(struct replies *r, const struct gateway_config *c, struct lp_error *err)
{
    *r = (struct replies){ .date_s = -1 };
    for (size_t i = 0; i <= GATEWAY_MAX_ORIGINS; i++)
        r->common[i] = (struct lp_buf)LP_BUF_INIT(16384);
    int ret = read_origins(&r->origins, c->cors_origin, err);
    if (ret < 0) {
        replies_done(r);
        return ret;
    }
    for (size_t kind = 0; kind < REPLY_KINDS; kind++)
        r->body[kind] = kind == REPLY_DOCUMENT ? lp_strdup(openapi_json)
                                               : text_of(body_of((enum reply_kind)kind, c));
    for (size_t origin = 0; origin <= r->origins.n; origin++)
        put_common(r, origin, 0, &r->common[origin]);
    return 0;
}

void replies_done(struct replies *r)
{
    for (size_t kind = 0; kind < REPLY_KINDS; kind++)
        free(r->body[kind]);
    for (size_t i = 0; i <= GATEWAY_MAX_ORIGINS; i++)
        lp_buf_done(&r->common[i]);
    for (size_t i = 0; i < r->origins.n; i++)
        free(r->origins.list[i]);
    r->origins.n = 0;
    memset(r->body, 0, sizeof r->body);
}

size_t replies_origin(const struct reply_origins *o, const struct lp_field *origin)
{
    if (o->n == 1)
        return 0; /* one fixed origin is sent whatever the request says, as cors does */
    for (size_t i = 0; origin && i < o->n; i++) {
        if (strlen(o->list[i]) == origin->value_len &&
            memcmp(o->list[i], origin->value, origin->value_len) == 0)
            return i;
    }
    return o->n;
}

void replies_status_line(unsigned status, struct lp_buf *out)
{
    static const struct {
        unsigned status;
        const char *reason;
    } reasons[] = {
        { 101, "Switching Protocols" },
        { 200, "OK" },
        { 201, "Created" },
        { 202, "Accepted" },
        { 204, "No Content" },
        { 206, "Partial Content" },
        { 301, "Moved Permanently" },
        { 302, "Found" },
        { 303, "See Other" },
        { 304, "Not Modified" },
        { 307, "Temporary Redirect" },
        { 308, "Permanent Redirect" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 406, "Not Acceptable" },
        { 408, "Request Timeout" },
        { 409, "Conflict" },
        { 410, "Gone" },
        { 412, "Precondition Failed" },
        { 413, "Content Too Large" },
        { 414, "URI Too Long" },
        { 415, "Unsupported Media Type" },
        { 416, "Range Not Satisfiable" },
        { 417, "Expectation Failed" },
        { 422, "Unprocessable Content" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" },
        { 501, "Not Implemented" },
        { 502, "Bad Gateway" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
        { 505, "HTTP Version Not Supported" },
    };
    char line[16] = "HTTP/1.1 000 ";

    line[9] = (char)('0' + status / 100 % 10);
    line[10] = (char)('0' + status / 10 % 10);
    line[11] = (char)('0' + status % 10);
    lp_buf_add(out, line, 13);
    for (size_t i = 0; i < LP_COUNT(reasons); i++) {
        if (reasons[i].status == status) {
            lp_buf_str(out, reasons[i].reason);
            break;
        }
    }
    lp_buf_add(out, "\r\n", 2);
}

void replies_date(struct replies *r, struct lp_buf *out)
{
    time_t now = time(NULL);
    struct tm tm;

    if (now != r->date_s) { /* RFC 9110, 5.6.7; the C locale, as no program of ours sets another */
        gmtime_r(&now, &tm);
        strftime(r->date, sizeof r->date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
        r->date_s = now;
    }
    lp_buf_str(out, r->date);
}

void replies_message(const char *message, struct lp_buf *body)
{
    json_auto_t *json = lp_json_make("{s:s}", "message", message);
    lp_json_write(json, body);
}

void replies_unavailable(struct lp_buf *body)
{
    char when[LP_CLOCK_TEXT];

    lp_clock_format(lp_clock_wall_ms(), 3, when);
    json_auto_t *json = lp_json_make("{s:s, s:i, s:s}", "message", "Service unavailable", "status",
                                     503, "timestamp", when);
    lp_json_write(json, body);
}
