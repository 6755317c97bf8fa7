/*
 * The metrics adapter, put together.
 *
 * It listens from the start. Who connects waits for the certificate, which comes with the Secret;
 * after a second without, one of our own making serves meanwhile, so that probes get answers. Ready
 * means: the real certificate, the cluster's word whom to trust, and a whole sweep over the pods.
 * Only then are the APIServices made that lead HPAs to us.
 *
 * An HPA that gets no answer asks again in 15 s, so the first answer comes first: three watches,
 * and one connection that reads Secret and trust and then has the access reviews. All else waits
 * until the pods were asked.
 *
 * Threads: the HTTPS server's, the scraper, two for access reviews, the watches, and upkeep, which
 * keeps Secret and APIServices.
 */
#include "autoscaler/adapter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "autoscaler/api/api.h"
#include "autoscaler/registration/certs.h"
#include "autoscaler/chain/chain.h"
#include "autoscaler/registration/reach.h"
#include "autoscaler/losses.h"
#include "autoscaler/registration/registration.h"
#include "autoscaler/samples/scraper.h"
#include "autoscaler/telemetry.h"
#include "autoscaler/watched.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/heartbeat.h"
#include "base/log.h"
#include "work/backoff.h"

#define SCRAPE_INTERVAL_MS 1000
#define UPKEEP_MS 30000
#define UPKEEP_SOON_MS 250 /* while something is still to be done */
#define CLIENT_TIMEOUT_MS 10000
#define FIRST_MS 1000     /* for which the first connections wait for the Secret */
#define HEAD_START_MS 100 /* of the first answer, before upkeep asks for what else there is */
#define QUESTIONS_MS 20   /* of that, for those who waited for the first sweep */
#define WITHDRAW_TIMEOUT_MS 5000
#define MAX_CONNECTIONS 512
#define MAX_BODY 65536 /* of requests that are refused anyway */

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
    struct watched *watched;
    pthread_mutex_t first_lock; /* of first_over */
    bool first_over;            /* the certificate is upkeep's from now on */
    atomic_bool serves;         /* by whatever certificate */
    pthread_cond_t first_ended;
    pthread_mutex_t conflict_lock;
    char conflict[ADAPTER_CONFLICT]; /* "": none; under conflict_lock */
    pthread_t upkeep;
    bool upkeep_runs;
    atomic_bool has_certificate;
};

/* ---- the first certificate ---- */

static int set_certificate(struct adapter *a, const struct certs *certs, struct lp_error *err)
{
    const struct lp_http_tls tls = { certs->cert, certs->key, certs->ca };
    int r = lp_http_server_set_certificate(a->server, &tls, err);
    if (r == 0)
        a->serves = true;
    return r;
}

/* The Secret's certificate as it is; whether it is still good is upkeep's question. */
static int use_first(struct adapter *a, struct lp_kube_client *client, struct lp_error *err)
{
    auto_certs struct certs certs = { 0 };
    int r = registration_certs_read(client, &a->registration, &certs, err);
    pthread_mutex_lock(&a->first_lock);
    if (r == 0 && !a->first_over)
        r = set_certificate(a, &certs, err);
    pthread_mutex_unlock(&a->first_lock);
    return r;
}

/* What upkeep and the watch of trust do again: here it is done sooner. */
static void read_first(struct lp_kube_client *client, void *user)
{
    struct adapter *a = user;
    struct lp_error err = { 0 };
    int served = use_first(a, client, &err); /* handshakes go on while trust is read */
    int trusted = watched_read_trust(a->watched, client, &err);
    if (trusted < 0 || served < 0)
        lp_log_debug("whom to trust or the certificate is not read yet", "why", err.msg);
    pthread_mutex_lock(&a->first_lock);
    a->first_over = true;
    pthread_cond_signal(&a->first_ended);
    pthread_mutex_unlock(&a->first_lock);
}

/* By a certificate that nobody is told to trust. */
static void serve_meanwhile(struct adapter *a)
{
    const struct certs_wish names = { .service = a->config.service, .ns = a->config.ns };
    auto_certs struct certs certs = { 0 };
    struct lp_error err = { 0 };
    int r = certs_make(&names, lp_clock_wall_ms() / 1000, &certs, &err);
    if (r == 0)
        r = set_certificate(a, &certs, &err);
    if (r < 0)
        lp_log_error("nothing is served until there is a certificate", "why", err.msg);
}

/* Upkeep's beginning: it takes nothing from the first answer that this needs. */
static void await_first(struct adapter *a)
{
    struct timespec until = lp_clock_deadline(FIRST_MS);
    int r = 0;
    pthread_mutex_lock(&a->first_lock);
    while (!a->first_over && r == 0)
        r = pthread_cond_clockwait(&a->first_ended, &a->first_lock, CLOCK_MONOTONIC, &until);
    a->first_over = true;
    pthread_mutex_unlock(&a->first_lock);
    if (a->serves)
        adapter_await_sweep(a, HEAD_START_MS);
    else if (r != 0)
        serve_meanwhile(a);
}

