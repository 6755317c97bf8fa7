/* services/gateway/upstream_http_parts.h -- what the files of the own client share. */
#pragma once

#include "base/buf.h"
#include "http/message/chunked.h"
#include "services/gateway/outliers.h"
#include "services/gateway/upstream_http.h"

#define LINK_BLOCK ((size_t)64 * 1024) /* bytes read or filled at once */

/* A connection to one address. */
struct link {
    struct link *prev, *next;           /* of all */
    struct link *idle_prev, *idle_next; /* of its upstream's idle ones, youngest first */
    struct http_client *client;
    struct upstream_call *call; /* NULL: idle */
    size_t upstream;
    union endpoint address;
    int fd;
    int64_t born, idle_until, connect_until; /* lp_clock_ms(); 0: not so */
    bool can_read, can_write, eof, reused;
    bool trial;        /* its call is the one that tries an address that was left alone */
    struct lp_buf in;  /* came, and not taken yet */
    struct lp_buf out; /* to be sent */
    size_t out_start;
    size_t held; /* its part of the client's sum */
};

struct pool {
    struct endpoint_list endpoints;
    unsigned turn; /* of the next address */
    struct link *idle, *idle_last;
    unsigned n_idle;
    struct outliers outliers;
};

struct http_client {
    struct upstream_client base;
    int epoll_fd;
    uint64_t tag;
    struct endpoints *endpoints;
    struct lp_metric *const *left_alone; /* by upstream, or NULL */
    size_t n_pools;
    struct pool *pools;
    struct link *links;  /* all */
    struct link **by_fd; /* NULL where the descriptor is none of ours */
    size_t n_by_fd;
    struct upstream_call *unsent; /* wait for an address */
    int64_t timer_at;             /* 0: none */
    char block[LINK_BLOCK];
};

enum answer_state {
    ANSWER_HEAD,
    ANSWER_LENGTH,
    ANSWER_CHUNKS,
    ANSWER_TO_END,
    ANSWER_RAW,
    ANSWER_WHOLE
};

enum received {
    RECEIVED_BYTES,
    RECEIVED_NOTHING,
    RECEIVED_END,
    RECEIVED_RESET,
    RECEIVED_GARBAGE,
};

struct upstream_call {
    struct upstream_call *next; /* of those that wait for an address */
    struct http_client *client;
    struct link *link; /* NULL: waits for an address */
    const struct upstream_events *events;
    void *user;
    struct lp_buf request; /* its head, where it may be needed for a second try */
    size_t upstream;
    int64_t body_length, connect_ms;
    bool to_head, upgrade, idempotent;

    bool body_read; /* some of the body was taken from the user */
    bool sent;      /* all of the request is in link->out or gone */
    bool starved;   /* the user had nothing to send */
    bool deaf;      /* the other side takes no more */
    bool retried;
    unsigned connects, interim;

    enum answer_state state;
    int64_t left; /* of ANSWER_LENGTH */
    struct lp_chunked chunked;
    size_t seen;
    bool any, head_given, keep, paused;
};

/* ---- upstream_answer.c ---- */

/* Takes what it can of the bytes; what is left over stays in link->in, where `bytes` may lie.
 * False: the answer is not valid, *ret_why. */
bool answer_take(struct upstream_call *call, const char *bytes, size_t n, const char **ret_why);

/* One read, and answer_take; *ret_why with the last three of enum received. */
enum received answer_receive(struct upstream_call *call, const char **ret_why);

/* ---- upstream_pool.c ---- */

enum pool_result { POOL_LINK, POOL_NOT_YET, POOL_NONE };

/* A connection for the call: an idle one unless `fresh`, else one that begins to connect. */
enum pool_result pool_take(struct upstream_call *call, bool fresh, struct link **ret_link);
/* The link's exchange is over and it may serve another. */
void pool_give(struct link *l);
/* What it holds now is in the client's sum. */
void pool_account(struct link *l);
/* Closes and frees it. */
void pool_close(struct link *l);
/* Its connect failed, or went well. */
void pool_connected(struct link *l, bool well);
/* It had a whole request, and no head of an answer came; or one came. */
void pool_unanswered(struct link *l);
void pool_answered(struct link *l);
/* Closes idle links whose time is over; links whose connect takes too long come to `overdue`. */
void pool_sweep(struct http_client *c, void (*overdue)(struct link *l));
void pool_timer(struct http_client *c, int64_t at);
