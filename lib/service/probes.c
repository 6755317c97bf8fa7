/*
 * lib/service/probes.c -- the probe and metrics port: a small HTTP server of its own
 * (lib/http/server/server.c, one thread), so that an overloaded program still says so. Each answer
 * names every check and why it fails.
 * Threads: the server's event loop; the lock guards the list of checks and the statistics.
 */
#include "service/probes.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "http/server/metrics_page.h"
#include "http/server/server.h"
#include "json/json.h"

#define PAGE_MAX (16 << 20)

struct lp_probes {
    pthread_mutex_t lock;
    struct lp_probes_check checks[LP_PROBES_MAX_CHECKS];
    unsigned n;
    json_t *(*stats)(void *user);
    void *stats_user;
    const char *page_path; /* NULL: there is none */
    bool (*page)(void *user, struct lp_buf *out);
    void *page_user;
    _Atomic(const char *) state;
    int64_t beat_limit_ms;
    atomic_int_least64_t beat_ms;
    struct lp_http_server *server;
    const char
        *tls_dir; /* NULL: plain; of the thread that calls lp_probes_upkeep, as the two below */
    char *cert_pem, *key_pem;
};

/* ---- answers ---- */

static bool main_loop_turns(void *user, char why[128])
{
    const struct lp_probes *p = user;
    int64_t age = lp_clock_ms() - atomic_load(&p->beat_ms);

    snprintf(why, 128, "it stands still for %lld ms", (long long)age);
    return age <= p->beat_limit_ms;
}

