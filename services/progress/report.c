/*
 * services/progress/report.c -- what a learner's activities say: GET recommendation/:userId and
 * GET summary/:userId. No state.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "json/json.h"
#include "json/number.h"
#include "services/progress/api.h"
#include "services/progress/document.h"
#include "services/progress/handlers.h"
#include "services/progress/page.h"
#include "services/progress/reply.h"

#define MAX_SUMMARY ((size_t)4 * 1024 * 1024) /* STORE_SUMMARY names of 1 KiB, escaped */

static void reply_recommendation(struct lp_service_request *r, const struct recommendation *best)
{
    struct lp_buf body = LP_BUF_INIT(6 * strlen(best->name) + 256);
    json_auto_t *name = lp_json_text(best->name);
    char average[LP_NUMBER_TEXT];

    lp_number_text(best->average, average);
    lp_buf_str(&body, "{\"message\":\"activity recommendation based on lowest average score.\","
                      "\"activityName\":");
    lp_json_write(name, &body);
    lp_buf_printf(&body, ",\"averageScore\":%s,\"numberOfAttemps\":%lld}", /* that spelling */
                  isfinite(best->average) ? average : "null", (long long)best->attempts);
    lp_http_reply_buf(r->x, 200, "application/json; charset=utf-8", &body);
}

void handle_recommend(struct lp_service_request *r, void *worker)
{
    lp_auto_free char *learner = reply_learner_summed(r);
    struct recommendation best = { 0 };
    struct lp_error err;

    (void)worker;
    if (!learner)
        return;
    int code = store_recommend(((const struct api *)r->user)->store, learner, &best, &err);
    if (code == LP_E_NOT_FOUND)
        reply_message(r, 404, "no scorable activity for this user");
    else if (code < 0)
        reply_store_failed(r, "error fetching recommendation:", learner, &err);
    else
        reply_recommendation(r, &best);
    free(best.name);
}

/* ---- summary ---- */

static json_t *number_or_null(bool has, double v)
{
    return has ? document_number(v) : json_null();
}

static json_t *time_or_null(int64_t ms)
{
    char text[LP_CLOCK_TEXT];

    if (ms <= 0)
        return json_null();
    lp_clock_format(ms, 3, text);
    return json_string(text);
}

static int add_summary(const struct summary *s, void *user, struct lp_error *err)
{
    (void)err;
    json_array_append_new(
        user, lp_json_make("{s:s,s:I,s:I,s:o,s:o,s:o,s:o}", "activityName", s->name, "count",
                           (json_int_t)s->count, "scored", (json_int_t)s->scored, "mean",
                           number_or_null(s->scored > 0, s->mean), "trend",
                           number_or_null(s->has_trend, s->trend), "last", time_or_null(s->last_ms),
                           "lastScore", number_or_null(s->has_last_score, s->last_score)));
    return 0;
}

void handle_summary(struct lp_service_request *r, void *worker)
{
    lp_auto_free char *learner = reply_learner_summed(r);
    lp_auto_buf struct lp_buf body = LP_BUF_INIT(MAX_SUMMARY);
    struct lp_error err;

    (void)worker;
    if (!learner)
        return;
    json_t *activities = json_array();
    json_auto_t *answer = lp_json_make("{s:o}", "activities", activities);
    int code = store_summarize(((const struct api *)r->user)->store, learner, add_summary,
                               activities, &err);
    if (code < 0) {
        reply_store_failed(r, "error fetching summary:", learner, &err);
    } else if (json_array_size(activities) == 0) {
        reply_message(r, 404, "no activity logs found for this user");
    } else {
        lp_json_write_unsorted(answer, &body);
        page_reply(r, &body);
    }
}
