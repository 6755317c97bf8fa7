/* services/gateway/reply.h -- the gateway's own answers, and the headers that every answer carries.
 */
#pragma once

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

#include "services/gateway/config.h"

enum reply_kind {
    REPLY_NO_TOKEN,
    REPLY_BAD_TOKEN,
    REPLY_NOT_FOUND,
    REPLY_HEALTH,
    REPLY_KINDS,
};

/* Which of the configured origins a request named: what Access-Control-Allow-Origin says. */
struct reply_origins {
    char *list[GATEWAY_MAX_ORIGINS]; /* empty with `any` */
    size_t n;
    bool any; /* "*" */
};

/*
 * The answers that are the same each time are built once per worker and origin, and only counted up
 * and down afterwards. One thread.
 */
struct replies {
    struct reply_origins origins;
    struct MHD_Response *cached[REPLY_KINDS][GATEWAY_MAX_ORIGINS + 1]; /* the last: no origin */
    unsigned status[REPLY_KINDS];
};

/* LP_E_INVALID for a CORS_ORIGIN with more than GATEWAY_MAX_ORIGINS or an empty origin. */
LP_MUST_USE int replies_init(struct replies *r, const struct gateway_config *c,
                             struct lp_error *err);
void replies_done(struct replies *r);

/* Index into `origins` for the request's Origin (NULL: none sent), for the functions below. */
size_t replies_origin(const struct reply_origins *o, const char *origin);

/* Borrowed. */
struct MHD_Response *replies_get(struct replies *r, enum reply_kind kind, size_t origin,
                                 unsigned *ret_status);

/* The answer to OPTIONS: 204 that allows `requested` (Access-Control-Request-Headers, NULL: none).
 * The caller's. */
struct MHD_Response *replies_preflight(const struct replies *r, size_t origin,
                                       const char *requested, size_t requested_len);

/* {"message":…}, with the common headers. The caller's. */
struct MHD_Response *replies_message(const struct replies *r, size_t origin, const char *message);

/* {"message":"Service unavailable","status":503,"timestamp":"…"}, with Retry-After unless 0. The
 * caller's. */
struct MHD_Response *replies_unavailable(const struct replies *r, size_t origin,
                                         int64_t retry_after_ms);

/* Adds the security and CORS headers that `response` does not have already. */
void replies_common_headers(const struct replies *r, size_t origin, struct MHD_Response *response);
