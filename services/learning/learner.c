/* services/learning/learner.c -- all of a learner, exported or erased: for themself, admins and
 * lp-auth. No state. */
#include <stdio.h>

#include "base/log.h"
#include "json/json.h"
#include "services/learning/api.h"
#include "services/learning/database/reviews.h"
#include "services/learning/handlers.h"
#include "services/learning/reply.h"

#define MAX_EXPORT ((size_t)64 * 1024 * 1024)

void handle_export(struct lp_service_request *r, void *worker)
{
    lp_auto_identity struct lp_identity who = { 0 };
    lp_auto_buf struct lp_buf json = LP_BUF_INIT(MAX_EXPORT);
    struct lp_error err;

    (void)worker;
    if (!reply_who(r, &who) || !reply_may(r, &who, r->params[0]))
        return;
    if (reviews_export(((const struct api *)r->user)->db, r->params[0], &json, &err) < 0)
        reply_failed(r, &err);
    else
        reply_text(r, &json);
}

/* May be asked again after a failure: what is gone already stays gone, and 0 are deleted then. */
void handle_erase(struct lp_service_request *r, void *worker)
{
    lp_auto_identity struct lp_identity who = { 0 };
    char pseudonym[LP_PSEUDONYM], count[24];
    struct lp_error err;
    unsigned long n = 0;

    (void)worker;
    if (!reply_who(r, &who) || !reply_may(r, &who, r->params[0]))
        return;
    if (reviews_erase(((const struct api *)r->user)->db, r->params[0], &n, &err) < 0) {
        reply_failed(r, &err);
        return;
    }
    lp_service_pseudonym(r->params[0], pseudonym);
    snprintf(count, sizeof count, "%lu", n);
    lp_log_each(LP_LOG_INFO, "a learner's data were erased", "learner", pseudonym, "reviews", count,
                NULL);
    lp_http_reply_json(
        r->x, 200, lp_json_make("{s:s,s:I}", "message", "data erased", "deleted", (json_int_t)n));
}
