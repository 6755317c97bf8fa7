/* services/progress/analyse.c -- GET /api/progress/analytics: what all learners did, for teachers
 * and admins, from sums of
 * days that are over, and of the hours at both ends. No state. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "metrics/metrics.h"
#include "services/progress/analytics.h"
#include "services/progress/api.h"
#include "services/progress/document.h"
#include "services/progress/handlers.h"
#include "services/progress/page.h"
#include "services/progress/range.h"
#include "services/progress/reply.h"
#include "services/progress/store_days.h"
#include "services/progress/store_rollup.h"

#define MAX_ANSWER ((size_t)256 * 1024) /* ANALYTICS_NAMES names of ROLLUP_NAME bytes, escaped */

static const char failed[] = "error computing analytics:";

struct reading {
    struct analytics *analytics;
    int64_t documents;
    size_t n_days, n_hours;
    int64_t days[RANGE_DAYS + 1], hours[RANGE_HOURS];
};

static void want_hours(struct reading *to, int64_t from_ms, int64_t to_ms)
{
    for (int64_t at = from_ms; at < to_ms && to->n_hours < RANGE_HOURS; at += ROLLUP_HOUR_MS)
        to->hours[to->n_hours++] = at;
}

/* Whole days where they have documents, which those before `made_ms` have; else hours. */
static void want(struct reading *to, const struct range *range, int64_t made_ms)
{
    int64_t first = day_begin(range->from_ms + DAY_MS - 1), end = day_begin(range->to_ms);
    size_t most = LP_COUNT(to->days);

    end = end < made_ms ? end : made_ms;
    if (first >= end) {
        want_hours(to, range->from_ms, range->to_ms);
        return;
    }
    want_hours(to, range->from_ms, first);
    for (int64_t at = first; at < end && to->n_days < most; at += DAY_MS)
        to->days[to->n_days++] = at;
    want_hours(to, end, range->to_ms);
}

static int take_day(const struct day *day, bool open, void *user, struct lp_error *err)
{
    struct reading *to = user;

    (void)err;
    to->documents++;
    if (open)
        want_hours(to, day->day_ms, day->day_ms + DAY_MS);
    else
        analytics_add_day(to->analytics, day);
    return 0;
}

static int take_hour(const struct rollup *hour, void *user, struct lp_error *err)
{
    struct reading *to = user;

    (void)err;
    analytics_add(to->analytics, hour);
    to->documents++;
    return 0;
}

static json_t *time_of(int64_t ms)
{
    char text[LP_CLOCK_TEXT];

    lp_clock_format(ms, 3, text);
    return json_string(text);
}

static json_t *figures_of(const struct day_sums *f)
{
    double trend = 0;
    bool has_trend = analytics_trend(f, &trend);

    return lp_json_make("{s:I,s:I,s:o,s:o}", "count", (json_int_t)f->count, "scored",
                        (json_int_t)f->scored, "mean",
                        f->scored > 0 ? document_number(f->sum / (double)f->scored) : json_null(),
                        "trend", has_trend ? document_number(trend) : json_null());
}

static json_t *heat_of(const struct analytics_result *result)
{
    json_t *days = json_array();

    for (size_t day = 0; day < LP_COUNT(result->heat); day++) {
        json_t *hours = json_array();
        for (size_t hour = 0; hour < LP_COUNT(result->heat[0]); hour++)
            json_array_append_new(hours, json_integer((json_int_t)result->heat[day][hour]));
        json_array_append_new(days, hours);
    }
    return days;
}

static json_t *names_of(const struct analytics_result *result)
{
    json_t *names = json_array();

    for (size_t i = 0; i < result->n_names; i++) {
        json_t *one = figures_of(&result->names[i].figures);
        json_object_set_new(one, "activityName", lp_json_text(result->names[i].name));
        json_array_append_new(names, one);
    }
    return names;
}

