/*
 * The run of a service: from the ports' opening to the last answer after SIGTERM.
 *
 * The way of a request: event loop (on_request: identity, filter, route) -> admission queue ->
 * worker thread (work: the handler) -> reply from any thread -> on_answered (metrics, log line).
 * Workers turn the event loop themselves, so all of this is mostly one thread (admission.h).
 *
 * Threads: workers, who stands in for them at the event loop, the probes' thread; lp_service_run's
 * own caller sweeps the queue once a second and beats for /livez.
 */
#include "service/service.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/server/turn.h"
#include "metrics/openmetrics.h"
#include "service/job.h"
#include "service/probes.h"
#include "service/pseudonym.h"

#define SWEEP_MS 1000
#define BEAT_LIMIT_MS 60000
#define DRAIN_EXTRA_MS 10000

/* Of the heap, with the caller's service: after a drain that failed threads still use both. */
struct lp_service_state {
    struct lp_service own;
    const struct lp_service *service; /* `own` */
    const struct lp_service_config *config;
    struct lp_http_server *server;
    struct lp_admission *admission;
    struct lp_probes *probes;
    struct lp_metric_family *total, *seconds, *rejected;
    atomic_bool draining;
};

static const char *or_else(const char *text, const char *fallback)
{
    return text ? text : fallback;
}

static void reply_literal(struct lp_job *job, int status, const char *json)
{
    lp_http_reply(job->request.x, status, "application/json; charset=utf-8", json, strlen(json));
}

static void reply_busy(struct lp_job *job, const char *reason)
{
    struct lp_service_state *s = job->state;

    lp_metric_add(lp_metric_with(s->rejected, reason), 1);
    lp_http_reply_header(job->request.x, "Retry-After", "1");
    reply_literal(job, 503, or_else(s->service->busy_json, "{\"error\":\"Service is busy\"}"));
}

/* ---- metrics and the log line ---- */

static void log_request(const struct lp_job *job, int status, size_t len, int64_t now_ns)
{
    bool quiet = job->route && job->route->inline_answer && status < 400;
    enum lp_log_level level = quiet ? LP_LOG_DEBUG : LP_LOG_INFO;
    char code[12], ms[32], waited[32], bytes[24];

    if (!lp_log_is_on(level))
        return;
    snprintf(code, sizeof code, "%d", status);
    snprintf(ms, sizeof ms, "%.3f", (double)(now_ns - job->arrived_ns) / 1e6);
    snprintf(waited, sizeof waited, "%.3f", (double)(job->started_ns - job->arrived_ns) / 1e6);
    snprintf(bytes, sizeof bytes, "%zu", len);
    const struct lp_job *before = lp_job_log(job);
    lp_log_each(level, "request", "method", job->method, "route",
                job->route ? job->route->name : "none", "status", code, "ms", ms, "waited_ms",
                waited, "bytes", bytes, NULL);
    lp_job_log(before);
}

static void count(struct lp_service_state *s, const char *route, int status, double seconds,
                  const char *trace_id)
{
    char code[12];
    snprintf(code, sizeof code, "%d", status);
    lp_metric_add(lp_metric_with(s->total, s->service->name, route, code), 1);
    lp_metric_observe_trace(lp_metric_with(s->seconds, s->service->name, route), seconds, trace_id);
}

static void on_answered(void *context, int status, size_t len, void *user)
{
    struct lp_service_state *s = user;
    struct lp_job *job = context;

    if (!job) {
        count(s, "refused", status, 0, "");
        return;
    }
    int64_t now = lp_clock_ns();
    log_request(job, status, len, now);
    count(s, job->route ? job->route->name : "none", status, (double)(now - job->arrived_ns) / 1e9,
          job->trace_id);
    bool admitted = job->admitted;
    lp_job_release(job);
    if (admitted)
        lp_admission_finish(s->admission); /* last: after it the service may end */
}

static const char *on_refusal(int status, const char *why, void *user)
{
    const struct lp_service_state *s = user;
    char code[12];

    snprintf(code, sizeof code, "%d", status);
    lp_log_info("request refused", "status", code, "why", why);
    if (status == 503) {
        lp_metric_add(lp_metric_with(s->rejected, "memory"), 1);
        return s->service->busy_json;
    }
    return status == 413 ? s->service->too_large_json : NULL;
}

/* ---- the way of a request ---- */

static int client_fd(const struct lp_admission_item *item)
{
    return lp_http_client_fd(((const struct lp_job *)(const void *)item)->request.x);
}

static void drop(struct lp_admission_item *item, const char *reason)
{
    struct lp_job *job = (struct lp_job *)(void *)item;
    reply_busy(job, reason);
    lp_job_release(job);
}

