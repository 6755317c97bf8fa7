/* services/gateway/worker.h -- what one event loop holds: connections, its share of the limits. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/stop.h"
#include "metrics/metrics.h"
#include "service/keys.h"
#include "services/gateway/admission.h"
#include "services/gateway/config.h"
#include "services/gateway/endpoints.h"
#include "services/gateway/learners.h"
#include "services/gateway/limiter.h"
#include "services/gateway/peer.h"
#include "services/gateway/reply.h"
#include "services/gateway/stream.h"
#include "services/gateway/upstream.h"
#include "work/breaker.h"

#define WORKER_BLOCK ((size_t)64 * 1024)
#define WORKER_MAX_STATUS 600
#define WORKER_QUIET_MS 1000  /* for who may still send, once we end */
#define WORKER_ADDRESSES 4096 /* a power of two; addresses that meet in one place share it */

enum gateway_reason {
    REJECT_QUEUE_FULL,
    REJECT_DEADLINE,
    REJECT_CLIENT_GONE,
    REJECT_RATE_LIMIT,
    REJECT_CIRCUIT_OPEN,
    REJECT_CONNECTIONS,
    REJECT_REASONS,
};

struct gateway_metrics {
    struct lp_metric_family *requests;                    /* service, route, code */
    struct lp_metric *seconds[GATEWAY_MAX_UPSTREAMS + 1]; /* the last: route "other" */
    struct lp_metric *awaiting[GATEWAY_MAX_UPSTREAMS], *circuits[GATEWAY_MAX_UPSTREAMS];
    struct lp_metric *held[GATEWAY_MAX_UPSTREAMS], *unanswered[GATEWAY_MAX_UPSTREAMS];
    struct lp_metric *upstream_seconds[GATEWAY_MAX_UPSTREAMS];
    struct lp_metric *websockets[GATEWAY_MAX_UPSTREAMS];
    struct lp_metric *left_alone[GATEWAY_MAX_UPSTREAMS];
    struct lp_metric *in_flight, *waiting, *slots, *buffered, *rejected[REJECT_REASONS];
};

/* What all workers read; only the limiters, the keys and the metrics change, by their own locks and
 * atomics. */
struct gateway_shared {
    const struct gateway_config *config;
    struct gateway_routes routes;
    struct peer_networks trusted;
    struct lp_keys *keys;
    struct limiter *by_subject, *by_address; /* both NULL: no rate limit */
    struct endpoints *endpoints;
    struct learners *learners;
    struct gateway_metrics metrics;
};

struct conn;

/* Of one upstream: hold.h. */
struct hold {
    bool asleep;            /* the last call reached nobody, and none was answered since */
    struct exchange *probe; /* the one whose call tells whether it still is; NULL: none is out */
};

struct worker {
    struct gateway_shared *shared;
    pthread_t thread;
    struct lp_stop *ended; /* requested when the thread is about to end */
    int epoll_fd, wake_fd, listen_fd;
    int spare_fd; /* given up to turn a client away where no descriptor is left */
    struct upstream_client *http, *curl; /* either may be NULL where no upstream needs it */
    struct replies replies;
    struct admission admission;
    struct lp_breaker breakers[GATEWAY_MAX_UPSTREAMS];
    struct hold holds[GATEWAY_MAX_UPSTREAMS];
    int64_t n_held, hold_limit;
    struct conn *conns, *todo, *dead;
    unsigned n_conns;
    size_t buffered, buffer_limit; /* bytes of bodies and of what waits, in clients' connections */
    size_t buffered_told;          /* of worker_buffered(), what the gauge knows */
    uint16_t by_address[WORKER_ADDRESSES]; /* connections, by a keyed hash of the address */
    int64_t now, next_sweep;
    uint64_t random[2], address_key;
    uint64_t logged;                                     /* requests that a sampled log counts */
    struct lp_metric **codes[GATEWAY_MAX_UPSTREAMS + 1]; /* of lp_requests_total, by status */
    struct lp_buf path, query, up_target, up_fields;     /* of the request that is decided */
    char block[WORKER_BLOCK];
    bool closing_seen;
    atomic_bool closing; /* answers say Connection: close */
    atomic_bool quiesce; /* no new connections; ends once no request is left */
    atomic_bool abort;   /* ends now */
    atomic_uint asked;   /* times gateway_turns woke the loop since it last turned */
};

/* Bytes that wait in memory for one side or the other, of clients' and upstreams' connections. */
static inline size_t worker_buffered(const struct worker *w)
{
    return w->buffered + (w->http ? w->http->held : 0);
}

/* More is buffered than may be: nothing new may wait, and each body is taken only as far as its
 * other side has taken what came before. */
static inline bool worker_is_full(const struct worker *w)
{
    return worker_buffered(w) >= w->buffer_limit;
}

/* The water marks of a stream now: at or over the high one its producer is paused, at or under the
 * low one it goes on. */
static inline size_t worker_high(const struct worker *w)
{
    return worker_is_full(w) ? 1 : STREAM_HIGH;
}
static inline size_t worker_low(const struct worker *w)
{
    return worker_is_full(w) ? 0 : STREAM_LOW;
}

/* Makes the loop look at its flags. Any thread. */
void worker_wake(struct worker *w);

/* The sweep comes no later than `at`. */
void worker_sweep_at(struct worker *w, int64_t at);

/* A WebSocket ends at a random time of the first three quarters of DRAIN_DELAY, so that not all
 * clients come back at once. */
void worker_end_tunnel_at(struct worker *w, int64_t *ret_until);

/* `n` hex digits, a multiple of 16, and a NUL; not for secrets. */
void worker_random_hex(uint64_t state[2], char *ret, size_t n);

/* The place of an address in by_address; the key is this process's. */
unsigned worker_place(const struct worker *w, const struct in6_addr *address);

/* Counts an answer of that upstream (routes.n: none). */
void worker_count(struct worker *w, size_t upstream, unsigned status);
