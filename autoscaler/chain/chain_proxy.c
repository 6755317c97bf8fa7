/*
 * The previous metrics API believes X-Remote-* only behind the aggregator's certificate, which we
 * do not have. So it is asked with a token of a ServiceAccount that may read custom metrics and
 * nothing else, after our own access review allowed the caller.
 *
 * An HPA's worker waits for each answer, and the controller has five: a backend that does not
 * answer three times in a row is not asked for five seconds, and then by one request at a time.
 *
 * Threads: event loops and review threads come in by _pass; CHAIN_PROXY_THREADS of our own, each
 * with its connections, take jobs from one queue.
 */
#include "autoscaler/chain/chain_proxy.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "autoscaler/api/answer.h"
#include "autoscaler/chain/chain_target.h"
#include "autoscaler/base/telemetry.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/heartbeat.h"
#include "base/limits.h"
#include "http/client/client.h"
#include "json/json.h"
#include "work/fifo.h"

#define FAILURES 3
#define OPEN_MS 5000
#define MAX_VIA 512
#define MAX_SAID 300

struct job {
    struct lp_fifo_item item;   /* first: the fifo gives it back as a job */
    struct lp_http_exchange *x; /* NULL: a list is asked for */
    enum metrics_version version;
    struct chain_target *target;
    char *ours;
    int64_t came_ms;
};

struct chain_proxy {
    struct chain_proxy_options options;
    pthread_t threads[CHAIN_PROXY_THREADS];
    unsigned n_threads;
    struct lp_fifo *jobs;
    pthread_mutex_t lock; /* of all below */
    struct chain_target *targets[METRICS_VERSIONS];
    bool known[METRICS_VERSIONS]; /* chain_proxy_backend() said who it is, or that there is none */
    char *token;
    unsigned failures; /* in a row */
    int64_t open_until_ms;
    char why[MAX_SAID]; /* of the last failure */
};

/* The connections of one thread. */
struct worker {
    struct chain_proxy *proxy;
    struct chain_target *target; /* that `client` is made for */
    struct lp_http_client *client;
};

/* ---- backend and token ---- */

void chain_proxy_backend(struct chain_proxy *p, enum metrics_version v,
                         const struct chain_backend *backend)
{
    struct chain_target *old = p->targets[v]; /* nobody else changes it, nor `known` */
    if (p->known[v] && (backend ? old && chain_target_is(old, backend) : !old))
        return;
    struct chain_target *target = backend ? chain_target_new(backend) : NULL;
    pthread_mutex_lock(&p->lock);
    p->targets[v] = target;
    p->known[v] = true;
    p->failures = 0;
    p->open_until_ms = 0;
    pthread_mutex_unlock(&p->lock);
    chain_target_unref(old);
}

void chain_proxy_token(struct chain_proxy *p, const char *token)
{
    pthread_mutex_lock(&p->lock);
    free(p->token);
    p->token = lp_strdup(token);
    pthread_mutex_unlock(&p->lock);
}

/* ---- the answer ---- */

static void job_free(struct job *job)
{
    chain_target_unref(job->target);
    free(job->ours);
    free(job);
}

/* Before the reply, which ends the exchange. */
static void proxy_count(const struct job *job, int status)
{
    lp_auto_free char *code = lp_sprintf("%d", status);
    lp_metric_add(lp_metric_with(telemetry.chain_requests, code), 1);
    lp_metric_observe(telemetry.chain_seconds, (double)(lp_clock_ms() - job->came_ms) / 1e3);
}

static void reply_status(const struct job *job, int status, const char *message)
{
    lp_auto_buf struct lp_buf body = LP_BUF_INIT(8192);
    answer_status(status, message, &body);
    proxy_count(job, status);
    lp_http_reply_buf(job->x, status, "application/json", &body);
}

