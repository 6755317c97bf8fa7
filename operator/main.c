/*
 * operator/main.c -- lp-operator: configuration, then the parts in the order in which they need
 * each other, then a wait for the stop. Exit status: 0 after SIGTERM, 1 where something failed, 2
 * for bad configuration.
 */
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "autoscaler/adapter.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/heartbeat.h"
#include "base/log.h"
#include "base/stop.h"
#include "json/json.h"
#include "kube/lease.h"
#include "metrics/metrics.h"
#include "operator/config.h"
#include "operator/controller.h"
#include "operator/floor.h"
#include "operator/resident.h"
#include "operator/seed.h"
#include "operator/stats.h"
#include "service/probes.h"
#include "work/backoff.h"

#define UPKEEP_MS 10000

struct program {
    struct operator_config config;
    struct plan_images images;
    char identity[254];
    struct lp_stop *stop;
    struct lp_kube_config *kube;
    struct lp_probes *probes;
    struct controller *controller;
    struct journal *journal;
    struct seed *seed;
    struct adapter *adapter;
    struct floor *floor;
    bool conflict; /* over the metrics API, when last looked at; main thread */
    _Atomic(struct lp_lease *) lease;
    _Atomic int64_t heard_ms; /* when the API server last answered; 0: never yet */
};

static bool check_connected(void *user, char why[128])
{
    struct program *p = user;
    int64_t heard_ms = atomic_load(&p->heard_ms), silent_ms = lp_clock_ms() - heard_ms;

    if (heard_ms != 0 && silent_ms < p->config.silent_s * 1000)
        return true;
    if (heard_ms == 0)
        snprintf(why, 128, "the API server has not answered yet");
    else
        snprintf(why, 128, "the API server has not answered the requests for the lease for %lld s",
                 (long long)silent_ms / 1000);
    return false;
}

static void on_answer(void *user)
{
    struct program *p = user;
    atomic_store(&p->heard_ms, lp_clock_ms());
}

static bool check_threads(void *user, char why[128])
{
    (void)user;
    return lp_heartbeats_good(why, 128);
}

static bool check_alive(void *user, char why[128])
{
    return controller_alive(user, why);
}

static bool check_watches(void *user, char why[128])
{
    return controller_ready(user, why);
}

static bool check_adapter(void *user, char why[128])
{
    return adapter_ready(user, why);
}

static bool check_serving(void *user, char why[128])
{
    return adapter_serves(user, why);
}

/* It is about all replicas together, so the leader alone tells: were all of them unready for it,
 * the aggregator could reach no replica. */
static bool check_available(void *user, char why[128])
{
    struct program *p = user;
    return !controller_leads(p->controller) || adapter_available(p->adapter, why);
}

static void on_started(void *user)
{
    struct program *p = user;
    lp_log_info("leading", "identity", p->identity);
    controller_lead(p->controller);
}

/* The fence has ended our writes already. We stand by, with a warm cache and the metrics served. */
static void on_lost(void *user)
{
    struct program *p = user;
    lp_log_error("the lease was lost", "identity", p->identity);
    controller_follow(p->controller);
}

static bool check_conflict(void *user, char why[ADAPTER_CONFLICT])
{
    struct program *p = user;
    return p->adapter && adapter_conflict(p->adapter, why);
}

static void ask_traffic(void *user, const char *ns, const char *service,
                        struct traffic *ret_traffic)
{
    struct program *p = user;

    *ret_traffic = (struct traffic){ -1, -1, -1 };
    if (p->adapter)
        adapter_traffic(p->adapter, ns, service, ret_traffic);
}

static void ask_measured(void *user, const char *ns, const char *service,
                         struct measured *ret_measured)
{
    struct program *p = user;

    *ret_measured = (struct measured){ .peak_milli = -1, .learners = -1 };
    if (p->adapter)
        adapter_measured(p->adapter, ns, service, ret_measured);
}

