/* services/progress/log.c -- POST /api/progress/activityLog. No state. */
#include "base/alloc.h"
#include "base/clock.h"
#include "json/json.h"
#include "services/progress/activity.h"
#include "services/progress/api.h"
#include "services/progress/document.h"
#include "services/progress/handlers.h"
#include "service/idempotency.h"
#include "services/progress/reply.h"

static const char log_failed[] = "error logging activity:";
static const char logged[] = "{\"message\":\"activity logged successfully!\"}";

/* The header's key or NULL; false: 400 is answered. */
static bool read_key(struct lp_service_request *r, struct lp_buf *bytes, const char **ret_key)
{
    const char *value = lp_http_header(r->x, "Idempotency-Key");
    struct lp_error err;

    if (!value) {
        *ret_key = NULL;
        return true;
    }
    if (lp_idempotency_key(value, bytes, &err) < 0) {
        reply_error(r, 400, log_failed, err.msg);
        return false;
    }
    *ret_key = bytes->ptr;
    return true;
}

static bool read_activity(struct lp_service_request *r, struct activity *a)
{
    json_auto_t *body = NULL;
    struct lp_error err;

    if (lp_service_read_json(r, &body, &err) < 0) {
        reply_error(r, err.http_status, log_failed, err.msg);
        return false;
    }
    int code = activity_read(body, a, &err);
    if (code == LP_E_NOT_FOUND)
        reply_message(r, 400, "please provide all fields");
    else if (code < 0)
        reply_error(r, 400, log_failed, err.msg);
    return code == 0;
}

/* What comes again takes no room. */
static bool is_stored(const struct api *api, const char *user_id, const char *key)
{
    struct page page = { 0 };
    struct lp_error err;
    bson_oid_t id;

    if (!key)
        return false;
    document_id_of_key(user_id, key, &id);
    return store_place(api->store, user_id, &id, &page, &err) == 0;
}

/* False: it is answered. */
static bool has_room(struct lp_service_request *r, const char *user_id, const char *key)
{
    const struct api *api = r->user;
    struct lp_error err;

    int code = quota_check(api->quota, user_id, lp_clock_ms(), &err);
    if (code == LP_E_CONFLICT && is_stored(api, user_id, key))
        return true;
    if (code == LP_E_CONFLICT)
        reply_error(r, 409, log_failed, err.msg);
    else if (code < 0)
        reply_store_failed(r, log_failed, user_id, &err);
    return code == 0;
}

void handle_log(struct lp_service_request *r, void *worker)
{
    lp_auto_buf struct lp_buf key_bytes = LP_BUF_INIT(LP_IDEMPOTENCY_KEY_MAX + 1);
    lp_auto_identity struct lp_identity who = { 0 };
    auto_activity struct activity a = { 0 };
    const struct api *api = r->user;
    const char *key = NULL;
    struct lp_error err;
    int64_t at_ms = 0;

    (void)worker;
    if (!reply_who(r, &who) || !read_key(r, &key_bytes, &key) || !read_activity(r, &a) ||
        !reply_may(r, &who, a.user_id) || !has_room(r, a.user_id, key))
        return;
    if (store_add(api->store, &a, key, &at_ms, &err) < 0) {
        reply_store_failed(r, log_failed, a.user_id, &err);
        return;
    }
    feed_wake(api->feed);
    if (at_ms > 0)
        tally_add(api->tally, &(struct rollup_activity){ .user_id = a.user_id,
                                                         .name = a.name,
                                                         .at_ms = at_ms,
                                                         .has_score = a.has_score,
                                                         .score = a.score,
                                                         .feedback = &a.feedback });
    lp_http_reply(r->x, 201, "application/json; charset=utf-8", logged, sizeof logged - 1);
}
