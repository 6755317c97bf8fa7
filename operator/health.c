/*
 * operator/health.c -- probes that tell the truth: each answer names every check and why it fails.
 * Threads: the server's one event loop; the lock guards the list of checks.
 */
#include "operator/health.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "http/server.h"
#include "json/json.h"
#include "metrics/metrics.h"

#define MAX_METRICS_BYTES (4 << 20)

struct health {
    pthread_mutex_t lock;
    struct health_check checks[HEALTH_MAX_CHECKS];
    unsigned n;
    struct lp_http_server *server;
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

static void handle(struct lp_http_exchange *x, void *user)
{
    const char *path = lp_http_path(x);
    const char *method = lp_http_method(x);

    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        lp_http_reply_text(x, 405, "only GET\n");
    } else if (strcmp(path, "/livez") == 0 || strcmp(path, "/readyz") == 0) {
        answer_checks(user, x, path[1] == 'l');
    } else if (strcmp(path, "/metrics") == 0) {
        lp_auto_buf struct lp_buf text = LP_BUF_INIT(MAX_METRICS_BYTES);
        lp_metrics_write(&text);
        lp_http_reply(x, 200, LP_METRICS_CONTENT_TYPE, text.ptr, text.len);
    } else {
        lp_http_reply_text(x, 404, "there are /livez, /readyz and /metrics\n");
    }
}

int health_start(uint16_t port, struct health **ret_health, struct lp_error *err)
{
    struct health *h = lp_alloc(sizeof *h);
    struct lp_http_server_options options = {
        .port = port,
        .threads = 1,
        .max_connections = 64,
        .name = "probes and metrics",
        .handler = handle,
        .user = h,
    };

    pthread_mutex_init(&h->lock, NULL);
    int r = lp_http_server_start(&options, &h->server, err);
    if (r < 0) {
        health_stop(h);
        return r;
    }
    *ret_health = h;
    return 0;
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
    free(h);
}
