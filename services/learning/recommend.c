/* services/learning/recommend.c -- POST /api/reasoning/recommend: read, choose, log, answer. No
 * state. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "json/decode.h"
#include "json/json.h"
#include "services/learning/api.h"
#include "services/learning/database/learners.h"
#include "services/learning/handlers.h"
#include "services/learning/recommend/reason.h"
#include "services/learning/reply.h"

#define DEFAULT_N 10
#define MOST_MINUTES 600
#define EXAM_DAYS 730

struct fields {
    const char *learner, *exam;
    int64_t n, minutes;
};

#define AT(member) offsetof(struct fields, member)
static const struct lp_json_field table[] = {
    { "userId", LP_JSON_STRING, AT(learner), true, 1, 128, NULL, NULL },
    { "n", LP_JSON_INT, AT(n), false, 1, CHOOSE_MOST, NULL, NULL },
    { "minutes", LP_JSON_INT, AT(minutes), false, 1, MOST_MINUTES, NULL, NULL },
    { "examDate", LP_JSON_STRING, AT(exam), false, 1, 64, NULL, NULL },
    { 0 },
};

/* What a request asks for. */
struct question {
    struct fields fields;
    int64_t now_ms, exam_ms;
    enum policy policy;
    const char *arm; /* of the log: the experiment's name, "asked", or "" */
};

static bool refuse(struct lp_service_request *r, const char *message)
{
    reply_message(r, 400, message);
    return false;
}

/* A date alone means nine o'clock in UTC, no date the next exam of the platform. */
static bool read_exam(struct lp_service_request *r, struct question *q)
{
    const struct api *api = r->user;
    const char *text = q->fields.exam;
    int64_t last_ms = q->now_ms + EXAM_DAYS * FSRS_DAY_MS;
    char time[48];

    if (!text)
        q->exam_ms = exams_next(&api->exams, q->now_ms, last_ms);
    if (!text || strcmp(text, "none") == 0)
        return true;
    snprintf(time, sizeof time, strlen(text) == 10 ? "%sT09:00:00Z" : "%s", text);
    q->exam_ms = lp_clock_parse(time);
    if (strlen(text) >= sizeof time || q->exam_ms <= q->now_ms || q->exam_ms > last_ms)
        return refuse(r, "examDate: must be none, a date or an RFC 3339 time in the next two "
                         "years");
    return true;
}

static bool read_policy(struct lp_service_request *r, struct question *q)
{
    const struct api *api = r->user;
    const char *asked = lp_http_query(r->x, "policy");

    q->policy = asked ? policy_of(asked) : experiment_policy(&api->experiment, q->fields.learner);
    q->arm = asked ? "asked" : api->experiment.name;
    return q->policy < POLICIES ||
           refuse(r, "policy: must be bandit, fsrs, lowest-average or random");
}

static bool read_question(struct lp_service_request *r, const json_t *body, struct question *q)
{
    struct lp_error err;
    *q = (struct question){ .fields = { .n = DEFAULT_N }, .now_ms = lp_clock_wall_ms() };
    if (lp_json_decode(body, table, false, "", &q->fields, &err) < 0)
        return refuse(r, err.msg);
    return read_exam(r, q) && read_policy(r, q);
}

static json_t *answer_item(const struct candidate *c, const struct wish *wish)
{
    static const char *const levels[] = { "A1", "A2", "B1", "B2", "C1", "C2" };
    char reason[REASON_TEXT];

    reason_write(c, wish, reason);
    return lp_json_make("{s:s,s:s,s:s,s:s,s:s,s:f,s:f,s:f,s:i,s:s}", "id", c->id, "phrase",
                        c->phrase, "class", c->facts.class, "level", levels[c->facts.level - 1],
                        "kind", c->is_new ? "new" : "review", "recall", c->recall, "gain", c->gain,
                        "propensity", c->propensity, "seconds", c->facts.seconds, "reason", reason);
}

