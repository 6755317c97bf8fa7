/*
 * The probe and metrics port: a small HTTP server of its own (lib/http/server/server.c, one
 * thread), so that an overloaded program still says so.
 *
 * Liveness asks only whether the main loop turns; readiness also whether the service can work (its
 * database is there).
 */
#include "service/probes.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "http/server/metrics_page.h"
#include "http/server/server.h"

struct lp_probes {
    struct lp_probes_options options;
    struct lp_http_server *server;
    _Atomic(const char *) state;
    atomic_int_least64_t beat_ms;
};

static void livez(struct lp_probes *p, struct lp_http_exchange *x)
{
    int64_t age = lp_clock_ms() - atomic_load(&p->beat_ms);
    char text[64];

    if (p->options.beat_limit_ms == 0 || age <= p->options.beat_limit_ms) {
        lp_http_reply_text(x, 200, "ok\n");
        return;
    }
    snprintf(text, sizeof text, "the main loop stands still for %lld ms\n", (long long)age);
    lp_http_reply_text(x, 503, text);
}

static void readyz(struct lp_probes *p, struct lp_http_exchange *x)
{
    const char *state = atomic_load(&p->state);
    char why[128] = "", text[136];

    if (!state && (!p->options.ready || p->options.ready(p->options.user, why))) {
        lp_http_reply_text(x, 200, "ok\n");
        return;
    }
    snprintf(text, sizeof text, "%s\n", state ? state : why[0] ? why : "not ready");
    lp_http_reply_text(x, 503, text);
}

static void answer(struct lp_http_exchange *x, void *user)
{
    const char *path = lp_http_path(x), *method = lp_http_method(x);
    bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;

    if (reads && strcmp(path, "/livez") == 0) {
        livez(user, x);
    } else if (reads && strcmp(path, "/readyz") == 0) {
        readyz(user, x);
    } else if (reads && strcmp(path, "/metrics") == 0) {
        lp_http_reply_metrics(x);
    } else {
        lp_http_reply_text(x, 404, "here are /metrics, /livez and /readyz\n");
    }
}

int lp_probes_start(const struct lp_probes_options *options, struct lp_probes **ret_probes,
                    struct lp_error *err)
{
    struct lp_probes *p = lp_alloc(sizeof *p);
    struct lp_http_server_options server = { .address = options->address,
                                             .port = options->port,
                                             .max_connections = 64,
                                             .header_timeout_s = 30,
                                             .name = "metrics port",
                                             .handler = answer,
                                             .user = p };
    p->options = *options;
    p->options.address = NULL; /* not ours after the start */
    atomic_store(&p->state, "starting");
    lp_probes_beat(p);
    int r = lp_http_server_start(&server, &p->server, err);
    if (r < 0) {
        free(p);
        return r;
    }
    *ret_probes = p;
    return 0;
}

uint16_t lp_probes_port(const struct lp_probes *p)
{
    return lp_http_server_port(p->server);
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
    lp_http_server_stop(p->server);
    free(p);
}
