/* services/gateway/worker.h -- what one event loop holds: sockets, exchanges, its share of the
 * limits. */
#pragma once

#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/stop.h"
#include "metrics/metrics.h"
#include "service/jwt.h"
#include "services/gateway/admission.h"
#include "services/gateway/breaker.h"
#include "services/gateway/config.h"
#include "services/gateway/limiter.h"
#include "services/gateway/reply.h"
#include "services/gateway/upstream.h"

#define WORKER_MAX_LINGERING 64

enum gateway_reason {
    REJECT_QUEUE_FULL,
    REJECT_DEADLINE,
    REJECT_CLIENT_GONE,
    REJECT_RATE_LIMIT,
    REJECT_CIRCUIT_OPEN,
    REJECT_REASONS,
};

struct gateway_metrics {
    struct lp_metric_family *requests;                    /* service, route, code */
    struct lp_metric *seconds[GATEWAY_MAX_UPSTREAMS + 1]; /* the last: route "other" */
    struct lp_metric *in_flight, *waiting, *slots, *rejected[REJECT_REASONS];
};

/* What all workers read; only `limiter` and the metrics change, by their own locks and atomics. */
struct gateway_shared {
    const struct gateway_config *config;
    struct gateway_routes routes;
    struct lp_jwt_keys *keys;
    struct limiter *limiter; /* NULL: no rate limit */
    struct gateway_metrics metrics;
};

/* An open connection of a client. */
struct conn {
    struct conn *prev, *next;
    struct exchange *exchange; /* NULL between requests */
    int fd;                    /* libmicrohttpd's */
    int64_t head_until;        /* lp_clock_ms() by which the next head must be there; 0: one is */
    bool linger;               /* unread bytes may be left: see front.c */
    bool half_closed;          /* the client sends no more */
    char peer[INET6_ADDRSTRLEN];
};

struct worker {
    struct gateway_shared *shared;
    pthread_t thread;
    struct lp_stop *ended; /* requested when the thread is about to end */
    int epoll_fd, wake_fd, listen_fd;
    struct MHD_Daemon *mhd;
    struct upstream_client *client;
    struct replies replies;
    struct admission admission;
    struct breaker breakers[GATEWAY_MAX_UPSTREAMS];
    struct exchange *exchanges, *todo;
    struct conn *conns;
    int64_t now, next_sweep;
    uint64_t random[2];
    bool mhd_due;
    atomic_bool closing; /* answers say Connection: close */
    atomic_bool quiesce; /* no new connections; ends once no exchange is left */
    atomic_bool abort;   /* ends now */
    atomic_uint asked;   /* times gateway_turns woke the loop since it last turned */
    struct {
        int fd;
        int64_t until;
    } lingering[WORKER_MAX_LINGERING];
    unsigned n_lingering;
};

/* Makes the loop look at its flags. Any thread. */
void worker_wake(struct worker *w);

/* The sweep comes no later than `at`. */
void worker_sweep_at(struct worker *w, int64_t at);
