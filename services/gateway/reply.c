/* services/gateway/reply.c -- what helmet 8 and cors 2.8 send by default, and small JSON bodies. */
#include "services/gateway/reply.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "json/json.h"

static const char *const security[][2] = {
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
};

#define ALLOW_ORIGIN "Access-Control-Allow-Origin"

void replies_common_headers(const struct replies *r, size_t origin, struct MHD_Response *response)
{
    for (size_t i = 0; i < LP_COUNT(security); i++) {
        if (!MHD_get_response_header(response, security[i][0]))
            MHD_add_response_header(response, security[i][0], security[i][1]);
    }
    bool own = MHD_get_response_header(response, ALLOW_ORIGIN) != NULL;
    if (!own && r->origins.any)
        MHD_add_response_header(response, ALLOW_ORIGIN, "*");
    else if (!own && origin < r->origins.n)
        MHD_add_response_header(response, ALLOW_ORIGIN, r->origins.list[origin]);
    if (!r->origins.any)
        MHD_add_response_header(response, "Vary", "Origin");
}

static struct MHD_Response *json_response(json_t *body)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(65536);

    lp_json_write(body, &text);
    json_decref(body);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(text.len, text.ptr, MHD_RESPMEM_MUST_COPY);
    if (!response)
        abort(); /* no memory */
    MHD_add_response_header(response, "Content-Type", "application/json; charset=utf-8");
    return response;
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
    static const unsigned status[REPLY_KINDS] = {
        [REPLY_NO_TOKEN] = 401,
        [REPLY_BAD_TOKEN] = 401,
        [REPLY_NOT_FOUND] = 404,
        [REPLY_HEALTH] = 200,
    };

    *r = (struct replies){ .origins = { .n = 0 } };
    int ret = read_origins(&r->origins, c->cors_origin, err);
    if (ret < 0) {
        replies_done(r);
        return ret;
    }
    for (size_t kind = 0; kind < REPLY_KINDS; kind++) {
        r->status[kind] = status[kind];
        for (size_t origin = 0; origin <= r->origins.n; origin++) {
            r->cached[kind][origin] = json_response(body_of((enum reply_kind)kind, c));
            replies_common_headers(r, origin, r->cached[kind][origin]);
        }
    }
    return 0;
}

void replies_done(struct replies *r)
{
    for (size_t kind = 0; kind < REPLY_KINDS; kind++) {
        for (size_t origin = 0; origin <= GATEWAY_MAX_ORIGINS; origin++) {
            if (r->cached[kind][origin])
                MHD_destroy_response(r->cached[kind][origin]);
        }
    }
    for (size_t i = 0; i < r->origins.n; i++)
        free(r->origins.list[i]);
    *r = (struct replies){ .origins = { .n = 0 } };
}

size_t replies_origin(const struct reply_origins *o, const char *origin)
{
    if (o->n == 1)
        return 0; /* one fixed origin is sent whatever the request says, as cors does */
    for (size_t i = 0; origin && i < o->n; i++) {
        if (strcmp(o->list[i], origin) == 0)
            return i;
    }
    return o->n;
}

struct MHD_Response *replies_get(struct replies *r, enum reply_kind kind, size_t origin,
                                 unsigned *ret_status)
{
    *ret_status = r->status[kind];
    return r->cached[kind][origin];
}

struct MHD_Response *replies_preflight(const struct replies *r, size_t origin,
                                       const char *requested, size_t requested_len)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, lp_buf_empty, MHD_RESPMEM_PERSISTENT);
    if (!response)
        abort(); /* no memory */
    replies_common_headers(r, origin, response);
    MHD_add_response_header(response, "Access-Control-Allow-Methods",
                            "GET,HEAD,PUT,PATCH,POST,DELETE");
    MHD_add_response_header(response, "Vary", "Access-Control-Request-Headers");
    if (requested && requested_len > 0) {
        lp_auto_free char *value = lp_strndup(requested, requested_len);
        MHD_add_response_header(response, "Access-Control-Allow-Headers", value);
    }
    return response;
}

struct MHD_Response *replies_message(const struct replies *r, size_t origin, const char *message)
{
    struct MHD_Response *response = json_response(lp_json_make("{s:s}", "message", message));
    replies_common_headers(r, origin, response);
    return response;
}

struct MHD_Response *replies_unavailable(const struct replies *r, size_t origin,
                                         int64_t retry_after_ms)
{
    char when[LP_CLOCK_TEXT], seconds[24];

    lp_clock_format(lp_clock_wall_ms(), 3, when);
    struct MHD_Response *response = json_response(lp_json_make(
        "{s:s, s:i, s:s}", "message", "Service unavailable", "status", 503, "timestamp", when));
    replies_common_headers(r, origin, response);
    if (retry_after_ms > 0) {
        snprintf(seconds, sizeof seconds, "%lld", (long long)((retry_after_ms + 999) / 1000));
        MHD_add_response_header(response, "Retry-After", seconds);
    }
    return response;
}
