/*
 * The metrics adapter, put together.
 *
 * It listens from the start, with a certificate of its own making, so that probes get answers; the
 * real one comes with the Secret. Ready means: the real certificate, the cluster's word whom to
 * trust, and a whole sweep over the pods. Only then are the APIServices made that lead HPAs to us.
 *
 * Threads: the HTTPS server's, the scraper, two for access reviews, five watches (pods,
 * ReplicaSets, Deployments, HPAs, the ConfigMap of trust), and upkeep, which keeps Secret and
 * APIServices.
 */
#include "autoscaler/adapter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "autoscaler/api.h"
#include "autoscaler/certs.h"
#include "autoscaler/chain.h"
#include "autoscaler/reach.h"
#include "autoscaler/rendered.h"
#include "autoscaler/losses.h"
#include "autoscaler/registration.h"
#include "autoscaler/scraper.h"
#include "autoscaler/telemetry.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/heartbeat.h"
#include "base/log.h"
#include "kube/kinds.h"
#include "kube/watch.h"
#include "work/backoff.h"

#define SCRAPE_INTERVAL_MS 1000
#define UPKEEP_MS 30000
#define UPKEEP_SOON_MS 250 /* while something is still to be done */
#define CLIENT_TIMEOUT_MS 10000
#define WITHDRAW_TIMEOUT_MS 5000
#define MAX_CONNECTIONS 512
#define MAX_BODY 65536 /* of requests that are refused anyway */

enum watched { WATCH_PODS, WATCH_SETS, WATCH_DEPLOYMENTS, WATCH_HPAS, WATCH_TRUST, N_WATCHES };

static const char *const watch_names[N_WATCHES] = { "adapter-pods", "adapter-sets",
                                                    "adapter-deploys", "adapter-hpas",
                                                    "adapter-trust" };

/* What a watch is told with. */
struct told {
    struct adapter *adapter;
    enum watched what;
    struct lp_kube_watch *watch;
};

struct adapter {
    struct adapter_config config;
    struct registration registration;
    struct lp_kube_config *kube;
    struct lp_stop *stop;
    struct api api;
    struct samples *samples;
    struct auth *auth;
    struct scraper *scraper;
    struct losses *losses;
    struct reach *reach;
    struct chain *chain; /* NULL: not ADAPTER_CHAIN */
    struct lp_http_server *server;
    struct told watches[N_WATCHES * ADAPTER_NAMESPACES];
    unsigned n_watches, n_hpas; /* of them, of HPAs */
    pthread_mutex_t conflict_lock;
    char conflict[ADAPTER_CONFLICT]; /* "": none; under conflict_lock */
    pthread_t upkeep;
    bool upkeep_runs;
    atomic_bool has_certificate;
    atomic_uint unknown; /* lists of pods, ReplicaSets and Deployments that are still to come */
};

/* ---- what the watches tell ---- */

static void on_pod(enum lp_kube_event event, json_t *object, void *user)
{
    struct adapter *a = ((struct told *)user)->adapter;
    if (samples_pod(a->samples, object, event == LP_KUBE_DELETED, lp_clock_ms(),
                    lp_clock_wall_ms()))
        scraper_wake(a->scraper);
}

static void on_set(enum lp_kube_event event, json_t *object, void *user)
{
    struct adapter *a = ((struct told *)user)->adapter;
    samples_replica_set(a->samples, object, event == LP_KUBE_DELETED);
}

static void on_deployment(enum lp_kube_event event, json_t *object, void *user)
{
    struct adapter *a = ((struct told *)user)->adapter;
    samples_deployment(a->samples, object, event == LP_KUBE_DELETED);
}

static void on_hpa(enum lp_kube_event event, json_t *object, void *user)
{
    struct adapter *a = ((struct told *)user)->adapter;
    samples_hpa(a->samples, object, event == LP_KUBE_DELETED);
}

static void on_trust(enum lp_kube_event event, json_t *object, void *user)
{
    struct adapter *a = ((struct told *)user)->adapter;
    struct trust *t;
    struct lp_error err = { 0 };
    if (event == LP_KUBE_DELETED)
        return;
    if (trust_parse(object, &t, &err) < 0) {
        lp_log_error("whom to trust cannot be read; what was known before stays", "why", err.msg);
        return;
    }
    auth_set_trust(a->auth, t);
    trust_unref(t);
}

static void on_synced(void *user)
{
    struct told *told = user;
    struct adapter *a = told->adapter;
    if (told->what > WATCH_DEPLOYMENTS)
        return;
    if (atomic_fetch_sub(&a->unknown, 1) == 1)
        samples_synced(a->samples);
}

