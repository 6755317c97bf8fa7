/*
 * services/progress/feed.c -- activities wait in the database, each marked (store_events.h): a
 * process that ends amid one leaves the mark, and the next one to see it tells it again, under the
 * same key.
 *
 * Threads: `teller` alone uses `http`; `woken` and `ended` are under `lock`.
 */
#include "services/progress/feed.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"
#include "http/client/client.h"
#include "json/json.h"
#include "metrics/metrics.h"
#include "service/awaited.h"
#include "services/progress/document.h"
#include "services/progress/store_events.h"
#include "work/backoff.h"

#define LOOK_MS 10000 /* for what other pods left */
#define CONNECT_MS 2000
#define TOTAL_MS 5000
#define MAX_ANSWER ((size_t)1 << 16)

struct feed {
    struct store *store;
    char *url; /* owned */
    const struct lp_caller *caller;
    struct lp_http_client *http;
    struct lp_stop *stop; /* ends a request */
    struct lp_stop_waker waker;
    pthread_t teller;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken, ended;
    struct lp_metric *told, *refused, *failed;
};

static char *body_of(const struct store_event *e)
{
    char at[LP_CLOCK_TEXT];
    json_auto_t *o = NULL;

    lp_clock_format(e->at_ms, 3, at);
    o = lp_json_make("{s:s, s:s, s:s}", "userId", e->user_id, "activityName", e->name, "at", at);
    if (e->has_score)
        json_object_set_new(o, "score", document_number(e->score));
    if (e->feedback.n > 0) {
        json_t *counts = json_object();
        for (size_t i = 0; i < e->feedback.n; i++)
            json_object_set_new(counts, e->feedback.categories[i].name,
                                json_integer(e->feedback.categories[i].count));
        json_object_set_new(o, "feedback", counts);
    }
    return json_dumps(o, JSON_COMPACT);
}

static int post(struct feed *f, const struct store_event *e, const char *body, int *ret_status,
                struct lp_error *err)
{
    lp_auto_http_response struct lp_http_response answer = LP_HTTP_RESPONSE_INIT;
    lp_auto_free char *token = NULL;
    char id[25], key[64];

    bson_oid_to_string(&e->id, id);
    snprintf(key, sizeof key, "Idempotency-Key: %s", id);
    const char *headers[4] = { "Content-Type: application/json", key };
    if (f->caller && lp_caller_header(f->caller, "learning", &token, err) == 0)
        headers[2] = token;
    const struct lp_http_request request = {
        .method = "POST", .url = f->url, .headers = headers, .body = body, .body_len = strlen(body)
    };
    int r = lp_http_do(f->http, &request, &answer, err);
    lp_awaited_note("learning", r == 0);
    *ret_status = answer.status;
    return r;
}

/* What no later try changes: the event itself is wrong. */
static bool is_refusal(int status)
{
    return status == 400 || status == 413 || status == 422;
}

/* *ret_done: it is to be told no more, for good or ill. */
static int tell(struct feed *f, const struct store_event *e, bool *ret_done, struct lp_error *err)
{
    lp_auto_free char *body = body_of(e);
    int status = 0;

    *ret_done = !body; /* texts that are no UTF-8, which are not ours */
    int r = body ? post(f, e, body, &status, err) : 0;
    if (r < 0)
        return r;
    bool good = status >= 200 && status < 300;
    if (body && !good && !is_refusal(status))
        return lp_error_set(err, LP_E_UNAVAILABLE, "learning service: answered %d", status);
    if (!good) {
        char text[16];
        snprintf(text, sizeof text, "%d", status);
        lp_log_warn("the learning service refused an activity", "status", text);
    }
    lp_metric_add(good ? f->told : f->refused, 1);
    *ret_done = true;
    return 0;
}

