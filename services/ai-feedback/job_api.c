/* services/ai-feedback/job_api.c -- see job_api.h. Handlers run in worker threads. */
#include "services/ai-feedback/job_api.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "json/number.h"
#include "metrics/metrics.h"
#include "service/awaited.h"
#include "service/idempotency.h"
#include "services/ai-feedback/ask.h"
#include "services/ai-feedback/jobs/job_scores.h"
#include "services/ai-feedback/spoken.h"

#define JSON_TYPE "application/json; charset=utf-8"
#define WORKER "ai-worker" /* as the operator names it */
#define NOBODY "anybody"   /* owns what comes without a name, under ACCESS=Any */

static const char off[] =
    "there are no jobs here: set spec.services.aiWorker.enabled (DATABASE_URL of lp-ai-feedback)";

static struct lp_metric *outcome(const char *name)
{
    return lp_metric_with(lp_metric_family(LP_METRIC_COUNTER, "lp_ai_jobs_total",
                                           "Jobs that were put in, by what became of that.",
                                           "outcome", NULL, 0),
                          name);
}

/* The worker has the age too, but not while it has no pod. */
static struct lp_metric *age, *scores_waiting;
static _Atomic int64_t looked_ms; /* when the age was found */

/* An age that nobody could look at for so long says nothing: the database is away. */
static void forget_age(void *unused)
{
    (void)unused;
    if (lp_clock_ms() - looked_ms > LP_AWAITED_MS)
        lp_metric_set(age, 0);
}

static void announce_gauges(void)
{
    age = lp_metric_with(lp_metric_family(LP_METRIC_GAUGE, "lp_backlog_age_seconds",
                                          "Since the oldest of the jobs that are not done was "
                                          "taken on.",
                                          "queue", NULL, 0),
                         "ai");
    scores_waiting =
        lp_metric_single(lp_metric_family(LP_METRIC_GAUGE, "lp_ai_job_scores_waiting",
                                          "Scores of jobs that wait to be sent.", "", NULL, 0));
    lp_metrics_on_collect(forget_age, NULL);
}

void job_api_init(void)
{
    static const char *const outcomes[] = { "added", "repeated", "refused" };

    for (size_t i = 0; i < LP_COUNT(outcomes); i++)
        outcome(outcomes[i]);
    lp_awaited_announce(WORKER);
    announce_gauges();
}

static void answer_error(struct lp_service_request *r, int status, const char *message)
{
    lp_http_reply_json(r->x, status, lp_json_make("{s:s}", "error", message));
}

/* What a function of the queue returned. */
static void answer_failed(struct lp_service_request *r, const struct lp_error *err)
{
    if (err->code == LP_E_NOT_FOUND) {
        answer_error(r, 404, err->msg);
    } else if (err->code == LP_E_CONFLICT && !err->http_status) {
        answer_error(r, 422, err->msg);
    } else if (err->code == LP_E_INVALID) {
        answer_error(r, 400, err->msg);
    } else if (err->code == LP_E_TOO_LARGE) {
        lp_http_reply_header(r->x, "Retry-After", "60");
        answer_error(r, 429, err->msg);
    } else {
        lp_log_warn("a job's request failed", "error", err->msg);
        lp_http_reply_header(r->x, "Retry-After", "5");
        answer_error(r, 503, err->http_status ? err->msg : "the jobs' database cannot answer now");
    }
}

/* ---- putting one in ---- */

/* Looks for respond-async among the preferences of one header (RFC 7240, 2: tokens, any case). */
static bool look_at_preference(const char *value, void *user)
{
    static const char wanted[] = "respond-async";
    bool *found = user;

    for (const char *at = value; *at && !*found; at += *at == ',') {
        at += strspn(at, " \t");
        size_t len = strcspn(at, " \t,;=");
        *found = len == sizeof wanted - 1 && strncasecmp(at, wanted, len) == 0;
        at += strcspn(at, ",");
    }
    return !*found;
}

