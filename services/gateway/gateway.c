/*
 * services/gateway/gateway.c -- makes what the workers share, starts and ends them. Workers share
 * no connection and no request: the kernel spreads new connections over their sockets
 * (SO_REUSEPORT).
 */
#include "services/gateway/gateway.h"

#include <curl/curl.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "service/jwt.h"
#include "services/gateway/front.h"

#define MAX_WORKERS 64
#define AUTO_WORKERS 4

struct gateway {
    struct gateway_config config; /* with workers filled in */
    struct gateway_shared shared;
    struct worker *workers;
    size_t n;
    atomic_size_t awake; /* workers that wake_all reaches */
    uint16_t port;
};

static struct lp_metric_family *gauge(const char *name, const char *help, const char *labels)
{
    return lp_metric_family(LP_METRIC_GAUGE, name, help, labels, NULL, 0);
}

/* One series an upstream. */
static void make_upstream_metrics(struct gateway_shared *s)
{
    struct gateway_metrics *m = &s->metrics;
    struct lp_metric_family *awaiting = gauge(
        "lp_requests_awaiting_upstream",
        "Requests in flight that wait for another service, with those that wait for a place there.",
        "upstream");
    struct lp_metric_family *websockets =
        gauge("lp_websocket_connections", "Open WebSockets.", "upstream");
    struct lp_metric_family *circuits = gauge(
        "lp_circuits_open", "Workers that leave the upstream alone after failures.", "upstream");
    struct lp_metric_family *held =
        gauge("lp_requests_held",
              "Of those that wait for another service: held until a pod of it takes a connection.",
              "upstream");
    struct lp_metric_family *unanswered = gauge("lp_requests_unanswered",
                                                "Of those that wait for another service: it has "
                                                "them in full, and began no answer yet.",
                                                "upstream");
    struct lp_metric_family *upstream_seconds = lp_metric_family(
        LP_METRIC_HISTOGRAM, "lp_upstream_seconds", "Time until the head of an upstream's answer.",
        "upstream", lp_metrics_seconds, lp_metrics_n_seconds);
    struct lp_metric_family *left_alone = lp_metric_family(
        LP_METRIC_COUNTER, "lp_addresses_left_alone_total",
        "Times that an address of an upstream was left alone after failures.", "upstream", NULL, 0);
    struct lp_metric_family *seconds =
        lp_metric_family(LP_METRIC_HISTOGRAM, "lp_request_seconds",
                         "Time from a request's first line to the last byte of its answer.",
                         "service,route", lp_metrics_seconds, lp_metrics_n_seconds);

    for (size_t i = 0; i < s->routes.n; i++) {
        const char *name = s->routes.upstreams[i].name;
        m->awaiting[i] = lp_metric_with(awaiting, name);
        m->held[i] = lp_metric_with(held, name);
        m->unanswered[i] = lp_metric_with(unanswered, name);
        m->left_alone[i] = lp_metric_with(left_alone, name);
        m->websockets[i] = lp_metric_with(websockets, name);
        m->circuits[i] = lp_metric_with(circuits, name);
        m->upstream_seconds[i] = lp_metric_with(upstream_seconds, name);
        m->seconds[i] = lp_metric_with(seconds, "gateway", name);
    }
    m->seconds[GATEWAY_MAX_UPSTREAMS] = lp_metric_with(seconds, "gateway", "other");
}

static void make_metrics(struct gateway_shared *s)
{
    static const char *const reasons[REJECT_REASONS] = {
        [REJECT_QUEUE_FULL] = "queue_full",     [REJECT_DEADLINE] = "deadline",
        [REJECT_CLIENT_GONE] = "client_gone",   [REJECT_RATE_LIMIT] = "rate_limit",
        [REJECT_CIRCUIT_OPEN] = "circuit_open", [REJECT_CONNECTIONS] = "connections",
    };
    struct gateway_metrics *m = &s->metrics;
    struct lp_metric_family *rejected =
        lp_metric_family(LP_METRIC_COUNTER, "lp_requests_rejected_total",
                         "Requests turned away before any work.", "reason", NULL, 0);

    make_upstream_metrics(s);
    m->requests = lp_metric_family(LP_METRIC_COUNTER, "lp_requests_total",
                                   "Requests answered, 499 where the client went before.",
                                   "service,route,code", NULL, 0);
    m->in_flight = lp_metric_single(gauge("lp_requests_in_flight", "Requests under work.", ""));
    m->waiting = lp_metric_single(gauge(
        "lp_requests_waiting", "Requests that wait for the gateway itself; it lets none.", ""));
    m->slots =
        lp_metric_single(gauge("lp_request_slots", "Requests that can be under work at once.", ""));
    m->buffered = lp_metric_single(
        gauge("lp_buffered_bytes", "Bytes of bodies on their way and of requests that wait.", ""));
    for (size_t i = 0; i < REJECT_REASONS; i++)
        m->rejected[i] = lp_metric_with(rejected, reasons[i]);
}

static int64_t count_workers(int64_t wanted)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    if (wanted > 0)
        return wanted < MAX_WORKERS ? wanted : MAX_WORKERS;
    return cpus < 1 ? 1 : cpus < AUTO_WORKERS ? cpus : AUTO_WORKERS;
}

/* From the thread that looks names up; every worker that is started hears it, and one that starts
 * now reads the list first. */
static void wake_all(void *user)
{
    struct gateway *g = user;

    for (size_t i = 0; i < atomic_load(&g->awake); i++)
        worker_wake(&g->workers[i]);
}

static enum gateway_access_log access_log(const char *name)
{
    return strcasecmp(name, "off") == 0       ? GATEWAY_LOG_OFF
           : strcasecmp(name, "errors") == 0  ? GATEWAY_LOG_ERRORS
           : strcasecmp(name, "sampled") == 0 ? GATEWAY_LOG_SAMPLED
                                              : GATEWAY_LOG_ALL;
}

