/* services/gateway/exchange.h -- one request and its answer, from the request line to the last
 * byte. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "http/message/chunked.h"
#include "services/gateway/admission.h"
#include "services/gateway/conn.h"
#include "services/gateway/decide.h"
#include "services/gateway/stream.h"
#include "services/gateway/websocket.h"

/* What a client owes us: one byte a ms, counted over body_timeout_ms at a time. */
struct pace {
    int64_t since_ms; /* 0: nothing is owed */
    int64_t bytes;    /* moved since then */
};

/*
 * The upstream client's events only move bytes and mark the connection; request.c does the rest
 * when the loop comes to it, so the client is never called from inside its own events.
 */
struct exchange {
    struct worker *worker;
    struct conn *conn;
    struct admission_ticket ticket;          /* while the upstream is wanted */
    const struct gateway_upstream *upstream; /* NULL: answered here */
    struct upstream_client *client;          /* whose call is */
    struct upstream_call *call;

    char method[DECIDE_METHOD_MAX + 1];
    char request_id[LP_REQUEST_ID_MAX + 1], trace_id[LP_TRACE_ID];
    size_t origin;              /* for replies_* */
    int64_t began_ms, deadline; /* deadline 0: none */
    int64_t called_ms;          /* when the upstream was */
    bool answered;              /* the head of its answer came */
    bool keep;                  /* the connection may go on after the answer */
    bool http10;

    /* towards the upstream */
    int64_t body_length; /* 0: no body, -1: chunked */
    int64_t body_limit;  /* 0: none */
    int64_t body_read;
    struct lp_chunked chunks;
    bool says_length, expects_continue, upgrade;
    bool body_done;  /* all of it was read */
    bool dropping;   /* nobody reads it any more */
    bool sent_all;   /* the upstream has it */
    bool unanswered; /* and it is counted as such, until the head of an answer */
    bool up_starved; /* the upstream waits for us */
    bool probe;      /* of a half-open breaker */
    struct stream up;
    struct pace up_pace;
    char *up_target, *up_fields; /* kept while it waits for a place, or may be held; else NULL */
    bool held;                   /* hold.h */
    int64_t held_until;          /* 0: it never was */
    size_t up_fields_len;

    /* towards the client */
    unsigned status;
    bool begun;   /* its head is in conn->out */
    bool done;    /* all of it is */
    bool cut;     /* the upstream broke off */
    bool chunked; /* in chunks, as its length is not known */
    bool capture; /* kept back until it is whole */
    bool down_paused, tunnel, limited;
    unsigned down_mask; /* common headers that the upstream set */
    bool down_id, down_date;
    struct lp_buf down_fields, down_body; /* of a captured answer */
    struct pace down_pace;                /* owed while there is something to take */
    struct limiter_state limit;

    /* a tunnel: a WebSocket after its handshake */
    struct websocket from_client, from_server;
    unsigned tunnel_code; /* it is to end, and why: enum websocket_close */
    int64_t tunnel_until; /* it ends then, as we do; 0: not so */
    bool offered_bearer;  /* the token came as a subprotocol */
};

/* Begins a request on `c`, whose head is just being read. */
struct exchange *exchange_new(struct conn *c);

/* Counts and logs it, gives everything back and frees it. */
void exchange_free(struct exchange *x);

/* From now on the client must move bytes, unless it does already. */
void exchange_owed(struct exchange *x, struct pace *p);

/* A client that hardly moves would hold its slot for as long as it likes. What came fast at first
 * buys no time for later; where it is we who wait, nothing is owed. False: it is too slow. */
bool exchange_keeps_pace(struct exchange *x, struct pace *p, bool owed);

/* `ms` from now something must have happened. */
void exchange_expect(struct exchange *x, int64_t ms);

/* ---- answers; each may be begun once ---- */

/* One of ours: JSON, with further header lines (each with its CR LF; NULL: none). */
void exchange_answer(struct exchange *x, unsigned status, const char *json, const char *lines);
void exchange_message(struct exchange *x, unsigned status, const char *message, const char *lines);
void exchange_unavailable(struct exchange *x, int64_t retry_after_ms);
/* 204, which allows the headers that were asked for (NULL: none were). */
void exchange_preflight(struct exchange *x, const struct lp_field *requested);

/* The upstream's status line and head: `fields` are lines that pass, `length` -1: not known. */
void exchange_head(struct exchange *x, const char *fields, size_t fields_len, int64_t length,
                   bool bodiless, const char *cookie);
void exchange_body(struct exchange *x, const char *bytes, size_t n);
void exchange_end_body(struct exchange *x);

/* Counts what the connection and its exchange, if it has one, buffer now. As soon as it grows: of
 * the answers that arrive in one turn each sees what those before it took. A connection that is
 * closed has left the sum already. */
void exchange_account(struct conn *c);
