/*
 * operator/health.c -- probes that tell the truth: each answer names every check and why it fails.
 * Threads: the server's one event loop; the lock guards the list of checks.
 */
#include "operator/health.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/log.h"
#include "http/server/metrics_page.h"
#include "http/server/server.h"
#include "json/json.h"

struct health {
    pthread_mutex_t lock;
    struct health_check checks[HEALTH_MAX_CHECKS];
    unsigned n;
    json_t *(*stats)(void *user);
    void *stats_user;
    struct lp_http_server *server;
    const char *tls_dir; /* NULL: plain; of the thread that calls health_upkeep, as the two below */
    char *cert_pem, *key_pem;
};

static void answer_checks(struct health *h, struct lp_http_exchange *x, bool live)
{
    struct health_check checks[HEALTH_MAX_CHECKS];
    json_t *list = json_object();
    bool good = true;

    pthread_mutex_lock(&h->lock);
    unsigned n = h->n;
    memcpy(checks, h->checks, sizeof checks);
    pthread_mutex_unlock(&h->lock);
    for (unsigned i = 0; i < n; i++) {
        char why[128] = "";
        if (live && !checks[i].live)
            continue;
        bool ok = checks[i].check(checks[i].user, why);
        json_object_set_new(list, checks[i].name, json_string(ok ? "ok" : why));
        good = good && ok;
    }
    lp_http_reply_json(
        x, good ? 200 : 503,
        lp_json_make("{s:s, s:o}", "status", good ? "ok" : "failed", "checks", list));
}

/* 127.0.0.0/8 or ::1: nothing from outside the pod has such an address (RFC 1122, 3.2.1.3). */
static bool from_loopback(const struct lp_http_exchange *x)
{
    const char *peer = lp_http_peer(x);
    return strncmp(peer, "127.", 4) == 0 || strcmp(peer, "::1") == 0;
}

static void answer_stats(struct health *h, struct lp_http_exchange *x)
{
    pthread_mutex_lock(&h->lock);
    json_t *(*stats)(void *) = h->stats;
    void *user = h->stats_user;
    pthread_mutex_unlock(&h->lock);
    if (stats)
        lp_http_reply_json(x, 200, stats(user));
    else
        lp_http_reply_text(x, 503, "starting\n");
}

static void handle(struct lp_http_exchange *x, void *user)
{
    const char *path = lp_http_path(x);
    const char *method = lp_http_method(x);

    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        lp_http_reply_text(x, 405, "only GET\n");
    } else if (strcmp(path, "/livez") == 0 || strcmp(path, "/readyz") == 0) {
        answer_checks(user, x, path[1] == 'l');
    } else if (strcmp(path, "/metrics") == 0) {
        lp_http_reply_metrics(x);
    } else if (strcmp(path, "/debug/stats") == 0 && from_loopback(x)) {
        answer_stats(user, x);
    } else {
        lp_http_reply_text(x, 404, "there are /livez, /readyz and /metrics\n");
    }
}

/* A pair that belongs together: a volume is replaced as a whole, maybe between two reads. */
static int read_pair(const char *dir, char **ret_cert, char **ret_key, struct lp_error *err)
{
    lp_auto_free char *cert_path = lp_sprintf("%s/tls.crt", dir);
    lp_auto_free char *key_path = lp_sprintf("%s/tls.key", dir);
    lp_auto_free char *cert = NULL, *key = NULL, *again = NULL;

    int r = lp_file_read(cert_path, "METRICS_CERT_DIR", &cert, err);
    if (r == 0)
        r = lp_file_read(key_path, "METRICS_CERT_DIR", &key, err);
    if (r == 0)
        r = lp_file_read(cert_path, "METRICS_CERT_DIR", &again, err);
    if (r == 0 && strcmp(cert, again) != 0)
        r = lp_error_set(err, LP_E_UNAVAILABLE, "%s changes just now", dir);
    if (r < 0)
        return r;
    *ret_cert = lp_take(cert);
    *ret_key = lp_take(key);
    return 0;
}

void health_upkeep(struct health *h)
{
    lp_auto_free char *cert = NULL, *key = NULL;
    struct lp_error err;

    if (!h->tls_dir)
        return;
    int r = read_pair(h->tls_dir, &cert, &key, &err);
    if (r == 0 && strcmp(cert, h->cert_pem) == 0 && strcmp(key, h->key_pem) == 0)
        return;
    struct lp_http_tls tls = { .cert_pem = cert, .key_pem = key };
    if (r == 0)
        r = lp_http_server_set_certificate(h->server, &tls, &err);
    if (r < 0) {
        lp_log_warn("the certificate of the metrics port stays as it was", "error", err.msg);
        return;
    }
    free(h->cert_pem);
    free(h->key_pem);
    h->cert_pem = lp_take(cert);
    h->key_pem = lp_take(key);
    lp_log_info("the metrics port has a new certificate");
}

void health_debug(struct health *h, json_t *(*stats)(void *user), void *user)
{
    pthread_mutex_lock(&h->lock);
    h->stats = stats;
    h->stats_user = user;
    pthread_mutex_unlock(&h->lock);
}

int health_start(const struct health_options *wanted, struct health **ret_health,
                 struct lp_error *err)
{
    struct health *h = lp_alloc(sizeof *h);
    struct lp_http_tls tls = { .cert_pem = NULL };
    struct lp_http_server_options options = {
        .port = wanted->port,
        .threads = 1,
        .max_connections = 64,
        .name = "probes and metrics",
        .handler = handle,
        .user = h,
    };

    pthread_mutex_init(&h->lock, NULL);
    h->tls_dir = wanted->tls_dir;
    int r = 0;
    if (h->tls_dir) {
        r = read_pair(h->tls_dir, &h->cert_pem, &h->key_pem, err);
        tls = (struct lp_http_tls){ .cert_pem = h->cert_pem, .key_pem = h->key_pem };
        options.tls = &tls;
    }
    if (r == 0)
        r = lp_http_server_start(&options, &h->server, err);
    if (r < 0) {
        health_stop(h);
        return r;
    }
    *ret_health = h;
    return 0;
}

uint16_t health_port(const struct health *h)
{
    return lp_http_server_port(h->server);
}

void health_add(struct health *h, const struct health_check *check)
{
    pthread_mutex_lock(&h->lock);
    if (h->n < HEALTH_MAX_CHECKS)
        h->checks[h->n++] = *check;
    pthread_mutex_unlock(&h->lock);
}

void health_stop(struct health *h)
{
    if (!h)
        return;
    if (h->server)
        lp_http_server_stop(h->server);
    pthread_mutex_destroy(&h->lock);
    free(h->cert_pem);
    free(h->key_pem);
    free(h);
}
