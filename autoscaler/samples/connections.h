/* autoscaler/samples/connections.h -- the connections to pods' metrics ports, kept between scrapes.
 * One thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "autoscaler/samples/samples.h"
#include "base/buf.h"
#include "base/error.h"

#define CONNECTIONS_KEPT 1024 /* pods over that connect for each scrape */

/* One to one life of a pod. `user` is what is under way on it; NULL: it is idle. */
struct connection {
    struct connection *next; /* of its bucket */
    uint64_t id;             /* of the pod's life (struct samples_target) */
    int fd;
    bool connecting;
    bool used; /* an answer came on it before */
    int64_t idle_ms;
    void *user;
};

struct connections {
    int epoll; /* events come with the connection as data.ptr */
    uint16_t port;
    unsigned n;
    struct connection *buckets[CONNECTIONS_KEPT];
};

/* LP_E_UNAVAILABLE: the system gives no epoll. */
LP_MUST_USE int connections_init(struct connections *c, uint16_t port, struct lp_error *err);
void connections_done(struct connections *c);

/* The idle one to this life of a pod; NULL: there is none. */
struct connection *connections_idle(struct connections *c, uint64_t id);

/* A new one, connecting: an event comes when it is connected or failed. NULL with errno. */
struct connection *connections_open(struct connections *c, const struct samples_target *target);

/* An event came for a connection that connects: 0 once it is connected, else the errno. */
int connections_connected(struct connections *c, struct connection *n);

/* GET /metrics; false with errno where it did not go out whole. */
bool connections_ask(const struct connections *c, const struct connection *n, const char *ip);

/* Idle from now on; closed where there are CONNECTIONS_KEPT. */
void connections_keep(struct connections *c, struct connection *n, int64_t now_ms);
void connections_close(struct connections *c, struct connection *n);

/* Closes what has been idle for longer than `ms`: its pod is gone. */
void connections_expire(struct connections *c, int64_t now_ms, int64_t ms);
