/* services/gateway/stream.h -- bytes on their way from one side to the other, with water marks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define STREAM_HIGH ((size_t)256 * 1024) /* at or over it the producer is paused */
#define STREAM_LOW ((size_t)64 * 1024)   /* at or under it the producer goes on */

/* `start` of the bytes in `buf` are taken already. One thread. */
struct stream {
    struct lp_buf buf;
    size_t start;
};
/* The producer is paused at STREAM_HIGH, so one more write of it is all that comes on top. */
#define STREAM_INIT                         \
    {                                       \
        .buf = LP_BUF_INIT(2 * STREAM_HIGH) \
    }

static inline size_t stream_length(const struct stream *s)
{
    return s->buf.len - s->start;
}

void stream_done(struct stream *s);

/* False where the bytes do not fit: the producer ignored the pause. */
bool stream_put(struct stream *s, const void *bytes, size_t n);

/* Moves up to `room` bytes to `to`; how many. */
size_t stream_take(struct stream *s, void *to, size_t room);

/* Forgets `n` bytes at the front; at most stream_length. */
void stream_skip(struct stream *s, size_t n);
