/* services/learning/reply.c -- clients learn that the database fails, the log learns why. No state.
 */
#include "services/learning/reply.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "services/learning/api.h"
#include "services/learning/content/item.h"

#define LEARNER_MAX 128
#define AHEAD_MS ((int64_t)300000)          /* of a client's clock */
#define EARLIEST_MS ((int64_t)946684800000) /* 2000-01-01 */

void reply_message(struct lp_service_request *r, int status, const char *message)
{
    lp_http_reply_json(r->x, status, lp_json_make("{s:s}", "message", message));
}

void reply_text(struct lp_service_request *r, struct lp_buf *json)
{
    lp_http_reply_buf(r->x, 200, "application/json; charset=utf-8", json);
}

static int status_of(int code)
{
    switch (code) {
    case LP_E_INVALID:
        return 400;
    case LP_E_NOT_FOUND:
        return 404;
    case LP_E_CONFLICT:
    case LP_E_EXISTS:
        return 409;
    case LP_E_TOO_LARGE:
        return 413;
    default:
        return lp_error_is_transient(code) ? 503 : 500;
    }
}

void reply_failed(struct lp_service_request *r, const struct lp_error *err)
{
    int status = status_of(err->code);
    if (status < 500) {
        reply_message(r, status, err->code == LP_E_NOT_FOUND ? "resource not found" : err->msg);
        return;
    }
    lp_log_error("request failed", "error", err->msg, "code", lp_error_name(err->code));
    if (status == 503)
        lp_http_reply_header(r->x, "Retry-After", "1");
    reply_message(r, status,
                  status == 503 ? "the database does not answer"
                                : "the database refused the operation");
}

bool reply_who(struct lp_service_request *r, struct lp_identity *ret_who)
{
    const struct api *api = r->user;
    struct lp_error err;

    if (lp_identity_read(api->identities, r, ret_who, &err) == 0)
        return true;
    reply_message(r, err.http_status, err.msg);
    return false;
}

bool reply_may_write(struct lp_service_request *r, const struct lp_identity *who)
{
    bool may =
        who->anybody ||
        (who->role && (strcmp(who->role, "teacher") == 0 || strcmp(who->role, "admin") == 0));
    if (!may)
        reply_message(r, 403, "Only teachers and admins change content");
    return may;
}

bool reply_may(struct lp_service_request *r, const struct lp_identity *who, const char *learner)
{
    size_t n = learner ? strlen(learner) : 0;
    if (n < 1 || n > LEARNER_MAX)
        reply_message(r, 400, "userId: must be a text of 1 to 128 bytes");
    else if (!lp_identity_may(who, learner))
        reply_message(r, 403, "This data belongs to another user");
    else
        return true;
    return false;
}

bool reply_in_pace(struct lp_service_request *r, struct pace *pace, const char *learner)
{
    int64_t wait_ms = 0;
    char seconds[16];

    if (pace_take(pace, learner, lp_clock_ms(), &wait_ms))
        return true;
    snprintf(seconds, sizeof seconds, "%lld", (long long)(wait_ms + 999) / 1000);
    lp_http_reply_header(r->x, "Retry-After", seconds);
    reply_message(r, 429, "too many requests of this learner");
    return false;
}

/* 3.0 is an integer too (JSON Schema, 6.1.1), and some clients write it so. */
static void make_integers(json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        double v = json_real_value(value);
        if (json_is_real(value) && v == nearbyint(v) && fabs(v) < 1e15)
            json_object_set_new(object, key, json_integer((json_int_t)v));
    }
}

json_t *reply_body(struct lp_service_request *r)
{
    json_t *body = NULL;
    struct lp_error err;

    if (lp_service_read_json(r, &body, &err) == 0) {
        make_integers(body);
        return body;
    }
    reply_message(r, err.http_status, err.msg);
    return NULL;
}

bool reply_time(struct lp_service_request *r, const char *text, int64_t *ret_at_ms)
{
    int64_t now_ms = lp_clock_wall_ms(), at_ms = text ? lp_clock_parse(text) : now_ms;
    bool good = at_ms >= EARLIEST_MS && at_ms <= now_ms + AHEAD_MS;

    if (good)
        *ret_at_ms = at_ms;
    else
        reply_message(r, 400, "at: must be an RFC 3339 time between 2000 and now");
    return good;
}

const char *reply_name(struct lp_service_request *r)
{
    if (item_is_name(r->params[0]))
        return r->params[0];
    reply_message(r, 404, "resource not found");
    return NULL;
}
