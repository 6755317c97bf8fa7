/* lib/http/server/server_wire.h -- the bytes between GnuTLS and the socket of a connection. For
 * server.c and server_tls.c only. */
#pragma once

#include <gnutls/gnutls.h>
#include <stddef.h>

struct lp_http_wire;

/* Puts itself between the session and `fd`, both borrowed until _free. */
struct lp_http_wire *lp_http_wire_new(gnutls_session_t session, int fd);
void lp_http_wire_free(struct lp_http_wire *w); /* NULL is fine */

/* The socket of a session that has a wire. */
int lp_http_wire_fd(gnutls_session_t session);

/* A reply comes next: its headers, then `len` bytes of body. Event loop only. NULL is fine. */
void lp_http_wire_expect(struct lp_http_wire *w, size_t len);
