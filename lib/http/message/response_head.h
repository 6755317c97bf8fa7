/* lib/http/message/response_head.h -- the head of a response (RFC 9112), read strictly. Pure. */
#pragma once

#include "http/message/fields.h"

#define LP_BODY_TO_END (-2) /* until the connection ends; LP_BODY_CHUNKED is -1 */

/* Borrowed from the bytes that were read. */
struct lp_response_head {
    unsigned status; /* 100..599 */
    unsigned minor;
    int64_t body_length;     /* >= 0, LP_BODY_CHUNKED or LP_BODY_TO_END */
    int64_t declared_length; /* Content-Length as sent, also where no body follows; -1: none */
    bool keep_alive;
    struct lp_fields fields; /* the last member */
};

/*
 * Reads the head at the front of `bytes`, the answer to a request that was HEAD where `to_head`.
 * Returns its length; 0 where more must come (as lp_request_head_read); -1 with *ret_refusal,
 * status 502, for a malformed head, doubtful framing, or more than `max` bytes without its end.
 * 1xx, 204, 304 and answers to HEAD have no body (RFC 9112, 6.3).
 */
int64_t lp_response_head_read(const char *bytes, size_t n, size_t max, bool to_head,
                              size_t *io_seen, struct lp_response_head *ret_head,
                              struct lp_refusal *ret_refusal);