/* Every platform's status tells of a conflict over the metrics API. */
static void refresh_on_conflict(struct program *p)
{
    char why[ADAPTER_CONFLICT] = "";
    bool conflict = check_conflict(p, why);
    if (conflict != p->conflict)
        controller_refresh(p->controller);
    p->conflict = conflict;
}

static int64_t writes_until(void *user)
{
    struct program *p = user;
    const struct lp_lease *lease = atomic_load(&p->lease);
    return lease ? lp_lease_writes_until_ms(lease) : 0;
}

static bool may_write(void *user)
{
    struct program *p = user;
    return controller_leads(p->controller) && controller_synced(p->controller);
}

static int load_kube(struct program *p, struct lp_error *err)
{
    const struct operator_config *c = &p->config;
    struct lp_kube_config_source source = {
        .kubeconfig = *c->kubeconfig ? c->kubeconfig : NULL,
        .context = *c->context ? c->context : NULL,
        .service_host = c->service_host,
        .service_port = c->service_port,
        .user_agent = "lp-operator/" LP_VERSION,
    };

    if (!*c->kubeconfig && !*c->service_host)
        return lp_error_set(
            err, LP_E_INVALID,
            "no cluster: this is no pod (KUBERNETES_SERVICE_HOST is not set) and no "
            "kubeconfig is given; use --kubeconfig FILE or KUBECONFIG");
    return lp_kube_config_load(&source, &p->kube, err);
}

/* Waits for an API server that answers, and says what it waits for. False: stopped meanwhile. */
static bool wait_for_cluster(struct program *p)
{
    struct lp_backoff backoff = { .base_ms = 800, .max_ms = 30000 };
    struct lp_kube_client_options options = { .stop = p->stop, .total_timeout_ms = 10000 };

    for (;;) {
        lp_auto_kube_client struct lp_kube_client *client = NULL;
        json_auto_t *version = NULL;
        struct lp_error err;

        int r = lp_kube_client_new(p->kube, &options, &client, &err);
        if (r == 0)
            r = lp_kube_raw(client, "/version", &version, &err);
        if (r == 0) {
            lp_log_info("connected", "kubernetes_version",
                        lp_json_str(version, "gitVersion", NULL));
            on_answer(p);
            return true;
        }
        if (lp_stop_requested(p->stop))
            return false;
        int64_t wait_ms = lp_backoff_next(&backoff);
        lp_auto_free char *wait = lp_sprintf("%.1f s", (double)wait_ms / 1000);
        lp_log_warn("waiting for the API server", "error", err.msg, "again_in", wait);
        if (lp_stop_wait(p->stop, wait_ms))
            return false;
    }
}

static json_t *collect_stats(void *user)
{
    json_t *stats = stats_of_process(), *work = controller_stats(user);
    json_object_update(stats, work);
    json_decref(work);
    return stats;
}

/* Without it a platform that ends us would do so again and again; all else is as well. */
static void open_journal(struct program *p)
{
    struct lp_error err;

    if (*p->config.journal && journal_open(p->config.journal, &p->journal, &err) < 0)
        lp_log_error("no journal", "error", err.msg);
}

static int start_controller(struct program *p, struct lp_error *err)
{
    open_journal(p);
    struct controller_options options = {
        .kube = p->kube,
        .stop = p->stop,
        .images = &p->images,
        .scope = &p->config.scope,
        .instance = p->identity,
        .workers = (unsigned)p->config.workers,
        .resync_ms = p->config.resync_s * 1000,
        .metrics_conflict = check_conflict,
        .traffic = ask_traffic,
        .measured = ask_measured,
        .metrics_user = p,
        .journal = p->journal,
        .writes_until_ms = writes_until,
        .fence_user = p,
    };
    int r = controller_start(&options, &p->controller, err);
    if (r < 0)
        return r;
    struct lp_probes_check alive = { "workers", true, check_alive, p->controller };
    struct lp_probes_check watches = { "watches", false, check_watches, p->controller };
    lp_probes_debug(p->probes, collect_stats, p->controller);
    lp_probes_add(p->probes, &alive);
    lp_probes_add(p->probes, &watches);
    return 0;
}

