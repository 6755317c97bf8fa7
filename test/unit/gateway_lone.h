/* test/unit/gateway_lone.h -- the gateway's own client towards upstreams, without the gateway. */
#pragma once

#include <sys/epoll.h>

#include "services/gateway/upstream_http_parts.h"
#include "unit/gateway_fixture.h"

static inline struct endpoint_list numbered(unsigned n)
{
    struct endpoint_list all;

    memset(&all, 0, sizeof all);
    all.version = 1;
    all.n = n;
    for (unsigned i = 0; i < n; i++) {
        all.list[i].in.sin_family = AF_INET;
        all.list[i].in.sin_port = htons((uint16_t)(1000 + i));
    }
    return all;
}

struct ended {
    bool is;
    enum upstream_result result;
};

static inline void lone_on_head(void *user, const struct upstream_head *head)
{
    (void)user, (void)head;
}

/* Nobody takes bodies for now. */
static bool lone_stops_bodies;

static inline bool lone_on_body(void *user, const char *bytes, size_t n)
{
    (void)user, (void)bytes, (void)n;
    return !lone_stops_bodies;
}

static inline void lone_on_whole(void *user)
{
    (void)user;
}

static inline void lone_on_end(void *user, enum upstream_result result, const char *why)
{
    (void)why;
    *(struct ended *)user = (struct ended){ true, result };
}

static inline void lone_nothing_changed(void *user)
{
    (void)user;
}

/* A client whose upstream 0 has these addresses. */
struct lone {
    struct upstream_client *client;
    struct endpoints *endpoints;
    struct gateway_routes routes;
    struct gateway_config config;
    int epoll;
};

static inline void lone_up(struct lone *l, struct fake_upstream *const *fakes, unsigned n)
{
    struct lp_error err;

    l->config = gateway_defaults("http://127.0.0.1:1");
    l->epoll = epoll_create1(0);
    assert_int_equal(gateway_routes_make(&l->config, &l->routes, &err), 0);
    assert_int_equal(endpoints_new(&l->routes, lone_nothing_changed, NULL, &l->endpoints, &err), 0);
    l->client = upstream_http_new(l->epoll, 0, l->endpoints, l->routes.n, NULL);
    struct endpoint_list *list = &((struct http_client *)l->client)->pools[0].endpoints;
    *list = numbered(n); /* of version 1, as the one that it replaces */
    for (unsigned i = 0; i < n; i++) {
        list->list[i].in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        list->list[i].in.sin_port =
            htons((uint16_t)strtoul(strrchr(fake_upstream_url(fakes[i]), ':') + 1, NULL, 10));
    }
}

static inline void lone_down(struct lone *l)
{
    l->client->ops->free(l->client);
    endpoints_stop(l->endpoints);
    endpoints_free(l->endpoints);
    gateway_routes_done(&l->routes);
    close(l->epoll);
}

/* GET / of upstream 0. `ended` is borrowed until the call ends. */
static inline struct upstream_request lone_request(struct ended *ended)
{
    static const struct upstream_events events = { lone_on_head, lone_on_body, NULL, lone_on_whole,
                                                   lone_on_end };

    return (struct upstream_request){
        .origin = "http://h",
        .target = "/",
        .method = "GET",
        .fields = "",
        .connect_ms = 2000,
        .idempotent = true,
        .events = &events,
        .user = ended,
    };
}

/* Goes on with what epoll reports until the call is paused, as nobody takes its body. */
static inline void lone_await_pause(struct lone *l, const struct upstream_call *call)
{
    struct epoll_event e;

    while (!call->paused && epoll_wait(l->epoll, &e, 1, 30000) == 1)
        l->client->ops->ready(l->client, (int)e.data.u64, e.events);
    assert_true(call->paused);
}
