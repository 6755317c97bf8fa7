/*
 * services/ai-feedback/outbox.c -- a ring of request bodies, each with the Idempotency-Key under
 * which it is repeated until the progress service has answered 2xx or has refused it for good
 * (4xx). One sender thread keeps the order.
 */
#include "services/ai-feedback/outbox.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/client/client.h"
#include "json/json.h"
#include "json/number.h"
#include "metrics/metrics.h"
#include "service/awaited.h"
#include "services/ai-feedback/feedback.h"
#include "work/backoff.h"

struct entry {
    char *body;     /* owned; NULL: erased */
    char *user;     /* owned; a number as JavaScript writes it */
    bool erased;    /* while it is on its way */
    char key[40];   /* Idempotency-Key */
    char *trace[2]; /* headers with the request's id and trace, owned; NULL where there is none */
};

struct outbox {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct entry ring[OUTBOX_ENTRIES];
    size_t first, n;
    bool closing;
    struct lp_stop *give_up;        /* ends a request or a back-off at once */
    char *url;                      /* owned; NULL: no progress service */
    struct lp_http_client *http;    /* of the sender thread */
    struct lp_http_client *direct;  /* of who calls outbox_deliver() */
    const struct lp_caller *caller; /* borrowed; NULL: without a token */
    pthread_t sender;
    struct lp_metric *waiting, *sent, *refused, *dropped;
};

static void register_metrics(struct outbox *o)
{
    struct lp_metric_family *results =
        lp_metric_family(LP_METRIC_COUNTER, "lp_ai_outbox_total",
                         "Results on their way to the progress service, by what became of them.",
                         "outcome", NULL, 0);
    lp_awaited_announce("progress");
    o->sent = lp_metric_with(results, "sent");
    o->refused = lp_metric_with(results, "refused");
    o->dropped = lp_metric_with(results, "dropped");
    o->waiting = lp_metric_single(lp_metric_family(LP_METRIC_GAUGE, "lp_ai_outbox_waiting",
                                                   "Results that wait to be sent.", "", NULL, 0));
}

/* 401 and 403 are of us, not of the result: keys differ while pods are replaced. */
static bool is_for_later(int status)
{
    return status < 400 || status == 401 || status == 403 || status == 408 || status == 429 ||
           status >= 500;
}

/* Sends the entry once; true where it is done with, for good or ill. */
static bool send_once(struct outbox *o, struct lp_http_client *http, const struct entry *e)
{
    lp_auto_http_response struct lp_http_response answer = LP_HTTP_RESPONSE_INIT;
    lp_auto_free char *key = lp_sprintf("Idempotency-Key: %s", e->key);
    lp_auto_free char *token = NULL;
    const char *headers[6] = { "Content-Type: application/json", key };
    size_t n = 2;
    struct lp_http_request request = { .method = "POST",
                                       .url = o->url,
                                       .headers = headers,
                                       .body = e->body,
                                       .body_len = strlen(e->body) };
    struct lp_error err;

    if (o->caller && lp_caller_header(o->caller, "progress", &token, &err) < 0) {
        lp_log_warn("no token for the progress service", "error", err.msg);
        return false;
    }
    if (token)
        headers[n++] = token;
    for (size_t i = 0; i < LP_COUNT(e->trace) && e->trace[i]; i++)
        headers[n++] = e->trace[i];
    int r = lp_http_do(http, &request, &answer, &err);
    lp_awaited_note("progress", r == 0);
    if (r < 0) {
        lp_log_debug("result not delivered yet", "why", err.msg);
        return false;
    }
    if (answer.status >= 200 && answer.status < 300) {
        lp_metric_add(o->sent, 1);
        return true;
    }
    if (is_for_later(answer.status))
        return false;
    char status[16];
    snprintf(status, sizeof status, "%d", answer.status);
    lp_log_warn("the progress service refused a result", "status", status);
    lp_metric_add(o->refused, 1);
    return true;
}

bool outbox_delivers(const struct outbox *o)
{
    return o->url != NULL;
}

bool outbox_deliver(struct outbox *o, const char *key, const char *body)
{
    lp_auto_free char *copy = lp_strdup(body);
    struct entry e = { .body = copy };

    if (!o->url)
        return false;
    snprintf(e.key, sizeof e.key, "%s", key);
    return send_once(o, o->direct, &e);
}

static void drop_first_locked(struct outbox *o)
{
    struct entry *e = &o->ring[o->first];

    free(e->body);
    free(e->user);
    free(e->trace[0]);
    free(e->trace[1]);
    o->first = (o->first + 1) % OUTBOX_ENTRIES;
    o->n--;
    lp_metric_set(o->waiting, (double)o->n);
}

