/* services/gateway/upstream.h -- what the gateway wants of an HTTP client towards its upstreams. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct upstream_client;
struct upstream_call;

/*
 * What a call tells. They come from inside _ready and _timers, `body` also from resume_receive,
 * never from _start or _cancel; after `end` or _cancel nothing comes, and the call is gone. No
 * function of the client may be called from inside one, but _start from `end`.
 */
struct upstream_events {
    /* The head of the final answer, once. `fields`: "Name\0value\0" pairs, hop-by-hop ones
     * included, borrowed; `length` of the body, -1 where it is not known. */
    void (*head)(void *user, int status, const char *fields, size_t fields_len, int64_t length);
    /* Bytes of the body. False: not taken; no more come until resume_receive, which offers them
     * again. */
    bool (*body)(void *user, const char *bytes, size_t n);
    /* Up to `room` bytes of the request's body into `to`. 0 without *ret_end: none yet, asked again
     * after resume_send. */
    size_t (*read)(void *user, char *to, size_t room, bool *ret_end);
    /* It is over. `complete`: the whole answer came; else `why`, borrowed. */
    void (*end)(void *user, bool complete, const char *why);
};

/* Borrowed until _start returns, `events` and `user` until the end. */
struct upstream_request {
    const char *origin; /* "http://host:port" */
    const char *target; /* "/path?query", sent byte for byte */
    const char *method;
    const char *fields; /* "Name: value\0" …; without framing, Host and hop-by-hop fields */
    size_t fields_len;
    int64_t body_length; /* 0: none; -1: not known, sent chunked */
    bool idempotent;     /* may be sent once more where a kept connection died before any byte of an
                            answer */
    const struct upstream_events *events;
    void *user;
};

/*
 * A client lives in one event loop and one thread. It adds its sockets to the loop's epoll
 * descriptor with `tag | descriptor` as data.
 */
struct upstream_ops {
    struct upstream_call *(*start)(struct upstream_client *c, const struct upstream_request *r);
    void (*resume_receive)(struct upstream_call *call);
    void (*resume_send)(struct upstream_call *call);
    void (*cancel)(struct upstream_call *call);
    void (*ready)(struct upstream_client *c, int fd, uint32_t epoll_events);
    void (*timers)(struct upstream_client *c);              /* when timeout_ms is 0 */
    int64_t (*timeout_ms)(const struct upstream_client *c); /* until _timers is due; -1: never */
    void (*free)(struct upstream_client *c);                /* every call must be over */
};

/* First member of every implementation. */
struct upstream_client {
    const struct upstream_ops *ops;
};

/* By libcurl's multi interface. NULL where libcurl cannot start. */
struct upstream_client *upstream_curl_new(int epoll_fd, uint64_t tag);
