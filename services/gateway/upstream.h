/* services/gateway/upstream.h -- what the gateway wants of an HTTP client towards its upstreams. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/message/fields.h"

struct upstream_client;
struct upstream_call;

/* Borrowed for the length of the call it is given to. */
struct upstream_head {
    unsigned status; /* 101 only for a request with `upgrade` */
    int64_t length;  /* Content-Length, -1 where there is none */
    bool bodiless;   /* nothing follows */
    const struct lp_fields *fields;
};

enum upstream_result {
    UPSTREAM_COMPLETE,   /* the whole answer came */
    UPSTREAM_CUT,        /* it ended after its head */
    UPSTREAM_UNANSWERED, /* it ended before a head */
    UPSTREAM_UNREACHED,  /* there was no connection */
};

/*
 * What a call tells. They come from inside _ready, _timers, _wake and the _resume functions, `read`
 * from _start too, none from _cancel; after `end` or _cancel nothing comes, and the call is gone.
 * No function of the client may be called from inside one, but _start from `end`.
 */
struct upstream_events {
    /* The head of the final answer, once. */
    void (*head)(void *user, const struct upstream_head *head);
    /* Bytes of the body. False: not taken; no more come until resume_receive, which offers them
     * again. */
    bool (*body)(void *user, const char *bytes, size_t n);
    /* Up to `room` bytes of the request's body into `to`. 0 without *ret_end: none yet, asked again
     * after resume_send. */
    size_t (*read)(void *user, char *to, size_t room, bool *ret_end);
    /* The answer is whole; `end` follows once the request's body is sent or nobody takes it. */
    void (*whole)(void *user);
    /* It is over; `why` is borrowed, NULL with UPSTREAM_COMPLETE. */
    void (*end)(void *user, enum upstream_result result, const char *why);
};

/* Borrowed until _start returns, `events` and `user` until the end. */
struct upstream_request {
    size_t upstream;    /* its index in the routes */
    const char *origin; /* "http://host:port" */
    const char *target; /* "/path?query", sent byte for byte */
    const char *method; /* NUL-terminated, as target */
    const char *fields; /* "Name: value\r\n" …; without framing, Host and hop-by-hop fields */
    size_t fields_len;
    int64_t body_length; /* >= 0; -1: not known, sent chunked */
    bool says_length;    /* send Content-Length even where it is 0 */
    bool upgrade;        /* ask for WebSocket; 101 turns the bodies into raw bytes both ways */
    int64_t connect_ms;  /* for one address to take a connection */
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
    void (*cancel)(struct upstream_call *call, bool overdue); /* it did not answer in time */
    void (*ready)(struct upstream_client *c, int fd, uint32_t epoll_events);
    void (*wake)(struct upstream_client *c);   /* addresses may have come; NULL: none */
    void (*timers)(struct upstream_client *c); /* when timeout_ms is 0 */
    int64_t (*timeout_ms)(const struct upstream_client *c); /* until _timers is due; -1: never */
    void (*free)(struct upstream_client *c);                /* every call must be over */
};

/* First member of every implementation. */
struct upstream_client {
    const struct upstream_ops *ops;
    size_t held; /* bytes of requests and answers in its connections' buffers; what libcurl holds,
                    by default 16 KiB of an answer and 64 KiB of a request, is not in it */
};
