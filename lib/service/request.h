/* lib/service/request.h -- a request under work, and the routes that lead to its handler. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "http/server/server.h"

/* Borrowed and alive until the reply; until the handler returns too, except `x` and `method`. */
struct lp_service_request {
    struct lp_http_exchange *x;
    const char *method;
    const char *path;        /* decoded, without trailing slash ("/" alone stays) */
    const char *request_id;  /* X-Request-Id taken (<= 128 safe characters) or made */
    const char *traceparent; /* W3C trace context as received, or made where none sound came */
    const char *route;       /* name of its route; NULL: none */
    const char *params[4];   /* what :names of the route matched, decoded, case kept */
    int64_t deadline_ms;     /* lp_clock_ms() value */
    void *user;              /* of the service */
};

/*
 * Answers with lp_http_reply* exactly once, in this call or later from a thread of the service (the
 * request counts as in flight until then). Runs in a worker thread; `worker` is what make_worker
 * made for this thread.
 */
typedef void lp_service_handler(struct lp_service_request *r, void *worker);

/* Headers that pass request id and trace on to another service, for lp_http_request.headers. */
struct lp_service_pass {
    char request_id[160], traceparent[80];
    const char *list[3]; /* ends with NULL */
};
void lp_service_pass_on(const struct lp_service_request *r, struct lp_service_pass *ret_pass);

/*
 * The JSON object of the body; the caller owns it. No body at all is an empty object. Fails with
 * the status to answer in err->http_status: 415 (Content-Type is not JSON), 400 (bad JSON, or no
 * object).
 */
LP_MUST_USE int lp_service_read_json(const struct lp_service_request *r, json_t **ret_object,
                                     struct lp_error *err);

struct lp_route {
    const char *method; /* a GET route answers HEAD too */
    const char *path;   /* "/api/x/:id"; without regard to case, a trailing slash is accepted */
    lp_service_handler *handler;
    const char *name;   /* metrics label "route", also in the log */
    bool inline_answer; /* no queue, answered in the event loop, worker NULL: health */
};
