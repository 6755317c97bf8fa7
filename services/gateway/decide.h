/* services/gateway/decide.h -- what becomes of a request, by its head alone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "http/message/request_head.h"
#include "service/trace.h"
#include "services/gateway/limiter.h"
#include "services/gateway/reply.h"
#include "services/gateway/worker.h"

#define DECIDE_METHOD_MAX 31

/* What the rules go by beside the head; borrowed. */
struct decision {
    struct gateway_shared *shared;
    const struct reply_origins *origins;
    struct lp_buf *path, *query; /* room for the parts of the target */
    uint64_t *random;            /* two words, the state of a generator */
    const struct in6_addr *peer;
    int64_t now; /* lp_clock_ms() */
};

enum verdict_kind {
    VERDICT_FORWARD,   /* to `upstream`, with up_target and up_fields */
    VERDICT_REPLY,     /* `reply` */
    VERDICT_PREFLIGHT, /* what OPTIONS gets */
    VERDICT_LIMITED,   /* 429, by `limit` */
    VERDICT_REFUSE,    /* `status` with `why` */
    VERDICT_LATER,     /* 503 for retry_after_ms: the token's key is being fetched */
};

/* `up_target` and `up_fields` are the caller's buffers, empty. */
struct verdict {
    enum verdict_kind kind;
    enum reply_kind reply;
    unsigned status;
    int retry_after_ms;
    const char *why;                         /* a literal */
    const char *lines;                       /* further header lines of it, borrowed; or NULL */
    const struct gateway_upstream *upstream; /* NULL: answered here */
    struct lp_buf *up_target, *up_fields;
    bool limited; /* `limit` was counted */
    struct limiter_state limit;
    size_t origin;       /* for replies_* */
    bool upgrade;        /* a WebSocket handshake */
    bool offered_bearer; /* its token came as a subprotocol */
    char request_id[LP_REQUEST_ID_MAX + 1];
    char trace_id[LP_TRACE_ID]; /* W3C Trace Context: the client's, or made */
};

/* Preflight, token, rate limit, route, size, in this order. Counts the request in the rate limit,
 * else changes nothing but *io_verdict. */
void decide(const struct decision *d, const struct lp_request_head *head,
            struct verdict *io_verdict);
