/* services/gateway/websocket.h -- where frames and messages of a WebSocket begin and end (RFC
 * 6455). Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum websocket_close {
    WEBSOCKET_GOING_AWAY = 1001,
    WEBSOCKET_PROTOCOL_ERROR = 1002,
    WEBSOCKET_TOO_BIG = 1009,
    WEBSOCKET_RESTART = 1012, /* "service restart" of IANA's registry: come back */
};

/* One direction, zeroed at first. */
struct websocket {
    bool masked; /* it is the client's */
    unsigned char head[14];
    unsigned have;    /* bytes of `head` */
    uint64_t left;    /* of this frame's payload */
    uint64_t message; /* bytes of this message, so far and in this frame */
    bool fragments;   /* a message has begun that is not finished */
    bool closed;      /* a close frame went through */
};

/*
 * Follows the bytes. 0, or why the connection must end: WEBSOCKET_PROTOCOL_ERROR for frames that
 * are not sound (5.1: the client masks and the server does not; 5.2: lengths are minimal, known
 * opcodes; 5.4: continuation only within a message; 5.5: control frames are whole and short),
 * WEBSOCKET_TOO_BIG for a message over `max` bytes (0: any). After that only the end may follow.
 * Reserved bits are left to the two ends: extensions use them.
 */
unsigned websocket_follow(struct websocket *w, const void *bytes, size_t n, uint64_t max);

/* Nothing of a frame is under way: a frame of ours may be put in here. */
bool websocket_between(const struct websocket *w);

/* A close frame of the server with this code; how many bytes. */
#define WEBSOCKET_CLOSE_BYTES 4
size_t websocket_close_frame(unsigned char to[WEBSOCKET_CLOSE_BYTES], enum websocket_close code);