bool job_api_is_wanted(const struct lp_service_request *r)
{
    const struct ai *ai = r->user;
    bool found = false;

    if (ai->jobs)
        lp_http_headers(r->x, "Prefer", look_at_preference, &found);
    return found;
}

/* As JSON, a number as JavaScript writes it: by that text it is erased. The caller's. */
static char *learner_of(const json_t *user)
{
    char number[LP_NUMBER_TEXT];

    if (!json_is_number(user))
        return json_dumps(user, JSON_ENCODE_ANY);
    lp_json_number_text(user, number);
    return lp_strdup(number);
}

/* Whose job it is: who asks, or under ACCESS=Any whom the body names. The caller's. */
static char *owner_of(const struct lp_identity *identity, const json_t *user)
{
    char number[LP_NUMBER_TEXT];

    if (identity->user_id)
        return lp_strdup(identity->user_id);
    if (json_is_number(user)) {
        lp_json_number_text(user, number);
        return lp_strdup(number);
    }
    return lp_strdup(json_is_string(user) ? json_string_value(user) : NOBODY);
}

/* The place of a job, as seen from the request, whose path may have lost a prefix on its way. */
static void answer_added(struct lp_service_request *r, const char *id, bool preferred)
{
    const char *path = lp_http_path(r->x);
    bool below = path[strlen(path) - 1] == '/';
    lp_auto_free char *location = lp_sprintf("%sjobs/%s", below ? "../" : "", id);

    lp_http_reply_header(r->x, "Location", location);
    if (preferred)
        lp_http_reply_header(r->x, "Preference-Applied", "respond-async");
    lp_http_reply_header(r->x, "Retry-After", "1");
    lp_http_reply_json(r->x, 202, lp_json_make("{s:s}", "jobId", id));
}

void job_api_add(struct lp_service_request *r, const struct lp_identity *identity,
                 const json_t *user, const struct jobs_request *job)
{
    const struct ai *ai = r->user;
    const char *given = lp_http_header(r->x, "Idempotency-Key");
    lp_auto_buf struct lp_buf key = LP_BUF_INIT(LP_IDEMPOTENCY_KEY_MAX);
    lp_auto_free char *owner = owner_of(identity, user);
    lp_auto_free char *learner = user && outbox_delivers(ai->outbox) ? learner_of(user) : NULL;
    struct jobs_request keyed = *job;
    char id[LP_ROWS_UUID];
    bool repeated = false;
    struct lp_error err = { 0 };

    int n = given ? lp_idempotency_key(given, &key, &err) : 0;
    keyed.owner = owner;
    keyed.key = given ? key.ptr : NULL;
    keyed.learner = learner;
    if (n == 0)
        n = jobs_add(ai->jobs, &keyed, id, &repeated, &err);
    lp_metric_add(outcome(n < 0 ? "refused" : repeated ? "repeated" : "added"), 1);
    if (n < 0) {
        answer_failed(r, &err);
        return;
    }
    lp_awaited_note(WORKER, false);
    answer_added(r, id, !job->audio);
}

/* ---- asking for one ---- */

/* Who asks, where there are jobs; false: it is answered. */
static bool admit(struct lp_service_request *r, struct lp_identity *ret_identity)
{
    const struct ai *ai = r->user;
    struct lp_error err = { 0 };

    if (lp_identity_read(ai->identities, r, ret_identity, &err) < 0) {
        answer_error(r, err.http_status, err.msg);
        return false;
    }
    if (ai->jobs)
        return true;
    answer_error(r, 503, off);
    return false;
}

/* Who asks, and whether there are jobs, comes before the recording is looked at. */
void job_api_pronunciation(struct lp_service_request *r, void *worker)
{
    lp_auto_identity struct lp_identity identity = { 0 };
    auto_spoken struct spoken s = { 0 };
    struct lp_error err = { 0 };

    (void)worker;
    if (!admit(r, &identity))
        return;
    if (spoken_read(r, &s, &err) < 0 || ask_check_owner(&identity, s.user, &err) < 0) {
        answer_error(r, err.http_status, err.msg);
        return;
    }
    const struct jobs_request job = { .text = s.text,
                                      .level = s.level != LEVEL_NONE ? level_name(s.level) : NULL,
                                      .audio = s.audio,
                                      .audio_len = s.audio_len,
                                      .l1 = s.l1 };
    job_api_add(r, &identity, s.user, &job);
}