static void on_failed(const struct lp_error *err, int64_t retry_ms, void *user)
{
    const struct told *told = user;
    lp_auto_free char *retry = lp_sprintf("%lld", (long long)retry_ms);
    lp_log_warn("a watch of the metrics adapter failed", "watch", watch_names[told->what], "why",
                err->msg, "retry_ms", retry);
}

static int start_watch(struct adapter *a, enum watched what, const char *ns, struct lp_error *err)
{
    static const char ours[] = "app.kubernetes.io/managed-by=lp-operator";
    static const char pods[] =
        "app.kubernetes.io/managed-by=lp-operator,app.kubernetes.io/component=service";
    static const struct lp_kube_watch_options watches[N_WATCHES] = {
        [WATCH_PODS] = { .kind = &lp_kube_pods, .label_selector = pods, .sink.event = on_pod },
        [WATCH_SETS] = { .kind = &lp_kube_replica_sets,
                         .label_selector = pods,
                         .sink.event = on_set },
        [WATCH_DEPLOYMENTS] = { .kind = &lp_kube_deployments,
                                .label_selector = pods,
                                .sink.event = on_deployment },
        [WATCH_HPAS] = { .kind = &lp_kube_hpas, .label_selector = ours, .sink.event = on_hpa },
        [WATCH_TRUST] = { .kind = &lp_kube_config_maps,
                          .field_selector = "metadata.name=extension-apiserver-authentication",
                          .sink.event = on_trust },
    };
    struct told *told = &a->watches[a->n_watches];
    struct lp_kube_watch_options options = watches[what];
    *told = (struct told){ .adapter = a, .what = what };
    options.ns = ns;
    options.name = watch_names[what];
    options.sink.synced = on_synced;
    options.sink.failed = on_failed;
    options.sink.user = told;
    int r = lp_kube_watch_start(a->kube, a->stop, &options, &told->watch, err);
    a->n_watches += r == 0;
    return r;
}

static unsigned n_spaces(const struct adapter *a)
{
    return a->config.n_namespaces ? a->config.n_namespaces : 1;
}

static int start_watch_in(struct adapter *a, enum watched what, unsigned i, struct lp_error *err)
{
    return start_watch(a, what, a->config.n_namespaces ? a->config.namespaces[i] : NULL, err);
}

/* What the first answer needs. */
static int start_watches(struct adapter *a, struct lp_error *err)
{
    atomic_store(&a->unknown, (WATCH_DEPLOYMENTS + 1) * n_spaces(a));
    int r = a->config.serve ? start_watch(a, WATCH_TRUST, "kube-system", err) : 0;
    for (unsigned i = 0; r == 0 && i < n_spaces(a); i++)
        for (unsigned what = WATCH_PODS; r == 0 && what <= WATCH_DEPLOYMENTS; what++)
            r = start_watch_in(a, what, i, err);
    return r;
}

/* Their targets matter for pods that do not answer. Upkeep's, once. */
static int start_hpas(struct adapter *a, struct lp_error *err)
{
    int r = 0;
    for (; r == 0 && a->n_hpas < n_spaces(a); a->n_hpas += r == 0)
        r = start_watch_in(a, WATCH_HPAS, a->n_hpas, err);
    return r;
}

/* ---- upkeep: certificate and APIServices ---- */

/* `held` is what the server has; takes over `*fresh` where it is new. */
static int use_certificate(struct adapter *a, struct certs *held, struct certs *fresh,
                           struct lp_error *err)
{
    bool same = held->cert && strcmp(held->cert, fresh->cert) == 0;
    const struct lp_http_tls tls = { .cert_pem = fresh->cert, .key_pem = fresh->key };
    int r = same ? 0 : lp_http_server_set_certificate(a->server, &tls, err);
    if (r < 0)
        return r;
    certs_done(held);
    *held = *fresh;
    *fresh = (struct certs){ 0 };
    if (!same)
        lp_log_info("a serving certificate is in use", "secret", a->config.secret);
    lp_metric_set(telemetry.tls_expiry, (double)certs_end(held));
    a->has_certificate = true;
    return 0;
}

static void set_conflict(struct adapter *a, const char *text)
{
    pthread_mutex_lock(&a->conflict_lock);
    snprintf(a->conflict, sizeof a->conflict, "%s", text);
    pthread_mutex_unlock(&a->conflict_lock);
}

