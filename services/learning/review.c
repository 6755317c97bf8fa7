/* services/learning/review.c -- POST /api/reasoning/reviews. No state. */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "json/decode.h"
#include "json/json.h"
#include "service/idempotency.h"
#include "services/learning/api.h"
#include "services/learning/calibration.h"
#include "services/learning/content/item.h"
#include "services/learning/database/reviews.h"
#include "services/learning/handlers.h"
#include "services/learning/reply.h"

static const char *const ratings[] = { "again", "hard", "good", "easy", NULL };

struct fields {
    const char *learner, *item, *rating, *at, *id;
    int64_t duration_ms;
};

#define AT(member) offsetof(struct fields, member)
static const struct lp_json_field table[] = {
    { "userId", LP_JSON_STRING, AT(learner), true, 1, 128, NULL, NULL },
    { "itemId", LP_JSON_STRING, AT(item), true, 1, ITEM_NAME, NULL, NULL },
    { "rating", LP_JSON_STRING, AT(rating), true, 0, 0, ratings, NULL },
    { "at", LP_JSON_STRING, AT(at), false, 1, 64, NULL, NULL },
    { "id", LP_JSON_STRING, AT(id), false, 1, LP_IDEMPOTENCY_KEY_MAX, NULL, NULL },
    { "durationMs", LP_JSON_INT, AT(duration_ms), false, 0, 3600000, NULL, NULL },
    { 0 },
};

static bool refuse(struct lp_service_request *r, const char *message)
{
    reply_message(r, 400, message);
    return false;
}

static enum fsrs_rating rating_of(const char *text)
{
    int i = 0;
    while (strcmp(ratings[i], text) != 0)
        i++;
    return (enum fsrs_rating)(i + 1);
}

/* The key of the header, else the body's id; without both the review counts by its time. */
static bool read_key(struct lp_service_request *r, const struct fields *f, int64_t at_ms,
                     struct lp_buf *ret_key)
{
    const char *header = lp_http_header(r->x, "Idempotency-Key");
    struct lp_error err;

    if (header && lp_idempotency_key(header, ret_key, &err) < 0)
        return refuse(r, err.msg);
    if (!header && f->id)
        lp_buf_str(ret_key, f->id);
    else if (!header)
        lp_buf_printf(ret_key, "%s/%lld", f->item, (long long)at_ms);
    return true;
}

static bool read_review(struct lp_service_request *r, const json_t *body, struct lp_buf *key,
                        struct review *ret_review)
{
    struct fields f = { 0 };
    struct lp_error err;
    int64_t at_ms = 0;

    if (lp_json_decode(body, table, false, "", &f, &err) < 0)
        return refuse(r, err.msg);
    if (!item_is_name(f.item))
        return refuse(r, "itemId: must be the id of an item");
    if (!reply_time(r, f.at, &at_ms) || !read_key(r, &f, at_ms, key))
        return false;
    *ret_review = (struct review){
        .learner = f.learner,
        .item = f.item,
        .key = key->ptr,
        .rating = rating_of(f.rating),
        .at_ms = at_ms,
        .duration_ms = f.duration_ms,
    };
    return true;
}

static void answer(struct lp_service_request *r, const struct reviewed *now)
{
    const struct api *api = r->user;
    char due[LP_CLOCK_TEXT];

    lp_clock_format(now->state.due_ms, 3, due);
    lp_http_reply_json(
        r->x, now->repeated ? 200 : 201,
        lp_json_make("{s:s,s:b,s:{s:f,s:f,s:f,s:s,s:I,s:s}}", "itemId", now->item, "repeated",
                     now->repeated, "state", "difficulty", now->state.difficulty, "stability",
                     now->state.stability, "recall",
                     fsrs_retrievability(&api->model, &now->state, lp_clock_wall_ms()), "due", due,
                     "reviews", (json_int_t)now->reviews, "model", FSRS_MODEL));
}

void handle_review(struct lp_service_request *r, void *worker)
{
    lp_auto_identity struct lp_identity who = { 0 };
    lp_auto_buf struct lp_buf key = LP_BUF_INIT(LP_IDEMPOTENCY_KEY_MAX + 1);
    const struct api *api = r->user;
    struct review review = { 0 };
    struct reviewed now = { 0 };
    struct lp_error err;

    (void)worker;
    if (!reply_who(r, &who))
        return;
    json_auto_t *body = reply_body(r);
    if (!body || !read_review(r, body, &key, &review) || !reply_may(r, &who, review.learner) ||
        !reply_in_pace(r, api->pace, review.learner))
        return;
    if (reviews_add(api->db, &api->model, &review, &now, &err) < 0) {
        reply_failed(r, &err);
        return;
    }
    if (!now.repeated)
        calibration_observe(review.rating, now.foretold);
    answer(r, &now);
}
