/* lib/http/server/server_tls.h -- the TLS part of server.c: GnuTLS certificates that can be
 * replaced. */
#pragma once

#include <microhttpd.h>
#include <stdint.h>

#include "base/error.h"
#include "http/server/tls.h"

struct lp_http_tls_state;

/* Reads the PEM texts; keeps no pointer to them. LP_E_INVALID says which one cannot be read and
 * why. */
LP_MUST_USE int lp_http_tls_new(const struct lp_http_tls *tls, struct lp_http_tls_state **ret_tls,
                                struct lp_error *err);

/* Options for MHD_start_daemon (MHD_OPTION_ARRAY), beside the flag MHD_USE_TLS. The last one is
 * MHD_OPTION_END. */
#define LP_HTTP_TLS_OPTIONS 4
void lp_http_tls_options(struct lp_http_tls_state *t,
                         struct MHD_OptionItem ret_options[LP_HTTP_TLS_OPTIONS]);

/* Once the daemon listens: handshakes on connections to this port get the certificate of `t`. */
void lp_http_tls_listening(struct lp_http_tls_state *t, uint16_t port);

/* A new certificate and key for handshakes from now on; client_ca_pem is not looked at. */
LP_MUST_USE int lp_http_tls_replace(struct lp_http_tls_state *t, const struct lp_http_tls *tls,
                                    struct lp_error *err);

/* After the daemon was stopped. NULL is fine. */
void lp_http_tls_free(struct lp_http_tls_state *t);
