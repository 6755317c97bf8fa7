/* services/gateway/upstream_answer.c -- reads the answer of a call: head, body, end. One thread. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "http/message/request_head.h"
#include "http/message/response_head.h"
#include "services/gateway/upstream_http_parts.h"

#define HEAD_MAX ((size_t)LP_LIMIT_HTTP_HEADERS) /* of an answer */
#define INTERIM_MAX 16                           /* 1xx before the final answer */

static void give_head(struct upstream_call *call, const struct lp_response_head *h)
{
    struct upstream_head head = {
        .status = h->status,
        .length = h->declared_length,
        .bodiless = h->body_length == 0 && h->status != 101,
        .fields = &h->fields,
    };

    call->head_given = true;
    pool_answered(call->link);
    call->keep = h->keep_alive && h->status != 101;
    call->left = h->body_length;
    call->sent |= call->upgrade && h->status != 101; /* it was refused: there is no body to send */
    if (h->status == 101)
        call->state = ANSWER_RAW;
    else if (h->body_length == 0)
        call->state = ANSWER_WHOLE;
    else if (h->body_length > 0)
        call->state = ANSWER_LENGTH;
    else
        call->state = h->body_length == LP_BODY_CHUNKED ? ANSWER_CHUNKS : ANSWER_TO_END;
    call->events->head(call->user, &head);
    if (call->state == ANSWER_WHOLE)
        call->events->whole(call->user);
}

/* How many of the bytes are done with; -1: the answer is not valid, *ret_why. */
static int64_t take_head(struct upstream_call *call, const char *bytes, size_t n,
                         const char **ret_why)
{
    struct lp_response_head h;
    struct lp_refusal refusal;
    int64_t used =
        lp_response_head_read(bytes, n, HEAD_MAX, call->to_head, &call->seen, &h, &refusal);

    if (used < 0)
        *ret_why = refusal.why;
    if (used <= 0)
        return used;
    call->seen = 0;
    if (h.status / 100 == 1 && h.status != 101) {
        *ret_why = "too many interim answers";
        return ++call->interim > INTERIM_MAX ? -1 : used;
    }
    *ret_why = "switched protocols unasked";
    if (h.status == 101 && !call->upgrade)
        return -1;
    give_head(call, &h);
    return used;
}

static void whole(struct upstream_call *call)
{
    call->state = ANSWER_WHOLE;
    call->events->whole(call->user);
}

static int64_t take_plain(struct upstream_call *call, const char *bytes, size_t n)
{
    bool counted = call->state == ANSWER_LENGTH;

    if (counted && (uint64_t)call->left < n)
        n = (size_t)call->left;
    if (!call->events->body(call->user, bytes, n)) {
        call->paused = true;
        return 0;
    }
    if (counted && (call->left -= (int64_t)n) == 0)
        whole(call);
    return (int64_t)n;
}

static int64_t take_chunks(struct upstream_call *call, const char *bytes, size_t n,
                           const char **ret_why)
{
    struct lp_chunked before = call->chunked;
    const char *piece = NULL;
    size_t used = 0, len = 0;

    switch (lp_chunked_read(&call->chunked, bytes, n, &used, &piece, &len)) {
    case LP_CHUNKED_BYTES:
        if (!call->events->body(call->user, piece, len)) {
            call->chunked = before;
            call->paused = true;
            return 0;
        }
        break;
    case LP_CHUNKED_END:
        whole(call);
        break;
    case LP_CHUNKED_BAD:
        *ret_why = "malformed chunks";
        return -1;
    case LP_CHUNKED_MORE:
        break;
    }
    return (int64_t)used;
}

static int64_t take_once(struct upstream_call *call, const char *bytes, size_t n,
                         const char **ret_why)
{
    switch (call->state) {
    case ANSWER_HEAD:
        return take_head(call, bytes, n, ret_why);
    case ANSWER_CHUNKS:
        return take_chunks(call, bytes, n, ret_why);
    case ANSWER_WHOLE:
        return 0;
    default:
        return take_plain(call, bytes, n);
    }
}

bool answer_take(struct upstream_call *call, const char *bytes, size_t n, const char **ret_why)
{
    struct link *l = call->link;
    bool stashed = bytes == l->in.ptr;
    size_t at = 0;

    while (at < n && !call->paused) {
        int64_t used = take_once(call, bytes + at, n - at, ret_why);
        if (used < 0)
            return false;
        if (used == 0)
            break;
        at += (size_t)used;
    }
    if (stashed)
        lp_buf_consume(&l->in, at);
    else
        lp_buf_add(&l->in, bytes + at, n - at);
    return true;
}

enum received answer_receive(struct upstream_call *call, const char **ret_why)
{
    struct link *l = call->link;
    char *block = call->client->block;
    ssize_t n = recv(l->fd, block, LINK_BLOCK, 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        l->can_read = errno == EINTR;
        return RECEIVED_NOTHING;
    }
    if (n <= 0) {
        *ret_why = n == 0 ? "the connection was closed" : "the connection was reset";
        l->eof = true;
        l->can_read = false;
        return n == 0 ? RECEIVED_END : RECEIVED_RESET;
    }
    call->any = true;
    if ((size_t)n < LINK_BLOCK && !l->eof)
        l->can_read = false; /* drained; what comes later raises a new event */
    *ret_why = "malformed answer";
    if (l->in.len == 0)
        return answer_take(call, block, (size_t)n, ret_why) ? RECEIVED_BYTES : RECEIVED_GARBAGE;
    lp_buf_add(&l->in, block, (size_t)n);
    return answer_take(call, l->in.ptr, l->in.len, ret_why) ? RECEIVED_BYTES : RECEIVED_GARBAGE;
}