static bool no_metrics_api(const struct program *p)
{
    return strcmp(p->config.metrics_api, "None") == 0;
}

static enum adapter_mode adapter_mode(const struct program *p)
{
    if (no_metrics_api(p))
        return ADAPTER_NONE;
    return strcmp(p->config.metrics_api, "Chain") == 0 ? ADAPTER_CHAIN : ADAPTER_OWN;
}

static int start_adapter(struct program *p, struct lp_error *err)
{
    struct adapter_config config = ADAPTER_CONFIG_DEFAULTS;

    if (!p->config.adapter && !no_metrics_api(p))
        return 0;
    config.serve = p->config.adapter;
    config.ns = p->config.ns;
    config.port = (uint16_t)p->config.adapter_port;
    config.namespaces = p->config.scope.namespaces;
    config.n_namespaces = p->config.scope.n;
    config.warm_up_ms = p->config.adapter_warm_up_ms;
    config.mode = adapter_mode(p);
    config.chain_connect_to = *p->config.chain_connect_to ? p->config.chain_connect_to : NULL;
    config.ca_s = p->config.ca_s;
    config.leaf_s = p->config.leaf_s;
    config.pod_metrics_port = (uint16_t)p->config.pod_metrics_port;
    int r = adapter_start(&config, p->kube, p->stop, &p->adapter, err);
    if (r < 0)
        return r;
    struct lp_probes_check check = { config.serve ? "metrics-api" : "scrapes", false, check_adapter,
                                     p->adapter };
    struct lp_probes_check serving = { "metrics-server", true, check_serving, p->adapter };
    lp_probes_add(p->probes, &check);
    lp_probes_page(p->probes, "/targets", adapter_targets, p->adapter);
    if (!config.serve)
        return 0;
    lp_probes_add(p->probes, &serving);
    return 0;
}

/* The controller is there. */
static void watch_availability(struct program *p)
{
    struct lp_probes_check available = { "apiservice", false, check_available, p };
    if (p->adapter)
        lp_probes_add(p->probes, &available);
}

/* Where pods are scraped. */
static int start_floor(struct program *p, struct lp_error *err)
{
    struct floor_options options = {
        .kube = p->kube,
        .stop = p->stop,
        .adapter = p->adapter,
        .leads = may_write,
        .writes_until_ms = writes_until,
        .user = p,
        .cache = controller_cache(p->controller),
    };
    return p->adapter ? floor_start(&options, &p->floor, err) : 0;
}

static int start_parts(struct program *p, struct lp_error *err)
{
    struct seed_options seed = { p->kube, p->stop, p->config.ns, may_write, writes_until, p };
    struct lp_lease_options lease = { .ns = p->config.ns,
                                      .name = "lp-operator",
                                      .identity = p->identity,
                                      .on_started = on_started,
                                      .on_lost = on_lost,
                                      .on_answer = on_answer,
                                      .user = p };

    struct lp_lease *held = NULL;
    int r = start_adapter(p, err);
    if (r == 0)
        r = start_controller(p, err);
    if (r == 0)
        r = lp_lease_start(p->kube, p->stop, &lease, &held, err);
    if (r == 0)
        atomic_store(&p->lease, held);
    if (r == 0)
        watch_availability(p);
    if (r == 0)
        r = start_floor(p, err);
    if (r == 0)
        r = seed_start(&seed, &p->seed, err);
    return r;
}

/* The lease goes after the workers, so that nobody else leads while we write, and before the
 * controller, which it calls. */
static void end_parts(struct program *p)
{
    seed_join(p->seed);
    floor_join(p->floor);
    controller_drain(p->controller);
    lp_lease_join(p->lease);
    lp_probes_stop(p->probes); /* which ask the adapter and the controller */
    adapter_join(p->adapter);
    controller_free(p->controller);
    journal_close(p->journal);
    lp_kube_config_free(p->kube);
}

