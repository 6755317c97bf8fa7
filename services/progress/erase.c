/* services/progress/erase.c -- DELETE /api/progress/data/:userId. No state. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/log.h"
#include "json/json.h"
#include "services/progress/api.h"
#include "services/progress/handlers.h"
#include "services/progress/reply.h"

/* May be asked again after a failure: what is gone already stays gone, and 0 are deleted then. */
void handle_erase(struct lp_service_request *r, void *worker)
{
    lp_auto_free char *learner = reply_learner(r, NULL);
    char pseudonym[LP_PSEUDONYM], count[24];
    struct lp_error err;
    int64_t n = 0;

    (void)worker;
    if (!learner)
        return;
    if (store_erase(((const struct api *)r->user)->store, learner, &n, &err) < 0) {
        reply_store_failed(r, "error erasing data:", learner, &err);
        return;
    }
    quota_recount(((const struct api *)r->user)->quota, learner);
    recount_wake(((const struct api *)r->user)->recount);
    lp_service_pseudonym(learner, pseudonym);
    snprintf(count, sizeof count, "%lld", (long long)n);
    lp_log_each(LP_LOG_INFO, "a learner's data were erased", "learner", pseudonym, "activities",
                count, NULL);
    lp_http_reply_json(
        r->x, 200, lp_json_make("{s:s,s:I}", "message", "data erased", "deleted", (json_int_t)n));
}
