/* services/gateway/exchange.h -- one request and its answer, from the request line to the last
 * byte. */
#pragma once

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "services/gateway/admission.h"
#include "services/gateway/head.h"
#include "services/gateway/stream.h"
#include "services/gateway/worker.h"

enum exchange_todo { TODO_WAKE = 1, TODO_RECEIVE = 2, TODO_SEND = 4 };

/* What a client owes us: one byte a ms, counted over body_timeout_ms at a time. */
struct pace {
    int64_t since_ms; /* 0: nothing is owed */
    int64_t bytes;    /* moved since then */
};

/*
 * libmicrohttpd's callbacks and the upstream client's only move bytes and set `todo`; the loop does
 * the rest between them (exchange_todo), so neither library is called from inside the other.
 * `suspended` is libmicrohttpd's state: it waits for us. `response` is the answer to queue once the
 * request is read; `call` the upstream's work.
 */
struct exchange {
    struct exchange *prev, *next, *todo_next;
    struct worker *worker;
    struct conn *conn;
    struct MHD_Connection *connection;
    struct admission_ticket ticket;          /* while the upstream is wanted */
    const struct gateway_upstream *upstream; /* NULL: answered here */
    struct upstream_call *call;
    unsigned todo;

    char *target;
    char method[32];
    char request_id[129];
    size_t origin;              /* for replies_* */
    int64_t began_ms, deadline; /* deadline 0: none */
    bool head_read, final, suspended, dead;

    /* towards the upstream */
    int64_t body_length; /* as head.h says */
    struct lp_buf up_target, up_fields;
    struct stream up;
    int64_t body_read;
    struct pace up_pace;
    bool up_starved; /* the upstream waits for us */
    bool probe;      /* of a half-open breaker */

    /* towards the client */
    struct MHD_Response *response;
    unsigned status;
    bool response_cached, queued;
    struct lp_buf down_fields;
    struct stream down;
    struct pace down_pace; /* owed while there is something to take */
    int64_t down_length;
    unsigned down_status;
    bool head_ready, capture, ended, cut, down_paused;
    bool limited;
    struct limiter_state limit;
};

struct exchange *exchange_new(struct worker *w, struct MHD_Connection *c, struct conn *conn,
                              const char *target);

/* libmicrohttpd's access handler for this exchange. */
enum MHD_Result exchange_handle(struct exchange *x, const char *url, const char *method,
                                const char *version, const char *bytes, size_t *io_n);

/* libmicrohttpd is done with it: frees it. */
void exchange_completed(struct exchange *x);

void exchange_todo(struct exchange *x, unsigned what);  /* notes it */
void exchange_do(struct exchange *x);                   /* does what is noted */
void exchange_sweep(struct exchange *x);                /* deadlines and paces */
void exchange_owed(struct exchange *x, struct pace *p); /* from now on, unless it is already */
void exchange_abandon(struct exchange *x);              /* the client has gone, or we end */

/* libmicrohttpd closes the connection, whatever it is waiting for. */
void exchange_kill(struct conn *c);

/* Answers from here instead of the upstream; takes over `response` unless `cached`. */
void exchange_answer(struct exchange *x, unsigned status, struct MHD_Response *response,
                     bool cached);
void exchange_unavailable(struct exchange *x, int64_t retry_after_ms);

/* Gives back the slot and starts who waits for it. */
void exchange_release(struct exchange *x);
void exchange_suspend(struct exchange *x);

/* ---- proxy.c: the upstream's side ---- */
void proxy_start(struct exchange *x);
void proxy_cancel(struct exchange *x);
/* True once the answer may be begun. */
bool proxy_can_answer(const struct exchange *x);
/* Builds x->response from what the upstream said. */
void proxy_response(struct exchange *x);
