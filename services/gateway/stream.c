/* services/gateway/stream.c -- a buffer read from its front; the rest moves down only once in a
 * while. */
#include "services/gateway/stream.h"

#include <string.h>

void stream_done(struct stream *s)
{
    lp_buf_done(&s->buf);
    s->start = 0;
}

static void compact(struct stream *s)
{
    if (s->start == s->buf.len) {
        lp_buf_reset(&s->buf);
        s->start = 0;
    } else if (s->start > s->buf.len / 2) {
        lp_buf_consume(&s->buf, s->start);
        s->start = 0;
    }
}

bool stream_put(struct stream *s, const void *bytes, size_t n)
{
    if (n > s->buf.max - s->buf.len && s->start > 0) {
        lp_buf_consume(&s->buf, s->start);
        s->start = 0;
    }
    lp_buf_add(&s->buf, bytes, n);
    return !s->buf.overflowed;
}

void stream_skip(struct stream *s, size_t n)
{
    s->start += n;
    compact(s);
}

size_t stream_take(struct stream *s, void *to, size_t room)
{
    size_t n = stream_length(s) < room ? stream_length(s) : room;

    if (n > 0) {
        memcpy(to, s->buf.ptr + s->start, n);
        stream_skip(s, n);
    }
    return n;
}
