/* lib/http/server/server_guard.h -- ends connections whose time is up, however busily they drip.
 * For the files of the server only. */
#pragma once

#include <stdint.h>

#include "base/error.h"

/* One thread that watches the connections of one server. Opaque: hides a lock. */
struct lp_http_guard;

/* One open connection. The guard never touches the socket after _remove. */
struct lp_http_guarded;

LP_MUST_USE int lp_http_guard_new(int64_t shortest_ms, struct lp_http_guard **ret_guard,
                                  struct lp_error *err);
void lp_http_guard_free(struct lp_http_guard *g); /* NULL is fine */

/* Watches `fd`, borrowed, until _remove: it is shut down when its time is up. */
struct lp_http_guarded *lp_http_guard_add(struct lp_http_guard *g, int fd, int64_t ms);

/* From now on `ms` are left, at least shortest_ms; 0: no limit. Any thread. */
void lp_http_guard_allow(struct lp_http_guarded *c, int64_t ms);

/*
 * The client may still be sending what we refuse to read, and closing the socket then would reset
 * the connection before it has seen our answer: after _remove a copy of it is kept open and
 * drained, until nothing has come for 2 s, 30 s at most. Event loop only.
 */
void lp_http_guard_linger(struct lp_http_guarded *c);

/* The connection ends; call it before its socket is closed. Event loop only. */
void lp_http_guard_remove(struct lp_http_guard *g, struct lp_http_guarded *c);

/* As linger, for a socket that the guard has not watched: takes it over. Any thread. */
void lp_http_guard_take(struct lp_http_guard *g, int fd);
