/*
 * services/learning/events.c -- POST /api/learning/events: a score or edits of a learner become
 * reviews of the items that they are about. Each review has a key of event and item, so that an
 * event that comes again, also after a half-done one, adds only what is missing. No state.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "json/decode.h"
#include "json/json.h"
#include "metrics/metrics.h"
#include "service/idempotency.h"
#include "services/learning/api.h"
#include "services/learning/database/about.h"
#include "services/learning/database/reviews.h"
#include "services/learning/handlers.h"
#include "services/learning/reply.h"

#define KEY_MAX 128 /* the review's key has it, and the item's id */
#define NAME_MAX 65536

static struct lp_metric *reviewed;

struct fields {
    const char *learner, *activity, *at;
    json_t *score, *feedback;
};

#define AT(member) offsetof(struct fields, member)
static const struct lp_json_field table[] = {
    { "userId", LP_JSON_STRING, AT(learner), true, 1, 128, NULL, NULL },
    { "activityName", LP_JSON_STRING, AT(activity), true, 1, NAME_MAX, NULL, NULL },
    { "at", LP_JSON_STRING, AT(at), false, 1, 64, NULL, NULL },
    { "score", LP_JSON_ANY, AT(score), false, 0, 0, NULL, NULL },
    { "feedback", LP_JSON_OBJECT, AT(feedback), false, 0, 0, NULL, NULL },
    { 0 },
};

/* What of a body counts. Borrows from it. */
struct event {
    const char *learner, *key;
    int64_t at_ms;
    struct about_name names[ABOUT_NAMES];
    size_t n;
};

void events_init(void)
{
    reviewed =
        lp_metric_single(lp_metric_family(LP_METRIC_COUNTER, "lp_learning_event_reviews_total",
                                          "Reviews by scores and edits", "", NULL, 0));
}

static bool refuse(struct lp_service_request *r, const char *message)
{
    reply_message(r, 400, message);
    return false;
}

static enum fsrs_rating rating_of_score(double score)
{
    return score < 50 ? FSRS_AGAIN : score < 70 ? FSRS_HARD : score < 90 ? FSRS_GOOD : FSRS_EASY;
}

static void add_name(struct event *e, const char *name, enum fsrs_rating rating)
{
    e->names[e->n++] = (struct about_name){ name, rating };
}

/* An edit says that the learner did not know; that there was none says nothing. */
static bool add_feedback(struct lp_service_request *r, const json_t *feedback, struct event *e)
{
    const char *category;
    json_t *count;

    if (json_object_size(feedback) >= ABOUT_NAMES)
        return refuse(r, "feedback: must have at most 32 categories");
    json_object_foreach((json_t *)(uintptr_t)feedback, category, count)
    {
        if (!json_is_integer(count) || json_integer_value(count) < 0)
            return refuse(r, "feedback: each count must be a whole number from 0");
        if (json_integer_value(count) > 0)
            add_name(e, category, FSRS_AGAIN);
    }
    return true;
}

static bool read_event(struct lp_service_request *r, const json_t *body, struct lp_buf *key,
                       struct event *e)
{
    const char *header = lp_http_header(r->x, "Idempotency-Key");
    struct fields f = { 0 };
    struct lp_error err;

    if (!header)
        return refuse(r, "the header Idempotency-Key must be there");
    if (lp_idempotency_key(header, key, &err) < 0 ||
        lp_json_decode(body, table, false, "", &f, &err))
        return refuse(r, err.msg);
    if (key->len > KEY_MAX)
        return refuse(r, "the header Idempotency-Key must have at most 128 bytes");
    if (f.score && !json_is_number(f.score))
        return refuse(r, "score: must be a number");
    /* The clock of its node may be ahead: it happened, so it was by now. */
    if (f.at && lp_clock_parse(f.at) > lp_clock_wall_ms())
        e->at_ms = lp_clock_wall_ms();
    else if (!reply_time(r, f.at, &e->at_ms))
        return false;
    e->learner = f.learner;
    e->key = key->ptr;
    if (f.score)
        add_name(e, f.activity, rating_of_score(json_number_value(f.score)));
    return add_feedback(r, f.feedback, e);
}

/* Of all its items; one that can take no more reviews is left out. */
static int review_all(const struct api *api, const struct event *e, int *ret_new, int *ret_old,
                      struct lp_error *err)
{
    struct about_item items[ABOUT_MOST];
    size_t n = 0;

    int code = about_find(api->db, e->names, e->n, items, &n, err);
    for (size_t i = 0; i < n && code == 0; i++) {
        lp_auto_free char *key = lp_sprintf("event/%s/%s", e->key, items[i].id);
        const struct review review = { .learner = e->learner,
                                       .item = items[i].id,
                                       .key = key,
                                       .rating = items[i].rating,
                                       .at_ms = e->at_ms,
                                       .is_inferred = true };
        struct reviewed now = { 0 };
        code = reviews_add(api->db, &api->model, &review, &now, err);
        if (code == 0)
            ++*(now.repeated ? ret_old : ret_new);
        else if (code == LP_E_TOO_LARGE)
            code = 0;
    }
    return code;
}

/* Learners log their answers themselves, but not what others measured. */
static bool may_tell(struct lp_service_request *r, const struct lp_identity *who)
{
    bool may = who->anybody || who->caller || (who->role && strcmp(who->role, "admin") == 0);
    if (!may)
        reply_message(r, 403, "Only services of the platform and admins tell of events");
    return may;
}

void handle_event(struct lp_service_request *r, void *worker)
{
    lp_auto_identity struct lp_identity who = { 0 };
    lp_auto_buf struct lp_buf key = LP_BUF_INIT(LP_IDEMPOTENCY_KEY_MAX + 1);
    struct event event = { .n = 0 };
    int new = 0, old = 0;
    struct lp_error err;

    (void)worker;
    if (!reply_who(r, &who) || !may_tell(r, &who))
        return;
    json_auto_t *body = reply_body(r);
    if (!body || !read_event(r, body, &key, &event))
        return;
    int code = review_all(r->user, &event, &new, &old, &err);
    lp_metric_add(reviewed, new);
    if (code < 0)
        reply_failed(r, &err);
    else
        lp_http_reply_json(r->x, 200, lp_json_make("{s:i,s:i}", "reviews", new, "repeated", old));
}
