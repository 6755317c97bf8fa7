/* lib/http/server/acceptor.h -- accepts connections and hands each on once its first head is whole
 * and well-formed. */
#pragma once

#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"
#include "http/message/fields.h"

/*
 * A thread that accepts from a listening socket and looks at what came without taking it
 * (MSG_PEEK). A connection that says nothing whole for `head_ms` is closed; so is one whose client
 * has gone. While `max_connections` are open (here and handed on), nothing more is accepted: what
 * comes waits in the kernel's queue.
 */
struct lp_http_acceptor;

struct lp_http_acceptor_options {
    int listen_fd; /* borrowed, not blocking */
    unsigned max_connections;
    int64_t head_ms;
    /* Takes the socket over, all its bytes unread; _closed is to be called once it is closed. */
    void (*pass)(int fd, const struct sockaddr *peer, socklen_t len, void *user);
    /* Takes the socket over: its first head (at `head`, `n` bytes of it) is refused. */
    void (*refuse)(int fd, const char *head, size_t n, const struct lp_refusal *refusal,
                   void *user);
    void *user;
};

/* LP_E_UNAVAILABLE where no thread or descriptor is to be had. */
LP_MUST_USE int lp_http_acceptor_new(const struct lp_http_acceptor_options *options,
                                     struct lp_http_acceptor **ret_acceptor, struct lp_error *err);

/* A connection that was handed on is closed. Any thread. */
void lp_http_acceptor_closed(struct lp_http_acceptor *a);

/* Accepts no more; what is open goes on. Any thread. */
void lp_http_acceptor_quiesce(struct lp_http_acceptor *a);

/* Ends the thread, closes what has not been handed on. NULL is fine. `pass` and `refuse` are not
 * called after it; _closed may be, until _free. */
void lp_http_acceptor_stop(struct lp_http_acceptor *a);
void lp_http_acceptor_free(struct lp_http_acceptor *a);
