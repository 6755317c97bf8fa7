/* services/gateway/reply.h -- the gateway's own answers, and the headers that every answer carries.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "http/message/fields.h"
#include "services/gateway/config.h"

#define REPLY_COMMON 13 /* security headers and Access-Control-Allow-Origin */

enum reply_kind {
    REPLY_NO_TOKEN,
    REPLY_BAD_TOKEN,
    REPLY_NOT_FOUND,
    REPLY_HEALTH,
    REPLY_DOCUMENT,
    REPLY_KINDS,
};

/* Which of the configured origins a request named: what Access-Control-Allow-Origin says. */
struct reply_origins {
    char *list[GATEWAY_MAX_ORIGINS]; /* empty with `any` */
    size_t n;
    bool any; /* "*" */
};

/* What is the same each time is written once per worker. One thread. */
struct replies {
    struct reply_origins origins;
    struct lp_buf common[GATEWAY_MAX_ORIGINS + 1]; /* all common lines; the last: no origin */
    char *body[REPLY_KINDS];
    char date[48]; /* "Date: …\r\n" of date_s */
    int64_t date_s;
};

/* LP_E_INVALID for a CORS_ORIGIN with more than GATEWAY_MAX_ORIGINS or an empty origin. */
LP_MUST_USE int replies_init(struct replies *r, const struct gateway_config *c,
                             struct lp_error *err);
void replies_done(struct replies *r);

/* Index into `origins` for the request's Origin (NULL: none sent), for the functions below. */
size_t replies_origin(const struct reply_origins *o, const struct lp_field *origin);

/* The status and JSON body of an answer that is the same each time. */
unsigned replies_status(enum reply_kind kind);

/* The bit of a common header that has the name of this field, 0 where none has. */
unsigned replies_mask(const struct lp_field *f);

/* Appends the common headers but those of `mask`. */
void replies_common(const struct replies *r, size_t origin, unsigned mask, struct lp_buf *out);

/* Appends "HTTP/1.1 200 OK\r\n"; the reason is the usual one. */
void replies_status_line(unsigned status, struct lp_buf *out);

/* Appends the Date field. */
void replies_date(struct replies *r, struct lp_buf *out);

/* Appends {"message":…}. */
void replies_message(const char *message, struct lp_buf *body);

/* Appends {"message":"Service unavailable","status":503,"timestamp":"…"}. */
void replies_unavailable(struct lp_buf *body);