/* RATE_LIMIT_MAX: 0 turns them off, over 0 it is the bucket of every client. */
static void make_limiters(struct gateway_shared *s)
{
    const struct gateway_config *c = s->config;
    double rate = (double)c->rate_max * 1000 / (double)c->rate_window_ms;

    if (c->rate_max > 0) {
        s->by_subject = limiter_new(rate, c->rate_max);
        s->by_address = limiter_new(rate, c->rate_max);
    } else if (c->rate_max < 0) {
        s->by_subject = limiter_new((double)c->subject_rate, c->subject_burst);
        s->by_address = limiter_new((double)c->address_rate, c->address_burst);
    }
}

static int make_shared(struct gateway *g, struct lp_error *err)
{
    struct gateway_shared *s = &g->shared;
    const struct lp_keys_options keys = { .secrets = g->config.jwt_secrets,
                                          .secrets_dir = g->config.jwt_keys_dir,
                                          .jwks_url = g->config.jwks_url,
                                          .refresh_ms = g->config.jwks_refresh_ms };
    int r = gateway_routes_make(&g->config, &s->routes, err);

    if (r == 0)
        r = lp_keys_new(&keys, &s->keys, err);
    if (r < 0)
        return r;
    s->config = &g->config;
    r = peer_networks_read(g->config.trusted_proxies, &s->trusted, err);
    if (r == 0)
        r = endpoints_new(&s->routes, wake_all, g, &s->endpoints, err);
    if (r < 0)
        return r;
    make_limiters(s);
    make_metrics(s);
    s->learners = learners_new();
    return 0;
}

static void free_shared(struct gateway *g)
{
    endpoints_free(g->shared.endpoints);
    gateway_routes_done(&g->shared.routes);
    lp_keys_free(g->shared.keys);
    limiter_free(g->shared.by_subject);
    limiter_free(g->shared.by_address);
    learners_free(g->shared.learners);
    free(g->workers);
    free(g);
}

int gateway_start(const struct gateway_config *config, struct gateway **ret_gateway,
                  struct lp_error *err)
{
    struct gateway *g = lp_alloc(sizeof *g);
    int r;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
        free(g);
        return lp_error_set(err, LP_E_INTERNAL, "libcurl does not start");
    }
    g->config = *config;
    g->config.workers = count_workers(config->workers);
    g->config.access_log = access_log(config->access_log_name);
    g->port = (uint16_t)config->common.port;
    g->workers = lp_calloc((size_t)g->config.workers, sizeof *g->workers);
    r = make_shared(g, err);
    while (r == 0 && g->n < (size_t)g->config.workers) {
        r = front_start(&g->workers[g->n], &g->shared, &g->port, err);
        if (r == 0)
            atomic_store(&g->awake, ++g->n);
    }
    if (r < 0) {
        gateway_free(g, 0);
        return r;
    }
    lp_metric_set(g->shared.metrics.slots, (double)g->config.common.concurrency);
    *ret_gateway = g;
    return 0;
}

uint16_t gateway_port(const struct gateway *g)
{
    return g->port;
}

bool gateway_ready(struct gateway *g, char why[128])
{
    return lp_keys_ready(g->shared.keys, why);
}

bool gateway_turns(struct gateway *g)
{
    bool all = true;

    for (size_t i = 0; i < g->n; i++) {
        all = all && atomic_fetch_add(&g->workers[i].asked, 1) < 2;
        worker_wake(&g->workers[i]);
    }
    return all;
}

void gateway_close_politely(struct gateway *g)
{
    for (size_t i = 0; i < g->n; i++) {
        atomic_store(&g->workers[i].closing, true);
        worker_wake(&g->workers[i]);
    }
}

static void end_worker(struct worker *w, int64_t until)
{
    int64_t left = until - lp_clock_ms();

    if (!lp_stop_wait(w->ended, left > 0 ? left : 0)) {
        atomic_store(&w->abort, true);
        worker_wake(w);
    }
    pthread_join(w->thread, NULL);
    front_free(w);
}

void gateway_free(struct gateway *g, int64_t grace_ms)
{
    if (!g)
        return;
    int64_t until = lp_clock_ms() + grace_ms;
    gateway_close_politely(g);
    if (g->shared.endpoints)
        endpoints_stop(g->shared.endpoints);
    for (size_t i = 0; i < g->n; i++) {
        atomic_store(&g->workers[i].quiesce, true);
        worker_wake(&g->workers[i]);
    }
    for (size_t i = 0; i < g->n; i++)
        end_worker(&g->workers[i], until);
    free_shared(g);
}

int gateway_check(const struct gateway_config *config, struct lp_error *err)
{
    struct gateway_routes routes = { .n = 0 };
    struct lp_jwt_keys *keys = NULL;
    struct peer_networks trusted;
    struct replies replies;

    int r = gateway_routes_make(config, &routes, err);
    if (r == 0)
        r = peer_networks_read(config->trusted_proxies, &trusted, err);
    if (r == 0)
        r = lp_jwt_keys_new(*config->jwt_secrets ? config->jwt_secrets : NULL, &keys, err);
    if (r == 0 && !*config->jwt_secrets && !*config->jwks_url && !*config->jwt_keys_dir)
        r = lp_error_set(err, LP_E_INVALID,
                         "AUTH_JWKS_URL, AUTH_JWT_SECRET or AUTH_JWT_KEYS_DIR is required: by what "
                         "are tokens known?");
    if (r == 0)
        r = replies_init(&replies, config, err);
    if (r == 0)
        replies_done(&replies);
    lp_jwt_keys_free(keys);
    gateway_routes_done(&routes);
    return r;
}
