/* Answers, with the headers that all of them carry. Any worker thread. */
#include "services/auth/reply.h"

#include <string.h>

#include "base/log.h"
#include "json/json.h"
#include "services/auth/api.h"

bool reply_origin_is_listed(const char *list, const char *origin)
{
    size_t n = strlen(origin);
    for (const char *at = list; at && n > 0; at = strchr(at, ',')) {
        at += strspn(at, ", ");
        if (strncmp(at, origin, n) == 0 && strchr(", ", at[n]))
            return true;
    }
    return false;
}

static void add_headers(struct lp_service_request *r)
{
    const struct api *api = r->user;
    lp_http_reply_header(r->x, "Cache-Control", "no-store");
    if (strcmp(api->cors_origin, "*") == 0) {
        lp_http_reply_header(r->x, "Access-Control-Allow-Origin", "*");
        return;
    }
    const char *origin = lp_http_header(r->x, "Origin");
    lp_http_reply_header(r->x, "Vary", "Origin");
    if (origin && reply_origin_is_listed(api->cors_origin, origin))
        lp_http_reply_header(r->x, "Access-Control-Allow-Origin", origin);
}

void reply_json(struct lp_service_request *r, int status, json_t *body)
{
    add_headers(r);
    lp_http_reply_json(r->x, status, body);
}

void reply_error(struct lp_service_request *r, int status, const char *message)
{
    reply_json(r, status, lp_json_make("{s:s}", "error", message));
}

void reply_invalid(struct lp_service_request *r, json_t *details)
{
    reply_json(r, 400,
               lp_json_make("{s:s, s:o}", "error", "Validation failed", "details", details));
}

void reply_failure(struct lp_service_request *r, const char *what, const struct lp_error *err)
{
    bool later = lp_error_is_transient(err->code) || err->code == LP_E_CANCELED;
    lp_log(later ? LP_LOG_WARN : LP_LOG_ERROR, "request failed", "what", what, "error", err->msg,
           NULL);
    if (later)
        reply_busy(r);
    else
        reply_error(r, 500, "Internal server error");
}

void reply_busy(struct lp_service_request *r)
{
    lp_http_reply_header(r->x, "Retry-After", "1");
    reply_error(r, 503, "Service temporarily unavailable");
}

void reply_preflight(struct lp_service_request *r)
{
    const char *wanted = lp_http_header(r->x, "Access-Control-Request-Headers");
    add_headers(r);
    lp_http_reply_header(r->x, "Access-Control-Allow-Methods", "GET,HEAD,PUT,PATCH,POST,DELETE");
    if (wanted)
        lp_http_reply_header(r->x, "Access-Control-Allow-Headers", wanted);
    lp_http_reply(r->x, 204, NULL, "", 0);
}
