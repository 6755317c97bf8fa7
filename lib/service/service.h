/* lib/service/service.h -- the skeleton of a service: environment, admission queue, probes and metrics, drain. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/stop.h"
#include "http/server.h"

/* ---- configuration from the environment, by a table ---- */
enum lp_env_type { LP_ENV_STRING, LP_ENV_INT, LP_ENV_BOOL, LP_ENV_DURATION /* "1h", "300s", "3d"; int64_t ms */, LP_ENV_URL };
struct lp_env {
    const char *name;
    enum lp_env_type type;
    size_t offset;     /* const char *, int64_t or bool in the config struct */
    const char *fallback; /* as text; NULL: required */
    int64_t min, max;  /* value of an int, ms of a duration, bytes of a string */
    const char *const *one_of; /* NULL-terminated; NULL: any */
    bool secret;       /* its value never appears in a message */
    const char *help;
};

/* What every service has; first member of its config struct. */
struct lp_service_config {
    int64_t port, metrics_port;  /* PORT; METRICS_PORT 9090 */
    int64_t concurrency;         /* CONCURRENCY 32: worker threads */
    int64_t queue_limit;         /* QUEUE_LIMIT 256: waiting requests */
    int64_t deadline_ms;         /* REQUEST_DEADLINE 30s */
    int64_t drain_ms;            /* DRAIN_DELAY 5s: keep serving after SIGTERM while endpoints drain */
    const char *log_level;       /* LOG_LEVEL info */
};

/*
 * Reads the common variables and `table` (ends with name NULL) into `config`; checks all before it fails, the message names variable,
 * value and what is allowed. Strings are borrowed from the environment. Also used by lp-gateway and lp-operator, with common false.
 */
LP_MUST_USE int lp_env_load(const struct lp_env *table, bool common, const char *default_port,
                            void *config, struct lp_error *err);

/* ---- a request under work ---- */
struct lp_service_request {
    struct lp_http_exchange *x;
    const char *method;   /* borrowed */
    const char *path;     /* decoded, without trailing slash */
    const char *request_id; /* X-Request-Id taken (<= 128 safe characters) or made */
    const char *params[4]; /* what :names of the route matched, decoded, case kept */
    int64_t deadline_ms;  /* lp_clock_ms() value */
    void *user;           /* of the service */
};

/* Answers with lp_http_reply* exactly once. Runs in a worker thread; `worker` is what make_worker made for this thread. */
typedef void lp_service_handler(struct lp_service_request *r, void *worker);

struct lp_route {
    const char *method;
    const char *path; /* "/api/progress/activityLog/:userId"; matched without regard to case, trailing slash accepted */
    lp_service_handler *handler;
    const char *name;  /* metrics label "route" */
    bool inline_answer; /* no queue, answered in the event loop: health */
};

struct lp_service {
    const char *name;    /* "auth" */
    const struct lp_route *routes; /* ends with method NULL */
    size_t max_body;
    const char *not_found_json; /* whole body of a 404 for unknown routes */
    const char *busy_json, *too_large_json, *internal_json; /* NULL: {"error":"…"} */
    void *user;
    void *(*make_worker)(void *user); /* per worker thread (connections); NULL: none */
    void (*free_worker)(void *worker);
    bool (*ready)(void *user, char why[128]); /* NULL: ready once started */
};

/*
 * Serves until `stop`: binds both ports, workers, probes; then readiness turns false, keeps serving for drain_ms, finishes what is queued,
 * returns 0. Fails where a port cannot be had.
 */
LP_MUST_USE int lp_service_run(const struct lp_service *service, const struct lp_service_config *config,
                               struct lp_stop *stop, struct lp_error *err);

/* main()'s --help, --version, --check-config; returns -1 to go on, else the exit status. */
int lp_service_arguments(int argc, char **argv, const char *program, const char *summary,
                         const struct lp_env *table, bool common);