static json_t *feedback_of(const struct feedback *f)
{
    json_t *categories = json_array();

    for (size_t i = 0; i < f->n; i++)
        json_array_append_new(categories,
                              lp_json_make("{s:s,s:I}", "category", f->categories[i].name, "count",
                                           (json_int_t)f->categories[i].count));
    return categories;
}

static json_t *answer_of(const struct range *range, const struct analytics *analytics,
                         int64_t until_ms, int64_t documents)
{
    struct analytics_result result;

    analytics_result(analytics, &result);
    return lp_json_make(
        "{s:o,s:o,s:o,s:I,s:I,s:f,s:o,s:o,s:o,s:o,s:o,s:I,s:I}", "from", time_of(range->from_ms),
        "to", time_of(range->to_ms), "zone", lp_json_text(range->zone_name), "activities",
        (json_int_t)result.activities, "activeLearners", (json_int_t)result.learners,
        "activeLearnersError", ANALYTICS_ERROR, "heatMap", heat_of(&result), "byActivity",
        names_of(&result), "others",
        result.others.count > 0 ? figures_of(&result.others) : json_null(), "recountedUntil",
        until_ms > 0 ? time_of(until_ms) : json_null(), "feedback", feedback_of(result.feedback),
        "feedbackOthers", (json_int_t)result.feedback->others, "documentsRead",
        (json_int_t)documents);
}

struct lp_metric *analytics_documents(void)
{
    static const double bounds[] = { 1, 25, 50, 100, 170, 680, RANGE_HOURS + RANGE_DAYS + 2 };

    return lp_metric_single(lp_metric_family(LP_METRIC_HISTOGRAM, "lp_analytics_documents",
                                             "Documents read for one answer of analytics", "",
                                             bounds, LP_COUNT(bounds)));
}

static int read_sums(struct store *store, const struct range *range, struct reading *to,
                     int64_t *ret_until_ms, struct lp_error *err)
{
    int64_t days_ms;
    int r = store_rollup_until(store, ret_until_ms, &days_ms, err);

    to->documents = 1; /* how far they were counted */
    if (r < 0)
        return r;
    want(to, range, days_ms < *ret_until_ms ? days_ms : day_begin(*ret_until_ms));
    r = store_days_read(store, to->days, to->n_days, take_day, to, err);
    if (r == 0)
        r = store_rollup_read(store, to->hours, to->n_hours, take_hour, to, err);
    analytics_finish(to->analytics);
    return r;
}

static void reply_analytics(struct lp_service_request *r, const struct range *range)
{
    lp_auto_free struct reading *to = lp_alloc(sizeof *to);
    lp_auto_buf struct lp_buf body = LP_BUF_INIT(MAX_ANSWER);
    struct lp_error err;
    const struct api *api = r->user;
    int64_t until_ms = 0;

    to->analytics = analytics_new(range->zone, range->to_ms);
    int code = read_sums(api->store, range, to, &until_ms, &err);
    if (code == 0) {
        json_auto_t *answer = answer_of(range, to->analytics, until_ms, to->documents);
        lp_json_write_unsorted(answer, &body);
        lp_metric_observe(api->documents, (double)to->documents);
        page_reply(r, &body);
    } else {
        reply_store_failed(r, failed, "", &err);
    }
    analytics_free(to->analytics);
}

void handle_analytics(struct lp_service_request *r, void *worker)
{
    lp_auto_identity struct lp_identity who = { 0 };
    struct range range;
    struct lp_error err;

    (void)worker;
    if (!reply_who(r, &who))
        return;
    if (!lp_identity_teaches(&who))
        reply_message(r, 403, "Only teachers and admins see what all learners do");
    else if (range_read(lp_http_query(r->x, "from"), lp_http_query(r->x, "to"),
                        lp_http_query(r->x, "zone"), lp_clock_wall_ms(), &range, &err) < 0)
        reply_error(r, 400, failed, err.msg);
    else
        reply_analytics(r, &range);
}
