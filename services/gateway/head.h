/* services/gateway/head.h -- a request's head, written anew for the upstream. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "http/message/request_head.h"

/* True where a field belongs to one hop only (RFC 9110, 7.6.1): one of the known ones, or named in
 * any Connection field of `fields`. */
bool head_is_hop(const struct lp_fields *fields, const struct lp_field *f);

/* What the upstream must get beside the client's own fields. */
struct head_extras {
    const char *client; /* address of the client */
    const char *request_id;
    const char *authorization; /* where the client sends none; NULL: none */
    bool from_proxy;           /* a trusted one: its X-Forwarded-Proto and -Host are believed */
    const char *trace;         /* traceparent in place of the client's; NULL: that passes */
    const char *subprotocols;  /* in place of the first Sec-WebSocket-Protocol, up to the end of
                                  that; NULL: it passes */
};

/*
 * Appends "Name: value\r\n" for each field that passes on, without Host and framing; then, always
 * from us whatever the client sent or named in Connection, X-Forwarded-For (the client alone),
 * X-Forwarded-Proto and -Host, X-Request-Id.
 */
void head_forward(const struct lp_request_head *h, const struct head_extras *extras,
                  struct lp_buf *out);

/* The value of `cookie` in a Cookie field (RFC 6265, 4.2.1); its length in *ret_len, NULL where
 * absent. */
const char *head_cookie(const struct lp_fields *fields, const char *cookie, size_t *ret_len);

/* Methods of which a second try does no harm (RFC 9110, 9.2.2). */
bool head_is_idempotent(const char *method);