/* One round; *ret_done tells whether all is in place. */
static int keep_up(struct adapter *a, struct lp_kube_client *client, struct certs *held,
                   bool *ret_done, struct lp_error *err)
{
    char why[128];
    auto_certs struct certs fresh = { 0 };
    *ret_done = false;
    int r = registration_certs(client, &a->registration, &fresh, err);
    if (r == 0)
        r = use_certificate(a, held, &fresh, err);
    if (r < 0 || !adapter_ready(a, why))
        return r;
    char conflict[REGISTRATION_CONFLICT] = "";
    if (a->config.mode == ADAPTER_NONE)
        r = registration_remove(client, &a->registration, err);
    else if (a->chain)
        chain_publish(a->chain, held->bundle, conflict);
    else
        r = registration_apply(client, &a->registration, held->bundle, conflict, err);
    if (r == 0)
        set_conflict(a, conflict);
    if (r == 0 && a->config.mode != ADAPTER_NONE)
        r = reach_read(a->reach, client, &a->registration, err);
    *ret_done = r == 0;
    return r;
}

static int new_client(struct adapter *a, int64_t timeout_ms, struct lp_stop *stop,
                      struct lp_kube_client **ret_client, struct lp_error *err)
{
    const struct lp_kube_client_options options = { .user_agent = "lp-adapter/" LP_VERSION,
                                                    .total_timeout_ms = timeout_ms,
                                                    .stop = stop };
    return lp_kube_client_new(a->kube, &options, ret_client, err);
}

/* A tenth of a certificate's life at most. */
static int64_t upkeep_ms(const struct adapter *a)
{
    int64_t tenth_ms = a->config.leaf_s * 100;
    return tenth_ms > 0 && tenth_ms < UPKEEP_MS ? tenth_ms : UPKEEP_MS;
}

static void *run_upkeep(void *user)
{
    struct adapter *a = user;
    lp_auto_kube_client struct lp_kube_client *client = NULL;
    auto_certs struct certs held = { 0 };
    struct lp_backoff backoff = { .base_ms = 500, .max_ms = UPKEEP_MS };
    int64_t wait_ms = 0;
    lp_heartbeat_begin("adapter-upkeep", LP_HEARTBEAT_MS);
    while (!lp_stop_wait(a->stop, wait_ms)) {
        struct lp_error err = { 0 };
        bool done = false;
        rendered_tidy(samples_rendered(a->samples), lp_clock_ms());
        if (a->has_certificate) /* what comes first is not to wait for it */
            reach_ask(a->reach, a->config.address, lp_http_server_port(a->server), a->stop);
        int r = client ? 0 : new_client(a, CLIENT_TIMEOUT_MS, a->stop, &client, &err);
        if (r == 0)
            r = keep_up(a, client, &held, &done, &err);
        struct lp_error hpas = { 0 };
        int started = start_hpas(a, &hpas);
        if (r == 0 && started < 0) {
            r = started;
            err = hpas;
        }
        if (r == 0) {
            lp_backoff_reset(&backoff);
            wait_ms = done ? lp_jitter(upkeep_ms(a), 10) : UPKEEP_SOON_MS;
            continue;
        }
        wait_ms = lp_backoff_next(&backoff);
        if (r != LP_E_CANCELED)
            lp_log_warn("certificate or APIServices are not in place; trying again", "why",
                        err.msg);
    }
    lp_heartbeat_end();
    return NULL;
}

/* ---- start and end ---- */

static bool is_ready(void *user, char why[128])
{
    return adapter_ready(user, why);
}

/* With a certificate for the moment, which nobody is told to trust. */
static int start_server(struct adapter *a, struct lp_error *err)
{
    const struct certs_wish names = { .service = a->config.service, .ns = a->config.ns };
    auto_certs struct certs certs = { 0 };
    int r = certs_make(&names, lp_clock_wall_ms() / 1000, &certs, err);
    if (r < 0)
        return r;
    const struct lp_http_tls tls = { certs.cert, certs.key, certs.ca };
    a->api =
        (struct api){ a->auth, a->samples, is_ready, a, a->chain ? chain_proxy(a->chain) : NULL };
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
    const struct chain_options options = { &a->registration, a->kube, a->stop,
                                           a->config.chain_account, a->config.chain_connect_to };
    return a->config.mode == ADAPTER_CHAIN ? chain_start(&options, &a->chain, err) : 0;
}

