/* Answers in the shapes that clients know. Any thread. */
#include "services/auth/http/reply.h"

#include "base/log.h"
#include "json/json.h"

void reply_json(struct lp_service_request *r, int status, json_t *body)
{
    lp_http_reply_header(r->x, "Cache-Control", "no-store");
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
