/* services/ai-feedback/api.c -- decodes requests, has them checked, answers. Handlers run in worker
 * threads. */
#include "services/ai-feedback/api.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "json/json.h"
#include "services/ai-feedback/ask.h"
#include "services/ai-feedback/feedback.h"
#include "services/ai-feedback/job_api.h"
#include "services/ai-feedback/openapi.h"
#include "services/ai-feedback/spoken.h"

#define JSON_TYPE "application/json; charset=utf-8"

static void answer_error(struct lp_service_request *r, int status, const char *message)
{
    lp_http_reply_json(r->x, status, lp_json_make("{s:s}", "error", message));
}

static int status_of(const struct lp_error *err)
{
    if (err->http_status)
        return err->http_status;
    return err->code == LP_E_TIMEOUT ? 503 : 400;
}

/* Who asks comes first: a stranger learns nothing of what a body should be, and costs no engine. */
static int admit(const struct ai *ai, struct lp_service_request *r,
                 struct lp_identity *ret_identity, struct ask *ret_ask, struct lp_error *err)
{
    int n = lp_identity_read(ai->identities, r, ret_identity, err);

    if (n == 0)
        n = ask_read(r, &ai->transcriber, ret_ask, err);
    return n < 0 ? n : ask_check_owner(ret_identity, ret_ask->user, err);
}

/* An answer on its way: short ones go out whole, longer ones as they come. */
struct reply {
    struct lp_service_request *request;
    const char *reader;            /* who counts as reading it; borrowed */
    struct lp_http_stream *stream; /* NULL until the first piece */
};

/* Who takes a long answer slowly holds a worker: 429 for who reads too many, 503 where all do. */
static int begin_stream(struct reply *reply, struct lp_error *err)
{
    const struct ai *ai = reply->request->user;
    int n = lp_streams_enter(ai->streams, reply->reader, err);

    if (n < 0) {
        lp_http_reply_header(reply->request->x, "Retry-After", "5");
        err->http_status = n == LP_E_CONFLICT ? 429 : 503;
        return n;
    }
    reply->stream = lp_http_reply_stream(reply->request->x, 200, JSON_TYPE);
    return 0;
}

static int hand_on(struct lp_buf *out, void *user, struct lp_error *err)
{
    struct reply *reply = user;
    int n = reply->stream ? 0 : begin_stream(reply, err);

    if (n == 0)
        n = lp_http_stream_write(reply->stream, out->ptr, out->len, err);
    lp_buf_reset(out);
    return n;
}

/* Ends the reply after a check that came to `n`. */
static void finish(struct reply *reply, int n, struct lp_buf *out, struct lp_error *err)
{
    if (reply->stream) {
        if (n == 0)
            n = hand_on(out, reply, err);
        const struct ai *ai = reply->request->user;
        lp_streams_leave(ai->streams, reply->reader); /* before its client sees the end */
        lp_http_stream_end(reply->stream, n == 0);
    } else if (n < 0) {
        answer_error(reply->request, status_of(err), err->msg);
    } else {
        lp_http_reply_buf(reply->request->x, 200, JSON_TYPE, out);
    }
}

static int check(const struct ai *ai, struct reply *reply, struct ask *ask, struct lp_buf *out,
                 int *ret_score, size_t by_category[CATEGORIES], struct lp_error *err)
{
    const struct lp_service_request *r = reply->request;
    int n = ask_transcribe(r, &ai->transcriber, ask, err);

    if (n < 0) {
        if (err->http_status == 503)
            lp_http_reply_header(r->x, "Retry-After", "5");
        return n;
    }
    struct feedback_request request = { .text = ask->text,
                                        .deadline_ms = r->deadline_ms,
                                        .grammar = ai->grammar,
                                        .dialect = ai->dialect,
                                        .level = ask->level,
                                        .heard_by = ask->transcript ? "asr" : NULL,
                                        .by_category = by_category,
                                        .hand_on = hand_on,
                                        .user = reply };
    return feedback_check(ai->speller, &request, out, ret_score, err);
}

static void speech2text(struct lp_service_request *r, void *worker)
{
    struct ai *ai = r->user;
    lp_auto_buf struct lp_buf out = LP_BUF_INIT((size_t)2 * FEEDBACK_ANSWER);
    auto_ask struct ask ask = { 0 };
    lp_auto_identity struct lp_identity identity = { 0 };
    struct reply reply = { .request = r };
    struct lp_service_pass pass;
    struct lp_error err;
    char peer[64];
    size_t by_category[CATEGORIES] = { 0 };
    int score = 0;

    (void)worker;
    lp_service_pass_on(r, &pass);
    int n = admit(ai, r, &identity, &ask, &err);
    /* Of audio the preference is passed over: there is no text yet. */
    if (n == 0 && ask.text && job_api_is_wanted(r)) {
        const char *level = ask.level != LEVEL_NONE ? level_name(ask.level) : NULL;
        const struct jobs_request job = { .text = ask.text, .level = level };
        job_api_add(r, &identity, ask.user, &job);
        return;
    }
    if (n == 0) {
        /* The peer's name goes with the exchange, which a stream outlives. */
        snprintf(peer, sizeof peer, "%s", lp_http_peer(r->x));
        reply.reader = identity.user_id ? identity.user_id : peer;
        n = check(ai, &reply, &ask, &out, &score, by_category, &err);
    }
    if (n == 0 && ask.user)
        outbox_add(ai->outbox, ask.user, score, by_category, &pass);
    finish(&reply, n, &out, &err);
}