/* Tells one. LP_E_NOT_FOUND: none is due. */
static int tell_next(struct feed *f, struct lp_error *err)
{
    auto_store_event struct store_event e = { .user_id = NULL };
    int64_t now_ms = lp_clock_wall_ms();
    bool done = false;

    int r = store_events_take(f->store, now_ms, now_ms + FEED_CLAIM_MS, &e, err);
    if (r < 0)
        return r;
    r = tell(f, &e, &done, err);
    if (r == 0 && done)
        r = store_events_told(f->store, &e.id, err);
    return r;
}

/* True: the end. `ms` is cut short by an end, and by an activity where `wakes`. */
static bool rest(struct feed *f, int64_t ms, bool wakes)
{
    struct timespec end = lp_clock_deadline(ms);
    int late = 0;

    pthread_mutex_lock(&f->lock);
    while (!(wakes && f->woken) && !f->ended && late == 0)
        late = pthread_cond_clockwait(&f->changed, &f->lock, CLOCK_MONOTONIC, &end);
    if (wakes)
        f->woken = false;
    bool ended = f->ended;
    pthread_mutex_unlock(&f->lock);
    return ended;
}

static void *feed_run(void *user)
{
    struct feed *f = user;
    struct lp_backoff wait = { .base_ms = 500, .max_ms = 30000 };
    struct lp_error err;
    bool failed = false, ended = false;

    while (!ended) {
        int r = tell_next(f, &err);
        if (r == 0) {
            lp_backoff_reset(&wait);
            failed = false;
        }
        if (r == 0 || r == LP_E_NOT_FOUND) {
            ended = rest(f, r == 0 ? 0 : LOOK_MS, true);
            continue;
        }
        lp_metric_add(f->failed, 1);
        if (!failed && !lp_stop_requested(f->stop))
            lp_log_warn("learning does not hear of activities, which wait", "error", err.msg);
        failed = true;
        ended = rest(f, lp_backoff_next(&wait), false);
    }
    return NULL;
}

void feed_wake(struct feed *f)
{
    if (!f)
        return;
    pthread_mutex_lock(&f->lock);
    f->woken = true;
    pthread_cond_signal(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static void end(void *user)
{
    struct feed *f = user;

    pthread_mutex_lock(&f->lock);
    f->ended = true;
    pthread_cond_signal(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static void register_metrics(struct feed *f)
{
    struct lp_metric_family *outcomes = lp_metric_family(
        LP_METRIC_COUNTER, "lp_progress_events_total",
        "Activities told to the learning service, by what became of it", "outcome", NULL, 0);

    f->told = lp_metric_with(outcomes, "told");
    f->refused = lp_metric_with(outcomes, "refused");
    f->failed = lp_metric_with(outcomes, "failed");
    lp_awaited_announce("learning");
}

static void dispose(struct feed *f)
{
    lp_stop_remove_waker(f->stop, &f->waker);
    lp_http_client_free(f->http);
    lp_stop_free(f->stop);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
    free(f->url);
    free(f);
}

int feed_new(struct store *store, const char *url, const struct lp_caller *caller,
             struct feed **ret_feed, struct lp_error *err)
{
    struct feed *f = lp_alloc(sizeof *f);

    f->store = store;
    f->url = lp_sprintf("%s/api/learning/events", url);
    f->caller = caller;
    f->stop = lp_stop_new();
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    f->waker = (struct lp_stop_waker){ .wake = end, .user = f };
    lp_stop_add_waker(f->stop, &f->waker);
    register_metrics(f);
    const struct lp_http_client_options options = { .connect_timeout_ms = CONNECT_MS,
                                                    .total_timeout_ms = TOTAL_MS,
                                                    .max_response = MAX_ANSWER,
                                                    .stop = f->stop };
    int r = lp_http_client_new(&options, &f->http, err);
    if (r == 0 && pthread_create(&f->teller, NULL, feed_run, f) != 0)
        r = lp_error_set(err, LP_E_INTERNAL, "no thread that tells learning of activities");
    if (r < 0)
        dispose(f);
    else
        *ret_feed = f;
    return r;
}

void feed_free(struct feed *f)
{
    if (!f)
        return;
    lp_stop_request(f->stop);
    pthread_join(f->teller, NULL);
    dispose(f);
}
