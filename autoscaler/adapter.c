/*
 * The metrics adapter: its rooms, started and ended.
 *
 *   informers/     pods and what owns them, from the API server into the samples
 *   samples/       what each pod's metrics page said, and what that makes of a service
 *   auth/          who asks, and may they
 *   api/           a request from its path to its answer
 *   chain/         another adapter behind us: METRICS_API=Chain
 *   registration/  our certificate and the APIServices, kept by serving.c
 *
 * Threads: those of the rooms; each starts its own.
 */
#include "autoscaler/adapter.h"

#include <stdlib.h>

#include "autoscaler/api/api.h"
#include "autoscaler/auth/auth.h"
#include "autoscaler/base/telemetry.h"
#include "autoscaler/chain/chain.h"
#include "autoscaler/informers/informers.h"
#include "autoscaler/informers/loss_events.h"
#include "autoscaler/samples/measured.h"
#include "autoscaler/samples/pressure.h"
#include "autoscaler/samples/samples.h"
#include "autoscaler/samples/scraper.h"
#include "autoscaler/serving.h"
#include "base/alloc.h"
#include "base/clock.h"

#define SCRAPE_INTERVAL_MS 1000
#define MAX_CONNECTIONS 512
#define MAX_BODY 65536 /* of requests that are refused anyway */

_Static_assert(ADAPTER_CONFLICT == REGISTRATION_CONFLICT, "serving.c writes it");

struct adapter {
    struct adapter_config config;
    struct registration registration;
    struct lp_kube_config *kube;
    struct lp_stop *stop;
    struct samples *samples;
    struct scraper *scraper;
    struct informers *informers;
    struct loss_events *loss_events;
    /* The rest is NULL where config.serve is false. */
    struct auth *auth;
    struct chain *chain; /* NULL: not ADAPTER_CHAIN */
    struct serving *serving;
    struct api api;
    struct lp_http_server *server;
};

/* ---- start ---- */

static bool is_ready(void *user, char why[128])
{
    return serving_ready(user, why);
}

static bool pass_on(void *user, enum metrics_version v, struct lp_http_exchange *x,
                    const char *ours)
{
    return chain_proxy_pass(user, v, x, ours);
}

static int start_server(struct adapter *a, struct lp_error *err)
{
    auto_certs struct certs certs = { 0 };
    int r = serving_first_certificate(&a->registration, &certs, err);
    if (r < 0)
        return r;
    a->api = (struct api){ .auth = a->auth,
                           .samples = a->samples,
                           .ready = is_ready,
                           .ready_user = a->serving,
                           .pass_on = a->chain ? pass_on : NULL,
                           .pass_on_user = a->chain ? chain_proxy(a->chain) : NULL };
    const struct lp_http_tls tls = { certs.cert, certs.key, certs.ca };
    const struct lp_http_server_options options = {
        .address = a->config.address,
        .port = a->config.port,
        .threads = a->config.threads,
        .max_connections = MAX_CONNECTIONS,
        .header_timeout_s = 60,
        .max_body = MAX_BODY,
        .tls = &tls,
        .name = "metrics API",
        .handler = api_handle,
        .user = &a->api,
        .refusal = api_refusal,
    };
    r = lp_http_server_start(&options, &a->server, err);
    if (r == 0 && a->registration.port == 0)
        a->registration.port = lp_http_server_port(a->server);
    return r;
}

static int start_chain(struct adapter *a, struct lp_error *err)
{
    const struct chain_options options = {
        &a->registration, a->kube, a->stop, a->config.chain_account, a->config.chain_connect_to, 0
    };
    return a->config.mode == ADAPTER_CHAIN ? chain_start(&options, &a->chain, err) : 0;
}

/* Who asks for metrics: from here on requests are answered. */
static int start_serving(struct adapter *a, struct lp_error *err)
{
    a->auth = auth_new(a->kube, a->stop);
    int r = auth_start(a->auth, err);
    if (r == 0)
        r = auth_start_informer(a->auth, err);
    if (r == 0)
        r = start_chain(a, err);
    if (r < 0)
        return r;
    const struct serving_options options = { .registration = &a->registration,
                                             .kube = a->kube,
                                             .stop = a->stop,
                                             .samples = a->samples,
                                             .auth = a->auth,
                                             .chain = a->chain,
                                             .registered = a->config.mode != ADAPTER_NONE,
                                             .address = a->config.address };
    a->serving = serving_new(&options);
    r = start_server(a, err);
    return r == 0 ? serving_start(a->serving, a->server, err) : r;
}

/* Where metrics come from. */
static int start_samples(struct adapter *a, struct lp_error *err)
{
    const struct scraper_options scraper = { .samples = a->samples,
                                             .stop = a->stop,
                                             .port = a->config.pod_metrics_port };
    int r = scraper_start(&scraper, &a->scraper, err);
    if (r < 0)
        return r;
    const struct informers_options informers = { .samples = a->samples,
                                                 .scraper = a->scraper,
                                                 .kube = a->kube,
                                                 .stop = a->stop,
                                                 .namespaces = a->config.namespaces,
                                                 .n_namespaces = a->config.n_namespaces };
    r = informers_start(&informers, &a->informers, err);
    return r == 0 ? loss_events_start(a->samples, a->kube, a->stop, &a->loss_events, err) : r;
}