/* Whose data a request is about, where it may be: the person's own, an admin's, or auth's; NULL: it
 * has answered. */
static const char *admit_learner(struct lp_service_request *r)
{
    const struct ai *ai = r->user;
    lp_auto_identity struct lp_identity identity = { 0 };
    struct lp_error err;

    if (lp_identity_read(ai->identities, r, &identity, &err) < 0) {
        answer_error(r, status_of(&err), err.msg);
        return NULL;
    }
    if (lp_identity_may(&identity, r->params[0]))
        return r->params[0];
    answer_error(r, 403, "These data belong to another user");
    return NULL;
}

static void answer_away(struct lp_service_request *r, const struct lp_error *err)
{
    lp_log_warn("a learner's jobs could not be reached", "error", err->msg);
    lp_http_reply_header(r->x, "Retry-After", "5");
    answer_error(r, 503, "the jobs' database cannot answer now");
}

static void export_data(struct lp_service_request *r, void *worker)
{
    const struct ai *ai = r->user;
    const char *learner = admit_learner(r);
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(AI_MAX_EXPORT);
    struct lp_error err;

    (void)worker;
    if (!learner)
        return;
    json_auto_t *waiting = outbox_of(ai->outbox, learner);
    lp_buf_str(&out, "{\"waiting\":");
    lp_json_write_unsorted(waiting, &out);
    if (job_api_export(ai, learner, &out, &err) < 0) {
        answer_away(r, &err);
        return;
    }
    lp_buf_char(&out, '}');
    lp_http_reply_buf(r->x, 200, JSON_TYPE, &out);
}

static void erase_data(struct lp_service_request *r, void *worker)
{
    const struct ai *ai = r->user;
    const char *learner = admit_learner(r);
    unsigned long jobs = 0;
    struct lp_error err;

    (void)worker;
    if (!learner)
        return;
    if (job_api_erase(ai, learner, &jobs, &err) < 0) {
        answer_away(r, &err);
        return;
    }
    size_t n = outbox_erase(ai->outbox, learner) + jobs;
    lp_http_reply_json(
        r->x, 200, lp_json_make("{s:s, s:I}", "message", "data erased", "deleted", (json_int_t)n));
}

static void health(struct lp_service_request *r, void *worker)
{
    (void)worker;
    lp_http_reply_json(r->x, 200,
                       lp_json_make("{s:s, s:s}", "status", "ok", "service", "ai-feedback"));
}

static void openapi(struct lp_service_request *r, void *worker)
{
    (void)worker;
    lp_http_reply(r->x, 200, JSON_TYPE, openapi_json, strlen(openapi_json));
}

static bool ready(void *user, char why[128])
{
    return lp_identities_ready(((const struct ai *)user)->identities, why);
}

const struct lp_identity_grant ai_grants[] = {
    { "auth", "export" },
    { "auth", "erase" },
    { 0 },
};

struct lp_service ai_service(struct ai *ai)
{
    static const struct lp_route routes[] = {
        { "POST", "/speech2text", speech2text, "/speech2text", false },
        { "POST", "/pronunciation", job_api_pronunciation, "/pronunciation", false },
        { "GET", "/jobs/:id", job_api_read, "job", false },
        { "DELETE", "/jobs/:id", job_api_delete, "deleteJob", false },
        { "GET", "/data/:userId", export_data, "export", false },
        { "DELETE", "/data/:userId", erase_data, "erase", false },
        { "GET", "/openapi.json", openapi, "openapi", true },
        { "GET", "/health", health, "/health", true },
        { "GET", "/_ah/health", health, "/_ah/health", true },
        { 0 },
    };
    return (struct lp_service){
        .name = "ai-feedback",
        .routes = routes,
        .max_body = AI_MAX_TEXT,
        .upload_route = "/pronunciation",
        .upload_max_body = SPOKEN_BODY,
        .not_found_json = "{\"message\":\"resource not found\"}",
        .too_large_json =
            "{\"error\":\"the body is too large: a text has at most 1 MB, a recording "
            "5.8 MB\"}",
        .user = ai,
        .ready = ready,
    };
}