/* Answers "the previous metrics API monitoring/adapter <what>"; of a list, `listed` gets that. */
__attribute__((format(printf, 4, 5))) static void
fail(const struct chain_proxy *p, const struct job *job, int status, const char *fmt, ...)
{
    char what[768], message[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    snprintf(message, sizeof message, "the previous metrics API %.63s/%.63s %s",
             job->target->backend.ns, job->target->backend.service, what);
    if (job->x)
        reply_status(job, status, message);
    else
        p->options.listed(job->version, NULL, message, p->options.user);
}

/* What a failure says: the message of a Status, else nothing. */
static void said(const struct lp_http_response *response, char ret_said[MAX_SAID])
{
    json_auto_t *status = NULL;
    struct lp_error ignored;
    ret_said[0] = '\0';
    if (lp_json_parse(response->body.ptr, response->body.len, 65536, "Status", &status, &ignored) <
        0)
        return;
    const char *message = lp_json_str(status, "message", NULL);
    if (message)
        snprintf(ret_said, MAX_SAID, ": %.280s", message);
}

static void answer_resources(const struct chain_proxy *p, const struct job *job,
                             const struct lp_http_response *response)
{
    json_auto_t *list = NULL;
    struct lp_error err;
    const struct lp_buf *body = &response->body;
    if (response->status == 404) { /* it does not serve this version */
        json_auto_t *none = json_array();
        p->options.listed(job->version, none, NULL, p->options.user);
        return;
    }
    int r =
        lp_json_parse(body->ptr, body->len, p->options.max_bytes, "APIResourceList", &list, &err);
    json_t *resources = json_object_get(list, "resources");
    if (r < 0 || !json_is_array(resources))
        fail(p, job, 503, "answered its list of metrics with %d and no APIResourceList",
             response->status);
    else
        p->options.listed(job->version, resources, NULL, p->options.user);
}

/* Passed on as it is: what is right, and what the caller did wrong. */
static bool is_callers(int status)
{
    return status == 200 || status == 400 || status == 404 || status == 405 || status == 406;
}

static void proxy_answer(struct chain_proxy *p, const struct job *job,
                         struct lp_http_response *response)
{
    char text[MAX_SAID];
    if (response->status == 401 || response->status == 403) {
        said(response, text);
        if (response->status == 401)
            p->options.refused(p->options.user);
        fail(p, job, 503, "refused the ServiceAccount %s with %d%s", p->options.account,
             response->status, text);
    } else if (response->status != 404 && response->status != 200 && !job->x) {
        fail(p, job, 503, "answered its list of metrics with %d", response->status);
    } else if (!job->x) {
        answer_resources(p, job, response);
    } else if (response->status == 404 && job->ours) {
        lp_auto_free char *both = lp_sprintf("%.700s (nor does %s/%s have it)", job->ours,
                                             job->target->backend.ns, job->target->backend.service);
        reply_status(job, 404, both);
    } else if (is_callers(response->status)) {
        proxy_count(job, response->status);
        lp_http_reply_buf(job->x, response->status,
                          *response->content_type ? response->content_type : "application/json",
                          &response->body);
    } else { /* its Retry-After, where there is one, would hold a worker of the HPA controller */
        said(response, text);
        fail(p, job, 503, "answered %d%s", response->status, text);
    }
}

/* ---- the breaker ---- */

/* False, and why, while the breaker is open. */
static bool may_ask(struct chain_proxy *p, char ret_why[MAX_SAID])
{
    int64_t now = lp_clock_ms();
    pthread_mutex_lock(&p->lock);
    bool may = p->failures < FAILURES || now >= p->open_until_ms;
    if (may && p->failures >= FAILURES)
        p->open_until_ms = now + OPEN_MS; /* the others wait for what this one finds */
    snprintf(ret_why, MAX_SAID, "%s", p->why);
    pthread_mutex_unlock(&p->lock);
    return may;
}

static void note_failure(struct chain_proxy *p, const char *why)
{
    pthread_mutex_lock(&p->lock);
    p->failures++;
    p->open_until_ms = lp_clock_ms() + OPEN_MS;
    snprintf(p->why, sizeof p->why, "%s", why);
    pthread_mutex_unlock(&p->lock);
}

static void note_success(struct chain_proxy *p)
{
    pthread_mutex_lock(&p->lock);
    p->failures = 0;
    pthread_mutex_unlock(&p->lock);
}

/* ---- the question ---- */

static int connect_worker(struct worker *w, struct chain_target *t, struct lp_error *err)
{
    if (w->client && w->target == t)
        return 0;
    lp_http_client_free(w->client);
    w->client = NULL;
    chain_target_unref(w->target);
    w->target = chain_target_ref(t);
    const struct chain_proxy_options *o = &w->proxy->options;
    const struct lp_http_client_options options = {
        .connect_timeout_ms = o->timeout_ms,
        .idle_timeout_ms = o->timeout_ms,
        .total_timeout_ms = o->timeout_ms,
        .max_response = o->max_bytes,
        .user_agent = "lp-adapter-chain/" LP_VERSION,
        .ca_pem = t->backend.ca_pem,
        .insecure_skip_verify = t->backend.insecure,
        .connect_to = o->connect_to,
        .stop = o->stop,
    };
    return lp_http_client_new(&options, &w->client, err);
}

static char *url_of(const struct job *job)
{
    const struct chain_backend *b = &job->target->backend;
    lp_auto_free char *list =
        lp_sprintf("/apis/" METRICS_GROUP "/%s", metrics_version_name(job->version));
    return lp_sprintf("https://%s.%s.svc:%u%s", b->service, b->ns, b->port,
                      job->x ? lp_http_target(job->x) : list);
}

static char *via_of(const struct chain_proxy *p, const struct job *job)
{
    const char *before = job->x ? lp_http_header(job->x, "Via") : NULL;
    return lp_sprintf("Via: %s%s1.1 %s.%s", before ? before : "", before ? ", " : "",
                      p->options.service, p->options.ns);
}

/* 0 with an answer of whatever status. */
static int ask(struct worker *w, const struct job *job, struct lp_http_response *response,
               struct lp_error *err)
{
    struct chain_proxy *p = w->proxy;
    int64_t left_ms = job->came_ms + p->options.timeout_ms - lp_clock_ms();
    pthread_mutex_lock(&p->lock);
    lp_auto_free char *token = lp_strdup(p->token);
    pthread_mutex_unlock(&p->lock);
    if (!token)
        return lp_error_set(err, LP_E_DENIED, "cannot be asked: there is no token of %s yet",
                            p->options.account);
    int r = connect_worker(w, job->target, err);
    if (r < 0)
        return r;
    const char *accepted = job->x ? lp_http_header(job->x, "Accept") : "application/json";
    lp_auto_free char *bearer = lp_sprintf("Authorization: Bearer %s", token);
    lp_auto_free char *accept = lp_sprintf("Accept: %s", accepted ? accepted : "application/json");
    lp_auto_free char *via = via_of(p, job);
    lp_auto_free char *url = url_of(job);
    const char *const headers[] = { bearer, accept, via, NULL };
    const struct lp_http_request request = { .method = "GET",
                                             .url = url,
                                             .headers = headers,
                                             .total_timeout_ms = left_ms > 1 ? left_ms : 1 };
    return lp_http_do(w->client, &request, response, err);
}

static void work_on(struct worker *w, struct job *job)
{
    lp_auto_http_response struct lp_http_response response = LP_HTTP_RESPONSE_INIT;
    struct lp_error err = { 0 };
    char why[MAX_SAID];
    if (!may_ask(w->proxy, why)) {
        fail(w->proxy, job, 503, "%s; it is asked again in a moment", why);
        return;
    }
    int r = ask(w, job, &response, &err);
    if (r == 0) {
        note_success(w->proxy);
        proxy_answer(w->proxy, job, &response);
        return;
    }
    if (r == LP_E_TIMEOUT)
        snprintf(why, sizeof why, "did not answer in %g s",
                 (double)w->proxy->options.timeout_ms / 1e3);
    else if (r == LP_E_CANCELED)
        snprintf(why, sizeof why, "was not asked to the end: this replica is stopping");
    else if (r == LP_E_DENIED)
        snprintf(why, sizeof why, "%.280s", err.msg);
    else
        snprintf(why, sizeof why, "gave no answer: %.260s", err.msg);
    if (r == LP_E_TIMEOUT || r == LP_E_UNAVAILABLE)
        note_failure(w->proxy, why);
    fail(w->proxy, job, 503, "%s", why);
}

/* ---- the queue ---- */

static void *run_chain_proxy(void *user)
{
    struct chain_proxy *p = user;
    struct worker w = { .proxy = p };
    lp_heartbeat_begin("chain", LP_HEARTBEAT_MS);
    for (struct job *job; (job = (struct job *)lp_fifo_take(p->jobs)) != NULL;) {
        work_on(&w, job);
        job_free(job);
    }
    lp_http_client_free(w.client);
    chain_target_unref(w.target);
    lp_heartbeat_end();
    return NULL;
}

/* Takes the job over. */
static void proxy_enqueue(struct chain_proxy *p, struct job *job)
{
    if (lp_fifo_put(p->jobs, &job->item))
        return;
    fail(p, job, 503, "is not asked: too many requests wait for it, or this replica is stopping");
    job_free(job);
}

/* The version's own, else the other's: adapters serve both and may be registered for one.
 * NULL: there is none, or *ret_known is false. */
static struct chain_target *target_of(struct chain_proxy *p, enum metrics_version v,
                                      bool *ret_known)
{
    enum metrics_version other = v == METRICS_V1BETA2 ? METRICS_V1BETA1 : METRICS_V1BETA2;
    pthread_mutex_lock(&p->lock);
    struct chain_target *t = p->targets[v] ? p->targets[v] : p->targets[other];
    if (t)
        atomic_fetch_add(&t->refs, 1);
    *ret_known = p->known[v] && p->known[other];
    pthread_mutex_unlock(&p->lock);
    return t;
}

static struct job *job_new(enum metrics_version v, struct lp_http_exchange *x,
                           struct chain_target *t)
{
    struct job *job = lp_alloc(sizeof *job);
    *job = (struct job){ .x = x, .version = v, .target = t, .came_ms = lp_clock_ms() };
    return job;
}

/* Somebody passes on to us what we passed on to them: "1.1 a.b, 1.1 <service>.<namespace>". */
static bool was_here(const struct chain_proxy *p, const struct lp_http_exchange *x)
{
    const char *via = lp_http_header(x, "Via");
    lp_auto_free char *ours = lp_sprintf(" %s.%s", p->options.service, p->options.ns);
    if (!via || strlen(via) > MAX_VIA)
        return via != NULL;
    for (const char *at = via; (at = strstr(at, ours)) != NULL; at++)
        if (strchr(", ", at[strlen(ours)])) /* its NUL too */
            return true;
    return false;
}

bool chain_proxy_pass(struct chain_proxy *p, enum metrics_version v, struct lp_http_exchange *x,
                      const char *ours)
{
    bool known = true;
    struct chain_target *t = was_here(p, x) ? NULL : target_of(p, v, &known);
    if (!t && known)
        return false;
    struct job *job = job_new(v, x, t);
    if (!t) { /* a 404 would say that nobody has the metric */
        reply_status(job, 503,
                     "the previous metrics API is not known yet: this replica has just "
                     "started");
        job_free(job);
        return true;
    }
    job->ours = lp_strdup(ours);
    proxy_enqueue(p, job);
    return true;
}

void chain_proxy_list(struct chain_proxy *p, enum metrics_version v)
{
    bool known;
    struct chain_target *t = target_of(p, v, &known);
    if (t)
        proxy_enqueue(p, job_new(v, NULL, t));
}

/* ---- start and end ---- */

int chain_proxy_start(const struct chain_proxy_options *options, struct chain_proxy **ret_proxy,
                      struct lp_error *err)
{
    struct chain_proxy *p = lp_alloc(sizeof *p);
    p->options = *options;
    if (p->options.timeout_ms == 0)
        p->options.timeout_ms = CHAIN_PROXY_TIMEOUT_MS;
    if (p->options.max_bytes == 0)
        p->options.max_bytes = CHAIN_PROXY_MAX_BYTES;
    p->jobs = lp_fifo_new(CHAIN_PROXY_WAITING);
    pthread_mutex_init(&p->lock, NULL);
    for (; p->n_threads < CHAIN_PROXY_THREADS; p->n_threads++) {
        if (pthread_create(&p->threads[p->n_threads], NULL, run_chain_proxy, p) != 0) {
            chain_proxy_close(p);
            chain_proxy_free(p);
            return lp_error_set(err, LP_E_INTERNAL, "cannot start a thread for the previous API");
        }
        pthread_setname_np(p->threads[p->n_threads], "chain");
    }
    *ret_proxy = p;
    return 0;
}

void chain_proxy_close(struct chain_proxy *p)
{
    lp_fifo_close(p->jobs);
    while (p->n_threads > 0)
        pthread_join(p->threads[--p->n_threads], NULL);
}

void chain_proxy_free(struct chain_proxy *p)
{
    if (!p)
        return;
    for (unsigned i = 0; i < METRICS_VERSIONS; i++)
        chain_target_unref(p->targets[i]);
    free(p->token);
    lp_fifo_free(p->jobs);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
