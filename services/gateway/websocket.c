/* services/gateway/websocket.c -- headers are collected, payloads only counted. No state, any
 * thread.
 */
#include "services/gateway/websocket.h"

#define OP_CONTINUATION 0x0
#define OP_BINARY 0x2
#define OP_CLOSE 0x8
#define OP_PONG 0xa
#define CONTROL_MAX 125

/* Bytes of this frame's header, as far as its first two say. */
static unsigned head_size(const struct websocket *w)
{
    unsigned length = w->head[1] & 0x7f;
    unsigned size = length == 127 ? 10 : length == 126 ? 4 : 2;

    return w->head[1] & 0x80 ? size + 4 : size;
}

/* The payload's length; false where it is not written in the shortest way, or over 63 bits. */
static bool payload(const struct websocket *w, uint64_t *ret)
{
    unsigned length = w->head[1] & 0x7f, bytes = length == 127 ? 8 : length == 126 ? 2 : 0;
    uint64_t value = 0;

    if (bytes == 0) {
        *ret = length;
        return true;
    }
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | w->head[2 + i];
    *ret = value;
    return value >> 63 == 0 && value >= (bytes == 2 ? 126u : 65536u);
}

static unsigned begin_data(struct websocket *w, unsigned op, bool final, uint64_t size,
                           uint64_t max)
{
    if ((op == OP_CONTINUATION) != w->fragments)
        return WEBSOCKET_PROTOCOL_ERROR;
    if (!w->fragments)
        w->message = 0;
    w->fragments = !final;
    w->message += size;
    if (w->message < size || (max > 0 && w->message > max))
        return WEBSOCKET_TOO_BIG;
    return 0;
}

static unsigned begin_frame(struct websocket *w, uint64_t max)
{
    unsigned op = w->head[0] & 0x0f;
    bool final = w->head[0] & 0x80;
    uint64_t size = 0;

    if (((w->head[1] & 0x80) != 0) != w->masked || !payload(w, &size) || w->closed)
        return WEBSOCKET_PROTOCOL_ERROR;
    w->left = size;
    w->have = 0;
    if (op <= OP_BINARY)
        return begin_data(w, op, final, size, max);
    w->closed = op == OP_CLOSE;
    if (op < OP_CLOSE || op > OP_PONG || !final || size > CONTROL_MAX)
        return WEBSOCKET_PROTOCOL_ERROR;
    return 0;
}

unsigned websocket_follow(struct websocket *w, const void *bytes, size_t n, uint64_t max)
{
    const unsigned char *p = bytes, *end = p + n;

    while (p < end) {
        if (w->left > 0) {
            size_t step = w->left < (uint64_t)(end - p) ? (size_t)w->left : (size_t)(end - p);
            w->left -= step;
            p += step;
            continue;
        }
        w->head[w->have++] = *p++;
        if (w->have < 2 || w->have < head_size(w))
            continue;
        unsigned why = begin_frame(w, max);
        if (why != 0)
            return why;
    }
    return 0;
}

bool websocket_between(const struct websocket *w)
{
    return w->have == 0 && w->left == 0 && !w->closed;
}

size_t websocket_close_frame(unsigned char to[WEBSOCKET_CLOSE_BYTES], enum websocket_close code)
{
    to[0] = 0x80 | OP_CLOSE;
    to[1] = 2;
    to[2] = (unsigned char)(code >> 8);
    to[3] = (unsigned char)code;
    return WEBSOCKET_CLOSE_BYTES;
}
