/* lib/service/service.h -- the run of a service: ports, admission, probes, drain. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/stop.h"
#include "service/pseudonym.h"
#include "service/request.h"

/* What every service has; first member of its config struct. */
struct lp_service_config {
    int64_t port;          /* PORT, 0..65535; 0: chosen by the system */
    int64_t metrics_port;  /* METRICS_PORT 9090, 0..65535 */
    int64_t concurrency;   /* CONCURRENCY 32, 1..1024: worker threads */
    int64_t queue_limit;   /* QUEUE_LIMIT 256, 0..100000: waiting requests */
    int64_t deadline_ms;   /* REQUEST_DEADLINE 30s, 100ms..1h: from arrival to the start of work */
    int64_t drain_ms;      /* DRAIN_DELAY 5s, 0..10m: keep serving after SIGTERM meanwhile */
    const char *log_level; /* LOG_LEVEL info: debug, info, warn, error */
    const char *log_hash_key; /* LOG_HASH_KEY: of lp_service_pseudonym; "": a random one */
};

/* ---- the service ---- */
/* Bodies are JSON literals, sent as they are. */
struct lp_service {
    const char *name;              /* "auth": metrics label "service"; the program is lp-auth */
    const struct lp_route *routes; /* ends with method NULL */
    size_t max_body;               /* bytes; over it 413, before the body comes */
    const char *upload_route;      /* name of the one route with another limit; NULL: none */
    size_t upload_max_body;
    const char *not_found_json; /* 404 for unknown routes */
    const char *busy_json;      /* 503: queue full, deadline passed; NULL: {"error":"…"} */
    const char *too_large_json;
    void *user;
    void *(*make_worker)(void *user); /* per worker thread (connections); NULL: none */
    void (*free_worker)(void *worker);
    bool (*ready)(void *user, char why[128]); /* NULL: ready once started */
    /* Sees every request first, in the event loop; may add reply headers; true: it has answered. */
    bool (*filter)(struct lp_service_request *r);
    /* Once both ports listen (they are real even where 0 was asked for). */
    void (*started)(void *user, uint16_t port, uint16_t metrics_port);
};

/*
 * Serves until `stop`: binds both ports, workers, probes; then readiness turns false, keeps serving
 * for drain_ms, takes no new connections, finishes what was accepted, returns 0. LP_E_UNAVAILABLE
 * where a port cannot be had; LP_E_TIMEOUT where requests were not answered within deadline_ms + 10
 * s after that (the caller then ends the process).
 */
LP_MUST_USE int lp_service_run(const struct lp_service *service,
                               const struct lp_service_config *config, struct lp_stop *stop,
                               struct lp_error *err);