static void answer_probe(struct lp_probes *p, struct lp_http_exchange *x, bool live)
{
    struct lp_probes_check checks[LP_PROBES_MAX_CHECKS];
    const char *state = live ? NULL : atomic_load(&p->state);
    json_t *list = json_object();
    bool good = !state;

    pthread_mutex_lock(&p->lock);
    unsigned n = state ? 0 : p->n;
    memcpy(checks, p->checks, sizeof checks);
    pthread_mutex_unlock(&p->lock);
    if (state)
        json_object_set_new(list, "state", json_string(state));
    for (unsigned i = 0; i < n; i++) {
        char why[128] = "";
        if (live && !checks[i].live)
            continue;
        bool ok = checks[i].check(checks[i].user, why);
        lp_json_set_str(list, checks[i].name, ok ? "ok" : why[0] ? why : "not ready");
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

static void answer_unknown(struct lp_http_exchange *x)
{
    lp_http_reply_text(x, 404, "there are /livez, /readyz and /metrics\n");
}

static void answer_stats(struct lp_probes *p, struct lp_http_exchange *x)
{
    pthread_mutex_lock(&p->lock);
    json_t *(*stats)(void *) = p->stats;
    void *user = p->stats_user;
    pthread_mutex_unlock(&p->lock);
    if (stats)
        lp_http_reply_json(x, 200, stats(user));
    else
        answer_unknown(x);
}

/* False where `path` is not that of the page. */
static bool answer_page(struct lp_probes *p, struct lp_http_exchange *x, const char *path)
{
    struct lp_buf text = LP_BUF_INIT(PAGE_MAX);

    pthread_mutex_lock(&p->lock);
    bool is = p->page_path && strcmp(p->page_path, path) == 0;
    bool (*write)(void *, struct lp_buf *) = p->page;
    void *user = p->page_user;
    pthread_mutex_unlock(&p->lock);
    if (!is)
        return false;
    if (write(user, &text) && !text.overflowed) {
        lp_http_reply_buf(x, 200, "application/json", &text);
        return true;
    }
    lp_http_reply_text(x, 503, text.overflowed ? "too large\n" : "not known yet\n");
    lp_buf_done(&text);
    return true;
}

static void probes_answer(struct lp_http_exchange *x, void *user)
{
    const char *path = lp_http_path(x), *method = lp_http_method(x);

    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        lp_http_reply_header(x, "Allow", "GET, HEAD");
        lp_http_reply_text(x, 405, "only GET and HEAD\n");
    } else if (strcmp(path, "/livez") == 0 || strcmp(path, "/readyz") == 0) {
        answer_probe(user, x, path[1] == 'l');
    } else if (strcmp(path, "/metrics") == 0) {
        lp_http_reply_metrics(x);
    } else if (strcmp(path, "/debug/stats") == 0 && from_loopback(x)) {
        answer_stats(user, x);
    } else if (!answer_page(user, x, path)) {
        answer_unknown(x);
    }
}

/* ---- the certificate ---- */

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

void lp_probes_upkeep(struct lp_probes *p)
{
    lp_auto_free char *cert = NULL, *key = NULL;
    struct lp_error err;

    if (!p->tls_dir)
        return;
    int r = read_pair(p->tls_dir, &cert, &key, &err);
    if (r == 0 && strcmp(cert, p->cert_pem) == 0 && strcmp(key, p->key_pem) == 0)
        return;
    struct lp_http_tls tls = { .cert_pem = cert, .key_pem = key };
    if (r == 0)
        r = lp_http_server_set_certificate(p->server, &tls, &err);
    if (r < 0) {
        lp_log_warn("the certificate of the metrics port stays as it was", "error", err.msg);
        return;
    }
    free(p->cert_pem);
    free(p->key_pem);
    p->cert_pem = lp_take(cert);
    p->key_pem = lp_take(key);
    lp_log_info("the metrics port has a new certificate");
}

/* ---- start and stop ---- */

static int start_server(struct lp_probes *p, uint16_t port, struct lp_error *err)
{
    struct lp_http_tls tls = { .cert_pem = NULL };
    struct lp_http_server_options options = { .port = port,
                                              .max_connections = 64,
                                              .header_timeout_s = 30,
                                              .name = "metrics port",
                                              .handler = probes_answer,
                                              .user = p };
    if (p->tls_dir) {
        int r = read_pair(p->tls_dir, &p->cert_pem, &p->key_pem, err);
        if (r < 0)
            return r;
        tls = (struct lp_http_tls){ .cert_pem = p->cert_pem, .key_pem = p->key_pem };
        options.tls = &tls;
    }
    return lp_http_server_start(&options, &p->server, err);
}

int lp_probes_start(const struct lp_probes_options *options, struct lp_probes **ret_probes,
                    struct lp_error *err)
{
    struct lp_probes *p = lp_alloc(sizeof *p);
    const struct lp_probes_check turns = { "main-loop", true, main_loop_turns, p };

    pthread_mutex_init(&p->lock, NULL);
    p->beat_limit_ms = options->beat_limit_ms;
    p->tls_dir = options->tls_dir;
    atomic_store(&p->state, options->state);
    lp_probes_beat(p);
    if (p->beat_limit_ms > 0)
        lp_probes_add(p, &turns);
    int r = start_server(p, options->port, err);
    if (r < 0) {
        lp_probes_stop(p);
        return r;
    }
    *ret_probes = p;
    return 0;
}

uint16_t lp_probes_port(const struct lp_probes *p)
{
    return lp_http_server_port(p->server);
}

void lp_probes_add(struct lp_probes *p, const struct lp_probes_check *check)
{
    pthread_mutex_lock(&p->lock);
    if (p->n < LP_PROBES_MAX_CHECKS)
        p->checks[p->n++] = *check;
    pthread_mutex_unlock(&p->lock);
}

void lp_probes_debug(struct lp_probes *p, json_t *(*stats)(void *user), void *user)
{
    pthread_mutex_lock(&p->lock);
    p->stats = stats;
    p->stats_user = user;
    pthread_mutex_unlock(&p->lock);
}

void lp_probes_page(struct lp_probes *p, const char *path,
                    bool (*write)(void *user, struct lp_buf *out), void *user)
{
    pthread_mutex_lock(&p->lock);
    p->page = write;
    p->page_user = user;
    p->page_path = path;
    pthread_mutex_unlock(&p->lock);
}

void lp_probes_set_state(struct lp_probes *p, const char *why)
{
    atomic_store(&p->state, why);
}

void lp_probes_beat(struct lp_probes *p)
{
    atomic_store(&p->beat_ms, lp_clock_ms());
}

void lp_probes_stop(struct lp_probes *p)
{
    if (!p)
        return;
    if (p->server)
        lp_http_server_stop(p->server);
    pthread_mutex_destroy(&p->lock);
    free(p->cert_pem);
    free(p->key_pem);
    free(p);
}
