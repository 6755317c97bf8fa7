/* lib/http/message/request_head.h -- the head of a request (RFC 9112), read strictly. Pure. */
#pragma once

#include "http/message/fields.h"

#define LP_BODY_CHUNKED (-1)

/* Everything is borrowed from the bytes that were read. */
struct lp_request_head {
    const char *method, *target; /* as sent */
    size_t method_len, target_len;
    const char *path; /* of the target, with its query; of "http://host" alone empty */
    size_t path_len;
    const char *authority; /* of an absolute target, else the Host field; may be empty */
    size_t authority_len;
    unsigned minor;      /* 1: HTTP/1.1, 0: HTTP/1.0 */
    int64_t body_length; /* 0: no body, or LP_BODY_CHUNKED */
    bool has_length;     /* Content-Length was sent */
    bool keep_alive;     /* the connection may go on (RFC 9112, 9.3) */
    bool upgrade;        /* Connection names Upgrade, and there is one */
    bool expects_continue;
    struct lp_fields fields; /* the last member */
};

/*
 * Reads the head at the front of `bytes`. Returns its length with the empty line; 0 where more must
 * come (call again with all bytes so far; *io_seen, 0 at first, spares looking twice); -1 with
 * *ret_refusal for what two servers may read in different ways, or what is over a limit, as early
 * as that is known: 400  malformed line, bare CR or LF, folded line, white space before a colon,
 * doubtful framing (lp_fields_framing; Transfer-Encoding in HTTP/1.0), no Host in HTTP/1.1, more
 * than one Host, a target in no form of RFC 9112, 3.2 414  a target over LP_LIMIT_HTTP_TARGET 417
 * an Expect that is not 100-continue 431  a head over LP_LIMIT_HTTP_HEADERS bytes, or more than
 * LP_FIELDS_MAX fields 505 another version of HTTP One empty line before the head is skipped (RFC
 * 9112, 2.2).
 */
int64_t lp_request_head_read(const char *bytes, size_t n, size_t *io_seen,
                             struct lp_request_head *ret_head, struct lp_refusal *ret_refusal);

/* True where the method is this one; methods are case-sensitive. */
bool lp_request_head_is(const struct lp_request_head *h, const char *method);
