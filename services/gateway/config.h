/* services/gateway/config.h -- what the environment says, checked once at start. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "config/env.h"
#include "service/service.h"
#include "services/gateway/rules.h"

#define GATEWAY_MAX_UPSTREAMS 40 /* three, and spec.extraServices has up to 32 */
#define GATEWAY_MAX_PATHS 8
#define GATEWAY_MAX_ORIGINS 16

enum gateway_access_log {
    GATEWAY_LOG_OFF,
    GATEWAY_LOG_ERRORS,
    GATEWAY_LOG_SAMPLED,
    GATEWAY_LOG_ALL
};

/* Strings are borrowed from the environment. */
struct gateway_config {
    struct lp_service_config common; /* first: lp_env_load fills it */
    const char *auth_url, *ai_url, *progress_url;
    const char *extra_services;  /* EXTRA_SERVICES: "[name:]/path=http://host:port,…" or "" */
    const char *route_paths;     /* ROUTE_PATHS: "name:/api/words,…" or "" */
    const char *route_rules;     /* ROUTE_RULES: "name:methods=GET;total=60000,…" or "" */
    const char *hold_routes;     /* HOLD_ROUTES: names of routes, or "" */
    const char *jwt_secrets;     /* AUTH_JWT_SECRET: comma list, newest first; "": none */
    const char *jwt_keys_dir;    /* AUTH_JWT_KEYS_DIR: "": none */
    const char *jwks_url;        /* AUTH_JWKS_URL, "": none */
    int64_t jwks_refresh_ms;     /* AUTH_JWKS_REFRESH */
    const char *cors_origin;     /* CORS_ORIGIN: "*", one origin, or a comma list */
    const char *trusted_proxies; /* TRUSTED_PROXIES: networks, or "" */
    const char *upstream_client; /* UPSTREAM_CLIENT: native or curl */
    const char *access_log_name; /* ACCESS_LOG: off, errors, sampled, all */
    enum gateway_access_log access_log; /* what it means: gateway_start sets it */
    int64_t timeout_ms;                 /* DEFAULT_TIMEOUT */
    int64_t head_timeout_ms;            /* HEADER_TIMEOUT */
    int64_t body_timeout_ms;            /* BODY_TIMEOUT */
    int64_t websocket_idle_ms;          /* WEBSOCKET_IDLE */
    int64_t websocket_message_max;      /* WEBSOCKET_MESSAGE_MAX, 0: any */
    int64_t extra_body_limit;           /* EXTRA_BODY_LIMIT, 0: none */
    int64_t max_connections;            /* MAX_CONNECTIONS */
    int64_t max_per_address;            /* MAX_CONNECTIONS_PER_ADDRESS, 0: three quarters of them */
    int64_t hold_limit, hold_timeout_ms; /* HOLD_LIMIT, HOLD_TIMEOUT */
    int64_t upstream_limit;              /* UPSTREAM_CONCURRENCY, 0: four times CONCURRENCY */
    int64_t buffer_max;                  /* BUFFER_MAX, bytes */
    int64_t rate_window_ms;              /* RATE_LIMIT_WINDOW */
    int64_t rate_max;                    /* RATE_LIMIT_MAX, 0: no limit, -1: the four below */
    int64_t subject_rate, subject_burst; /* RATE_LIMIT_RATE, RATE_LIMIT_BURST */
    int64_t address_rate, address_burst; /* RATE_LIMIT_ADDRESS_RATE, RATE_LIMIT_ADDRESS_BURST */
    int64_t workers;                     /* WORKERS, 0: one per CPU, at most 4 */
};

/* The table for lp_env_load, ends with name NULL. */
extern const struct lp_env gateway_env[];

/* One upstream: requests whose path begins with `prefix` go to `url`. */
struct gateway_upstream {
    char *name;   /* metrics label "route": as given, else the prefix without its slash */
    char *prefix; /* "/ai" */
    char *origin; /* "http://host:port" */
    char *base;   /* path of the URL without trailing slashes, "" mostly */
    char *host;   /* of the origin, without brackets */
    unsigned port;
    bool https;
    bool holds;         /* requests, while nobody is there */
    int64_t body_limit; /* bytes of a request's body, 0: any */
    struct rules rules;
};

/* A path that leads to an upstream beside its prefix, and stays as it is. */
struct gateway_path {
    char *path;      /* "/api/words": it and what is below it */
    size_t upstream; /* its index */
};

/* What config means; owned by the caller, ended with _done. */
struct gateway_routes {
    struct gateway_upstream upstreams[GATEWAY_MAX_UPSTREAMS];
    size_t n;
    struct gateway_path paths[GATEWAY_MAX_PATHS];
    size_t n_paths;
};

/* auth, ai, progress and the extra ones. LP_E_INVALID names variable, value and what is allowed. */
LP_MUST_USE int gateway_routes_make(const struct gateway_config *c,
                                    struct gateway_routes *ret_routes, struct lp_error *err);
void gateway_routes_done(struct gateway_routes *r);
