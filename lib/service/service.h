/* lib/service/service.h -- the skeleton of a service: environment, admission, probes, drain. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/stop.h"
#include "http/server/server.h"
#include "config/env.h"

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

/* ---- a request under work ---- */

/* Borrowed and alive until the reply; until the handler returns too, except `x` and `method`. */
struct lp_service_request {
    struct lp_http_exchange *x;
    const char *method;
    const char *path;        /* decoded, without trailing slash ("/" alone stays) */
    const char *request_id;  /* X-Request-Id taken (<= 128 safe characters) or made */
    const char *traceparent; /* W3C trace context as received; NULL: none or malformed */
    const char *route;       /* name of its route; NULL: none */
    const char *params[4];   /* what :names of the route matched, decoded, case kept */
    int64_t deadline_ms;     /* lp_clock_ms() value */
    void *user;              /* of the service */
};

/*
 * Answers with lp_http_reply* exactly once, in this call or later from a thread of the service (the
 * request counts as in flight until then). Runs in a worker thread; `worker` is what make_worker
 * made for this thread.
 */
typedef void lp_service_handler(struct lp_service_request *r, void *worker);

/* Headers that pass request id and trace on to another service, for lp_http_request.headers. */
struct lp_service_pass {
    char request_id[160], traceparent[80];
    const char *list[3]; /* ends with NULL */
};
void lp_service_pass_on(const struct lp_service_request *r, struct lp_service_pass *ret_pass);

/*
 * The JSON object of the body; the caller owns it. No body at all is an empty object. Fails with
 * the status to answer in err->http_status: 415 (Content-Type is not JSON), 400 (bad JSON, or no
 * object).
 */
LP_MUST_USE int lp_service_read_json(const struct lp_service_request *r, json_t **ret_object,
                                     struct lp_error *err);

/* ---- the service ---- */
struct lp_route {
    const char *method; /* a GET route answers HEAD too */
    const char *path;   /* "/api/x/:id"; without regard to case, a trailing slash is accepted */
    lp_service_handler *handler;
    const char *name;   /* metrics label "route", also in the log */
    bool inline_answer; /* no queue, answered in the event loop, worker NULL: health */
};

/* Bodies are JSON literals, sent as they are. */
struct lp_service {
    const char *name;              /* "auth": metrics label "service"; the program is lp-auth */
    const struct lp_route *routes; /* ends with method NULL */
    size_t max_body;
    const char *not_found_json; /* 404 for unknown routes */
    const char *busy_json;      /* 503: queue full, deadline passed; NULL: {"error":"…"} */
    const char *too_large_json, *internal_json;
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

/* What stands for a learner's identifier in logs and metrics: 16 hex digits of HMAC-SHA256. */
#define LP_PSEUDONYM 17
void lp_service_pseudonym(const char *identifier, char ret_text[LP_PSEUDONYM]);