static void answer(struct lp_service_request *r, const struct question *q,
                   const struct learner *learner, const struct wish *wish,
                   const struct choice *choice)
{
    json_t *items = json_array();
    char exam[LP_CLOCK_TEXT];
    int seconds = 0;

    for (int i = 0; i < choice->n; i++) {
        json_array_append_new(items, answer_item(choice->items[i], wish));
        seconds += choice->items[i]->facts.seconds;
    }
    if (q->exam_ms > 0)
        lp_clock_format(q->exam_ms, 0, exam);
    lp_http_reply_json(r->x, 200,
                       lp_json_make("{s:o,s:s,s:s,s:s,s:s,s:I,s:f,s:i,s:f,s:s?}", "items", items,
                                    "policy", policy_names[q->policy], "arm", q->arm, "memory",
                                    FSRS_MODEL, "bandit", BANDIT_MODEL, "due",
                                    (json_int_t)learner->due, "level", learner->level, "seconds",
                                    seconds, "minutesToday", (double)learner->day_ms / 60000,
                                    "examDate", q->exam_ms > 0 ? exam : NULL));
}

/* Before an exam everything may be worth a review to the bandit's policy, to the others what is due
 * by then. */
static int64_t reviews_until(const struct question *q)
{
    if (q->exam_ms == 0)
        return q->now_ms;
    return q->policy == POLICY_BANDIT ? INT64_MAX : q->exam_ms;
}

static struct wish wish_of(const struct question *q, const struct learner *learner)
{
    return (struct wish){
        .policy = q->policy,
        .n = (int)q->fields.n,
        .now_ms = q->now_ms,
        .exam_ms = q->exam_ms,
        .budget_s = q->fields.minutes > 0
                        ? (double)q->fields.minutes * 60 - (double)learner->day_ms / 1000
                        : (double)INFINITY,
        .level = learner->level,
        .last_phrase = learner->last_phrase,
        .bandit = &learner->bandit,
        .forgetting = &learner->forgetting,
    };
}

/* Reads what there is of the learner, chooses, and keeps what was offered. */
static int recommend(const struct api *api, const struct question *q, struct learner *learner,
                     struct candidates *candidates, struct wish *wish, struct choice *choice,
                     struct lp_error *err)
{
    const struct wanted wanted = {
        .learner = q->fields.learner,
        .policy = q->policy,
        .now_ms = q->now_ms,
        .until_ms = reviews_until(q),
        .fresh = choose_always_takes_new(q->policy, q->now_ms, q->exam_ms),
    };
    int r = candidates_read(api->db, &wanted, learner, candidates, err);
    if (r < 0)
        return r;
    *wish = wish_of(q, learner);
    if (getrandom(&wish->seed, sizeof wish->seed, 0) != (ssize_t)sizeof wish->seed)
        return lp_error_set(err, LP_E_INTERNAL, "no random bytes");
    if (!wanted.fresh && choose_takes_new(wish, candidates->due, candidates->n_due))
        r = candidates_new(api->db, wanted.learner, candidates, err);
    if (r < 0)
        return r;
    choose(&api->model, wish, candidates->due, candidates->n_due, candidates->fresh,
           candidates->n_fresh, choice);
    return learner_log(api->db, wanted.learner, q->policy, q->arm, choice, err);
}

static void handle_question(struct lp_service_request *r, const struct question *q)
{
    auto_learner struct learner learner = { 0 };
    struct wish wish = { 0 };
    struct choice choice = { 0 };
    struct lp_error err;
    struct candidates *candidates = lp_alloc(sizeof *candidates);

    if (recommend(r->user, q, &learner, candidates, &wish, &choice, &err) < 0)
        reply_failed(r, &err);
    else
        answer(r, q, &learner, &wish, &choice);
    candidates_done(candidates);
    free(candidates);
}

void handle_recommend(struct lp_service_request *r, void *worker)
{
    lp_auto_identity struct lp_identity who = { 0 };
    struct question q;

    (void)worker;
    if (!reply_who(r, &who))
        return;
    json_auto_t *body = reply_body(r);
    if (body && read_question(r, body, &q) && reply_may(r, &who, q.fields.learner) &&
        reply_in_pace(r, ((const struct api *)r->user)->asks, q.fields.learner))
        handle_question(r, &q);
}
