/*
 * lp-gateway: the front door of the platform.
 *
 * Threads: one per worker (gateway.c), the probes' own, the signals', and this one, which sees that
 * the workers turn and ends them: after SIGTERM not ready but serving for DRAIN_DELAY, then no new
 * connections, then the rest gets as long as an upstream may take, and GRACE_MS.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "service/probes.h"
#include "service/program.h"
#include "services/gateway/gateway.h"

#define SUMMARY "Checks tokens and passes requests on to the services of the learning platform."
#define GRACE_MS 10000
#define BEAT_MS 1000
#define KEYS_MS 100
#define BEAT_LIMIT_MS 60000

/* Beats as long as every worker turns; ends with the stop, or after `ms` where it is not -1. */
static void watch(struct gateway *g, struct lp_probes *probes, struct lp_stop *stop, int64_t ms)
{
    int64_t end = lp_clock_ms() + ms;

    for (;;) {
        int64_t left = ms < 0 ? BEAT_MS : end - lp_clock_ms();
        if (left <= 0)
            return;
        if (lp_stop_wait(stop, left < BEAT_MS ? left : BEAT_MS))
            return;
        if (gateway_turns(g))
            lp_probes_beat(probes);
        lp_log_sweep();
    }
}

/* Ready once the issuer's keys were asked for, well or not; it serves meanwhile. */
static void await_keys(struct gateway *g, struct lp_probes *probes, struct lp_stop *stop)
{
    char why[128] = "";

    while (!gateway_ready(g, why) && !lp_stop_requested(stop)) {
        lp_probes_set_state(probes, "fetching the issuer's keys");
        watch(g, probes, stop, KEYS_MS);
    }
    lp_probes_set_state(probes, NULL);
}

static void serve(struct gateway *g, struct lp_probes *probes, const struct gateway_config *config,
                  struct lp_stop *stop)
{
    char port[8], metrics_port[8];

    snprintf(port, sizeof port, "%u", gateway_port(g));
    snprintf(metrics_port, sizeof metrics_port, "%u", lp_probes_port(probes));
    lp_log_info("serving", "service", "gateway", "port", port, "metrics_port", metrics_port);
    await_keys(g, probes, stop);
    watch(g, probes, stop, -1);

    struct lp_stop *never = lp_stop_new();
    lp_log_info("draining", "service", "gateway");
    lp_probes_set_state(probes, "draining");
    gateway_close_politely(g);
    watch(g, probes, never, config->common.drain_ms);
    lp_stop_free(never);
}

static int gateway_run(const void *user, struct lp_stop *stop, struct lp_error *err)
{
    const struct gateway_config *config = user;
    struct lp_probes_options options = {
        .port = (uint16_t)config->common.metrics_port,
        .state = "starting",
        .beat_limit_ms = BEAT_LIMIT_MS,
    };
    struct lp_probes *probes = NULL;
    struct gateway *g = NULL;

    int r = lp_probes_start(&options, &probes, err);
    if (r == 0)
        r = gateway_start(config, &g, err);
    if (r == 0) {
        serve(g, probes, config, stop);
        gateway_free(g, config->timeout_ms + GRACE_MS);
        lp_log_info("drained", "service", "gateway");
    }
    lp_probes_stop(probes);
    return r;
}

static int check(void *config, struct lp_error *err)
{
    return gateway_check(config, err);
}

int main(int argc, char **argv)
{
    static struct gateway_config config;
    static const struct lp_service_program program = {
        .name = "lp-gateway",
        .summary = SUMMARY,
        .port = "8080",
        .table = gateway_env,
        .check = check,
        .run = gateway_run,
    };
    return lp_service_main(argc, argv, &program, &config);
}
