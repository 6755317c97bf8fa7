/* services/gateway/head.h -- a request's head: read strictly, and written anew for the upstream. */
#pragma once

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define HEAD_MAX_FIELDS 100

struct field {
    const char *name, *value;
    size_t name_len, value_len;
};

/* Everything is borrowed from the connection and lives as long as the request. */
struct head {
    const char *method;
    const char *version; /* "HTTP/1.1" or "HTTP/1.0" */
    struct field fields[HEAD_MAX_FIELDS];
    size_t n;
    int64_t body_length; /* 0: no body; -1: chunked */
    bool expects_continue;
};

/*
 * Reads the head of the request that `c` holds. 0, or the status to refuse it with and *ret_why,
 * one sentence: 400 for what another server may read in another way (RFC 9112, 11.2: both lengths,
 * several or bad ones, a coding that is not chunked, folded lines, bare CR or LF, names that are no
 * tokens), 431 for more than LP_LIMIT_HTTP_HEADERS bytes or HEAD_MAX_FIELDS fields, 414 for a
 * target over LP_LIMIT_HTTP_TARGET. `target` is the target as sent.
 */
unsigned head_read(struct MHD_Connection *c, const char *method, const char *url,
                   const char *version, const char *target, struct head *ret_head,
                   const char **ret_why);

/* The first field of that name (any case); NULL where absent. */
const struct field *head_find(const struct head *h, const char *name);

/* True where `name` belongs to one hop only: the list of RFC 9110, 7.6.1, or named in `connection`
 * (NULL: none). */
bool head_is_hop(const char *name, size_t len, const char *connection);

/* What the upstream must be told beside the client's own fields. */
struct head_extras {
    const char *peer; /* address of the client */
    const char *request_id;
    const char *authorization; /* set in place of the client's; NULL: the client's passes */
};

/*
 * Appends "Name: value\0" for each field that passes on, then the extras: X-Forwarded-For with the
 * peer added, -Proto and -Host where absent, X-Request-Id.
 */
void head_forward(const struct head *h, const struct head_extras *extras, struct lp_buf *out);

/* The value of `cookie` in a Cookie field (RFC 6265, 4.2.1); its length in *ret_len, NULL where
 * absent. */
const char *head_cookie(const struct head *h, const char *cookie, size_t *ret_len);

/* Methods of which a second try does no harm (RFC 9110, 9.2.2). */
bool head_is_idempotent(const char *method);
