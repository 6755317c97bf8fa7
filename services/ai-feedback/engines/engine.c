/* services/ai-feedback/engines/engine.c -- a stack of HTTP clients under a lock, one for each ask
 * that may be under way, and a circuit breaker. Redirects are not followed: a text goes to the
 * server that was named, and nowhere else. */
#include "services/ai-feedback/engines/engine.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "metrics/metrics.h"
#include "work/breaker.h"

#define CONNECT_MS 1000

struct engine {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct lp_breaker breaker;     /* under `lock` */
    struct lp_http_client **idle;  /* under `lock`: the first `n_idle` of `n` */
    struct lp_http_client **owned; /* all */
    size_t n_idle, n;
    const char *name;
    char *url; /* owned */
    int64_t timeout_ms;
    struct lp_metric *outcomes[ENGINE_OUTCOMES], *seconds, *open;
};

const char *engine_outcome_name(enum engine_outcome outcome)
{
    static const char *const names[] = { "answered",   "timeout", "unreachable",
                                         "failed",     "refused", "too_large",
                                         "unreadable", "busy",    "circuit_open" };
    return names[outcome];
}

static struct lp_metric *outcome_metric(const char *name, enum engine_outcome outcome)
{
    struct lp_metric_family *f =
        lp_metric_family(LP_METRIC_COUNTER, "lp_ai_engine_requests_total",
                         "Requests to other engines (ASR_URL, GRAMMAR_URL), by how they ended.",
                         "engine,outcome", NULL, 0);
    return lp_metric_with(f, name, engine_outcome_name(outcome));
}

static struct lp_metric *seconds_metric(const char *name)
{
    return lp_metric_with(lp_metric_family(LP_METRIC_HISTOGRAM, "lp_ai_engine_seconds",
                                           "Time that requests to other engines took.", "engine",
                                           lp_metrics_seconds, lp_metrics_n_seconds),
                          name);
}

static struct lp_metric *open_metric(const char *name)
{
    return lp_metric_with(lp_metric_family(LP_METRIC_GAUGE, "lp_ai_engine_circuit_open",
                                           "1 while an engine is left alone because it failed.",
                                           "engine", NULL, 0),
                          name);
}

void engine_announce(const char *name)
{
    for (enum engine_outcome o = 0; o < ENGINE_OUTCOMES; o++)
        outcome_metric(name, o);
    seconds_metric(name);
    open_metric(name);
}

static void get_metrics(struct engine *e)
{
    for (enum engine_outcome o = 0; o < ENGINE_OUTCOMES; o++)
        e->outcomes[o] = outcome_metric(e->name, o);
    e->seconds = seconds_metric(e->name);
    e->open = open_metric(e->name);
}

int engine_new(const struct engine_options *options, struct engine **ret_engine,
               struct lp_error *err)
{
    struct engine *e = lp_alloc(sizeof *e);
    const struct lp_http_client_options client = { .connect_timeout_ms = CONNECT_MS,
                                                   .total_timeout_ms = options->timeout_ms,
                                                   .max_response = options->max_answer };

    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->freed, NULL);
    e->name = options->name;
    e->url = lp_strdup(options->url);
    e->timeout_ms = options->timeout_ms;
    e->idle = lp_calloc((size_t)options->concurrency, sizeof(struct lp_http_client *));
    e->owned = lp_calloc((size_t)options->concurrency, sizeof(struct lp_http_client *));
    get_metrics(e);
    while (e->n < (size_t)options->concurrency) {
        int r = lp_http_client_new(&client, &e->owned[e->n], err);
        if (r < 0) {
            engine_free(e);
            return lp_error_wrap(err, "engine %s", options->name);
        }
        e->idle[e->n_idle++] = e->owned[e->n++];
    }
    *ret_engine = e;
    return 0;
}

void engine_free(struct engine *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->n; i++)
        lp_http_client_free(e->owned[i]);
    pthread_cond_destroy(&e->freed);
    pthread_mutex_destroy(&e->lock);
    free(e->idle);
    free(e->owned);
    free(e->url);
    free(e);
}

/* A client and the circuit's leave to use it, until `until_ms`; else why not. */
static enum engine_outcome enter(struct engine *e, int64_t until_ms,
                                 struct lp_http_client **ret_client)
{
    enum engine_outcome outcome = ENGINE_ANSWERED;
    int64_t wait_ms = until_ms - lp_clock_ms();
    struct timespec deadline = lp_clock_deadline(wait_ms > 0 ? wait_ms : 0);