static void work(struct lp_admission_item *item, void *worker)
{
    struct lp_job *job = (struct lp_job *)(void *)item;

    job->started_ns = lp_clock_ns();
    lp_http_server_hold(); /* this thread goes to the event loop next, or settles */
    lp_job_log(job);
    job->route->handler(&job->request, worker);
    lp_job_log(NULL);
    lp_job_release(job);
}

static void find_route(struct lp_job *job)
{
    const struct lp_service *service = job->state->service;

    if (lp_job_read_path(job))
        job->route = lp_route_find(service->routes, job->method, &job->path);
    job->request.route = job->route ? job->route->name : NULL;
    for (size_t i = 0; i < LP_ROUTE_PARAMS; i++)
        job->request.params[i] = job->path.params[i];
}

static void dispatch(struct lp_job *job)
{
    struct lp_service_state *s = job->state;

    if (!job->route) {
        reply_literal(job, 404, s->service->not_found_json);
        lp_job_release(job);
    } else if (job->route->inline_answer) {
        lp_job_log(job);
        job->route->handler(&job->request, NULL);
        lp_job_log(NULL);
        lp_job_release(job);
    } else {
        job->admitted = true;
        job->item.deadline_ms = job->request.deadline_ms;
        if (lp_admission_put(s->admission, &job->item))
            return;
        job->admitted = false;
        reply_busy(job, atomic_load(&s->draining) ? "draining" : "queue_full");
        lp_job_release(job);
    }
}

static void on_request(struct lp_http_exchange *x, void *user)
{
    struct lp_service_state *s = user;
    struct lp_job *job = lp_job_new(s, x);

    job->request.user = s->service->user;
    job->request.deadline_ms = lp_http_arrived_ms(x) + s->config->deadline_ms;
    lp_http_reply_header(x, "X-Request-Id", job->request_id);
    if (atomic_load(&s->draining))
        lp_http_reply_header(x, "Connection", "close");
    find_route(job);
    lp_job_log(job);
    bool answered = s->service->filter && s->service->filter(&job->request);
    lp_job_log(NULL);
    if (answered)
        lp_job_release(job);
    else
        dispatch(job);
}

/* ---- start, serve, drain ---- */

static void make_metrics(struct lp_service_state *s)
{
    static const char *const reasons[] = { "queue_full", "deadline", "client_gone", "draining",
                                           "memory" };

    s->total = lp_metric_family(LP_METRIC_COUNTER, "lp_requests_total", "Requests answered",
                                "service,route,code", NULL, 0);
    s->seconds = lp_metric_family(LP_METRIC_HISTOGRAM, "lp_request_seconds",
                                  "Time from a request's last byte to its answer", "service,route",
                                  lp_metrics_seconds, lp_metrics_n_seconds);
    s->rejected = lp_metric_family(LP_METRIC_COUNTER, "lp_requests_rejected_total",
                                   "Requests answered 503 before work started", "reason", NULL, 0);
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        lp_metric_add(lp_metric_with(s->rejected, reasons[i]), 0);
}

static int start_probes(struct lp_service_state *s, struct lp_error *err)
{
    struct lp_probes_options o = { .port = (uint16_t)s->config->metrics_port,
                                   .state = "starting",
                                   .beat_limit_ms = BEAT_LIMIT_MS };
    const struct lp_probes_check ready = { .name = s->service->name,
                                           .check = s->service->ready,
                                           .user = s->service->user };
    int r = lp_probes_start(&o, &s->probes, err);
    if (r == 0 && ready.check)
        lp_probes_add(s->probes, &ready);
    return r;
}

static void start_admission(struct lp_service_state *s)
{
    struct lp_admission_options o = { .slots = (unsigned)s->config->concurrency,
                                      .queue_limit = (unsigned)s->config->queue_limit,
                                      .work = work,
                                      .drop = drop,
                                      .client_fd = client_fd,
                                      .make_worker = s->service->make_worker,
                                      .free_worker = s->service->free_worker,
                                      .user = s->service->user };
    s->admission = lp_admission_new(&o);
}

static void turn(void *user)
{
    lp_http_server_turn(((const struct lp_service_state *)user)->server);
}

static void watch(void *user)
{
    lp_http_server_watch(((const struct lp_service_state *)user)->server);
}

static void await(void *user)
{
    lp_http_server_await(((const struct lp_service_state *)user)->server);
}

static void wake(void *user)
{
    lp_http_server_wake(((const struct lp_service_state *)user)->server);
}

static void settle(void *user)
{
    (void)user;
    lp_http_server_settle();
}

static int start_loop(struct lp_service_state *s, struct lp_error *err)
{
    const struct lp_admission_loop loop = {
        .turn = turn, .watch = watch, .await = await, .wake = wake, .settle = settle, .user = s
    };
    return lp_admission_lead(s->admission, &loop, err);
}