static int start_all(struct adapter *a, struct lp_error *err)
{
    const struct scraper_options scraper = { .samples = a->samples,
                                             .stop = a->stop,
                                             .port = a->config.pod_metrics_port };
    int r = a->config.serve ? auth_start(a->kube, a->stop, &a->auth, err) : 0;
    if (r == 0)
        r = scraper_start(&scraper, &a->scraper, err);
    if (r == 0)
        r = start_watches(a, err); /* while they wait for the API server the rest is made */
    if (r == 0 && a->config.serve)
        r = start_chain(a, err);
    if (r == 0 && a->config.serve)
        r = start_server(a, err);
    if (r == 0)
        r = losses_start(a->samples, a->kube, a->stop, &a->losses, err);
    if (r == 0 && !a->config.serve)
        return start_hpas(a, err);
    if (r < 0)
        return r;
    if (pthread_create(&a->upkeep, NULL, run_upkeep, a) != 0)
        return lp_error_set(err, LP_E_INTERNAL, "metrics API: cannot start the upkeep thread");
    a->upkeep_runs = true;
    pthread_setname_np(a->upkeep, "adapter-upkeep");
    return 0;
}

/* Also of what is half started, once the stop was requested. */
static void end_all(struct adapter *a)
{
    if (a->upkeep_runs)
        pthread_join(a->upkeep, NULL);
    for (unsigned i = 0; i < a->n_watches; i++)
        lp_kube_watch_join(a->watches[i].watch);
    scraper_join(a->scraper);
    losses_join(a->losses);
    if (a->server)
        lp_http_server_quiesce(a->server);
    if (a->auth)
        auth_close(a->auth);
    if (a->chain)
        chain_close(a->chain);
    lp_http_server_stop(a->server);
    chain_free(a->chain);
    auth_free(a->auth);
    samples_free(a->samples);
    reach_free(a->reach);
    pthread_mutex_destroy(&a->conflict_lock);
    free(a);
}

int adapter_start(const struct adapter_config *config, struct lp_kube_config *kube,
                  struct lp_stop *stop, struct adapter **ret_adapter, struct lp_error *err)
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
    pthread_mutex_init(&a->conflict_lock, NULL);
    a->kube = kube;
    a->stop = stop;
    a->reach = reach_new();
    telemetry_init();
    a->samples = samples_new(SCRAPE_INTERVAL_MS, config->warm_up_ms);
    int r = start_all(a, err);
    if (r < 0) {
        lp_stop_request(stop);
        end_all(a);
        return r;
    }
    *ret_adapter = a;
    return 0;
}

bool adapter_ready(struct adapter *a, char why[128])
{
    if (a->config.serve && !a->has_certificate)
        snprintf(why, 128, "the serving certificate is not read from Secret %.63s yet",
                 a->config.secret);
    else if (a->config.serve && !auth_has_trust(a->auth))
        snprintf(why, 128, "ConfigMap extension-apiserver-authentication is not read yet");
    else
        return samples_swept(a->samples, lp_clock_ms(), why);
    return false;
}

void adapter_await_sweep(struct adapter *a, int64_t ms)
{
    samples_await_sweep(a->samples, ms);
}

bool adapter_serves(struct adapter *a, char why[128])
{
    return reach_serves(a->reach, lp_clock_ms(), why);
}

bool adapter_available(struct adapter *a, char why[128])
{
    return reach_available(a->reach, lp_clock_ms(), why);
}

bool adapter_conflict(struct adapter *a, char why[ADAPTER_CONFLICT])
{
    pthread_mutex_lock(&a->conflict_lock);
    snprintf(why, ADAPTER_CONFLICT, "%s", a->conflict);
    pthread_mutex_unlock(&a->conflict_lock);
    return why[0] != '\0';
}

bool adapter_queue_depth(struct adapter *a, const char *ns, const char *service, int64_t *ret_milli)
{
    return api_queue_depth(a->samples, ns, service, ret_milli);
}

uint16_t adapter_port(const struct adapter *a)
{
    return lp_http_server_port(a->server);
}

static void withdraw(struct adapter *a)
{
    lp_auto_kube_client struct lp_kube_client *client = NULL;
    struct lp_error err = { 0 };
    if (new_client(a, WITHDRAW_TIMEOUT_MS, NULL, &client, &err) < 0 ||
        registration_withdraw(client, &a->registration, &err) < 0)
        lp_log_warn("whether the APIServices should go is not known; they stay", "why", err.msg);
}

void adapter_join(struct adapter *a)
{
    if (!a)
        return;
    if (a->config.serve)
        withdraw(a);
    end_all(a);
}