    pthread_mutex_lock(&e->lock);
    while (e->n_idle == 0 && outcome == ENGINE_ANSWERED)
        if (pthread_cond_clockwait(&e->freed, &e->lock, CLOCK_MONOTONIC, &deadline) != 0)
            outcome = ENGINE_BUSY;
    if (outcome == ENGINE_ANSWERED && !lp_breaker_admits(&e->breaker, lp_clock_ms()))
        outcome = ENGINE_OPEN;
    if (outcome == ENGINE_ANSWERED)
        *ret_client = e->idle[--e->n_idle];
    pthread_mutex_unlock(&e->lock);
    return outcome;
}

/* What an outcome tells of the engine: one that refuses what we ask is there all the same. */
static void leave(struct engine *e, struct lp_http_client *client, enum engine_outcome outcome)
{
    bool good = outcome == ENGINE_ANSWERED || outcome == ENGINE_REFUSED;

    pthread_mutex_lock(&e->lock);
    lp_breaker_result(&e->breaker, good, lp_clock_ms());
    lp_metric_set(e->open, e->breaker.state == LP_BREAKER_CLOSED ? 0 : 1);
    e->idle[e->n_idle++] = client;
    pthread_cond_signal(&e->freed);
    pthread_mutex_unlock(&e->lock);
}

static enum engine_outcome outcome_of_failure(int code)
{
    if (code == LP_E_TIMEOUT)
        return ENGINE_TIMEOUT;
    return code == LP_E_TOO_LARGE ? ENGINE_TOO_LARGE : ENGINE_UNREACHABLE;
}

static enum engine_outcome read_answer(const struct engine_ask *ask,
                                       const struct lp_http_response *answer, struct lp_error *err)
{
    if (answer->status < 200 || answer->status > 299) {
        lp_error_set(err, LP_E_UNAVAILABLE, "it answered %d", answer->status);
        return answer->status >= 500 || answer->status == 429 ? ENGINE_FAILED : ENGINE_REFUSED;
    }
    return ask->read(answer->body.ptr, answer->body.len, ask->user, err) < 0 ? ENGINE_UNREADABLE
                                                                             : ENGINE_ANSWERED;
}

static enum engine_outcome send_ask(struct engine *e, struct lp_http_client *client,
                                    const struct engine_ask *ask, int64_t until_ms)
{
    lp_auto_http_response struct lp_http_response answer = LP_HTTP_RESPONSE_INIT;
    int64_t left_ms = until_ms - lp_clock_ms();
    const struct lp_http_request request = { .method = "POST",
                                             .url = e->url,
                                             .headers = ask->headers,
                                             .body = ask->body,
                                             .body_len = ask->body_len,
                                             .total_timeout_ms = left_ms > 0 ? left_ms : 1 };
    struct lp_error err;
    int r = lp_http_do(client, &request, &answer, &err);
    enum engine_outcome outcome = r < 0 ? outcome_of_failure(r) : read_answer(ask, &answer, &err);

    if (outcome != ENGINE_ANSWERED)
        lp_log_debug("an engine gave no answer", "engine", e->name, "why", err.msg);
    return outcome;
}

enum engine_outcome engine_ask(struct engine *e, const struct engine_ask *ask)
{
    int64_t start_ms = lp_clock_ms(), until_ms = start_ms + e->timeout_ms;
    struct lp_http_client *client = NULL;

    if (ask->deadline_ms < until_ms)
        until_ms = ask->deadline_ms;
    enum engine_outcome outcome = enter(e, until_ms, &client);
    if (outcome == ENGINE_ANSWERED) {
        outcome = send_ask(e, client, ask, until_ms);
        leave(e, client, outcome);
        lp_metric_observe(e->seconds, (double)(lp_clock_ms() - start_ms) / 1000);
    }
    lp_metric_add(e->outcomes[outcome], 1);
    return outcome;
}

char *engine_endpoint(const char *url, const char *path)
{
    size_t len = strlen(url), path_len = strlen(path);

    while (len > 0 && url[len - 1] == '/')
        len--;
    for (size_t n = path_len; n > 0; n--)
        if ((n == path_len || path[n] == '/') && n <= len && memcmp(url + len - n, path, n) == 0)
            return lp_sprintf("%.*s%s", (int)len, url, path + n);
    return lp_sprintf("%.*s%s", (int)len, url, path);
}

int engine_open(const struct engine_options *options, const char *path, struct engine **ret_engine,
                struct lp_error *err)
{
    lp_auto_free char *endpoint = engine_endpoint(options->url, path);
    struct engine_options there = *options;

    engine_announce(options->name);
    there.url = endpoint;
    return *options->url ? engine_new(&there, ret_engine, err) : 0;
}
