/*
 * services/progress/reply.c -- what clients see of a failing database is that it failed; why stands
 * in the log. No state.
 */
#include "services/progress/reply.h"

#include "base/alloc.h"
#include "base/log.h"
#include "json/json.h"
#include "services/progress/activity.h"
#include "services/progress/api.h"

void reply_message(struct lp_service_request *r, int status, const char *message)
{
    lp_http_reply_json(r->x, status, lp_json_make("{s:s}", "message", message));
}

void reply_error(struct lp_service_request *r, int status, const char *message, const char *error)
{
    lp_http_reply_json(r->x, status, lp_json_make("{s:s,s:s}", "message", message, "error", error));
}

void reply_store_failed(struct lp_service_request *r, const char *message, const char *user_id,
                        const struct lp_error *err)
{
    char learner[LP_PSEUDONYM];

    lp_service_pseudonym(user_id, learner);
    lp_log_error("database operation failed", "error", err->msg, "code", lp_error_name(err->code),
                 "learner", learner);
    if (lp_error_is_transient(err->code)) {
        lp_http_reply_header(r->x, "Retry-After", "1");
        reply_error(r, 503, message, "the database does not answer");
    } else {
        reply_error(r, 500, message, "the database refused the operation");
    }
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

bool reply_may(struct lp_service_request *r, const struct lp_identity *who, const char *user_id)
{
    if (lp_identity_may(who, user_id))
        return true;
    reply_message(r, 403, "This data belongs to another user");
    return false;
}

char *reply_learner_summed(struct lp_service_request *r)
{
    lp_auto_identity struct lp_identity who = { 0 };

    if (!reply_who(r, &who))
        return NULL;
    lp_auto_free char *learner = activity_trimmed(r->params[0]);
    return lp_identity_teaches(&who) || reply_may(r, &who, learner) ? lp_take(learner) : NULL;
}

char *reply_learner(struct lp_service_request *r, struct lp_identity *ret_who)
{
    lp_auto_identity struct lp_identity who = { 0 };

    if (!reply_who(r, &who))
        return NULL;
    lp_auto_free char *learner = activity_trimmed(r->params[0]);
    if (!reply_may(r, &who, learner))
        return NULL;
    if (ret_who) {
        *ret_who = who;
        who = (struct lp_identity){ 0 };
    }
    return lp_take(learner);
}