static size_t body_limit(const struct lp_http_exchange *x, void *user)
{
    const struct lp_service *service = ((struct lp_service_state *)user)->service;
    struct lp_route_path path;

    if (!service->upload_route || !lp_route_path_read(lp_http_path(x), &path))
        return service->max_body;
    const struct lp_route *route = lp_route_find(service->routes, lp_http_method(x), &path);
    lp_route_path_done(&path);
    return route && strcmp(route->name, service->upload_route) == 0 ? service->upload_max_body
                                                                    : service->max_body;
}

static int start_server(struct lp_service_state *s, struct lp_error *err)
{
    size_t max_body = s->service->max_body;
    if (s->service->upload_route && s->service->upload_max_body > max_body)
        max_body = s->service->upload_max_body;
    int64_t open = s->config->concurrency + s->config->queue_limit + 256;
    struct lp_http_server_options o = { .port = (uint16_t)s->config->port,
                                        .max_connections = (unsigned)(open > 4096 ? 4096 : open),
                                        .header_timeout_s = 30,
                                        .max_body = max_body,
                                        .body_limit = body_limit,
                                        .turned = true,
                                        .name = s->service->name,
                                        .handler = on_request,
                                        .refusal = on_refusal,
                                        .answered = on_answered,
                                        .user = s };
    int r = lp_http_server_start(&o, &s->server, err);
    return r < 0 ? r : start_loop(s, err);
}

static void log_start(struct lp_service_state *s)
{
    uint16_t port = lp_http_server_port(s->server), metrics = lp_probes_port(s->probes);
    char text[8], metrics_text[8];

    snprintf(text, sizeof text, "%u", port);
    snprintf(metrics_text, sizeof metrics_text, "%u", metrics);
    lp_log_info("serving", "service", s->service->name, "port", text, "metrics_port", metrics_text);
    if (s->service->started)
        s->service->started(s->service->user, port, metrics);
}

static void tend(struct lp_service_state *s)
{
    lp_probes_beat(s->probes);
    lp_admission_sweep(s->admission);
    lp_log_sweep();
}

/* Not ready, but serving: until no endpoint leads here any more. */
static void keep_serving(struct lp_service_state *s)
{
    struct lp_stop *never = lp_stop_new();
    int64_t end = lp_clock_ms() + s->config->drain_ms, left;

    while ((left = end - lp_clock_ms()) > 0) {
        tend(s);
        lp_stop_wait(never, left < SWEEP_MS ? left : SWEEP_MS);
    }
    lp_stop_free(never);
}

static int drain(struct lp_service_state *s, struct lp_error *err)
{
    int64_t limit = s->config->deadline_ms + DRAIN_EXTRA_MS;

    lp_log_info("draining", "service", s->service->name);
    lp_probes_set_state(s->probes, "draining");
    atomic_store(&s->draining, true);
    keep_serving(s);
    lp_http_server_quiesce(s->server);
    int64_t end = lp_clock_ms() + limit;
    while (!lp_admission_close(s->admission, SWEEP_MS)) {
        tend(s);
        if (lp_clock_ms() >= end)
            return lp_error_set(err, LP_E_TIMEOUT,
                                "%s: requests were not answered within %" PRId64 " ms of the drain",
                                s->service->name, limit);
    }
    lp_log_info("drained", "service", s->service->name);
    return 0;
}

static void apply_settings(const struct lp_service *service, const struct lp_service_config *config)
{
    static char program[64]; /* borrowed by lp_build_info */
    enum lp_log_level level;

    if (lp_log_parse_level(config->log_level, &level))
        lp_log_set_level(level);
    mallopt(M_ARENA_MAX, 2); /* one arena per thread would cost a small pod its memory */
    snprintf(program, sizeof program, "lp-%s", service->name);
    lp_metrics_set_program(program, LP_VERSION);
    lp_pseudonym_key(config->log_hash_key);
}

int lp_service_run(const struct lp_service *service, const struct lp_service_config *config,
                   struct lp_stop *stop, struct lp_error *err)
{
    struct lp_service_state *s = lp_alloc(sizeof *s);

    s->own = *service;
    s->service = &s->own;
    s->config = config;
    apply_settings(s->service, config);
    make_metrics(s);
    int r = start_probes(s, err);
    if (r < 0) {
        free(s);
        return r;
    }
    start_admission(s);
    r = start_server(s, err);
    if (r == 0) {
        log_start(s);
        lp_probes_set_state(s->probes, NULL);
        while (!lp_stop_wait(stop, SWEEP_MS))
            tend(s);
        r = drain(s, err);
        if (r < 0)
            return r; /* threads still use what we would free; the program ends now */
        lp_http_server_flush(s->server);
    }
    lp_admission_free(s->admission);
    lp_http_server_stop(s->server);
    lp_probes_stop(s->probes);
    free(s);
    return r;
}
