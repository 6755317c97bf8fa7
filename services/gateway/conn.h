/* services/gateway/conn.h -- a client's connection: bytes in, bytes out, the end. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "services/gateway/stream.h"
#include "services/gateway/worker.h"

struct exchange;

/*
 * Edge-triggered: `can_read` and `can_write` say what epoll reported last. What becomes of the
 * bytes is request.c's; here they only move. A connection that is closed is freed at the end of the
 * loop's turn, so that a late event finds it.
 */
struct conn {
    struct conn *prev, *next, *todo_next;
    struct worker *worker;
    struct exchange *exchange; /* NULL between requests */
    int fd;                    /* -1: closed */
    struct in6_addr peer;
    bool can_read, can_write, marked;
    bool eof;         /* the client sends no more, and all it sent was read */
    bool gone;        /* it half-closed or broke off; what it sent may still be unread */
    bool broken;      /* nothing can be sent any more */
    bool used;        /* a request was answered on it */
    bool close_after; /* ends once `out` is sent */
    bool slow;        /* what it owes did not come in time */
    bool linger;      /* … and what the client still sends is read and dropped for a while */
    struct lp_buf in; /* read, and not taken yet */
    size_t head_seen; /* of `in` */
    struct stream out;
    size_t buffered;      /* its part of worker->buffered */
    int64_t head_until;   /* lp_clock_ms() by which the next head must be there; 0: one is */
    int64_t linger_until; /* 0: it does not linger */
};

/* Takes over `fd`. */
void conn_open(struct worker *w, int fd, const struct sockaddr_in6 *peer);

/* The loop comes to it before it waits again. */
void conn_mark(struct conn *c);

/* Sends what the kernel takes; true where bytes went. */
bool conn_flush(struct conn *c);

/* One read of up to `room` bytes into `to`; 0: none now, see `eof` and `broken`. */
size_t conn_receive(struct conn *c, char *to, size_t room);

/* So many bytes are buffered for it now; the worker's sum follows. */
void conn_account(struct conn *c, size_t bytes);

/* Ends it now. Its exchange must be gone. */
void conn_close(struct conn *c);

/*
 * Ends it after its last answer. A client that still sends would get a reset in place of the
 * answer, so the rest is read and dropped until it ends or `linger_ms` are over.
 */
void conn_end(struct conn *c, int64_t linger_ms);

/* Reads and drops; true where bytes came. */
bool conn_drop(struct conn *c);
