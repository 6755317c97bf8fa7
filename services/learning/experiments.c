/* services/learning/experiments.c -- for admins: what a policy would be worth, and beginning anew.
 * No state. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "services/learning/api.h"
#include "services/learning/database/learners.h"
#include "services/learning/handlers.h"
#include "services/learning/reply.h"

static bool is_admin(struct lp_service_request *r, const struct lp_identity *who)
{
    bool is = who->anybody || (who->role && strcmp(who->role, "admin") == 0);
    if (!is)
        reply_message(r, 403, "Only admins do this");
    return is;
}

static bool read_days(struct lp_service_request *r, int *ret_days)
{
    const char *text = lp_http_query(r->x, "days");
    char *end = NULL;
    long days = text ? strtol(text, &end, 10) : 30;

    if ((text && (end == text || *end)) || days < 1 || days > LEARNERS_LOG_DAYS) {
        reply_message(r, 400, "days: must be 1 to 90");
        return false;
    }
    *ret_days = (int)days;
    return true;
}

static bool read_target(struct lp_service_request *r, enum policy *ret_target)
{
    const char *text = lp_http_query(r->x, "policy");
    *ret_target = text ? policy_of(text) : POLICY_FSRS;
    bool good =
        *ret_target == POLICY_BANDIT || *ret_target == POLICY_FSRS || *ret_target == POLICY_RANDOM;
    if (!good)
        reply_message(r, 400, "policy: must be bandit, fsrs or random");
    return good;
}

void handle_estimate(struct lp_service_request *r, void *worker)
{
    lp_auto_identity struct lp_identity who = { 0 };
    lp_auto_free struct logged *rows = NULL;
    enum policy target = POLICY_FSRS;
    struct estimate e = { 0 };
    int days = 0, n = 0;
    struct lp_error err;

    (void)worker;
    if (!reply_who(r, &who) || !is_admin(r, &who) || !read_days(r, &days) ||
        !read_target(r, &target))
        return;
    if (learners_logged(((const struct api *)r->user)->db, days, &rows, &n, &err) < 0) {
        reply_failed(r, &err);
        return;
    }
    estimate_value(rows, n, target, &e);
    lp_http_reply_json(r->x, 200,
                       lp_json_make("{s:s,s:i,s:i,s:f,s:{s:f,s:f},s:{s:f,s:f}}", "policy",
                                    policy_names[target], "days", days, "answers", e.n, "logged",
                                    e.logging, "ips", "value", e.ips, "standardError", e.ips_error,
                                    "doublyRobust", "value", e.dr, "standardError", e.dr_error));
}

static void reset(struct lp_service_request *r, const char *learner)
{
    unsigned long n = 0;
    struct lp_error err;
    if (learner_reset(((const struct api *)r->user)->db, learner, &n, &err) < 0)
        reply_failed(r, &err);
    else
        lp_http_reply_json(
            r->x, 200,
            lp_json_make("{s:s,s:I}", "message", "begun anew", "learners", (json_int_t)n));
}

void handle_reset(struct lp_service_request *r, void *worker)
{
    lp_auto_identity struct lp_identity who = { 0 };

    (void)worker;
    if (reply_who(r, &who) && reply_may(r, &who, r->params[0]))
        reset(r, r->params[0]);
}

void handle_reset_all(struct lp_service_request *r, void *worker)
{
    lp_auto_identity struct lp_identity who = { 0 };

    (void)worker;
    if (reply_who(r, &who) && is_admin(r, &who))
        reset(r, NULL);
}