static struct adapter *adapter_new(const struct adapter_config *config, struct lp_kube_config *kube,
                                   struct lp_stop *stop)
{
    struct adapter *a = lp_alloc(sizeof *a);
    a->config = *config;
    a->registration = (struct registration){
        .ns = config->ns,
        .service = config->service,
        .secret = config->secret,
        .deployment = config->deployment,
        .port = config->service_port,
        .ca_s = config->ca_s,
        .leaf_s = config->leaf_s,
    };
    a->kube = kube;
    a->stop = stop;
    a->samples = samples_new(SCRAPE_INTERVAL_MS, config->warm_up_ms);
    return a;
}

/* Also of what is half started, once the stop was requested. */
static void end_all(struct adapter *a)
{
    if (a->serving)
        serving_join(a->serving);
    if (a->server)
        lp_http_server_quiesce(a->server);
    if (a->auth)
        auth_close(a->auth);
    informers_join(a->informers);
    scraper_join(a->scraper);
    loss_events_join(a->loss_events);
    if (a->chain)
        chain_close(a->chain);
    lp_http_server_stop(a->server);
    chain_free(a->chain);
    serving_free(a->serving);
    auth_free(a->auth);
    samples_free(a->samples);
    free(a);
}

int adapter_start(const struct adapter_config *config, struct lp_kube_config *kube,
                  struct lp_stop *stop, struct adapter **ret_adapter, struct lp_error *err)
{
    telemetry_init();
    struct adapter *a = adapter_new(config, kube, stop);
    int r = start_samples(a, err);
    if (r == 0 && config->serve)
        r = start_serving(a, err);
    if (r < 0) {
        lp_stop_request(stop);
        end_all(a);
        return r;
    }
    *ret_adapter = a;
    return 0;
}

void adapter_join(struct adapter *a)
{
    if (!a)
        return;
    if (a->serving)
        serving_withdraw(a->serving);
    end_all(a);
}

/* ---- what others ask of it ---- */

bool adapter_ready(struct adapter *a, char why[128])
{
    return a->serving ? serving_ready(a->serving, why)
                      : samples_swept(a->samples, lp_clock_ms(), why);
}

bool adapter_serves(struct adapter *a, char why[128])
{
    return !a->serving || serving_serves(a->serving, why);
}

bool adapter_available(struct adapter *a, char why[128])
{
    return !a->serving || serving_available(a->serving, why);
}

bool adapter_conflict(struct adapter *a, char why[ADAPTER_CONFLICT])
{
    return a->serving && serving_conflict(a->serving, why);
}

bool adapter_queue_depth(struct adapter *a, const char *ns, const char *service, int64_t *ret_milli)
{
    return samples_queue_depth(a->samples, ns, service, lp_clock_ms(), ret_milli);
}

static int64_t service_metric(struct adapter *a, const char *ns, const char *service,
                              enum samples_metric metric)
{
    const struct samples_question question = {
        .ns = ns, .name = service, .metric = metric, .now_ms = lp_clock_ms()
    };
    auto_samples_values struct samples_values values = SAMPLES_VALUES_INIT;
    struct lp_error ignored;

    return samples_read(a->samples, &question, &values, &ignored) == 0 && values.n == 1
               ? values.items[0].milli
               : -1;
}

void adapter_traffic(struct adapter *a, const char *ns, const char *service,
                     struct traffic *ret_traffic)
{
    *ret_traffic = (struct traffic){
        .arrivals = service_metric(a, ns, service, SAMPLES_ARRIVAL_RATE),
        .service_ms = service_metric(a, ns, service, SAMPLES_SERVICE_TIME),
        .queue = service_metric(a, ns, service, SAMPLES_QUEUE_DEPTH),
    };
}

void adapter_measured(struct adapter *a, const char *ns, const char *service,
                      struct measured *ret_measured)
{
    struct samples_measured m;

    samples_measured(a->samples, ns, service, lp_clock_ms(), &m);
    *ret_measured = (struct measured){ m.peak_milli, m.learners, m.starts, m.start_s };
}

void adapter_load(struct adapter *a, const char *ns, const char *service,
                  struct adapter_load *ret_load)
{
    struct samples_pressure p;

    samples_pressure(a->samples, ns, service, lp_clock_ms(), &p);
    *ret_load = (struct adapter_load){ p.known,   p.need_milli, p.wait_ms,
                                       p.current, p.ready,      p.arrivals_milli };
}

uint16_t adapter_port(const struct adapter *a)
{
    return lp_http_server_port(a->server);
}

bool adapter_targets(void *a, struct lp_buf *out)
{
    const struct adapter *adapter = a;

    return samples_targets(adapter->samples, adapter->config.pod_metrics_port, out);
}