static const char *owner_asked(const struct lp_identity *identity)
{
    return identity->anybody ? NULL : identity->user_id ? identity->user_id : "";
}

void job_api_read(struct lp_service_request *r, void *worker)
{
    const struct ai *ai = r->user;
    lp_auto_identity struct lp_identity identity = { 0 };
    lp_auto_buf struct lp_buf json = LP_BUF_INIT(JOBS_RESULT + 4096);
    struct lp_error err = { 0 };

    (void)worker;
    if (!admit(r, &identity))
        return;
    if (jobs_read(ai->jobs, r->params[0], owner_asked(&identity), &json, &err) < 0)
        answer_failed(r, &err);
    else
        lp_http_reply_buf(r->x, 200, JSON_TYPE, &json);
}

void job_api_delete(struct lp_service_request *r, void *worker)
{
    const struct ai *ai = r->user;
    lp_auto_identity struct lp_identity identity = { 0 };
    struct lp_error err = { 0 };

    (void)worker;
    if (!admit(r, &identity))
        return;
    if (jobs_delete(ai->jobs, r->params[0], owner_asked(&identity), &err) < 0)
        answer_failed(r, &err);
    else
        lp_http_reply_json(r->x, 200, lp_json_make("{s:s}", "message", "job deleted"));
}

/* ---- a learner's data ---- */

int job_api_export(const struct ai *ai, const char *learner, struct lp_buf *ret_json,
                   struct lp_error *err)
{
    if (!ai->jobs) {
        lp_buf_str(ret_json, ",\"jobs\":[]");
        return 0;
    }
    lp_buf_str(ret_json, ",\"scores\":");
    int r = job_scores_export(ai->jobs, learner, ret_json, err);
    lp_buf_str(ret_json, ",\"jobs\":");
    return r < 0 ? r : jobs_export(ai->jobs, learner, ret_json, err);
}

int job_api_erase(const struct ai *ai, const char *learner, unsigned long *ret_n,
                  struct lp_error *err)
{
    unsigned long jobs = 0, scores = 0;
    int r = ai->jobs ? jobs_erase(ai->jobs, learner, &jobs, err) : 0;

    if (r == 0 && ai->jobs) /* after that: what ends now has no learner any more */
        r = job_scores_erase(ai->jobs, learner, &scores, err);
    *ret_n = jobs + scores;
    return r;
}

static int look_after_scores(struct lp_db *db, struct lp_error *err)
{
    unsigned long late = 0;
    int64_t waiting = 0;

    int r = job_scores_purge(db, &late, err);
    if (r == 0 && late > 0)
        lp_log_warn("scores of jobs waited a day for the progress service and are gone");
    if (r == 0)
        r = job_scores_count(db, &waiting, err);
    if (r < 0)
        return r;
    lp_metric_set(scores_waiting, (double)waiting);
    if (waiting >= JOB_SCORES_WAITING)
        lp_log_warn("scores of jobs are not kept: too many wait for the progress service");
    return 0;
}

int job_api_upkeep(struct lp_db *db, void *unused, struct lp_error *err)
{
    unsigned long buried = 0;
    int64_t waiting = 0, oldest_s = 0;

    (void)unused;
    int r = jobs_bury(db, &buried, err);
    if (r == 0)
        r = jobs_purge(db, err);
    if (r == 0)
        r = look_after_scores(db, err);
    if (r == 0)
        r = jobs_backlog(db, &waiting, err);
    if (r == 0 && waiting > 0)
        lp_awaited_note(WORKER, false);
    if (r == 0)
        r = jobs_oldest(db, &oldest_s, err);
    if (r < 0)
        return r;
    lp_metric_set(age, (double)oldest_s);
    looked_ms = lp_clock_ms();
    return 0;
}
