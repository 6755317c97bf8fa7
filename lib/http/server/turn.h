/* lib/http/server/turn.h -- the event loop of a server that was started with `turned`: threads of
 * the caller turn it, one at a time, so that who has read a request can go on with it. */
#pragma once

#include "http/server/server.h"

/*
 * One turn, in the caller's thread: waits until there is something to do, does it (handlers are
 * called), returns. Never two at a time; from turn to turn the thread may be another. A reply that
 * this thread held goes first, without a wait.
 */
void lp_http_server_turn(struct lp_http_server *s);

/* Between two turns: from now on whatever there is to do ends lp_http_server_await. Any thread. */
void lp_http_server_watch(struct lp_http_server *s);

/* Waits for that, without doing it, or for _wake; also returns without a cause. One thread. */
void lp_http_server_await(struct lp_http_server *s);

/* Ends the wait of a turn and that of _await, or the next ones. Any thread. */
void lp_http_server_wake(struct lp_http_server *s);

/*
 * The next reply of this thread (but a stream) tells no event loop: this thread is about to turn
 * that itself. It leaves with the turn, or with lp_http_server_settle, which must follow where it
 * does not turn.
 */
void lp_http_server_hold(void);
void lp_http_server_settle(void);