static void *run_sender(void *user)
{
    struct outbox *o = user;
    struct lp_backoff backoff = { .base_ms = 500, .max_ms = 30000 };

    pthread_mutex_lock(&o->lock);
    while (!lp_stop_requested(o->give_up)) {
        if (o->n == 0) {
            if (o->closing)
                break;
            pthread_cond_wait(&o->changed, &o->lock);
            continue;
        }
        if (!o->ring[o->first].body) {
            drop_first_locked(o);
            continue;
        }
        struct entry first = o->ring[o->first]; /* only this thread takes entries out */
        pthread_mutex_unlock(&o->lock);
        bool done = send_once(o, o->http, &first);
        if (!done)
            lp_stop_wait(o->give_up, lp_backoff_next(&backoff));
        else
            lp_backoff_reset(&backoff);
        pthread_mutex_lock(&o->lock);
        if (done || o->ring[o->first].erased)
            drop_first_locked(o);
    }
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

int outbox_new(const char *url, const struct lp_caller *caller, struct outbox **ret_outbox,
               struct lp_error *err)
{
    struct outbox *o = lp_alloc(sizeof *o);
    struct lp_http_client_options options = { .connect_timeout_ms = 2000,
                                              .total_timeout_ms = 5000,
                                              .max_response = 1 << 16 };

    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->changed, NULL);
    o->give_up = lp_stop_new();
    o->caller = caller;
    options.stop = o->give_up;
    o->url = *url ? lp_sprintf("%s/api/progress/activityLog", url) : NULL;
    register_metrics(o);
    int r = lp_http_client_new(&options, &o->http, err);
    if (r == 0)
        r = lp_http_client_new(&options, &o->direct, err);
    if (r == 0 && pthread_create(&o->sender, NULL, run_sender, o) != 0)
        r = lp_error_set(err, LP_E_INTERNAL, "cannot start the outbox thread");
    if (r < 0) {
        lp_http_client_free(o->http);
        lp_http_client_free(o->direct);
        lp_stop_free(o->give_up);
        free(o->url);
        free(o);
        return r;
    }
    *ret_outbox = o;
    return 0;
}

/* 128 random bits as hex. */
static void make_key(char key[40])
{
    unsigned char random[16];
    if (RAND_bytes(random, sizeof random) != 1)
        abort(); /* no randomness: nothing here is safe */
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(key + 2 * i, 3, "%02x", random[i]);
}

static char *user_text(const json_t *user_id)
{
    char number[LP_NUMBER_TEXT];

    if (json_is_string(user_id))
        return lp_strdup(json_string_value(user_id));
    lp_json_number_text(user_id, number);
    return lp_strdup(number);
}

bool outbox_add(struct outbox *o, const json_t *user_id, int score,
                const size_t by_category[CATEGORIES], const struct lp_service_pass *pass)
{
    json_auto_t *activity =
        lp_json_make("{s:O, s:s, s:i, s:o}", "userId", user_id, "activityName", "AI feedback",
                     "score", score, "feedback", feedback_counts(by_category));
    lp_auto_free char *body = json_dumps(activity, JSON_COMPACT);
    bool taken = false;

    pthread_mutex_lock(&o->lock);
    if (o->url && !o->closing && o->n < OUTBOX_ENTRIES && body) {
        struct entry *e = &o->ring[(o->first + o->n) % OUTBOX_ENTRIES];
        *e = (struct entry){ .body = lp_take(body), .user = user_text(user_id) };
        e->trace[0] = lp_strdup(pass->list[0]);
        e->trace[1] = pass->list[0] ? lp_strdup(pass->list[1]) : NULL;
        make_key(e->key);
        o->n++;
        lp_metric_set(o->waiting, (double)o->n);
        pthread_cond_broadcast(&o->changed);
        taken = true;
    }
    pthread_mutex_unlock(&o->lock);
    if (!taken && o->url)
        lp_metric_add(o->dropped, 1);
    return taken;
}

static struct entry *entry_locked(struct outbox *o, size_t i)
{
    return &o->ring[(o->first + i) % OUTBOX_ENTRIES];
}

json_t *outbox_of(struct outbox *o, const char *user_id)
{
    json_t *list = json_array();

    pthread_mutex_lock(&o->lock);
    for (size_t i = 0; i < o->n; i++) {
        const struct entry *e = entry_locked(o, i);
        if (e->body && !e->erased && strcmp(e->user, user_id) == 0)
            json_array_append_new(list, json_loads(e->body, 0, NULL));
    }
    pthread_mutex_unlock(&o->lock);
    return list;
}

/* The first one may be with the sender, which drops it when it comes back. */
size_t outbox_erase(struct outbox *o, const char *user_id)
{
    size_t erased = 0;

    pthread_mutex_lock(&o->lock);
    for (size_t i = 0; i < o->n; i++) {
        struct entry *e = entry_locked(o, i);
        if (!e->body || e->erased || strcmp(e->user, user_id) != 0)
            continue;
        erased++;
        e->erased = true;
        if (i > 0)
            free(lp_take(e->body));
    }
    pthread_mutex_unlock(&o->lock);
    return erased;
}

void outbox_finish(struct outbox *o, int64_t wait_ms)
{
    struct timespec deadline = lp_clock_deadline(wait_ms);

    if (!o)
        return;
    pthread_mutex_lock(&o->lock);
    o->closing = true;
    pthread_cond_broadcast(&o->changed);
    while (o->n > 0 &&
           pthread_cond_clockwait(&o->changed, &o->lock, CLOCK_MONOTONIC, &deadline) == 0)
        ;
    size_t left = o->n;
    pthread_mutex_unlock(&o->lock);
    if (left > 0) {
        char text[32];
        snprintf(text, sizeof text, "%zu", left);
        lp_log_warn("results were not delivered to the progress service", "count", text);
    }
}

void outbox_free(struct outbox *o)
{
    if (!o)
        return;
    pthread_mutex_lock(&o->lock);
    o->closing = true;
    lp_stop_request(o->give_up);
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->lock);
    pthread_join(o->sender, NULL);
    while (o->n > 0)
        drop_first_locked(o); /* no other thread is left */
    lp_http_client_free(o->http);
    lp_http_client_free(o->direct);
    lp_stop_free(o->give_up);
    pthread_cond_destroy(&o->changed);
    pthread_mutex_destroy(&o->lock);
    free(o->url);
    free(o);
}