/* ---- upkeep: certificate and APIServices ---- */

/* `held` is what the server has; takes over `*fresh` where it is new. */
static int use_certificate(struct adapter *a, struct certs *held, struct certs *fresh,
                           struct lp_error *err)
{
    bool same = held->cert && strcmp(held->cert, fresh->cert) == 0;
    int r = same ? 0 : set_certificate(a, fresh, err);
    if (r < 0)
        return r;
    if (!same)
        lp_log_info("a serving certificate is in use", "secret", a->config.secret);
    a->has_certificate = true;
    certs_done(held);
    *held = *fresh;
    *fresh = (struct certs){ 0 };
    lp_metric_set(telemetry.tls_expiry, (double)certs_end(held));
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
    await_first(a);
    for (bool first = true; !lp_stop_wait(a->stop, wait_ms); first = false) {
        struct lp_error err = { 0 };
        bool done = false;
        if (!first) /* its handshake would be one of the first */
            reach_ask(a->reach, a->config.address, lp_http_server_port(a->server), a->stop);
        int r = client ? 0 : new_client(a, CLIENT_TIMEOUT_MS, a->stop, &client, &err);
        if (r == 0)
            r = keep_up(a, client, &held, &done, &err);
        struct lp_error more = { 0 };
        int started = watched_more(a->watched, &more);
        if (r == 0 && started < 0) {
            r = started;
            err = more;
        }
        if (r == 0) {
            lp_backoff_reset(&backoff);
            wait_ms = done ? lp_jitter(upkeep_ms(a), 10) : UPKEEP_SOON_MS;
            continue;
        }
        if (!a->serves)
            serve_meanwhile(a);
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

static int start_server(struct adapter *a, struct lp_error *err)
{
    a->api =
        (struct api){ a->auth, a->samples, is_ready, a, a->chain ? chain_proxy(a->chain) : NULL };
    const struct lp_http_server_options options = {
        .address = a->config.address,
        .port = a->config.port,
        .threads = a->config.threads,
        .max_connections = MAX_CONNECTIONS,
        .header_timeout_s = 60,
        .max_body = MAX_BODY,
        .tls_later = true,
        .name = "metrics API",
        .handler = api_handle,
        .user = &a->api,
        .refusal = api_refusal,
    };
    int r = lp_http_server_start(&options, &a->server, err);
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

static struct watched *new_watched(struct adapter *a)
{
    const struct watched_options options = { .samples = a->samples,
                                             .scraper = a->scraper,
                                             .auth = a->auth,
                                             .kube = a->kube,
                                             .stop = a->stop,
                                             .namespaces = a->config.namespaces,
                                             .n_namespaces = a->config.n_namespaces };
    return watched_new(&options);
}

static int start_all(struct adapter *a, struct lp_error *err)
{
    const struct scraper_options scraper = { .samples = a->samples,
                                             .stop = a->stop,
                                             .port = a->config.pod_metrics_port };
    a->auth = a->config.serve ? auth_new(a->kube, a->stop) : NULL;
    int r = scraper_start(&scraper, &a->scraper, err);
    if (r < 0)
        return r;
    a->watched = new_watched(a);
    if (a->config.serve)
        r = start_chain(a, err);
    if (r == 0 && a->config.serve)
        r = start_server(a, err);
    if (r == 0 && a->config.serve) /* has the longest way to the first answer */
        r = auth_start(a->auth, read_first, a, err);
    if (r == 0)
        r = watched_start(a->watched, err);
    if (r == 0)
        r = losses_start(a->samples, a->kube, a->stop, &a->losses, err);
    if (r == 0 && !a->config.serve)
        return watched_more(a->watched, err);
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
    if (a->server)
        lp_http_server_quiesce(a->server);
    if (a->auth)
        auth_close(a->auth);
    watched_join(a->watched);
    scraper_join(a->scraper);
    losses_join(a->losses);
    if (a->chain)
        chain_close(a->chain);
    lp_http_server_stop(a->server);
    chain_free(a->chain);
    auth_free(a->auth);
    samples_free(a->samples);
    reach_free(a->reach);
    pthread_cond_destroy(&a->first_ended);
    pthread_mutex_destroy(&a->first_lock);
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
    pthread_mutex_init(&a->first_lock, NULL);
    pthread_cond_init(&a->first_ended, NULL);
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
    int64_t end_ms = lp_clock_ms() + ms;
    samples_await_sweep(a->samples, ms);
    int64_t left_ms = end_ms - lp_clock_ms();
    if (left_ms > 0)
        lp_stop_wait(a->stop, left_ms < QUESTIONS_MS ? left_ms : QUESTIONS_MS);
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
