/*
 * The server listens from the start, with a certificate that no client trusts, so that
 * probes get answers. Ready means: the certificate of the Secret is in use, the trusted CAs are
 * read, and a whole sweep over the pods is done. Only then are the APIServices made that lead HPAs
 * to us.
 *
 * Threads: one, which reads and writes the API server; `lock` covers what others ask.
 */
#include "autoscaler/serving.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "autoscaler/base/telemetry.h"
#include "autoscaler/registration/availability.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/heartbeat.h"
#include "base/log.h"
#include "work/backoff.h"

#define ROUND_MS 30000
#define SOON_MS 250 /* while something is still to be done */
#define CLIENT_TIMEOUT_MS 10000
#define WITHDRAW_TIMEOUT_MS 5000

struct serving {
    struct serving_options o;
    struct lp_http_server *server;
    struct availability *availability;
    struct certs held; /* what the server has; of the thread */
    atomic_bool has_certificate;
    pthread_mutex_t lock;
    char conflict[REGISTRATION_CONFLICT]; /* "": none; under lock */
    pthread_t thread;
    bool runs;
};

struct serving *serving_new(const struct serving_options *options)
{
    struct serving *s = lp_alloc(sizeof *s);
    s->o = *options;
    s->availability = availability_new();
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

int serving_first_certificate(const struct registration *g, struct certs *ret_certs,
                              struct lp_error *err)
{
    const struct certs_wish names = { .service = g->service, .ns = g->ns };
    return certs_make(&names, lp_clock_wall_ms() / 1000, ret_certs, err);
}

/* Takes over `*fresh` where it is new. */
static int use_certificate(struct serving *s, struct certs *fresh, struct lp_error *err)
{
    bool same = s->held.cert && strcmp(s->held.cert, fresh->cert) == 0;
    const struct lp_http_tls tls = { fresh->cert, fresh->key, fresh->ca };
    int r = same ? 0 : lp_http_server_set_certificate(s->server, &tls, err);
    if (r < 0)
        return r;
    if (!same)
        lp_log_info("a serving certificate is in use", "secret", s->o.registration->secret);
    s->has_certificate = true;
    certs_done(&s->held);
    s->held = *fresh;
    *fresh = (struct certs){ 0 };
    lp_metric_set(telemetry.tls_expiry, (double)certs_end(&s->held));
    return 0;
}

static void set_conflict(struct serving *s, const char *text)
{
    pthread_mutex_lock(&s->lock);
    snprintf(s->conflict, sizeof s->conflict, "%s", text);
    pthread_mutex_unlock(&s->lock);
}

static int keep_api_services(struct serving *s, struct lp_kube_client *client, struct lp_error *err)
{
    char conflict[REGISTRATION_CONFLICT] = "";
    int r = 0;
    if (!s->o.registered)
        r = registration_remove(client, s->o.registration, err);
    else if (s->o.chain)
        chain_publish(s->o.chain, s->held.bundle, conflict);
    else
        r = registration_apply(client, s->o.registration, s->held.bundle, conflict, err);
    if (r == 0)
        set_conflict(s, conflict);
    if (r == 0 && s->o.registered)
        r = availability_read(s->availability, client, s->o.registration, err);
    return r;
}

/* One round. *ret_done: all is in place. */
static int do_round(struct serving *s, struct lp_kube_client *client, bool *ret_done,
                    struct lp_error *err)
{
    char why[128];
    auto_certs struct certs fresh = { 0 };
    int r = registration_certs(client, s->o.registration, &fresh, err);
    if (r == 0)
        r = use_certificate(s, &fresh, err);
    if (r < 0 || !serving_ready(s, why))
        return r;
    r = keep_api_services(s, client, err);
    *ret_done = r == 0;
    return r;
}

static int new_client(struct serving *s, int64_t timeout_ms, struct lp_stop *stop,
                      struct lp_kube_client **ret_client, struct lp_error *err)
{
    const struct lp_kube_client_options options = { .user_agent = "lp-adapter/" LP_VERSION,
                                                    .total_timeout_ms = timeout_ms,
                                                    .stop = stop };
    return lp_kube_client_new(s->o.kube, &options, ret_client, err);
}

/* A tenth of a certificate's life at most. */
static int64_t round_ms(const struct serving *s)
{
    int64_t tenth_ms = s->o.registration->leaf_s * 100;
    return tenth_ms > 0 && tenth_ms < ROUND_MS ? tenth_ms : ROUND_MS;
}

static void *run_serving(void *user)
{
    struct serving *s = user;
    lp_auto_kube_client struct lp_kube_client *client = NULL;
    struct lp_backoff backoff = { .base_ms = 500, .max_ms = ROUND_MS };
    int64_t wait_ms = 0;
    lp_heartbeat_begin("adapter-serving", LP_HEARTBEAT_MS);
    while (!lp_stop_wait(s->o.stop, wait_ms)) {
        struct lp_error err = { 0 };
        bool done = false;
        int r = client ? 0 : new_client(s, CLIENT_TIMEOUT_MS, s->o.stop, &client, &err);
        if (r == 0)
            r = do_round(s, client, &done, &err);
        availability_probe(s->availability, s->o.address, lp_http_server_port(s->server),
                           s->o.stop);
        if (r == 0) {
            lp_backoff_reset(&backoff);
            wait_ms = done ? lp_jitter(round_ms(s), 10) : SOON_MS;
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

int serving_start(struct serving *s, struct lp_http_server *server, struct lp_error *err)
{
    s->server = server;
    if (pthread_create(&s->thread, NULL, run_serving, s) != 0)
        return lp_error_set(err, LP_E_INTERNAL, "metrics API: cannot start its serving thread");
    s->runs = true;
    pthread_setname_np(s->thread, "adapter-serving");
    return 0;
}

bool serving_ready(struct serving *s, char why[128])
{
    if (!s->has_certificate)
        snprintf(why, 128, "the serving certificate is not read from Secret %.63s yet",
                 s->o.registration->secret);
    else if (!auth_has_trust(s->o.auth))
        snprintf(why, 128, "ConfigMap extension-apiserver-authentication is not read yet");
    else if (s->o.chain && !chain_looked(s->o.chain))
        snprintf(why, 128, "whom the APIServices led to before us is not read yet");
    else
        return samples_swept(s->o.samples, lp_clock_ms(), why);
    return false;
}

bool serving_serves(struct serving *s, char why[128])
{
    return availability_serves(s->availability, lp_clock_ms(), why);
}

bool serving_available(struct serving *s, char why[128])
{
    return availability_aggregated(s->availability, lp_clock_ms(), why);
}

bool serving_conflict(struct serving *s, char why[REGISTRATION_CONFLICT])
{
    pthread_mutex_lock(&s->lock);
    snprintf(why, REGISTRATION_CONFLICT, "%s", s->conflict);
    pthread_mutex_unlock(&s->lock);
    return why[0] != '\0';
}

void serving_withdraw(struct serving *s)
{
    lp_auto_kube_client struct lp_kube_client *client = NULL;
    struct lp_error err = { 0 };
    if (new_client(s, WITHDRAW_TIMEOUT_MS, NULL, &client, &err) < 0 ||
        registration_withdraw(client, s->o.registration, &err) < 0)
        lp_log_warn("whether the APIServices should go is not known; they stay", "why", err.msg);
}

void serving_join(struct serving *s)
{
    if (s->runs)
        pthread_join(s->thread, NULL);
    s->runs = false;
}

void serving_free(struct serving *s)
{
    if (!s)
        return;
    certs_done(&s->held);
    availability_free(s->availability);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