static int run_operator(struct program *p, struct lp_error *err)
{
    const struct operator_config *c = &p->config;
    struct lp_probes_options probes = { .port = (uint16_t)c->port,
                                        .tls_dir =
                                            *c->metrics_cert_dir ? c->metrics_cert_dir : NULL };
    int r = load_kube(p, err);
    if (r == 0)
        r = lp_probes_start(&probes, &p->probes, err);
    if (r < 0)
        return r;
    struct lp_probes_check connected = { "api-server", false, check_connected, p };
    struct lp_probes_check threads = { "threads", true, check_threads, p };
    lp_heartbeat_begin("main", LP_HEARTBEAT_MS);
    lp_probes_add(p->probes, &connected);
    lp_probes_add(p->probes, &threads);
    /* Each part waits for the API server by itself; only a selector needs its word before. */
    bool first = p->config.scope.selector != NULL;
    if (!first || wait_for_cluster(p))
        r = scope_check(&p->config.scope, p->kube, p->stop, err);
    if (r == 0)
        r = start_parts(p, err);
    if (r == 0 && (first || wait_for_cluster(p)))
        while (!lp_stop_wait(p->stop, UPKEEP_MS)) {
            lp_probes_upkeep(p->probes);
            lp_log_sweep();
            resident_drop();
            malloc_trim(0); /* a platform's work leaves holes of many pages */
            refresh_on_conflict(p);
        }
    return r;
}

static void set_identity(struct program *p)
{
    char host[128] = "lp-operator";

    gethostname(host, sizeof host - 1);
    if (*p->config.pod_name)
        snprintf(p->identity, sizeof p->identity, "%s", p->config.pod_name);
    else
        snprintf(p->identity, sizeof p->identity, "%s-%ld", host, (long)getpid());
}

static void set_images(struct program *p)
{
    p->images = (struct plan_images){
        .registry = p->config.image_registry,
        .tag = p->config.image_tag,
        .pull_policy = p->config.image_pull_policy,
        .postgres = p->config.postgres_image,
        .mongo = p->config.mongo_image,
        .mongodb_auth = p->config.mongodb_auth,
        .no_metrics_api = no_metrics_api(p),
        .no_adapter = !p->config.adapter,
    };
}

/* Some twenty threads that mostly wait: a heap for each would be mostly holes. */
static void tune_memory(void)
{
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MXFAST, 0); /* small pieces join at once, and not by walks over all of them */
    mallopt(M_MMAP_THRESHOLD,
            256 << 10); /* given, it does not grow; large buffers go back at once */
    mallopt(M_TRIM_THRESHOLD, 256 << 10);
}

int main(int argc, char **argv)
{
    struct program p = { .stop = NULL };
    enum lp_log_level level = LP_LOG_INFO;
    struct lp_error err;

    int status = config_load(argc, argv, &p.config);
    if (status >= 0)
        return status;
    lp_log_parse_level(p.config.log_level, &level);
    lp_log_set_level(level);
    tune_memory();
    lp_json_init();
    lp_metrics_set_program("lp-operator", LP_VERSION);
    lp_log_identity("lp-operator", LP_VERSION, p.config.pod_name);
    set_identity(&p);
    set_images(&p);
    p.stop = lp_stop_new();
    if (lp_stop_on_signals(p.stop) < 0) {
        lp_log_error("cannot wait for signals");
        return 1;
    }
    lp_log_info("starting", "identity", p.identity);
    int r = run_operator(&p, &err);
    if (r < 0)
        lp_log_error("cannot run", "error", err.msg);
    lp_stop_request(p.stop);
    end_parts(&p);
    scope_done(&p.config.scope);
    lp_log_info("stopped");
    return r < 0 ? 1 : 0;
}
